"""Subtitles from a time line: SubRip (SRT) and WebVTT, with the text as it was written.

A cue has at most two lines of 42 characters and lasts up to about seven seconds. It ends at the end
of a clause if possible, and never overlaps with the next cue. In WebVTT each word except the first
of a cue has its time before it (https://www.w3.org/TR/webvtt1/#webvtt-cue-timestamp). SubRip has no
standard, so only forms that all players read are written.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import ClassVar, Final, Literal, NamedTuple

from vits_tts.speech.timeline import TimedSentence
from vits_tts.text.letters import FILLER, HIDDEN, NOT_SHOWN

SubtitleFormat = Literal["srt", "vtt"]

MEDIA_TYPES: Final = {"srt": "application/x-subrip", "vtt": "text/vtt"}

_LINE: Final = 42
_LINES: Final = 2
_LONGEST_MS: Final = 7000
_FILL: Final = f"[{FILLER}{HIDDEN}]"
_CHUNK: Final = re.compile(rf"(?:{_FILL}*+(?!{_FILL})\S){{1,{_LINE}}}{_FILL}*+")
"""A word, or part of a long one, with the markup around it and inside it."""
_CLAUSE_END: Final = re.compile(r"[,;:.!?…][\"'”’»)]*$")


class _Piece(NamedTuple):
    """A written word, or part of a long one, and when it begins; None if it is not spoken."""

    text: str
    ms: int | None


class _Cue(NamedTuple):
    lines: list[list[_Piece]]
    start: int
    end: int


class Subtitles:
    """Writes one file, sentence by sentence."""

    kind: ClassVar[str] = "subtitles"

    def __init__(self, form: SubtitleFormat) -> None:
        """Begin with the first cue."""
        self._form = form
        self._count = 0
        self._speaker: tuple[str | None, int | None] = (None, None)

    @property
    def opening(self) -> str:
        """The text before the first cue."""
        return "WEBVTT\n\n" if self._form == "vtt" else ""

    def sentence(self, sentence: TimedSentence) -> str:
        """Return the cues of the next sentence.

        If the sentence names a voice, WebVTT has the name in each cue, SubRip only in the first cue
        of a turn.
        """
        return "".join(self._written(cue, sentence) for cue in _cues(sentence))

    def _written(self, cue: _Cue, sentence: TimedSentence) -> str:
        self._count += 1
        name, speaker = sentence.voice, (sentence.voice, sentence.turn)
        changed, self._speaker = speaker != self._speaker, speaker
        if self._form == "vtt":
            times = f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}"
            voice = f"<v {html.escape(name, quote=False)}>" if name else ""
            return f"{times}\n{voice}{_with_times(cue)}\n\n"
        times = f"{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}"
        lines = (" ".join(piece.text for piece in line) for line in cue.lines)
        named = f"{name}: " if name and changed else ""
        # Players would take it for a line of times.
        text = (named + "\n".join(lines)).replace("-->", "→")
        return f"{self._count}\n{times}\n{text}\n\n"


def subtitles(sentences: Iterable[TimedSentence], form: SubtitleFormat) -> str:
    """Return the subtitles of a whole speech as a file."""
    writer = Subtitles(form)
    return writer.opening + "".join(map(writer.sentence, sentences))


def _cues(sentence: TimedSentence) -> Iterator[_Cue]:
    """Yield the cues of a sentence that has a sound: each lasts until the next."""
    end = _ms(sentence.end_seconds)
    pieces = list(_pieces(sentence))
    parts = list(_parts(pieces))
    starts = [_start(part, end) for part in parts]
    for part, start, stop in zip(parts, starts, [*starts[1:], end], strict=True):
        if start < stop:
            yield _Cue(_balanced(part), start, stop)


def _pieces(sentence: TimedSentence) -> Iterator[_Piece]:
    """Yield each written word, with the time of the spoken word that begins in it."""
    places = groupby(sentence.words, attrgetter("start", "end"))
    spoken = [(place, list(words)) for place, words in places]
    for chunk in _CHUNK.finditer(sentence.shown or sentence.text):
        start, stop = (sentence.start + place for place in chunk.span())
        while spoken and spoken[0][0][1] <= start:
            spoken.pop(0)
        ms = None
        if spoken and spoken[0][0][0] < stop:
            (first, last), words = spoken[0]
            begin, end = words[0].start_seconds, words[-1].end_seconds
            share = max(0, start - first) / max(1, last - first)
            ms = _ms(begin + (end - begin) * share)
        if text := chunk[0].translate(NOT_SHOWN):
            yield _Piece(text, ms)


def _parts(pieces: Sequence[_Piece]) -> Iterator[Sequence[_Piece]]:
    """Yield lists of pieces, one for each cue, preferring breaks between clauses."""
    while pieces:
        most = next((n for n in range(1, len(pieces)) if _is_full(pieces, n)), len(pieces))
        size = most
        if most < len(pieces):
            ends = [n for n in range(most // 3, most + 1) if n and _ends_well(pieces, n)]
            size = max(ends, default=most)
        yield pieces[:size]
        pieces = pieces[size:]


def _is_full(pieces: Sequence[_Piece], size: int) -> bool:
    """Return whether a cue of the first ``size`` pieces has no space or time for one more."""
    start, more = _start(pieces, 0), pieces[size].ms
    late = more is not None and more - start > _LONGEST_MS
    return late or len(_lines(pieces[: size + 1], _LINE)) > _LINES


def _ends_well(pieces: Sequence[_Piece], size: int) -> bool:
    return bool(_CLAUSE_END.search(pieces[size - 1].text)) and pieces[size].ms is not None


def _start(part: Sequence[_Piece], end: int) -> int:
    return next((piece.ms for piece in part if piece.ms is not None), end)


def _balanced(part: Sequence[_Piece]) -> list[list[_Piece]]:
    """Return the lines of a cue, of about the same length if there are two."""
    if len(_lines(part, _LINE)) == 1:
        return [list(part)]
    widths = range(_LINE // 2, _LINE)
    return _lines(part, next((w for w in widths if len(_lines(part, w)) <= _LINES), _LINE))


def _lines(pieces: Sequence[_Piece], width: int) -> list[list[_Piece]]:
    lines: list[list[_Piece]] = []
    room = -1
    for piece in pieces:
        room -= len(piece.text) + 1
        if room < 0:
            lines.append([])
            room = width - len(piece.text)
        lines[-1].append(piece)
    return lines


def _with_times(cue: _Cue) -> str:
    last = cue.start
    lines = []
    for line in cue.lines:
        texts = []
        for piece in line:
            time = ""
            if piece.ms is not None and last < piece.ms < cue.end:
                time, last = f"<{_clock(piece.ms, '.')}>", piece.ms
            texts.append(time + html.escape(piece.text, quote=False))
        lines.append(" ".join(texts))
    return "\n".join(lines)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _clock(ms: int, point: str) -> str:
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{ms // 1000:02}{point}{ms % 1000:03}"
