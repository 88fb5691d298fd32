"""Words and their phonemes, in order, for all texts and all results of espeak-ng."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reading import cases
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.phonemes.alignment import Words, find_words, spoken_words
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.text.split import split

PHONEMISER = Phonemizer()


def said(
    text: str, language: str = "vi", kind: Literal["espeak", "text"] = "espeak"
) -> tuple[Words, list[str]]:
    """Return a text's words and their phonemes."""
    phonemes = PHONEMISER.phonemes(text, kind, language)
    words = spoken_words(text, phonemes, kind)
    return words, ["".join(phonemes[start:end]) for _, (start, end) in words.words]


def alone(word: str) -> str:
    """Return a word's phonemes without stress, which depends on its neighbours."""
    return "".join(PHONEMISER.espeak(word, "vi")).strip(" .,").replace("ˈ", "").replace("ˌ", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("giá, ba mươi!", ["giá", "ba", "mươi"]),
        ("“xin chào”, (rồi) – anh nói…", ["xin", "chào", "rồi", "anh", "nói"]),
        ("xanh-đỏ a_b d'Or rock’n’roll", ["xanh", "đỏ", "a", "b", "d'Or", "rock’n’roll"]),
        ("— … !", []),
    ],
)
def test_words_stand_without_their_marks(text: str, words: list[str]) -> None:
    """Marks around a word do not belong to it."""
    assert [text[start:end] for start, end in find_words(text)] == words


def test_every_word_has_its_own_phonemes() -> None:
    """In a sentence a word has the same phonemes as alone."""
    text = "giá ba mươi lăm nghìn một ki lô gam, họa sĩ: mở cửa bảy giờ; quýnh quáng, moóc!"
    words, phonemes = said(text)
    assert words.exact
    expected = [alone(text[start:end]) for start, end in find_words(text)]
    assert [part.replace("ˈ", "").replace("ˌ", "") for part in phonemes] == expected


def test_what_people_write_is_exact() -> None:
    """In all test cases, every word has its own phonemes."""
    normalise = Normalizer()
    sentences = [part for case in list(cases())[::7] for part in split(normalise(case.written))]
    assert len(sentences) > 200
    assert not [part.text for part in sentences if not said(part.text)[0].exact]


def test_letters_are_phonemes() -> None:
    """In voices that read letters, each word has its letters with their marks."""
    words, phonemes = said("Mở cửa, ạ", kind="text")
    assert words.exact
    assert [len(part) for part in phonemes] == [4, 5, 2]
    assert [part[0] for part in phonemes] == ["M", "c", "a"]


def test_words_that_run_together_share_their_clause() -> None:
    """English joins small words: the clause before the comma is shared, the one after is not."""
    words, phonemes = said("one of the best of the world, yes", "en-us")
    assert not words.exact
    assert phonemes[-1] == "jˈɛs"
    assert all(phonemes)
    assert "".join(phonemes[:-1]).count("b") == 1


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    text=st.one_of(
        st.text(max_size=60),
        st.text(alphabet="aăbcưởng ,.;:!?-–'’\"()1$\n", max_size=60),
    ),
    language=st.sampled_from(["vi", "en-us"]),
    kind=st.sampled_from(["espeak", "text"]),
)
def test_any_text(text: str, language: str, kind: Literal["espeak", "text"]) -> None:
    """Any text is accepted; all words are present, without overlaps of words or phonemes."""
    phonemes = PHONEMISER.phonemes(text, kind, language)
    words = spoken_words(text, phonemes, kind).words
    assert [word.place for word in words] == find_words(text)
    last = 0
    for _, (start, end) in words:
        assert last <= start <= end <= len(phonemes)
        last = end
