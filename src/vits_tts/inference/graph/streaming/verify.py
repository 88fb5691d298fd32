"""Comparison of a cut voice with the whole one, before it is used.

Exporters write graphs that no rule foresees. A cut that changes a voice's sound is dropped.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from vits_tts.inference import noise as noises
from vits_tts.inference.feed import trial_feed
from vits_tts.inference.graph.graph import Graph
from vits_tts.inference.graph.shapes import Tensor, show
from vits_tts.inference.graph.streaming.noise_inputs import text_piece
from vits_tts.inference.noise import Noise
from vits_tts.inference.plan import Array, Plan
from vits_tts.inference.streaming import StreamingSynthesis

_SEED: Final = 1
_TEMPO: Final = 3.0
_TOLERANCE: Final = 1e-4
_WINDOW: Final = 16


def a_window(
    text: onnx.ModelProto, frames: onnx.ModelProto, plan: Plan, ids: Sequence[int]
) -> Mapping[str, Array]:
    """Return the inputs of ``frames`` for the second window of a slow sentence of ``ids``.

    The first window is not typical: nodes late in the graph get fewer elements in it.
    """
    stage = _PlainStage(frames)
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
    """Return whether a slow sentence of ``ids`` has the same samples in windows and whole."""
    synthesis, feed = _begin(text, list(map(_PlainStage, stages)), plan, ids)
    ours = _in_windows(synthesis)
    whole, _ = text_piece(graph, [graph.output], tensors)
    noise = frame_noise(plan, synthesis.frames, _SEED)
    theirs = show(whole, [graph.output])(feed | noise)[graph.output].reshape(-1)
    return ours.shape == theirs.shape and np.allclose(ours, theirs, rtol=0, atol=_TOLERANCE)


class _PlainStage:
    """A stage that runs without optimisation."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.inputs = [item.name for item in model.graph.input]
        self.outputs = [item.name for item in model.graph.output]
        self.fed: Mapping[str, Array] = {}
        self._run = show(model, self.outputs)

    def run(self, feed: Mapping[str, Array], *_: object) -> list[Array]:
        """Return the outputs in the order of the graph."""
        self.fed = feed
        return list(self._run(feed).values())


def _begin(
    text: onnx.ModelProto, stages: Sequence[_PlainStage], plan: Plan, ids: Sequence[int]
) -> tuple[StreamingSynthesis, dict[str, Array]]:
    """Return the synthesis of a sentence, and the inputs of its text stage."""
    feed = trial_feed(ids, _TEMPO)
    for index, draw in enumerate(plan.text_draws):
        feed[draw.name] = Noise(draw, _SEED, index).take(draw.per_phoneme * len(ids) * 2)
    made = show(text, [item.name for item in text.graph.output])(feed)
    return StreamingSynthesis(plan, stages, made, _SEED, 1, 1.0), feed


def _in_windows(synthesis: StreamingSynthesis) -> NDArray[np.float32]:
    parts = []
    for frames in chain((1, 2, 5), repeat(_WINDOW)):
        if synthesis.done:
            break
        parts.append(synthesis.raw_window(frames))
    return np.concatenate(parts)


def frame_noise(plan: Plan, frames: int, seed: int) -> dict[str, Array]:
    """Return the random numbers of a sentence's windows, by the inputs of the whole graph."""
    first = len(plan.text_draws)
    return {
        f"vits_tts/{draw.name}.noise": noises.in_time(
            Noise(draw, seed, first + index), draw, frames * draw.rate + draw.extra
        ).reshape(-1)
        for index, draw in enumerate(plan.frame_draws)
    }
