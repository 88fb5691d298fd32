"""The random numbers of a voice: the same for a seed, well distributed, never a loop."""

from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

from vits_tts.inference import noise as noises
from vits_tts.inference.noise import Noise
from vits_tts.inference.plan import FrameDraw

CHANNELS: Final = 642
NORMAL: Final = FrameDraw("n", "normal", 0.0, 1.0, (1, CHANNELS, None), 1, 0)
LONG: Final = 2_000
"""Frames of more numbers than are ever drawn."""


def frames(draw: FrameDraw, seed: int, *windows: int) -> NDArray[np.float32]:
    """Return the windows' numbers, joined along the axis of time."""
    noise = Noise(draw, seed, 0)
    parts = [noises.in_time(noise, draw, elements) for elements in windows]
    assert [part.shape for part in parts] == [(1, CHANNELS, elements) for elements in windows]
    return np.concatenate(parts, axis=2)


def test_windows_do_not_matter() -> None:
    """The division into windows does not change the numbers, beyond the table's end too."""
    whole = frames(NORMAL, 7, LONG)
    assert np.array_equal(whole, frames(NORMAL, 7, 66, 1, 933, LONG - 1_000))
    assert np.array_equal(whole[..., :66], frames(NORMAL, 7, 66))


def test_seeds_and_inputs_differ() -> None:
    """Other seeds, neighbours too, and other inputs of a voice get other numbers."""
    first = Noise(NORMAL, 1, 0).take(5_000)
    for other in (Noise(NORMAL, 2, 0), Noise(NORMAL, 1, 1), Noise(NORMAL, -1, 0)):
        assert abs(np.corrcoef(first, other.take(5_000))[0, 1]) < 0.1
    assert np.array_equal(first, Noise(NORMAL, 1, 0).take(5_000))


def test_no_frame_comes_back() -> None:
    """A sentence of more numbers than the table has never has a frame that is like another."""
    made = frames(NORMAL, 3, LONG)[0].T
    assert made.size > 2 * noises._TABLE_SIZE
    assert len(np.unique(made.round(6), axis=0)) == LONG
    alike = np.corrcoef(made[:100], made[100:])[:100, 100:]
    assert np.abs(alike).max() < 0.25


@pytest.mark.parametrize("seed", [0, 5, 2**63])
def test_distributions(seed: int) -> None:
    """Normal numbers have the mean and the deviation asked for, uniform ones their range."""
    normal = Noise(FrameDraw("n", "normal", 2.0, 0.5, (None,), 1, 0), seed, 0).take(100_000)
    assert normal.dtype == np.float32
    assert normal.mean() == pytest.approx(2.0, abs=0.01)
    assert normal.std() == pytest.approx(0.5, abs=0.01)
    shares = np.histogram(normal, [-np.inf, 1.0, 1.5, 2.0, 2.5, 3.0, np.inf])[0] / normal.size
    assert shares == pytest.approx([0.0228, 0.1359, 0.3413, 0.3413, 0.1359, 0.0228], abs=0.005)
    uniform = Noise(FrameDraw("u", "uniform", -3.0, 3.0, (None,), 1, 0), seed, 0).take(100_000)
    assert -3 <= uniform.min() < -2.99
    assert 2.99 < uniform.max() <= 3
    assert np.histogram(uniform, 6)[0] / uniform.size == pytest.approx([1 / 6] * 6, abs=0.005)
