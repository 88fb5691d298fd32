"""Phonemes in IPA, and positions of the mouth, for everything that Vietnamese can spell."""

import pytest

from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.text.phonemes.ipa import grouped
from vits_tts.text.phonemes.visemes import viseme
from vits_tts.text.syllables import BASES, TONES, toned


def phonemes(text: str) -> list[str]:
    """Return the phonemes of a text in IPA, without spaces and marks."""
    words = "".join(Phonemizer().espeak(text, "vi")).strip(" .").split()
    return [phoneme.ipa for word in words for phoneme in grouped(word, "vi")]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ma mà má mả mã mạ", "m aː m aː˨˩ m aː˧˥ m aː˧˩˧ m aː˧ˀ˥ m aː˧˨ˀ"),
        ("trường", "t ʃ ɨ ə˨˩ ŋ"),
        ("nhật", "ɲ ə˧˨ˀ t̪"),
        ("quyển", "k w i ɛ˧˩˧ n"),
        ("xanh", "s e ɲ"),
        ("Vinhomes", "v ɪ n h ə ʊ m z"),
    ],
)
def test_words_in_ipa(word: str, expected: str) -> None:
    """Tones are letters behind their vowel, ư is ɨ, and stress and hyphens are left out."""
    assert phonemes(word) == expected.split()


def test_a_sign_of_tone_can_be_a_vowel() -> None:
    """ɜ is a tone behind a vowel of Vietnamese, and otherwise the vowel of English *her*."""
    assert [phoneme.ipa for phoneme in grouped("hɜː", "vi")] == ["h", "ɜː"]
    assert [phoneme.ipa for phoneme in grouped("mˈaːɜ", "vi")] == ["m", "aː˧˥"]
    assert [phoneme.ipa for phoneme in grouped("mˈaːɜ", "en-us")] == ["m", "aː", "ɜ"]


def test_symbols_of_a_phoneme_are_neighbours() -> None:
    """The phonemes of a word follow each other without gaps, with all of its symbols."""
    symbols = "tʃˈe-6ɲ"
    found = grouped(symbols, "vi")
    assert [symbols[start:end] for _, start, end in found] == ["t", "ʃ", "ˈe-6", "ɲ"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ba", [21, 2]),
        ("chín", [19, 16, 6, 19]),
        ("xe", [15, 4]),
        ("hồi", [12, 8, 6]),
        ("lưới", [14, 6, 1, 6]),
        ("vàng", [18, 2, 20]),
        ("nhà", [19, 2]),
        ("khung", [12, 7, 20]),
        ("gà", [20, 2]),
        ("đón", [19, 3, 19]),
        ("pin", [21, 6, 19]),
    ],
)
def test_azures_positions(word: str, expected: list[int]) -> None:
    """The positions are those that Azure lists for these words in its phonetic set of vi-VN."""
    shapes = [viseme(phoneme) for phoneme in phonemes(word)]
    assert [shape.azure for shape in shapes if shape] == expected


def test_every_syllable_has_its_positions() -> None:
    """Each phoneme of each Vietnamese syllable, in every tone, has a position of the mouth."""
    words = [toned(base, onset, "") for base, (onset, _) in BASES.items()]
    words += [f"ma{tone}" for tone in TONES]
    found = {phoneme for start in range(0, len(words), 50)
             for phoneme in phonemes(" ".join(words[start : start + 50]))}  # fmt: skip
    assert len(found) > 40
    unknown = {phoneme for phoneme in found if viseme(phoneme) is None}
    assert not unknown


def test_other_letters() -> None:
    """A voice that was trained on letters has positions too, and signs without sound have none."""
    assert viseme("ệ") == viseme("e")
    assert viseme("đ") == viseme("d")
    assert viseme("Ж") is None
