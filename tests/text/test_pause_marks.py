"""Pauses in a text that comes in pieces: they are those of the whole text."""

import random
from collections.abc import Sequence

import pytest

from tests.support import plans
from tests.text.test_incremental import PARAGRAPHS, PAUSES, READ, SENTENCES, pieces
from vits_tts.errors import MarkupUnsupported
from vits_tts.markup.plan import plan_of
from vits_tts.speech.plan_reading import PlanReader
from vits_tts.text.incremental import IncrementalReading, Part
from vits_tts.text.pause_marks import MARK, begun
from vits_tts.text.split import Reading, split

MARKS = (
    "[pause 0.5s]",
    "[PAUSE: 500ms]",
    "[pause=1,5 s]",
    '<break time="1s"/>',
    "<break  time = '1.5s' />",
    '<break time="200 ms">',
    '<break time="1s">  </break>',
    "<<<sil#300>>>",
    "[pause 0s]",
)
SPELLED = "<spell>AB. 12</spell>"
JOINTS = ("", " ", " ", "\n", "\n\n")
Spoken = list[tuple[float, str]]


def read(text: str) -> Reading | None:
    """Return the reading of a text with pauses, None of one without."""
    plan = plan_of(text, "text")
    return PlanReader(plan, *PAUSES).read(READ, lambda one: _spelled(one.text)) if plan else None


def _spelled(text: str) -> str:
    return " ".join(text.lower().replace(".", "chấm").split())


def whole(text: str) -> Spoken:
    """Return the sentences of a whole text with the silence before each, and that at its end."""
    spoken = READ(text)
    reading = read(text) or Reading(spoken, split(spoken, *PAUSES))
    found, silence = [], reading.lead
    for sentence in reading.sentences:
        found.append((round(silence, 3), sentence.text))
        silence = sentence.pause
    return [*found, (round(silence, 3), "")]


def in_pieces(text: Sequence[str]) -> Spoken:
    """Return the same of a text that comes in pieces."""
    reading = IncrementalReading(READ, *PAUSES, read)
    parts: list[Part] = []
    for piece in text:
        reading.add(piece)
        parts += reading.settled()
    if rest := reading.flush():
        parts.append(rest)
    found: Spoken = []
    silence = 0.0
    for part in parts:
        silence += part.silence + part.pause
        for sentence in part.sentences:
            found.append((round(silence, 3), sentence.text))
            silence = sentence.pause
    return [*found, (round(silence, 3), "")]


def with_pauses(generator: random.Random) -> str:
    """Return sentences, with marks between some words."""
    texts = generator.sample([*SENTENCES, *PARAGRAPHS], generator.randint(1, 3))
    words = generator.choice([" ", "\n"]).join(texts).split(" ")
    for _ in range(generator.randint(1, 5)):
        place = generator.randint(0, len(words))
        mark = generator.choice([*MARKS, SPELLED])
        words.insert(place, generator.choice(JOINTS) + mark + generator.choice(JOINTS))
    return " ".join(words)


@pytest.mark.parametrize("seed", range(40))
def test_pauses_are_those_of_the_whole_text(seed: int) -> None:
    """However a text is cut, its words are the same and the silence before each of them."""
    generator = random.Random(seed)  # noqa: S311
    text = with_pauses(generator)
    try:
        expected = whole(text)
    except MarkupUnsupported:  # a pause inside a link or a table
        return
    assert in_pieces(pieces(text, seed)) == expected


@pytest.mark.parametrize("mark", MARKS)
def test_half_a_mark_is_held_back(mark: str) -> None:
    """From its first character on it is no text; complete, it ends the sentence at once."""
    assert MARK.fullmatch(mark)
    reading = IncrementalReading(READ, *PAUSES, read)
    for character in "Xin chào các bạn " + mark[:-1]:
        reading.add(character)
        assert list(reading.settled()) == []
    for length in range(1, len(mark)):
        assert begun(f"bạn {mark[:length]}") == len("bạn ")
    assert len(reading.__dict__["_text"]) == len("Xin chào các bạn ")
    reading.add(mark[-1:] + ".")
    if mark == "[pause 0s]":
        assert list(reading.settled()) == []
    else:
        (part,) = reading.settled()
        assert [one.text for one in part.sentences] == ["xin chào các bạn"]
        assert part.sentences[0].pause > 0
        assert part.end == len("Xin chào các bạn " + mark)


@pytest.mark.parametrize("text", ["[phần", "<b>", "a < b", "[pause]", "<break/>", "[pause 1s]"])
def test_other_text_is_not_held_back(text: str) -> None:
    """Brackets and tags that can be no pause any more, and pauses that are complete."""
    assert begun(text) == len(text)


def test_characters_to_spell_are_held_back_and_said() -> None:
    """From the first character of the tag on; other characters are text."""
    text = "Mã của anh là <spell>AB-12</spell> nhé. "
    reading = IncrementalReading(READ, *PAUSES, read)
    parts: list[Part] = []
    for character in text:
        reading.add(character)
        parts += reading.settled()
    assert [one.text for part in parts for one in part.sentences] == ["mã của anh là ab-12 nhé."]
    for length in range(1, len("<spell>AB-12</spell>")):
        assert begun(f"là {'<spell>AB-12</spell>'[:length]}") == len("là ")
    for other in ("<spell></spell>", "<spell> </spell>", "<spell>☃</spell>", "<spell>a<b></spell>"):
        assert begun(other) == len(other)
        assert read(other) is None
    assert plans.said(text) == "mã của anh là a bê gạch ngang một hai nhé."
    assert plans.said("<spell>AB-12</spell>") == "a bê gạch ngang một hai"
    signs = {sign for sign in map(chr, range(0x2000)) if MARK.match(f"<spell>{sign}</spell>")}
    assert len(signs) > 200
    for sign in signs:
        assert plans.said(f"<spell>{sign}</spell>"), sign


def test_memory_is_bounded() -> None:
    """Many pauses without a word between them are neither kept nor read again and again."""
    reading = IncrementalReading(READ, *PAUSES, read)
    reading.add("Xin chào. ")
    for _ in range(750):
        reading.add("[pause 0s]\n")
        list(reading.settled())
        assert len(reading.__dict__["_text"]) < 1100
