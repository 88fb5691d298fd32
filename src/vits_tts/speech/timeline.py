"""The time line of one request: the time and the place in the text of each sentence and word.

Depending on ``details``, words have their phonemes, and sentences the positions of the mouth.

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
from vits_tts.text.letters import HIDDEN, NOT_SHOWN
from vits_tts.text.phonemes.given import CLOSE, OPEN
from vits_tts.text.phonemes.visemes import CLOSED, Viseme, viseme
from vits_tts.text.split import Reading
from vits_tts.types import Mark, Sentence, Timing

Detail = Literal["phonemes", "visemes"]
DETAILS: Final[tuple[Detail, ...]] = ("phonemes", "visemes")

_HELD_SECONDS: Final = 0.1
"""A shorter silence between two phonemes does not close the mouth."""
_LONGEST_WORD: Final = 100
"""Maximum characters of the source of one word. A longer source, such as a number of a thousand
digits, is divided among its words; otherwise each of them would repeat all of it."""
_DIGITS: Final = 4
"""Decimals of seconds: a tenth of a millisecond, about two samples."""


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
    """A spoken word. Several words may come from one place in the text, such as ``15%``."""

    text: str
    spoken: str
    start: int
    end: int
    start_seconds: float
    end_seconds: float
    phonemes: tuple[TimedPhoneme, ...] | None = None
    """None if they were not requested."""


@dataclass(frozen=True, slots=True)
class TimedMark:
    """A mark of SSML: its name, its place in the text, and when it is reached."""

    name: str
    start: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TimedSentence:
    """A sentence in its written and its spoken form, and its words.

    ``estimated`` is true if the voice does not give the times of words. They are then computed from
    the numbers of letters. The sentence's own times are always exact.
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
    """The positions of the mouth, without gaps; None if they were not requested."""
    shown: str | None = None
    """The text with ``FILLER`` and ``HIDDEN`` in place of hidden characters such as tags, so that
    places in it are those of the source; None if it hides none."""

    def described(self) -> dict[str, Any]:
        """Return the sentence for JSON, without absent fields."""
        told = {**_fields(self), "words": [_described(word) for word in self.words]}
        del told["shown"]
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
    """The times of a speech, to which sentences are added while it is synthesised."""

    def __init__(self, written: str, reading: Reading, sample_rate: int) -> None:
        """Start at time zero; ``written`` is the text of the request."""
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
        """Seconds of sound so far."""
        return self._samples / self.sample_rate

    def add(self, written: str, reading: Reading, *, said: int = 0, offset: int = 0) -> None:
        """Append the sentences of a further part of the text.

        They are looked for from the place ``said`` of its spoken form. ``offset`` is the place of
        ``written`` in the whole text.
        """
        for sentence, place in _placed(reading.text, reading.sentences, said):
            self._waiting.append(_Placed(sentence, place, written, reading.text, offset))

    def begin(self, timing: Timing | None) -> None:
        """Record that the next sentence begins now; without ``timing`` it has no sound."""
        placed = self._waiting.popleft()
        sentence, place, offset = placed.sentence, placed.place, placed.offset
        words = tuple(map(partial(self._word, placed), timing.words.tolist() if timing else ()))
        if timing and "phonemes" in self.details:
            words = self._with_phonemes(words, timing)
        start, end = map(placed.text.near, (place, place + len(sentence.text)))
        end = min(end, sentence.end - offset)
        written = placed.written[start:end]
        seen = written.translate(NOT_SHOWN)
        self.sentences.append(
            TimedSentence(
                seen,
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
                written if seen != written else None,
            )
        )

    def pass_by(self, samples: int) -> None:
        """Advance the time by this many samples of sound or silence."""
        self._samples += samples

    def described(self) -> Any:
        """Return the whole time line for JSON."""
        return {"sentences": [sentence.described() for sentence in self.sentences]}

    def news(self) -> list[TimedSentence]:
        """Return the sentences that have begun since the last call."""
        news = self.sentences[self._taken :]
        self._taken = len(self.sentences)
        return news

    def _word(self, placed: "_Placed", word: tuple[int, int, int, int]) -> TimedWord:
        text, first, last = placed.text, placed.place + word[0], placed.place + word[1]
        start, end = text.source(first, last)
        if end - start > _LONGEST_WORD:
            start, end = map(text.near, (first, last))
        written = placed.written[start:end].replace(HIDDEN, " ")
        spoken = text.spoken[first:last].strip(OPEN + CLOSE)
        start, end = start + placed.offset, end + placed.offset
        start += len(written) - len(written.lstrip())
        end -= len(written) - len(written.rstrip()) if start < end else 0
        times = self._at(word[2]), self._at(word[3])
        seen = placed.written[start - placed.offset : end - placed.offset].translate(NOT_SHOWN)
        return TimedWord(seen.strip(), spoken, start, end, *times)

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


def stretches(sentence: TimedSentence) -> Iterator[tuple[int, int, float, float]]:
    """Yield the begin and end of each written word of a sentence, and when it is heard.

    Several spoken words that are the reading of one stretch of the text, such as ``15%``, are one.
    """
    for (start, end), words in groupby(sentence.words, key=lambda word: (word.start, word.end)):
        first, *rest = words
        last = rest[-1] if rest else first
        yield start, end, first.start_seconds, last.end_seconds


@dataclass(frozen=True, slots=True)
class _Placed:
    """A sentence, its place in the spoken ``text``, and its source."""

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
