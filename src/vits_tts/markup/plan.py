"""The plan of a request: its segments of speech, in the order of the document.

A plain text is a plan of one segment. Markup makes more of them: each has its voice, rate and
volume, or is a pause or a mark. Every segment has its place in what the author wrote.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeAlias

from vits_tts.text.letters import FILLER, HIDDEN

InputKind: TypeAlias = Literal["text", "ssml"]

Pause: TypeAlias = float | Literal["sentence", "paragraph"]
"""Seconds of silence, or the pause that the settings give to the end of a sentence or paragraph."""

_SSML_BEGINNINGS: Final = tuple(f"<speak{after}" for after in " \t\r\n>/")
MAX_PAUSE: Final = 60.0
"""Maximum silence between two words, in seconds, even if several breaks add up to more."""
MAX_PAUSES: Final = 600.0
"""Maximum sum of all pauses of one request, in seconds."""
TOO_LONG: Final = f"all pauses together last up to {MAX_PAUSES:g} s"


@dataclass(frozen=True, slots=True)
class SayAs:
    """The reading of a segment: the rule, such as ``date``, and its format, such as ``dmy``."""

    interpret_as: str
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Phonemes:
    """The phonemes of a segment, in IPA (``ipa``) or in the voice's own symbols (``x-voice``)."""

    symbols: str
    alphabet: Literal["ipa", "x-voice"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a plan: a text, a ``pause`` or a ``mark``; the last two have no text.

    ``start`` and ``end`` are its place in the source, in code points. ``text`` is either the source
    at that place, character by character, or a replacement for all of it. ``rate`` multiplies the
    speed of the request (2 is twice as fast), ``volume`` the amplitude.
    """

    text: str
    start: int
    end: int
    voice: str | None = None
    rate: float = 1.0
    volume: float = 1.0
    pause: Pause | None = None
    mark: str | None = None
    say_as: SayAs | None = None
    phonemes: Phonemes | None = None
    turn: int | None = None
    """The number of its turn in a dialogue, from 0."""

    def described(self) -> dict[str, Any]:
        """Return the segment for JSON, without the fields that have their usual values."""
        told: dict[str, Any] = {"text": self.text, "start": self.start, "end": self.end}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in told or value == field.default:
                continue
            if isinstance(value, SayAs):
                told["say_as"] = value.interpret_as
                if value.format:
                    told["format"] = value.format
            elif isinstance(value, Phonemes):
                told["phonemes"], told["alphabet"] = value.symbols, value.alphabet
            else:
                told[field.name] = value
        return told


@dataclass(frozen=True, slots=True)
class Plan:
    """The segments of a request, in the order of the source.

    ``shown`` is the source without its markup; see :func:`shown`.
    """

    source: str
    shown: str
    segments: tuple[Segment, ...]

    def described(self) -> list[dict[str, Any]]:
        """Return the segments for JSON; neighbouring texts with the same properties are joined."""
        told: list[Segment] = []
        for segment in self.segments:
            if told and (joined := _joined(told[-1], segment)):
                told[-1] = joined
            else:
                told.append(segment)
        return [segment.described() for segment in told if segment.text.strip() or _acts(segment)]


def _acts(segment: Segment) -> bool:
    return segment.pause is not None or segment.mark is not None


def _joined(first: Segment, second: Segment) -> Segment | None:
    """Return two segments joined to one; None if they differ in voice, rate or other properties."""
    joined = Segment(
        first.text + second.text,
        first.start,
        second.end,
        first.voice,
        first.rate,
        first.volume,
        turn=first.turn,
    )
    way = first.voice, first.rate, first.volume
    plain = Segment(second.text, second.start, second.end, *way, turn=first.turn)
    own = Segment(first.text, first.start, first.end, *way, turn=first.turn)
    return joined if second == plain and first == own else None


def shown(source: str, visible: Iterable[tuple[int, int, str]]) -> str:
    """Return a source as it is shown: only its visible texts, each with its place there.

    Places are the same in both: a text that is shorter than its place, such as the character of
    ``&amp;``, is followed by ``FILLER``. Markup is ``HIDDEN``; between two words it is a space.
    """
    parts: list[str] = []
    done = 0
    last = ""
    for start, end, text in visible:
        if start > done:
            apart = last.isalnum() and text[:1].isalnum()
            parts.append((" " * apart).ljust(start - done, HIDDEN))
        parts.append(text.ljust(end - start, FILLER))
        last = text[-1:] or last
        done = end
    return "".join(parts).ljust(len(source), HIDDEN)


def place(source: str, position: int) -> str:
    """Return the line and column of a position, counted from 1, in words."""
    line = source.count("\n", 0, position) + 1
    column = position - source.rfind("\n", 0, position)
    return f"line {line}, column {column}"


def plan_of(
    text: str, kind: InputKind | None, *, lenient: bool = False, inline: bool = True
) -> Plan | None:
    """Return the plan of a text that has markup, or None for a plain text, which is one segment.

    Args:
        text: The text of the caller.
        kind: Whether it is SSML; with None it is if it begins with ``<speak``.
        lenient: Whether unknown elements and attributes of SSML are ignored.
        inline: Whether inline marks, such as ``[pause 0.5s]``, have an effect in plain text.

    Raises:
        MarkupInvalid: the markup is broken.
        MarkupUnsupported: it asks for something that this server cannot do.

    """
    if kind == "ssml" or (kind is None and begins_as_ssml(text)):
        from vits_tts.markup import ssml  # noqa: PLC0415  # plain texts need no parser

        return ssml.parse(text, lenient=lenient)
    if inline and ("[" in text or "<" in text):
        from vits_tts.markup import inline as marks  # noqa: PLC0415

        return marks.parse(text)
    return None


def begins_as_ssml(text: str) -> bool:
    """Return whether a text begins with a tag ``speak``, after an XML declaration or comments."""
    if "<" not in text[:1] and "<" not in text.lstrip("\ufeff \t\r\n")[:1]:
        return False
    rest = text.lstrip("\ufeff \t\r\n")
    while rest.startswith(("<?xml", "<!--")):
        end = "?>" if rest.startswith("<?") else "-->"
        _, found, rest = rest.partition(end)
        if not found:
            return False
        rest = rest.lstrip()
    if rest[:16].lower().startswith("<!doctype speak"):
        return True  # which is then refused
    return rest.startswith(_SSML_BEGINNINGS)
