"""Speech marks as Amazon Polly writes them: a JSON object on each line.

Times are in milliseconds. Places are bytes of the source in UTF-8, not characters. Source:
https://docs.aws.amazon.com/polly/latest/dg/output.html
"""

import json
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, ClassVar, Final

from vits_tts.speech.timeline import TimedSentence

MEDIA_TYPE: Final = "application/x-json-stream"


class SpeechMarks:
    """Writes the marks of one speech, sentence by sentence."""

    kind: ClassVar[str] = "marks"
    opening: ClassVar[str] = ""

    def __init__(self, source: str) -> None:
        """Start at the beginning of ``source``, the caller's text."""
        self._source = source
        self._place = (0, 0)

    def sentence(self, sentence: TimedSentence) -> str:
        """Return the marks of the next sentence, in the order of their times.

        A written word that is spoken as several words has one mark. Visemes are included if the
        sentence has them.
        """
        marks = [
            self._mark("sentence", sentence.start_seconds, sentence.start, sentence.end),
            *self._ssml(sentence),
            *self._words(sentence),
        ]
        marks += (
            {"time": _ms(shape.start_seconds), "type": "viseme", "value": shape.name}
            for shape in sentence.visemes or ()
        )
        marks.sort(key=lambda mark: mark["time"])  # stable: a word is before its first viseme
        return "".join(json.dumps(mark, ensure_ascii=False) + "\n" for mark in marks)

    def _words(self, sentence: TimedSentence) -> Iterator[dict[str, Any]]:
        for (start, end), words in groupby(sentence.words, attrgetter("start", "end")):
            yield self._mark("word", next(words).start_seconds, start, end)

    def _ssml(self, sentence: TimedSentence) -> Iterator[dict[str, Any]]:
        for mark in sentence.marks:
            end = self._source.find(">", mark.start) + 1 or mark.start
            yield self._mark("ssml", mark.seconds, mark.start, end, mark.name)

    def _mark(
        self, kind: str, seconds: float, start: int, end: int, value: str | None = None
    ) -> dict[str, Any]:
        first, last = self._bytes_before(start), self._bytes_before(end)
        told = self._source[start:end] if value is None else value
        return {"time": _ms(seconds), "type": kind, "start": first, "end": last, "value": told}

    def _bytes_before(self, place: int) -> int:
        """Return the number of bytes before a place; fast if the last place is near."""
        known, size = self._place
        if place >= known:
            size += len(self._source[known:place].encode())
        else:
            size -= len(self._source[place:known].encode())
        self._place = (place, size)
        return size


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
