"""Tests of the sentences to read aloud, and of the program that measures their coverage."""

import re
from pathlib import Path

import pytest

from training.prompts import coverage
from training.prompts.coverage import PROMPTS, WANTED, Syllable, parsed, units
from vits_tts.text.normalizer.pipeline import Normalizer, check
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.text.split import split
from vits_tts.text.syllables import BASES, is_syllable, toned

EVALUATION = Path(coverage.__file__).parent.parent / "sentences.txt"
FIRST = 100  # sentences, for readers who have ten minutes


@pytest.fixture(scope="module")
def prompts() -> dict[str, str]:
    """Return the sentences by their ids."""
    return coverage.read()


@pytest.fixture(scope="module")
def spoken(prompts: dict[str, str]) -> list[str]:
    """Return the sentences as the server's reader speaks them."""
    normaliser = Normalizer()
    return [normaliser(text).spoken for text in prompts.values()]


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("giếng", ("gi", "iêng", "ng", "sắc")),
        ("gì", ("gi", "i", "", "huyền")),
        ("ghi", ("g", "i", "", "ngang")),
        ("nghiệp", ("ng", "iêp", "p", "nặng before a stop")),
        ("quốc", ("qu", "uôc", "c", "sắc before a stop")),
        ("quyển", ("qu", "uyên", "n", "hỏi")),
        ("quả", ("qu", "oa", "", "hỏi")),
        ("thuở", ("th", "uơ", "", "hỏi")),
        ("yêu", ("", "iêu", "u", "ngang")),
        ("kỹ", ("c", "i", "", "ngã")),
        ("mưa", ("m", "ưa", "", "ngang")),
        ("ngoáy", ("ng", "oay", "i", "sắc")),
    ],
)
def test_syllables_are_split(word: str, parts: tuple[str, ...]) -> None:
    """Initial, rhyme, final and tone are found under every spelling of the same sound."""
    assert parsed(word) == Syllable(*parts)


def test_neighbours_are_those_without_a_pause_between() -> None:
    """A comma parts neighbours, and so does a word that is not a syllable."""
    assert ("tone after tone", "sắc", "hỏi") in units("có cả.")
    assert not [unit for unit in units("có, cả jazz cả.") if " after " in unit[0]]


def test_the_prompts_are_400_sentences_of_every_length(
    prompts: dict[str, str], spoken: list[str]
) -> None:
    """Ids count up, no sentence occurs twice, and short and long ones are among them."""
    assert list(prompts) == [f"{number:03}" for number in range(1, 401)]
    assert len({re.sub(r"\W", "", text.lower()) for text in prompts.values()}) == 400
    lengths = [coverage.length(text) for text in spoken]
    assert min(lengths) == coverage.SHORTEST
    assert max(lengths) == coverage.LONGEST
    assert sum(length <= 8 for length in lengths) >= 20
    assert sum(length >= 18 for length in lengths) >= 40


def test_the_prompts_are_of_every_kind(prompts: dict[str, str]) -> None:
    """Questions, exclamations, numbers and English words occur often enough to be learnt."""
    texts = list(prompts.values())
    assert sum(text.endswith("?") for text in texts) >= 30
    assert sum(text.endswith("!") for text in texts) >= 30
    assert sum(bool(re.search(r"\d", text)) for text in texts) >= 40
    english = [
        text
        for text in texts
        if any(not is_syllable(word) for word in re.findall(r"[^\W\d]{3,}", text.lower()))
    ]
    assert len(english) >= 30


def test_no_prompt_is_one_of_the_sentences_that_voices_are_judged_by(
    prompts: dict[str, str],
) -> None:
    """A voice that learnt from the prompts is judged by sentences that it never saw."""
    judged = {line.partition("|")[2] for line in EVALUATION.read_text("utf-8").splitlines()}
    assert len(judged) > 50
    assert not judged & set(prompts.values())


def test_every_prompt_is_read_as_one_sentence_of_syllables(
    prompts: dict[str, str], spoken: list[str]
) -> None:
    """The server's reader refuses no prompt, cuts none, and leaves no word that it cannot say."""
    normaliser = Normalizer()
    for text, words in zip(prompts.values(), spoken, strict=True):
        check(text, 500)
        assert len(split(normaliser(text), 0.3, 0.6)) == 1, text
        strange = [
            word
            for phrase in re.split(r"[^\w\s]+", words.lower())
            for word in phrase.split()
            if not is_syllable(word)
        ]
        assert not strange, text


def test_the_prompts_cover_vietnamese(spoken: list[str]) -> None:
    """All initials, rhymes, finals, tones and neighbours occur, even in the first 100 sentences."""
    assert {kind: sum(unit[0] == kind for unit in WANTED) for kind, *_ in WANTED} == {
        "initial": 25,
        "rhyme": 154,
        "final with tone": 50,
        "initial with tone": 144,
        "tone after tone": 64,
        "initial after final": 275,
    }
    for sentences in (spoken, spoken[:FIRST]):
        assert not WANTED - frozenset().union(*map(units, sentences))


def test_the_prompts_have_every_phone_that_a_voice_is_given(spoken: list[str]) -> None:
    """Each phone of espeak-ng in any syllable of an everyday rhyme occurs in the prompts."""
    phonemes = Phonemizer()
    syllables = [
        toned(base, initial, "\u0301" if part.final in coverage.STOPS else "")
        for base, (initial, _) in BASES.items()
        if initial in {"", "t", "qu"} and (part := parsed(base)) and part.rhyme in coverage.RHYMES
    ]
    syllables += [f"{initial}a" for initial in coverage.INITIALS]
    wanted = set(phonemes.espeak(", ".join([*syllables, *"àáảãạ"]) + ".", "vi"))
    found = {phone for text in spoken for phone in phonemes.espeak(text, "vi")}
    assert len(wanted) > 40
    assert not wanted - found


def test_the_order_is_the_one_that_covers_most_first(spoken: list[str]) -> None:
    """Each next sentence adds the most: the file stays in the order that the program computes."""
    assert coverage.ordered(spoken) == list(range(len(spoken)))


@pytest.mark.parametrize("line", ["chỉ có chữ", "001|", "../x|Xin chào.", "001|Một.\n001|Hai.", ""])
def test_a_file_of_another_form_is_refused(line: str, tmp_path: Path) -> None:
    """The message names the file and its line."""
    path = tmp_path / "own.txt"
    path.write_text(line, "utf-8")
    with pytest.raises(ValueError, match=r"own\.txt"):
        coverage.read(path)


def test_missing_units_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program names what own sentences lack, and fails until they lack nothing."""
    own = tmp_path / "own.txt"
    own.write_text("a1|Xin chào các bạn!\n", "utf-8")
    assert coverage.main([str(own)]) == 1
    shown = capsys.readouterr().out
    assert "1 sentences, 4 syllables" in shown
    assert "initial: 4 of 25" in shown
    assert "  missing: ng\n" in shown
    assert coverage.main([str(PROMPTS)]) == 0
