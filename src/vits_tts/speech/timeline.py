"""The time line of one request: when each sentence and word is heard, and where it was written.

If ``details`` ask for them, words have their phonemes, and sentences the positions of the mouth.

Seconds count from the beginning of the sound, pauses included; places count the characters (code
points) of the text as it was given.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal

from vits_tts.text.aligned import Text
from vits_tts.text.phonemes.given import CLOSE, OPEN
from vits_tts.text.phonemes.visemes import CLOSED, Viseme, viseme
from vits_tts.text.split import Reading
from vits_tts.types import Mark, Sentence, Timing

Detail = Literal["phonemes", "visemes"]
DETAILS: Final[tuple[Detail, ...]] = ("phonemes", "visemes")

_HELD_SECONDS: Final = 0.1
"""A shorter silence between two phonemes does not close the mouth."""
_LONGEST_WORD: Final = 100
"""Characters of what was written for one word. Of more each word has its share, or a number of a
thousand digits would be told a thousand times."""
_DIGITS: Final = 4
"""Of seconds: a tenth of a millisecond, less than a sample's distance from the truth."""


@dataclass(frozen=True, slots=True)
class TimedPhoneme:
    """A phoneme in IPA, with its tone if it has one, and when it is heard."""

    phoneme: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class TimedViseme:
    """A position of the mouth, as an id of Azure from 0 (silence) to 21, and how long it lasts.

    ``name`` is Polly's name of the position.
    """

    viseme: int
    name: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A spoken word; several may be what one stretch of the text, such as ``15%``, is read as."""

    text: str
    spoken: str
    start: int
    end: int
    start_seconds: float
    end_seconds: float
    phonemes: tuple[TimedPhoneme, ...] | None = None
    """None if they were not asked for."""


@dataclass(frozen=True, slots=True)
class TimedMark:
    """A mark of SSML: its name, its place in the text, and when it is reached."""

    name: str
    start: int
    seconds: float


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
    marks: tuple[TimedMark, ...] = ()
    voice: str | None = None
    """The voice that markup or a turn names."""
    turn: int | None = None
    visemes: tuple[TimedViseme, ...] | None = None
    """The mouth from the beginning to the end, without gaps; None if not asked for."""

    def described(self) -> dict[str, Any]:
        """Return it for JSON, without its absent fields."""
        told = {**_fields(self), "words": [_described(word) for word in self.words]}
        for name in ("voice", "turn", "visemes"):
            if told[name] is None:
                del told[name]
        if self.visemes is not None:
            told["visemes"] = [_fields(viseme) for viseme in self.visemes]
        if self.marks:
            told["marks"] = [_fields(mark) for mark in self.marks]
        else:
            del told["marks"]
        return told


def _described(word: TimedWord) -> dict[str, Any]:
    told = _fields(word)
    if word.phonemes is None:
        del told["phonemes"]
    else:
        told["phonemes"] = [_fields(phoneme) for phoneme in word.phonemes]
    return told


def _fields(
    told: TimedPhoneme | TimedViseme | TimedWord | TimedSentence | TimedMark,
) -> dict[str, Any]:
    """Return the fields by name; ``asdict`` copies each value, which takes ten times as long."""
    return {name: getattr(told, name) for name in told.__slots__}


class Timeline:
    """Grows as the sound of a request is made: a sentence is known before it is heard."""

    def __init__(self, written: str, reading: Reading, sample_rate: int) -> None:
        """Begin at zero with what is going to be said of ``written``."""
        self.sentences: list[TimedSentence] = []
        self.sample_rate = sample_rate
        self.details: Collection[Detail] = ()
        """The times beside those of words that sentences get; set before the first begins."""
        self._waiting: deque[_Placed] = deque()
        self.add(written, reading)
        self._samples = round(reading.lead * sample_rate)
        self._taken = 0

    @property
    def seconds(self) -> float:
        """Seconds of the sound that were made so far."""
        return self._samples / self.sample_rate

    def add(self, written: str, reading: Reading, *, said: int = 0, offset: int = 0) -> None:
        """Append the sentences of a further text.

        They are looked for from the place ``said`` of its spoken form. ``offset`` is the place of
        ``written`` in the whole text.
        """
        for sentence, place in _placed(reading.text, reading.sentences, said):
            self._waiting.append(_Placed(sentence, place, written, reading.text, offset))

    def begin(self, timing: Timing | None) -> None:
        """Note that the next sentence begins now; without ``timing`` it has no sound."""
        placed = self._waiting.popleft()
        sentence, place, offset = placed.sentence, placed.place, placed.offset
        words = tuple(map(partial(self._word, placed), timing.words.tolist() if timing else ()))
        if timing and "phonemes" in self.details:
            words = self._with_phonemes(words, timing)
        start, end = map(placed.text.near, (place, place + len(sentence.text)))
        end = min(end, sentence.end - offset)
        self.sentences.append(
            TimedSentence(
                placed.written[start:end],
                sentence.text,
                start + offset,
                end + offset,
                self._at(0),
                self._at(timing.samples if timing else 0),
                timing.estimated if timing else False,
                words,
                tuple(self._mark(mark, sentence, words, timing) for mark in sentence.marks),
                sentence.voice,
                sentence.turn,
                self._visemes(timing) if "visemes" in self.details else None,
            )
        )

    def pass_by(self, samples: int) -> None:
        """Note that this many samples of sound or silence were made."""
        self._samples += samples

    def described(self) -> Any:
        """Return all of it for JSON."""
        return {"sentences": [sentence.described() for sentence in self.sentences]}

    def news(self) -> list[TimedSentence]:
        """Return the sentences that have begun since this was last asked."""
        news = self.sentences[self._taken :]
        self._taken = len(self.sentences)
        return news

    def _word(self, placed: "_Placed", word: tuple[int, int, int, int]) -> TimedWord:
        text, first, last = placed.text, placed.place + word[0], placed.place + word[1]
        start, end = text.source(first, last)
        if end - start > _LONGEST_WORD:
            start, end = map(text.near, (first, last))
        written = placed.written[start:end]
        spoken = text.spoken[first:last].strip(OPEN + CLOSE)
        start, end = start + placed.offset, end + placed.offset
        start += len(written) - len(written.lstrip())
        end -= len(written) - len(written.rstrip()) if start < end else 0
        times = self._at(word[2]), self._at(word[3])
        return TimedWord(written.strip(), spoken, start, end, *times)

    def _with_phonemes(self, words: Sequence[TimedWord], timing: Timing) -> tuple[TimedWord, ...]:
        """Return the words with their phonemes."""
        found: list[list[TimedPhoneme]] = [[] for _ in words]
        for name, (word, start, end) in zip(
            timing.phonemes, timing.phoneme_times.tolist(), strict=True
        ):
            found[word].append(TimedPhoneme(name, self._at(start), self._at(end)))
        return tuple(
            replace(word, phonemes=tuple(phonemes))
            for word, phonemes in zip(words, found, strict=True)
        )

    def _visemes(self, timing: Timing | None) -> tuple[TimedViseme, ...]:
        """Return the positions of the mouth from the beginning of a sentence to its end."""
        if timing is None:
            return ()
        shapes: list[tuple[Viseme, int]] = [(CLOSED, 0)]
        heard = 0
        for name, (_, start, end) in zip(
            timing.phonemes, timing.phoneme_times.tolist(), strict=True
        ):
            if start - heard >= _HELD_SECONDS * self.sample_rate:
                shapes.append((CLOSED, heard))
            shape = viseme(name)
            if shape and start < end:
                shapes.append((shape, start))
            heard = max(heard, end)
        shapes.append((CLOSED, min(heard, timing.samples)))
        changes = [next(group) for _, group in groupby(shapes, itemgetter(0))]
        ends = [start for _, start in changes[1:]] + [timing.samples]
        return tuple(
            TimedViseme(*shape, self._at(start), self._at(end))
            for (shape, start), end in zip(changes, ends, strict=True)
            if start < end
        )

    def _mark(
        self, mark: Mark, sentence: Sentence, words: Sequence[TimedWord], timing: Timing | None
    ) -> TimedMark:
        """Return a mark with its time: where the next word of its sentence begins, or its end."""
        if mark.position <= sentence.start:
            at = self._at(0)
        else:
            later = (word.start_seconds for word in words if word.start >= mark.position)
            at = next(later, self._at(timing.samples if timing else 0))
        return TimedMark(mark.name, mark.position, round(max(0.0, at + mark.shift), _DIGITS))

    def _at(self, sample: int) -> float:
        return round((self._samples + sample) / self.sample_rate, _DIGITS)


@dataclass(frozen=True, slots=True)
class _Placed:
    """A sentence, its place in the spoken ``text``, and the text that was written for it."""

    sentence: Sentence
    place: int
    written: str
    text: Text
    offset: int


def _placed(
    text: Text, sentences: tuple[Sentence, ...], done: int
) -> Iterator[tuple[Sentence, int]]:
    """Yield each sentence with the position in the spoken text at which it begins.

    The text between two sentences has no letter and no digit, so none is found too early.
    """
    for sentence in sentences:
        place = text.spoken.index(sentence.text, done)
        yield sentence, place
        done = place + len(sentence.text)
