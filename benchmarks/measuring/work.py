"""Measure the processor time of a streamed response, a one-shot run, and the operations of both."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime

from measuring import processes
from measuring.bench import Bench, Result, address_of, median, rest, say, started
from measuring.contenders import Voice, one_shot, over_http, windowed
from measuring.listener import stream
from tests.support.server import Server
from vits_tts.inference.engine import Engine

SENTENCES: Final = 8
MATRIX: Final = 1024
_GIGA: Final = 1e9
_PRODUCTS: Final = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of processor time and of clock time for some speech, and the seconds it lasts."""

    cpu: float = 0.0
    wall: float = 0.0
    audio: float = 0.0

    def __add__(self, other: "Taken") -> "Taken":
        """Add two measurements."""
        return Taken(self.cpu + other.cpu, self.wall + other.wall, self.audio + other.audio)

    def a_second(self) -> dict[str, float]:
        """Return the processor time and clock time for each second of speech."""
        return {"cpu": self.cpu / self.audio, "wall": self.wall / self.audio}


Contender = Callable[[str], Taken]
Seen = dict[tuple[int, str], Taken]


def measure(bench: Bench) -> Result:
    """Synthesise the same sentences over HTTP, window by window and in one shot, one at a time.

    Runs on one thread and on two. The ways alternate after each sentence, since the speed of a
    machine changes within seconds.
    """
    with started(bench.folder / "alone", bench.voice.model, threads=1) as (alone, _):
        contenders = {
            (threads, name): contender
            for threads, server in ((1, alone), (2, bench.server))
            for name, contender in _contenders(bench, server, threads).items()
        }
        others = bench.others(alone.process.pid)
        rounds = _rounds(bench, contenders)
        busy = others.cores()
    return {
        "threads": {"1": _compared(rounds, 1), "2": _compared(rounds, 2)},
        "others": busy,
        "floor": floor(bench.voice, bench.texts.sentence()),
    }


def _contenders(bench: Bench, server: Server, threads: int) -> dict[str, Contender]:
    """Return the ways that are compared, each on this many threads."""
    voice = bench.voice
    session = voice.session(threads)
    engine = Engine(voice.manifest, cores=threads)
    return {
        "server": partial(_served, bench, server),
        "engine": partial(_made, partial(windowed, engine, cores=threads), voice),
        "one shot": partial(_made, partial(one_shot, session), voice),
    }


def _rounds(bench: Bench, contenders: dict[tuple[int, str], Contender]) -> list[Seen]:
    """Return the measurements of each way in each round."""
    rounds: list[Seen] = []
    for number in range(-1, bench.sizes.rounds):  # the first one warms up
        say(f"work: round {number + 1} of {bench.sizes.rounds}")
        bench.calm()
        seen = dict.fromkeys(contenders, Taken())
        for text in bench.texts.sentences(SENTENCES):
            for turn in bench.shuffled(contenders):
                rest()
                seen[turn] += contenders[turn](text)
        rounds.append(seen)
    return rounds[1:]


def _compared(rounds: Sequence[Seen], threads: int) -> Result:
    """Return medians, and each way's share of a one-shot run's time, taken within a round."""
    runs = [
        {name: taken.a_second() for (own, name), taken in seen.items() if own == threads}
        for seen in rounds
    ]
    return {
        name: {
            kind: {
                "seconds": median([run[name][kind] for run in runs]),
                "of one shot": [run[name][kind] / run["one shot"][kind] for run in runs],
            }
            for kind in ("cpu", "wall")
        }
        for name in runs[0]
    }


def _served(bench: Bench, server: Server, text: str) -> Taken:
    speak = over_http(address_of(server), stream, bench.voice.rate)
    before = processes.cpu_seconds(server.process.pid)
    spoken = speak([text])
    rest()  # work after the last byte counts too
    cpu = processes.cpu_seconds(server.process.pid) - before
    return Taken(cpu, spoken.total, spoken.audio)


def _made(make: Callable[[Sequence[int]], int], voice: Voice, text: str) -> Taken:
    ids = voice.ids(text)
    before, start = time.process_time(), time.perf_counter()
    samples = make(ids)
    wall = time.perf_counter() - start
    return Taken(time.process_time() - before, wall, samples / voice.rate)


def floor(voice: Voice, sentence: str) -> Result:
    """Return the operations of a sentence and the speed of a matrix product on one core."""
    say("work: the floor")
    operations, samples = _operations(voice, voice.ids(sentence))
    seconds = samples / voice.rate
    speed = _product_speed()
    per_second = operations / seconds
    return {
        "gflop": operations / _GIGA,
        "seconds": seconds,
        "gflop_per_second_of_sound": per_second / _GIGA,
        "gflops_of_a_product": speed / _GIGA,
        "rtf": per_second / speed,
    }


def _product_speed() -> float:
    """Return operations a second of a float32 matrix product on one core, the best of several."""
    left, right = onnx.helper, onnx.TensorProto.FLOAT
    shape = [MATRIX, MATRIX]
    graph = left.make_graph(
        [left.make_node("MatMul", ["a", "b"], ["c"])],
        "product",
        [left.make_tensor_value_info(name, right, shape) for name in "ab"],
        [left.make_tensor_value_info("c", right, shape)],
    )
    model = left.make_model(graph, opset_imports=[left.make_opsetid("", 15)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feed = dict.fromkeys("ab", np.random.default_rng(0).random(shape, np.float32))
    seconds = []
    for _ in range(_PRODUCTS):
        start = time.perf_counter()
        session.run(None, feed)
        seconds.append(time.perf_counter() - start)
    return 2 * MATRIX**3 / min(seconds)


def _operations(voice: Voice, ids: list[int]) -> tuple[int, int]:
    """Return the multiplications and additions of convolutions and products, and the samples."""
    model = onnx.load(voice.model)
    nodes = [node for node in model.graph.node if node.op_type in _COUNTS]
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    names = {name for node in nodes for name in (*node.input[:2], node.output[0])} - set(weights)
    samples = model.graph.output[0].name
    given = {item.name for item in model.graph.input} | {samples}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names - given))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    outputs = [item.name for item in session.get_outputs()]
    feed = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([0.667, 1.0, 0.8], np.float32),
    }
    made = dict(zip(outputs, session.run(None, feed), strict=True))
    shapes = {**weights, **{name: value.shape for name, value in made.items()}}
    total = sum(_COUNTS[node.op_type](node, shapes) for node in nodes)
    return total, made[samples].size


Shapes = dict[str, tuple[int, ...]]


def _convolution(node: Any, shapes: Shapes) -> int:
    return 2 * int(np.prod(shapes[node.output[0]])) * int(np.prod(shapes[node.input[1]][1:]))


def _transposed(node: Any, shapes: Shapes) -> int:
    return 2 * int(np.prod(shapes[node.input[0]])) * int(np.prod(shapes[node.input[1]][1:]))


def _product(node: Any, shapes: Shapes) -> int:
    return 2 * int(np.prod(shapes[node.output[0]])) * shapes[node.input[0]][-1]


_COUNTS: Final = {"Conv": _convolution, "ConvTranspose": _transposed, "MatMul": _product}
