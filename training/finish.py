"""Give an exported voice's mel more contrast, without training and without another operator.

A network that is trained on the distance to a mel predicts the mean of all mels that a text may
have, so that its mel is flatter than a recording's. The change is linear in the bands of a frame:
it goes into the weights of the layer that predicts the mel.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from scipy.special import logsumexp

from training.dissected import Dissected
from training.signal import NUM_MELS

WIDER = 0.15
"""Share by which differences between the frames and bands of a mel grow."""
SHARPER = 0.0
"""Share by which differences from neighbouring bands grow beside that."""
_MARK = "mel_contrast"
_SCALE, _SHIFT = 2.0, -4.0  # between the layer and the mel: see ``vocoder.Acoustic``
_LOG = logging.getLogger("finish")


def smoothed(mel: np.ndarray, width: int) -> np.ndarray:
    """Return a log mel [F, 80] averaged over ``width`` frames (an odd number)."""
    padded = np.pad(mel, ((width // 2, width // 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    mean: np.ndarray = windows.mean(-1).astype(np.float32)
    return mean


def sharpening(share: float, width: int = 9) -> np.ndarray:
    """Return a matrix [80, 80] that enlarges a mel's differences from ``width`` bands around."""
    same = np.eye(NUM_MELS, dtype=np.float32)
    matrix: np.ndarray = same + np.float32(share) * (same - smoothed(same, width).T)
    return matrix


def contrast(mel: np.ndarray, wider: float, sharper: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix [80, 80] and an offset [80]; a mel times the one plus the other is changed.

    Differences between frames and bands grow by ``wider``, and those from neighbouring bands by
    ``sharper`` beside that. The offset gives each band the mean power that it had over ``mel``
    [F, 80], an example of speech, so that loudness and timbre stay.
    """
    matrix = (1.0 + wider) * sharpening(sharper)
    changed = mel @ matrix
    before, after = (logsumexp(2.0 * some, axis=0) for some in (mel, changed))
    return matrix, 0.5 * (before - after)


def change_mel(model: onnx.ModelProto, matrix: np.ndarray, offset: np.ndarray) -> None:
    """Let a voice predict its mel times ``matrix`` plus ``offset``, in place."""
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    stored = {tensor.name: tensor for tensor in graph.initializer}
    scaled = producers[producers[producers["frames"].input[0]].input[0]]
    bias_name, product = producers[scaled.input[0]].input
    weight_name = producers[product].input[1]
    if weight_name not in stored:
        weight_name = producers[weight_name].input[0]  # stored in 16 bits, and widened
    weight, bias = (numpy_helper.to_array(stored[name]) for name in (weight_name, bias_name))
    if weight.shape[1:] != (NUM_MELS,) or bias.shape != (NUM_MELS,):
        raise ValueError(f"{weight_name} and {bias_name} are not the layer that predicts the mel")
    shift = (offset + _SHIFT * matrix.sum(0) - _SHIFT) / _SCALE
    changed = {weight_name: weight @ matrix, bias_name: bias @ matrix + shift}
    for name, values in changed.items():
        kind = numpy_helper.to_array(stored[name]).dtype
        stored[name].CopyFrom(numpy_helper.from_array(values.astype(kind), name))


def finish(path: Path, wider: float = WIDER, sharper: float = SHARPER) -> None:
    """Give the voice at ``path`` more contrast.

    Raises:
        ValueError: it has been given more before.
    """
    model = onnx.load(path)
    if any(entry.key == _MARK for entry in model.metadata_props):
        raise ValueError(f"{path} has more contrast already")
    change_mel(model, *contrast(Dissected(path).example, wider, sharper))
    model.metadata_props.add(key=_MARK, value=f"{wider:g} {sharper:g}")
    onnx.checker.check_model(model)
    part = path.with_suffix(".part")
    onnx.save(model, part)
    part.replace(path)
    _LOG.info("%s: mel %g wider, bands %g sharper", path, wider, sharper)


def main() -> None:
    """Change an exported voice in its place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voice", type=Path, help="a voice's .onnx, as training.export wrote it")
    parser.add_argument("--wider", type=float, default=WIDER)
    parser.add_argument("--sharper", type=float, default=SHARPER)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        finish(options.voice, options.wider, options.sharper)
    except ValueError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
