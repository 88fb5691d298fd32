"""Speak with an exported voice, with some of its inner tensors replaced by a recording's."""

from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from training.description import EMBEDDED
from training.phonemes import text_to_ids
from training.signal import FRAMING, NUM_MELS

_TYPES = {"input": TensorProto.INT64, "input_lengths": TensorProto.INT64}
_JITTER = 0.04 * 0.8  # of the durations, at the voice's own ``noise_w``


def cut(graph: onnx.GraphProto, inputs: list[str], outputs: list[str]) -> onnx.GraphProto:
    """Return the part of ``graph`` that computes ``outputs`` from ``inputs``, both tensor names.

    Raises:
        ValueError: the outputs also depend on an input of ``graph`` that is not in ``inputs``.
    """
    producers = {name: i for i, node in enumerate(graph.node) for name in node.output}
    stored = {tensor.name for tensor in graph.initializer}
    wanted, seen, kept = list(outputs), set(inputs), set()
    while wanted:
        name = wanted.pop()
        if not name or name in seen or name in stored:
            continue
        seen.add(name)
        if name not in producers:
            raise ValueError(f"{', '.join(outputs)} cannot be computed without {name}")
        kept.add(producers[name])
        wanted += graph.node[producers[name]].input
    nodes = [graph.node[i] for i in sorted(kept)]
    read = {name for node in nodes for name in node.input}

    def described(names: list[str]) -> list[onnx.ValueInfoProto]:
        types = [(name, _TYPES.get(name, TensorProto.FLOAT)) for name in names]
        return [helper.make_tensor_value_info(name, type_, None) for name, type_ in types]

    return helper.make_graph(
        nodes,
        graph.name,
        described([name for name in inputs if name in read]),
        described(outputs),
        [tensor for tensor in graph.initializer if tensor.name in read],
    )


def seams(graph: onnx.GraphProto) -> dict[str, str]:
    """Return the names of ``durations``, ``log_hertz`` and ``gate`` in a voice's graph.

    ``durations`` [N] are each token's frames, after they were varied at random; ``log_hertz``
    [1, F] and ``gate`` [1, F, 1] are what the mel is predicted from.
    """
    producers = {name: node for node in graph.node for name in node.output}
    pitch = producers["frames"].input[1]
    draw = next(node for node in graph.node if node.op_type == "RandomNormalLike")
    name = draw.output[0]
    for op in ("Mul", "Exp", "Mul"):
        name = next(n.output[0] for n in graph.node if n.op_type == op and name in n.input)
    mean = next(
        node.input[0]
        for node in graph.node
        if node.op_type == "Sub" and node.input[1].endswith("prosody.pitch_mean")
    )
    return {"durations": name, "log_hertz": mean, "gate": producers[pitch].input[1]}


def whole_scale(pace: float = EMBEDDED.tempo) -> np.float32:
    """Return the ``length_scale`` by which a voice with this tempo takes its durations as such."""
    tempo = np.float32(pace)
    near = np.float32(1.0) / tempo
    for scale in (near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(1))):
        if scale * tempo == np.float32(1.0):
            return np.float32(scale)
    return np.float32(near)


class Dissected:
    """A voice whose timing, pitch and mel can be given."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load a voice that :mod:`training.export` wrote."""
        self.model = onnx.load(path)
        self.seams = seams(self.model.graph)
        self.threads = threads
        self.sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, given: dict[str, np.ndarray], outputs: list[str]) -> list[np.ndarray]:
        """Return tensors of the voice, computed from ``given`` ones."""
        key = f"{sorted(given)} {outputs}"
        if key not in self.sessions:
            graph = cut(self.model.graph, list(given), outputs)
            model = helper.make_model(graph, opset_imports=self.model.opset_import)
            model.ir_version = self.model.ir_version
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            self.sessions[key] = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        session = self.sessions[key]
        needed = {value.name for value in session.get_inputs()}
        feeds = {name: value for name, value in given.items() if name in needed}
        found: list[np.ndarray] = session.run(outputs, feeds)
        return found

    def durations(self, text: str, random: np.random.Generator) -> np.ndarray:
        """Return the frames [N] of each token, as the voice speaks ``text``."""
        feeds = self._feeds(text, np.float32(1.0))
        found = self.run(feeds, [self.seams["durations"]])[0]
        jitter = random.standard_normal(len(found)) * _JITTER
        return (found * np.exp(jitter)).astype(np.float32)

    def frames(
        self,
        text: str,
        durations: np.ndarray,
        length_scale: np.float32,
        pitch: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Return frames [1, F, C] (see :class:`training.voice.Renderer`).

        ``pitch`` replaces the predicted one: log F0 [F] and the gate [F].
        """
        given = self._feeds(text, length_scale) | {self.seams["durations"]: durations}
        if pitch is not None:
            given[self.seams["log_hertz"]] = pitch[0][None]
            given[self.seams["gate"]] = pitch[1][None, :, None]
        return self.run(given, ["frames"])[0]

    @cached_property
    def example(self) -> np.ndarray:
        """The predicted mel [F, 80] of some written sentences."""
        lines = (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8").splitlines()
        random = np.random.default_rng(0)
        parts = []
        for line in lines[:: len(lines) // 10]:
            text = line.split("|")[1]
            durations = self.durations(text, random)
            parts.append(self.frames(text, durations, np.float32(1.0))[0, :, :NUM_MELS])
        return np.concatenate(parts)

    def sound(self, frames: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return the sound [160 F] of frames [1, F, C] and noise [1, F, 642]."""
        found = self.run({"frames": frames, "noise": noise}, ["output"])[0]
        sound: np.ndarray = found.reshape(-1)
        return sound

    @staticmethod
    def _feeds(text: str, length_scale: np.float32) -> dict[str, np.ndarray]:
        ids = np.array([text_to_ids(text)], np.int64)
        scales = np.array([0.667, length_scale, 0.0], np.float32)
        return {"input": ids, "input_lengths": np.array([ids.shape[1]]), "scales": scales}


def with_mel(frames: np.ndarray, mel: np.ndarray, keep_hidden: bool = False) -> np.ndarray:
    """Return frames [1, F, C] with another mel [F, 80].

    Their hidden vectors become 0, with which the decoder learnt what to do with natural mels.
    """
    result = frames.copy()
    result[0, :, :NUM_MELS] = mel
    if not keep_hidden:
        result[0, :, NUM_MELS + 4 :] = 0.0
    return result


def white_noise(frames: int, random: np.random.Generator) -> np.ndarray:
    """Return the noise [1, frames, 642] that a voice draws at its own ``noise_scale``."""
    return random.standard_normal((1, frames, 2 * FRAMING.bins)).astype(np.float32)
