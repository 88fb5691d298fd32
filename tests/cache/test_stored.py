"""The stored form: what comes out is what went in, or nothing does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vits_tts.cache.stored import Damaged, pack, unpack
from vits_tts.types import Pcm


def noise(count: int) -> Pcm:
    """Return samples of every size, full scale included."""
    samples = np.random.default_rng(count).integers(-32768, 32768, count, np.int16)
    return Pcm(samples.astype(np.int16), 22050)


@pytest.mark.parametrize("count", [1, 2, 100, 4096, 100_000])
def test_lossless(count: int) -> None:
    """Every sample comes back."""
    pcm = noise(count)
    back = unpack(pack(pcm))
    assert back.sample_rate == pcm.sample_rate
    assert np.array_equal(back.samples, pcm.samples)


@given(st.integers(0, 3000), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, change: int) -> None:
    """No flipped bit gets through."""
    data = bytearray(pack(noise(1000)))
    data[place % len(data)] ^= change
    with pytest.raises(Damaged):
        unpack(bytes(data))


@given(st.binary(max_size=200))
def test_garbage_is_noticed(data: bytes) -> None:
    """What is not ours is told from what is."""
    with pytest.raises(Damaged):
        unpack(data)


def test_cut_short_is_noticed() -> None:
    """Wherever it was cut."""
    data = pack(noise(300))
    for end in range(len(data)):
        with pytest.raises(Damaged):
            unpack(data[:end])


def test_other_versions_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of another version of the format is a miss."""
    monkeypatch.setattr("vits_tts.cache.stored.VERSION", 2)
    other = pack(noise(10))
    monkeypatch.undo()
    with pytest.raises(Damaged, match="the format is"):
        unpack(other)
