"""Dialogue: turns of several voices, put together into one plan.

The source of the plan is the texts of all turns, joined by line ends. Every place counts its
characters.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vits_tts.errors import MarkupInvalid, MarkupUnsupported, SpeedInvalid
from vits_tts.markup.plan import MAX_PAUSE, MAX_PAUSES, InputKind, Plan, Segment, plan_of

MAX_TURNS: Final = 1000


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its text, voice and speed; None stands for the value of the request.

    ``pause`` is the silence after it in seconds. ``input`` says whether the text is SSML.
    """

    text: str
    voice: str | None = None
    speaker: str | None = None
    speed: str | float | None = None
    pause: float | None = None
    input: InputKind | None = None


def text_of(turns: Iterable[Turn]) -> str:
    """Return the texts of all turns, joined by line ends."""
    return "\n".join(turn.text for turn in turns)


def plan_of_turns(
    turns: Sequence[Turn],
    pause: float,
    voice: Callable[[Turn], str | None],
    rate: Callable[[Turn], float],
    *,
    lenient: bool = False,
    inline: bool = True,
) -> Plan:
    """Return the plan of turns with ``pause`` seconds between them.

    Args:
        turns: The turns, in order; there is at least one.
        pause: The silence between two turns in seconds, where a turn has none of its own.
        voice: Returns the name of the voice of a turn, or None for that of the request.
        rate: Returns the factor of a turn on the speed of the request.
        lenient: Whether unknown elements and attributes of SSML are ignored.
        inline: Whether inline marks have an effect in plain text.

    Raises:
        MarkupInvalid: the markup of a turn is broken, or the pauses are too long.
        MarkupUnsupported: it asks for something that this server cannot do.
        SpeedInvalid: a speed is neither a rate nor the name of one.

    """
    segments: list[Segment] = []
    shown: list[str] = []
    begin = 0
    total = 0.0
    for number, turn in enumerate(turns):
        own = _plan(turn, number, lenient=lenient, inline=inline)
        said_by, factor = voice(turn), _rate(turn, number, rate)
        segments += (
            replace(
                segment,
                start=segment.start + begin,
                end=segment.end + begin,
                voice=segment.voice or said_by,
                rate=segment.rate * factor,
                turn=number,
            )
            for segment in own.segments
        )
        begin += len(turn.text)
        total += sum(each.pause for each in own.segments if isinstance(each.pause, float))
        last = number == len(turns) - 1
        after = pause if turn.pause is None and not last else turn.pause
        if after is not None:
            total += after
            segments.append(Segment("", begin, begin, pause=float(after)))
        if not last:
            segments.append(Segment("\n", begin, begin + 1))
        begin += 1
        shown.append(own.shown)
        if not 0 <= (after or 0) <= MAX_PAUSE or total > MAX_PAUSES:
            raise MarkupInvalid(
                f"turns[{number}].pause: a pause lasts up to {MAX_PAUSE:g} s, and all together up "
                f"to {MAX_PAUSES:g} s",
                field="turns",
            )
    return Plan(text_of(turns), "\n".join(shown), tuple(segments))


def _rate(turn: Turn, number: int, rate: Callable[[Turn], float]) -> float:
    try:
        return rate(turn)
    except SpeedInvalid as error:
        raise SpeedInvalid(f"turns[{number}].speed: {error.message}", field="turns") from None


def _plan(turn: Turn, number: int, *, lenient: bool, inline: bool) -> Plan:
    try:
        plan = plan_of(turn.text, turn.input, lenient=lenient, inline=inline)
    except (MarkupInvalid, MarkupUnsupported) as error:
        raise type(error)(f"turns[{number}].text: {error.message}", field="turns") from None
    whole = Segment(turn.text, 0, len(turn.text))
    return plan or Plan(turn.text, turn.text, (whole,))
