"""The time line of one request: when each sentence and word is heard, and where it was written.

Seconds count from the beginning of the sound, pauses included; places count the characters (code
points) of the text as it was given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from vits_tts.text.aligned import Text
from vits_tts.text.split import Reading
from vits_tts.types import Sentence, Timing

_LONGEST_WORD: Final = 100
"""Characters of what was written for one word. Of more each word has its share, or a number of a
thousand digits would be told a thousand times."""
_DIGITS: Final = 4
"""Of seconds: a tenth of a millisecond, less than a sample's distance from the truth."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A spoken word; several may be what one stretch of the text, such as ``15%``, is read as."""

    text: str
    spoken: str
    start: int
    end: int
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class TimedSentence:
    """A sentence as it was written and as it is said, and its words.

    ``estimated`` if the voice did not tell when each word begins: they then have shares by their
    letters. The sentence's own times are always exact.
    """

    text: str
    spoken: str
    start: int
    end: int
    start_seconds: float
    end_seconds: float
    estimated: bool
    words: tuple[TimedWord, ...]

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**_fields(self), "words": [_fields(word) for word in self.words]}


def _fields(told: TimedWord | TimedSentence) -> dict[str, Any]:
    """Return the fields by name; ``asdict`` copies each value, which takes ten times as long."""
    return {name: getattr(told, name) for name in told.__slots__}


class Timeline:
    """Grows as the sound of a request is made: a sentence is known before it is heard."""

    def __init__(self, written: str, reading: Reading, sample_rate: int) -> None:
        """Begin at zero with what is going to be said of ``written``."""
        self.sentences: list[TimedSentence] = []
        self.sample_rate = sample_rate
        self._written = written
        self._text = reading.text
        self._waiting = _placed(reading.text, reading.sentences)
        self._samples = 0
        self._taken = 0

    @property
    def seconds(self) -> float:
        """How much of the sound has been made."""
        return self._samples / self.sample_rate

    def begin(self, timing: Timing | None) -> None:
        """Note that the next sentence begins now; without ``timing`` it has no sound."""
        sentence, place = next(self._waiting)
        words = timing.words.tolist() if timing else ()
        start, end = map(self._text.near, (place, place + len(sentence.text)))
        end = min(end, sentence.end)
        self.sentences.append(
            TimedSentence(
                self._written[start:end],
                sentence.text,
                start,
                end,
                self._at(0),
                self._at(timing.samples if timing else 0),
                timing.estimated if timing else False,
                tuple(map(partial(self._word, place), words)),
            )
        )

    def pass_by(self, samples: int) -> None:
        """Note that so much sound, or silence, was made."""
        self._samples += samples

    def described(self) -> Any:
        """Return all of it for JSON."""
        return {"sentences": [sentence.described() for sentence in self.sentences]}

    def news(self) -> list[TimedSentence]:
        """Return the sentences that have begun since this was last asked."""
        news = self.sentences[self._taken :]
        self._taken = len(self.sentences)
        return news

    def _word(self, place: int, word: tuple[int, int, int, int]) -> TimedWord:
        first, last = place + word[0], place + word[1]
        start, end = self._text.source(first, last)
        if end - start > _LONGEST_WORD:
            start, end = map(self._text.near, (first, last))
        written, spoken = self._written[start:end], self._text.spoken[first:last]
        start += len(written) - len(written.lstrip())
        end -= len(written) - len(written.rstrip()) if start < end else 0
        times = self._at(word[2]), self._at(word[3])
        return TimedWord(written.strip(), spoken, start, end, *times)

    def _at(self, sample: int) -> float:
        return round((self._samples + sample) / self.sample_rate, _DIGITS)


def _placed(text: Text, sentences: tuple[Sentence, ...]) -> Iterator[tuple[Sentence, int]]:
    """Yield the sentences and where in what is spoken each begins.

    What lies between them has no letter and no digit, so that none can be found too early.
    """
    done = 0
    for sentence in sentences:
        place = text.spoken.index(sentence.text, done)
        yield sentence, place
        done = place + len(sentence.text)
