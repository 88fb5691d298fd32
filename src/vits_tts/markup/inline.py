"""Marks inside plain text, for authors who write no XML; ``text.pause_marks`` has their forms."""

import re

from vits_tts.errors import MarkupInvalid
from vits_tts.markup.plan import MAX_PAUSE, MAX_PAUSES, TOO_LONG, Plan, SayAs, Segment, place, shown
from vits_tts.text import unspoken
from vits_tts.text.pause_marks import MARK


def parse(text: str) -> Plan | None:
    """Return the plan of a plain text with marks, or None if it has none.

    Raises:
        MarkupInvalid: a pause is longer than a minute, or all together are longer than ten.

    """
    segments: list[Segment] = []
    visible: list[tuple[int, int, str]] = []
    done = 0
    total = 0.0
    silent = list(unspoken.spans(text).items())
    for found in MARK.finditer(text):
        start, end = found.span()
        while silent and silent[0][1] <= start:
            del silent[0]
        if silent and silent[0][0] < start:
            continue
        if start > done:
            segments.append(Segment(text[done:start], done, start))
            visible.append((done, start, text[done:start]))
        if found["spell"]:
            segments.append(spelled(found))
            said = segments[-1]
            visible.append((said.start, said.end, said.text))
            done = end
            continue
        pause = seconds(found)
        total += pause
        if total > MAX_PAUSES:
            raise MarkupInvalid(f"{found[0]} at {place(text, start)}: {TOO_LONG}", field="text")
        segments.append(Segment("", start, end, pause=pause))
        done = end
    if not segments:
        return None
    if done < len(text):
        segments.append(Segment(text[done:], done, len(text)))
        visible.append((done, len(text), text[done:]))
    return Plan(text, shown(text, visible), tuple(segments))


def spelled(found: re.Match[str]) -> Segment:
    """Return the segment of characters to spell."""
    return Segment(found["spell"], *found.span("spell"), say_as=SayAs("characters"))


def seconds(found: re.Match[str]) -> float:
    """Return the seconds of a pause.

    Raises:
        MarkupInvalid: it is longer than a minute.

    """
    number = (found["a"] or found["b"] or found["c"]).replace(",", ".")
    unit = (found["a_unit"] or found["b_unit"] or "ms").lower()
    seconds = float(number) / (1000 if unit == "ms" else 1)
    if seconds > MAX_PAUSE:
        raise MarkupInvalid(
            f"{found[0]} at {place(found.string, found.start())}: a pause lasts up to "
            f"{MAX_PAUSE:g} s",
            field="text",
        )
    return seconds
