"""The serialization: the result is the input, or it is a miss."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vits_tts.cache.serialization import Damaged, pack, unpack
from vits_tts.types import Pcm, Timing


def noise(count: int) -> Pcm:
    """Return samples of all levels, full scale included, and three words."""
    samples = np.random.default_rng(count).integers(-32768, 32768, count, np.int16)
    words = np.array([[0, 3, 0, 1], [4, 9, 1, 2], [10, 200, 500_000, 2**31 - 1]], np.int32)
    return Pcm(samples.astype(np.int16), 22050, timing=Timing(count, words, estimated=False))


@pytest.mark.parametrize("count", [1, 2, 100, 4096, 100_000])
def test_lossless(count: int) -> None:
    """Every sample is restored."""
    pcm = noise(count)
    back = unpack(pack(pcm))
    assert back.sample_rate == pcm.sample_rate
    assert np.array_equal(back.samples, pcm.samples)


@pytest.mark.parametrize("estimated", [False, True])
@pytest.mark.parametrize("words", [0, 3])
def test_times_come_back(words: int, estimated: bool) -> None:
    """Times are restored, with all words or none, and with the mark of an estimate.

    Unknown times stay unknown.
    """
    pcm = noise(100)
    assert pcm.timing
    timing = replace(pcm.timing, words=pcm.timing.words[:words], estimated=estimated)
    back = unpack(pack(replace(pcm, timing=timing))).timing
    assert back
    assert (back.samples, back.estimated) == (100, estimated)
    assert back.words.tolist() == timing.words.tolist()
    assert back.words.dtype == np.int32
    assert unpack(pack(replace(pcm, timing=None))).timing is None


@given(st.integers(0, 3000), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place: int, change: int) -> None:
    """Every flipped bit is detected."""
    data = bytearray(pack(noise(1000)))
    data[place % len(data)] ^= change
    with pytest.raises(Damaged):
        unpack(bytes(data))


@given(st.binary(max_size=200))
def test_garbage_is_noticed(data: bytes) -> None:
    """Values of another form are detected."""
    with pytest.raises(Damaged):
        unpack(data)


def test_cut_short_is_noticed() -> None:
    """A truncated value is detected at every length."""
    data = pack(noise(300))
    for end in range(len(data)):
        with pytest.raises(Damaged):
            unpack(data[:end])


def test_other_versions_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of another version of the format is a miss."""
    monkeypatch.setattr("vits_tts.cache.serialization.VERSION", 1)
    other = pack(noise(10))
    monkeypatch.undo()
    with pytest.raises(Damaged, match="the format is"):
        unpack(other)
