"""Tests of the measures on sounds with known defects."""

import numpy as np
import pytest

from training import listening, measures, repeats


def tone(seconds: float, hertz: float = 220.0, level: float = 0.3) -> np.ndarray:
    """Return a pure tone."""
    return level * np.sin(2 * np.pi * hertz * np.arange(int(16_000 * seconds)) / 16_000)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "không"),
        (15, "mười lăm"),
        (21, "hai mươi mốt"),
        (105, "một trăm linh năm"),
        (1995, "một nghìn chín trăm chín mươi lăm"),
    ],
)
def test_numbers_become_words(number: int, words: str) -> None:
    """Digits in the recogniser's transcript do not count as errors."""
    assert listening.number_words(number) == words


def test_errors_tell_substitution_deletion_and_insertion() -> None:
    """Each kind of difference is counted as its own kind of error."""
    assert listening.errors(["a", "b", "c"], ["a", "x", "c"]) == (1, 0, 0)
    assert listening.errors(["a", "b", "c"], ["a", "c"]) == (0, 1, 0)
    assert listening.errors(["a", "b"], ["a", "b", "b"]) == (0, 0, 1)


def test_spelling_of_the_tone_mark_does_not_matter() -> None:
    """Old and new placement of a tone mark are the same syllable; case and commas do not matter."""
    assert listening.syllables("Hoá, KHOẺ") == listening.syllables("hóa khỏe")


def test_a_click_is_found_and_a_tone_has_none() -> None:
    """One sample that jumps is one click, and a tone has no click."""
    sound = tone(1.0)
    assert measures.clicks(sound) == 0
    sound[8000] += 0.5
    assert measures.clicks(sound) == 1


def test_trim_leaves_speech_and_a_margin() -> None:
    """Trimming removes silence except for 50 ms at both ends."""
    sound = np.concatenate([np.zeros(8000), tone(1.0), np.zeros(8000)])
    assert len(measures.trim(sound)) == pytest.approx(16_000 + 1600, abs=320)


def test_drift_is_the_level_that_is_lost() -> None:
    """A sound that falls by 6 dB from start to end drifts down by a few dB."""
    fading = tone(3.0) * np.linspace(1.0, 0.5, 48_000)
    assert measures.drift(fading) == pytest.approx(-4.0, abs=1.0)
    assert abs(measures.drift(tone(3.0))) < 0.1


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_what_is_played_faster_is_shorter_and_as_high(speed: float) -> None:
    """Playing a sound faster changes its tempo and not its pitch."""
    sound = measures.played(tone(2.0).astype(np.float32), speed)
    assert len(sound) == pytest.approx(32_000 / speed, rel=0.02)
    peak = np.abs(np.fft.rfft(sound)).argmax() * 16_000 / len(sound)
    assert peak == pytest.approx(220.0, abs=2.0)


def clip(syllables: str, cents: float) -> dict[str, np.ndarray]:
    """Return the features of a clip: one voiced token of four frames for each letter."""
    count = len(syllables)
    ints = np.zeros((count, 10), np.int16)
    ints[:, 0] = [100 + ord(letter) for letter in syllables]
    ints[:, 9] = np.arange(count)
    return {
        "ints": ints,
        "durations": np.full(count, 4),
        "hertz": np.full(4 * count, 220.0 * 2 ** (cents / 1200)),
        "voiced": np.ones(4 * count),
    }


def test_what_is_said_twice_is_found_and_compared() -> None:
    """The longest common run of two clips is found at any place; shorter ones are ignored."""
    said = ["xyabcdefg", "abcdefgz", "abcdeq"]
    readings = [repeats.reading(clip(text, 50.0 * number)) for number, text in enumerate(said)]
    assert list(repeats.repeats(readings)) == [(0, 1, 2, 0, 7)]
    parts = readings[0].part(2, 7), readings[1].part(0, 7)
    compared = measures.compare_pitch(*parts)
    assert compared["both"] == 28
    assert compared["cents"] / compared["both"] == pytest.approx(50.0)
    assert compared["shape"] == pytest.approx(0.0, abs=1e-6)


def test_clicks_that_come_again_and_again_are_found() -> None:
    """Repeated clicks, as at seams, are all found: they do not hide each other."""
    sound = tone(2.0, level=0.1)
    assert measures.clicks(sound) == 0
    for place in range(800, len(sound) - 800, 160):
        sound[place] += 0.1
    assert measures.clicks(sound) > 100


def test_a_cut_end_is_noticed() -> None:
    """A cut end is found: natural speech fades, cut speech is loud to the end."""
    envelope = np.concatenate([np.linspace(0, 1, 1600), np.ones(3200), np.linspace(1, 0, 3200)])
    whole = envelope * tone(0.5)
    assert measures.abrupt(whole) == []
    (ends,) = measures.abrupt(measures.cut(whole, 0.0, 0.1))
    assert ends.startswith("ends abruptly")
    (begins,) = measures.abrupt(measures.cut(whole, 0.1, 0.0))
    assert begins.startswith("begins abruptly")
