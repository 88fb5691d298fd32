"""Holding a cut voice against the whole one before it is kept.

Exporters write what nobody has thought of. A cut that would change a voice's sound is not served.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from vits_tts.voice import noise as noises
from vits_tts.voice.cutting.draws import text_piece
from vits_tts.voice.cutting.graph import Graph
from vits_tts.voice.cutting.shapes import Tensor, show
from vits_tts.voice.noise import Noise
from vits_tts.voice.plan import Array, Plan
from vits_tts.voice.synthesis import CutSynthesis

_SEED: Final = 1
_TEMPO: Final = 3.0
_TOLERANCE: Final = 1e-4
_WINDOW: Final = 16


def a_window(
    text: onnx.ModelProto, frames: onnx.ModelProto, plan: Plan, ids: Sequence[int]
) -> Mapping[str, Array]:
    """Return what ``frames`` are fed for the second window of a slow sentence of ``ids``.

    The first is none to learn from: what comes late in the graph makes less of it.
    """
    stage = _Shown(frames)
    synthesis, _ = _begin(text, [stage], plan, ids)
    for _ in range(2):
        if not synthesis.done:
            synthesis.raw_window(_WINDOW)
    return stage.fed


def is_faithful(
    graph: Graph,
    tensors: Mapping[str, Tensor],
    text: onnx.ModelProto,
    stages: Sequence[onnx.ModelProto],
    plan: Plan,
    ids: Sequence[int],
) -> bool:
    """Whether windows of a slow sentence of ``ids`` are what the whole graph makes of it."""
    synthesis, feed = _begin(text, list(map(_Shown, stages)), plan, ids)
    ours = _in_windows(synthesis)
    whole, _ = text_piece(graph, [graph.output], tensors)
    noise = frame_noise(plan, synthesis.frames, _SEED)
    theirs = show(whole, [graph.output])(feed | noise)[graph.output].reshape(-1)
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=0, atol=_TOLERANCE)


class _Shown:
    """A piece that runs as it was written."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.inputs = [item.name for item in model.graph.input]
        self.outputs = [item.name for item in model.graph.output]
        self.fed: Mapping[str, Array] = {}
        self._run = show(model, self.outputs)

    def run(self, feed: Mapping[str, Array], *_: object) -> list[Array]:
        """Return the outputs, in order."""
        self.fed = feed
        return list(self._run(feed).values())


def _begin(
    text: onnx.ModelProto, stages: Sequence[_Shown], plan: Plan, ids: Sequence[int]
) -> tuple[CutSynthesis, dict[str, Array]]:
    """Return a sentence, and what its text was fed."""
    feed: dict[str, Array] = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([0.667, _TEMPO, 0.8], np.float32),
        "sid": np.zeros(1, np.int64),
    }
    for index, draw in enumerate(plan.text_draws):
        feed[draw.name] = Noise(draw, _SEED, index).take(draw.per_phoneme * len(ids) * 2)
    made = show(text, [item.name for item in text.graph.output])(feed)
    return CutSynthesis(plan, stages, made, _SEED, 1, 1.0), feed


def _in_windows(synthesis: CutSynthesis) -> NDArray[np.float32]:
    parts = []
    for frames in chain((1, 2, 5), repeat(_WINDOW)):
        if synthesis.done:
            break
        parts.append(synthesis.raw_window(frames))
    return np.concatenate(parts)


def frame_noise(plan: Plan, frames: int, seed: int) -> dict[str, Array]:
    """Return what a sentence's windows draw, as the whole graph of ``text_piece`` takes it."""
    first = len(plan.text_draws)
    return {
        f"vits_tts/{draw.name}.noise": noises.in_time(
            Noise(draw, seed, first + index), draw, frames * draw.rate + draw.extra
        ).reshape(-1)
        for index, draw in enumerate(plan.frame_draws)
    }
