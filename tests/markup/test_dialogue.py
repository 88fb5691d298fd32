"""Dialogue: turns that are read apart, with their voices, speeds and pauses."""

import asyncio
from typing import Any

import pytest

from tests.support.plans import pipeline
from vits_tts.errors import MarkupInvalid, TextTooLong, VoiceUnknown
from vits_tts.markup.dialogue import Turn, text_of
from vits_tts.text.split import Reading


def read(*turns: Turn, **options: Any) -> Reading:
    """Return how turns are read."""
    reading = pipeline().reading(text_of(turns), turns=turns, **options)
    return asyncio.run(reading)


def told(*turns: Turn, **options: Any) -> list[tuple[str, float, int | None]]:
    """Return each sentence with the pause after it and its turn."""
    return [(one.text, one.pause, one.turn) for one in read(*turns, **options).sentences]


def test_pauses() -> None:
    """The pause between turns is that of the settings, the request or the turn."""
    turns = (Turn("Chào chị! Chị khỏe không?"), Turn("chị khỏe"), Turn("- Vâng."))
    expected = ["chào chị!", "chị khỏe không?", "chị khỏe.", "vâng."]
    assert [text for text, _, _ in told(*turns)] == expected
    assert [pause for _, pause, _ in told(*turns)] == [0.25, 0.5, 0.5, 0]
    assert [pause for _, pause, _ in told(*turns, turn_pause=2)] == [0.25, 2, 2, 0]
    assert [turn for _, _, turn in told(*turns)] == [0, 0, 1, 2]
    own = (Turn("Một.", pause=0), Turn("hai", pause=1.5), Turn("Ba.", pause=3))
    assert [pause for _, pause, _ in told(*own)] == [0, 1.5, 3]


def test_places_count_the_joined_texts() -> None:
    """Each sentence stands where it was written, in the texts joined by line ends."""
    turns = (Turn("Giá 5.000đ."), Turn('<speak>Có <mark name="a"/>12</speak>'), Turn("Đúng 7h."))
    text = text_of(turns)
    found = read(*turns)
    written = [text[one.start : one.end] for one in found.sentences]
    assert [written[0], written[2]] == ["Giá 5.000đ.", "Đúng 7h."]
    assert found.sentences[1].text.startswith("có mười hai")
    (mark,) = found.sentences[1].marks
    assert text[mark.position :].startswith("<mark")
    assert found.shown is not None
    assert len(found.shown) == len(text)
    assert [part["turn"] for part in found.plan if part["text"].strip()] == [0, 1, 1, 2]


def test_turns_are_read_apart() -> None:
    """No turn changes what another means: it is read as it is read alone."""
    for turn in ("toi khong biet duoc nua roi", "1. Rửa rau", "“Em đi", "- 3", "AB", "**x"):
        for other in ("ở 5", "anh nói:", "Xin chào bạn.", "*nhé*", "Hà Nội mưa to"):
            alone = [text.rstrip(".") for text, _, _ in told(Turn(turn))]
            both = [text.rstrip(".") for text, _, of in told(Turn(turn), Turn(other)) if of == 0]
            after = [text.rstrip(".") for text, _, of in told(Turn(other), Turn(turn)) if of == 1]
            assert both == after == alone


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("<think>chào hỏi", "Xin chào."),
        ("<think>chào hỏi", "</think> Xin chào."),
        ("Một <!-- hai", "ba --> bốn"),
        ("Một <div", "> hai"),
        ('Một <a href="x', '"> hai'),
        ("Một <script>hai", "ba</script> bốn"),
        ("$$\nx", "y^2 $$"),
        ("HA NOI", "AI"),
    ],
)
def test_open_marks_end_with_their_turn(opened: str, closed: str) -> None:
    """A mark that a turn leaves open takes no words of the next one, and is no error."""
    said = [(text.rstrip("."), turn) for text, _, turn in told(Turn(opened), Turn(closed))]
    first = [(text.rstrip("."), 0) for text, _, _ in told(Turn(opened))]
    second = [(text.rstrip("."), 1) for text, _, _ in told(Turn(closed))]
    assert said == first + second
    places = [(one.start, one.end) for one in read(Turn(opened), Turn(closed)).sentences]
    moved = len(opened) + 1
    alone = [(one.start, one.end) for one in read(Turn(opened)).sentences]
    later = [(one.start + moved, one.end + moved) for one in read(Turn(closed)).sentences]
    assert places == alone + later


def test_a_thought_is_dropped_within_its_turn() -> None:
    """Nothing is said of a thought without an end, and all of the turns beside it."""
    turns = (Turn("Xin chào."), Turn("<think>Họ chào."), Turn("Tạm biệt."))
    assert [(text, turn) for text, _, turn in told(*turns)] == [("xin chào.", 0), ("tạm biệt.", 2)]


def test_long_dialogue_is_limited_as_a_whole() -> None:
    """All turns together have no more spoken characters than a text may have."""
    long = "1% " * 100
    with pytest.raises(TextTooLong, match="when it is spoken"):
        told(*(Turn(long) for _ in range(33)))


def test_errors_name_the_turn() -> None:
    """A turn that cannot be read is refused by its number."""
    with pytest.raises(MarkupInvalid, match=r"turns\[1\]\.text: SSML: .* line 1, column 9"):
        told(Turn("Chào."), Turn("<speak>a"))
    with pytest.raises(VoiceUnknown, match=r"turns\[1\]\.voice: there is no voice"):
        told(Turn("Chào."), Turn("Chào.", voice="x"))
    with pytest.raises(MarkupInvalid, match="up to 600 s"):
        told(*(Turn("Chào.", pause=60) for _ in range(11)))
    with pytest.raises(MarkupInvalid, match="together"):
        told(*(Turn("Chào [pause 60s] bạn.") for _ in range(11)))
