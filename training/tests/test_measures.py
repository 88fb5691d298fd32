"""The measures find what they are meant to find."""

import numpy as np
import pytest

from training import listening, measures


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
    """Digits in what the recogniser writes do not count as errors."""
    assert listening.number_words(number) == words


def test_errors_tell_substitution_deletion_and_insertion() -> None:
    """Each kind of difference is counted as what it is."""
    assert listening.errors(["a", "b", "c"], ["a", "x", "c"]) == (1, 0, 0)
    assert listening.errors(["a", "b", "c"], ["a", "c"]) == (0, 1, 0)
    assert listening.errors(["a", "b"], ["a", "b", "b"]) == (0, 0, 1)


def test_spelling_of_the_tone_mark_does_not_matter() -> None:
    """Old and new placement of a tone mark are one syllable; case and commas are nothing."""
    assert listening.syllables("Hoá, KHOẺ") == listening.syllables("hóa khỏe")


def test_a_click_is_found_and_a_tone_has_none() -> None:
    """One sample that jumps is one click."""
    sound = tone(1.0)
    assert measures.clicks(sound) == 0
    sound[8000] += 0.5
    assert measures.clicks(sound) == 1


def test_trim_leaves_speech_and_a_margin() -> None:
    """Silence goes but for 50 ms at both ends."""
    sound = np.concatenate([np.zeros(8000), tone(1.0), np.zeros(8000)])
    assert len(measures.trim(sound)) == pytest.approx(16_000 + 1600, abs=320)


def test_drift_is_the_level_that_is_lost() -> None:
    """A sound that falls by 6 dB from start to end drifts by some dB downwards."""
    fading = tone(3.0) * np.linspace(1.0, 0.5, 48_000)
    assert measures.drift(fading) == pytest.approx(-4.0, abs=1.0)
    assert abs(measures.drift(tone(3.0))) < 0.1
