"""Processor time of a streamed response beside a one-shot run, and the floor under both."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime

from measuring import processes
from measuring.bench import Bench, Result, address_of, median, say, started
from measuring.contenders import Voice, one_shot, windowed
from measuring.listener import listen, stream
from tests.support.server import Server
from vits_tts.voice.engine import Engine

SENTENCES: Final = 8
MATRIX: Final = 1024
_GIGA: Final = 1e9
_PRODUCTS: Final = 20


def measure(bench: Bench) -> Result:
    """Make the same sentences over HTTP, window by window and in one shot, one at a time.

    All on one thread, then all on two.
    """
    with started(bench.folder / "alone", bench.voice.model, threads=1) as (alone, _):
        servers = {1: alone, 2: bench.server}
        contenders = {
            threads: _contenders(bench, server, threads) for threads, server in servers.items()
        }
        return _compared(bench, contenders) | {"floor": floor(bench.voice, bench.texts.sentence())}


Contender = Callable[[Sequence[str]], dict[str, float]]


def _contenders(bench: Bench, server: Server, threads: int) -> dict[str, Contender]:
    """Return what is compared, on so many threads."""
    voice = bench.voice
    session = voice.session(threads)
    engine = Engine(voice.manifest, cores=threads)
    return {
        "server": partial(_served, bench, server),
        "engine": partial(_made, partial(windowed, engine, cores=threads), voice),
        "one shot": partial(_made, partial(one_shot, session), voice),
    }


def _compared(bench: Bench, contenders: dict[int, dict[str, Contender]]) -> Result:
    """Return medians and, taken within a round, what each takes of a one-shot run's."""
    rounds: list[dict[int, dict[str, dict[str, float]]]] = []
    others = bench.others()
    for number in range(-1, bench.sizes.rounds):
        say(f"work: round {number + 1} of {bench.sizes.rounds}")
        bench.calm()
        texts = bench.texts.sentences(SENTENCES)
        seen = {
            threads: {name: make(texts) for name, make in made.items()}
            for threads, made in contenders.items()
        }
        if number >= 0:
            rounds.append(seen)

    def medians(threads: int, name: str) -> dict[str, Any]:
        runs = [seen[threads][name] for seen in rounds]
        base = [seen[threads]["one shot"] for seen in rounds]
        pairs = list(zip(runs, base, strict=True))
        return {
            kind: {
                "seconds": median([run[kind] for run in runs]),
                "of one shot": [run[kind] / other[kind] for run, other in pairs],
            }
            for kind in ("cpu", "wall")
        }

    threads = {
        str(threads): {name: medians(threads, name) for name in made}
        for threads, made in contenders.items()
    }
    return {"threads": threads, "others": others.cores()}


def _served(bench: Bench, server: Server, texts: Sequence[str]) -> dict[str, float]:
    """Return seconds of processor and clock for each second of sound."""
    pid, address = server.process.pid, address_of(server)
    before, start, audio = processes.cpu_seconds(pid), time.perf_counter(), 0.0
    for text in texts:
        audio += asyncio.run(listen(address, stream(text, bench.byte_rate))).audio
    wall = time.perf_counter() - start
    return {"cpu": (processes.cpu_seconds(pid) - before) / audio, "wall": wall / audio}


def _made(
    make: Callable[[Sequence[int]], int], voice: Voice, texts: Sequence[str]
) -> dict[str, float]:
    ids = [voice.ids(text) for text in texts]
    before, start = time.process_time(), time.perf_counter()
    audio = sum(make(one) for one in ids) / voice.rate
    wall = time.perf_counter() - start
    return {"cpu": (time.process_time() - before) / audio, "wall": wall / audio}


def floor(voice: Voice, sentence: str) -> Result:
    """Return the operations of a sentence and what a matrix product reaches on one core."""
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
