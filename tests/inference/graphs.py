"""Graphs for the tests: small ones with Piper's interface, and the uncut graph as a reference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vits_tts.inference import streaming
from vits_tts.inference.graph.graph import Graph
from vits_tts.inference.graph.shapes import measure
from vits_tts.inference.graph.streaming.noise_inputs import text_piece
from vits_tts.inference.noise import Noise
from vits_tts.inference.plan import Array, Plan, TextDraw

CHANNELS = 4


class Layers:
    """Nodes in a row from ``x`` float32 ``[1, CHANNELS, frames]``; weights are always the same."""

    def __init__(self) -> None:
        """Start at ``x``."""
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.last = "x"
        self._random = np.random.default_rng(1)

    def add(self, op: str, *more: str, reads: str | None = None, **attributes: Any) -> str:
        """Add a node that reads the last one's output, or ``reads``, and ``more``."""
        output = f"{op}_{len(self.nodes)}"
        node = helper.make_node(op, [reads or self.last, *more], [output], **attributes)
        self.nodes.append(node)
        self.last = output
        return output

    def weight(self, *shape: int) -> str:
        """Add random weights that keep the level of the signal about the same."""
        fan_in = max(1, int(np.prod(shape)) // shape[0])
        value = self._random.standard_normal(shape).astype(np.float32) / fan_in**0.5
        return self.constant(value)

    def constant(self, value: Array) -> str:
        """Add a constant."""
        name = f"w_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def numbers(self, *values: int) -> str:
        """Add constant integers."""
        return self.constant(np.array(values, np.int64))

    def conv(self, kernel: int, dilation: int = 1, stride: int = 1, pads: Any = None) -> str:
        """Add a convolution, by default one that keeps the length."""
        wide = (kernel - 1) * dilation
        pads = pads or (wide // 2, wide - wide // 2)
        weight, bias = self.weight(CHANNELS, CHANNELS, kernel), self.weight(CHANNELS)
        return self.add(
            "Conv", weight, bias, dilations=[dilation], strides=[stride], pads=list(pads)
        )

    def up(self, kernel: int, stride: int, pads: tuple[int, int] | None = None) -> str:
        """Add a transposed convolution, by default one that multiplies the length exactly."""
        pads = pads or ((kernel - stride) // 2, kernel - stride - (kernel - stride) // 2)
        weight, bias = self.weight(CHANNELS, CHANNELS, kernel), self.weight(CHANNELS)
        return self.add("ConvTranspose", weight, bias, strides=[stride], pads=list(pads))

    def model(self, *, multi_speaker: bool = False) -> onnx.ModelProto:
        """Return the voice: phonemes, durations, frames with noise, these layers, samples."""
        text = _text(multi_speaker)
        head = [helper.make_node("Conv", [self.last, "head"], ["y"], pads=[1, 1])]
        head.append(helper.make_node("Tanh", ["y"], ["output"]))
        heads = [numpy_helper.from_array(np.ones((1, CHANNELS, 3), np.float32) / 9, "head")]
        info = helper.make_tensor_value_info
        inputs = [
            info("input", TensorProto.INT64, [1, "n"]),
            info("input_lengths", TensorProto.INT64, [1]),
            info("scales", TensorProto.FLOAT, [3]),
        ]
        if multi_speaker:
            inputs.append(info("sid", TensorProto.INT64, [1]))
        outputs = [info("output", TensorProto.FLOAT, [1, 1, "samples"])]
        weights = [*_text_weights(), *self.weights, *heads]
        graph = helper.make_graph([*text, *self.nodes, *head], "toy", inputs, outputs, weights)
        opset = [helper.make_opsetid("", 15)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        onnx.checker.check_model(model)
        return model


def _text_weights() -> list[onnx.TensorProto]:
    embedding = np.random.default_rng(2).standard_normal((256, CHANNELS)).astype(np.float32)
    speakers = np.random.default_rng(3).standard_normal((5, CHANNELS, 1)).astype(np.float32)
    numbers = {"i0": 0, "i1": 1, "i2": 2, "i3": 3}
    lists = {"l0": [0], "l1": [1], "l2": [2]}
    return [
        numpy_helper.from_array(embedding, "embedding"),
        numpy_helper.from_array(speakers, "speakers"),
        *(numpy_helper.from_array(np.array(v, np.int64), k) for k, v in numbers.items()),
        *(numpy_helper.from_array(np.array(v, np.int64), k) for k, v in lists.items()),
        numpy_helper.from_array(np.array(0.0, np.float32), "f0"),
        numpy_helper.from_array(np.array(1.0, np.float32), "f1"),
    ]


def _text(multi_speaker: bool) -> list[onnx.NodeProto]:
    """Give each phoneme 1 to 3 frames times length_scale, and a random share of more."""
    node = helper.make_node
    made = [
        node("Gather", ["embedding", "input"], ["e"]),
        node("Gather", ["scales", "i0"], ["noise_scale"]),
        node("Gather", ["scales", "i1"], ["length_scale"]),
        node("Gather", ["scales", "i2"], ["noise_w"]),
        node("Mod", ["input", "i3"], ["kind"]),
        node("Add", ["kind", "i1"], ["base"]),
        node("Cast", ["base"], ["base_f"], to=1),
        node("RandomNormalLike", ["base_f"], ["chance"]),
        node("Mul", ["chance", "noise_w"], ["chance_w"]),
        node("Abs", ["chance_w"], ["more"]),
        node("Add", ["base_f", "more"], ["long"]),
        node("Mul", ["long", "length_scale"], ["scaled"]),
        node("Ceil", ["scaled"], ["durations"]),
        node("Squeeze", ["durations", "l0"], ["d"]),
        node("CumSum", ["d", "i0"], ["ends"]),
        node("ReduceSum", ["d"], ["total"], keepdims=0),
        node("Range", ["f0", "total", "f1"], ["at"]),
        node("Unsqueeze", ["at", "l1"], ["at_column"]),
        node("Unsqueeze", ["ends", "l0"], ["ends_row"]),
        node("GreaterOrEqual", ["at_column", "ends_row"], ["after"]),
        node("Cast", ["after"], ["after_i"], to=7),
        node("ReduceSum", ["after_i", "l1"], ["which"], keepdims=0),
        node("Squeeze", ["e", "l0"], ["rows"]),
        node("Gather", ["rows", "which"], ["frames"]),
        node("Unsqueeze", ["frames", "l0"], ["frames_1"]),
        node("Transpose", ["frames_1"], ["means"], perm=[0, 2, 1]),
        node("RandomNormalLike", ["means"], ["noise"]),
        node("Mul", ["noise", "noise_scale"], ["noise_s"]),
        node("Add", ["means", "noise_s"], ["spoken" if multi_speaker else "x"]),
    ]
    if multi_speaker:
        made.append(node("Gather", ["speakers", "sid"], ["speaker"]))
        made.append(node("Add", ["spoken", "speaker"], ["x"]))
    return made


class Whole:
    """The uncut graph with its random numbers as inputs: the reference for windows."""

    def __init__(
        self, model: onnx.ModelProto, ids: Sequence[int], *, optimised: bool = True
    ) -> None:
        """Open ``model``; ``ids`` are phonemes for a first run.

        ``optimised`` lets the library change the graph, which also changes the order of sums.
        """
        graph = Graph(model)
        whole, self.draws = text_piece(graph, [graph.output], measure(graph, ids))
        self._session = open_model(whole, optimised=optimised)

    def run(self, feed: Mapping[str, Array], seed: int) -> NDArray[np.float32]:
        """Return the samples; ``feed`` has the frames' noise, and ``seed`` gives the text's."""
        full = dict(feed)
        missing = [draw for draw in self.draws if draw.name not in full]
        for index, draw in enumerate(missing):
            count = draw.per_phoneme * feed["input"].size * 2
            full[draw.name] = Noise(draw, seed, index).take(count)
        wanted = {item.name for item in self._session.get_inputs()}
        fed = {name: value for name, value in full.items() if name in wanted}
        return np.asarray(self._session.run(None, fed)[0], np.float32).reshape(-1)


def open_model(model: onnx.ModelProto, *, optimised: bool = True) -> onnxruntime.InferenceSession:
    """Open a graph as it is; ``optimised`` lets the library change it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def feed(ids: Sequence[int], scales: tuple[float, float, float], sid: int = 0) -> dict[str, Array]:
    """Return Piper's inputs."""
    return {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array(scales, np.float32),
        "sid": np.array([sid], np.int64),
    }


def text_noise(draws: Sequence[TextDraw], seed: int, phonemes: int) -> dict[str, Array]:
    """Return the random numbers of the text stage."""
    return {
        draw.name: Noise(draw, seed, index).take(draw.per_phoneme * phonemes)
        for index, draw in enumerate(draws)
    }


class Frames:
    """A stage that a synthesis runs for its windows."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Keep the function that runs it."""
        self.inputs = [item.name for item in session.get_inputs()]
        self.outputs = [item.name for item in session.get_outputs()]
        self._session = session

    def run(self, feed: Mapping[str, Array], *_: object) -> list[Array]:
        """Return the outputs, in order."""
        outputs: list[Array] = self._session.run(None, dict(feed))
        return outputs


def begin(
    plan: Plan,
    text: onnxruntime.InferenceSession,
    stages: Sequence[streaming.Runnable],
    fed: Mapping[str, Array],
    seed: int,
) -> streaming.StreamingSynthesis:
    """Run the text stage and start with the frames."""
    wanted = {item.name for item in text.get_inputs()}
    names = [item.name for item in text.get_outputs()]
    full = {**fed, **text_noise(plan.text_draws, seed, fed["input"].size)}
    outputs = text.run(names, {name: value for name, value in full.items() if name in wanted})
    made = dict(zip(names, outputs, strict=True))
    return streaming.StreamingSynthesis(plan, stages, made, seed, 22050, 1.0)


def with_speakers(model: onnx.ModelProto, speakers: int) -> onnx.ModelProto:
    """Add the input ``sid`` to a voice of one speaker, which changes the flow and the decoder.

    As in Piper's voices of many speakers, an embedding and convolutions of it are added to each
    layer of the flow and to the decoder's first one.
    """
    graph = onnx.ModelProto()
    graph.CopyFrom(model)
    for node in graph.graph.node:
        taken = list(node.input)
        del node.input[:]
        node.input.extend("phonemes" if name == "sid" else name for name in taken)
    for weight in graph.graph.initializer:
        weight.name = "phonemes" if weight.name == "sid" else weight.name  # the name in Joe's graph
    random = np.random.default_rng(4)
    shapes = {item.name: list(item.dims) for item in graph.graph.initializer}
    added = [helper.make_node("Gather", ["speakers", "sid"], ["g"])]
    weights = [random.standard_normal((speakers, 16, 1)).astype(np.float32)]
    nodes = []
    for node in graph.graph.node:
        nodes.append(node)
        shape = shapes.get(node.input[1], [0]) if node.op_type == "Conv" else [0]
        if shape in ([384, 192, 5], [256, 192, 7]):
            plain = f"{node.output[0]}.plain"
            colour = f"colour.{len(added)}"
            weights.append(0.1 * random.standard_normal((shape[0], 16, 1)).astype(np.float32))
            added.append(helper.make_node("Conv", ["g", f"{colour}.weight"], [colour]))
            nodes.append(helper.make_node("Add", [plain, colour], [node.output[0]]))
            node.output[0] = plain
    names = ["speakers", *(f"{node.output[0]}.weight" for node in added[1:])]
    del graph.graph.node[:]
    graph.graph.node.extend([*added, *nodes])
    graph.graph.initializer.extend(map(numpy_helper.from_array, weights, names))
    graph.graph.input.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
    return graph
