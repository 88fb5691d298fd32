"""Times of words and phonemes, in the form of Cartesia's API."""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TypedDict

from vits_tts.speech.timeline import TimedSentence
from vits_tts.text import pause_marks, unspoken

_WORD: Final = re.compile(r"\S+")
_LONGEST_TAG: Final = 1100
"""Characters of the longest tag or mark, or more."""


class WordTimestamps(TypedDict):
    """Consecutive words, with the begin and the end of each in seconds from the start."""

    words: list[str]
    start: list[float]
    end: list[float]


class PhonemeTimestamps(TypedDict):
    """Consecutive phonemes in IPA, with the begin and the end of each in seconds from the start."""

    phonemes: list[str]
    start: list[float]
    end: list[float]


def phoneme_timestamps(sentences: Sequence[TimedSentence]) -> PhonemeTimestamps:
    """Return the times of the phonemes of all words of ``sentences``."""
    found = PhonemeTimestamps(phonemes=[], start=[], end=[])
    for sentence in sentences:
        for word in sentence.words:
            for phoneme in word.phonemes or ():
                found["phonemes"].append(phoneme.phoneme)
                found["start"].append(phoneme.start_seconds)
                found["end"].append(phoneme.end_seconds)
    return found


class WordTimes:
    """Returns the times of a text's words, sentence by sentence.

    A word is written with its punctuation, so that clients find it in their text. Words without a
    sound, such as a dash, belong to the word before them.
    """

    def __init__(self, *, normalized: bool) -> None:
        """Begin at the start of a text; ``normalized`` asks for words as they are spoken."""
        self._normalized = normalized

    def of(self, text: str, sentences: Sequence[TimedSentence]) -> WordTimestamps:
        """Return the times of the words of ``sentences``, which are parts of ``text``."""
        found = WordTimestamps(words=[], start=[], end=[])
        for sentence in sentences:
            for word, start, end in self._words(text, sentence):
                found["words"].append(word)
                found["start"].append(start)
                found["end"].append(end)
        return found

    def _words(self, text: str, sentence: TimedSentence) -> Iterator[tuple[str, float, float]]:
        if self._normalized:
            for word in sentence.words:
                yield word.spoken, word.start_seconds, word.end_seconds
            return
        source = _Source(text, sentence)
        timed, written = deque(sentence.words), source.words()
        while written and written[0][0] < sentence.end:
            start, end = written.popleft()
            heard = []
            while timed and timed[0].start < end:
                heard.append(timed.popleft())
                while heard[-1].end > end and written:
                    end = written.popleft()[1]  # read as one word, such as "1 200"
            if not heard:
                continue
            following = timed[0].start if timed else sentence.end
            while written and written[0][1] <= following and source.touch(end, written[0][0]):
                end = written.popleft()[1]  # a tag is before its punctuation
            yield source.between(start, end), heard[0].start_seconds, heard[-1].end_seconds


class _Source:
    """The part of the source that a sentence comes from, and the tags and pauses in it."""

    def __init__(self, text: str, sentence: TimedSentence) -> None:
        first = self._first = sentence.start
        self._text = text[first : sentence.end + _LONGEST_TAG]
        self._silent = list(_silent(self._text, [word.start - first for word in sentence.words]))

    def words(self) -> deque[tuple[int, int]]:
        """Return the places of the written words in the source."""
        parts: list[str] = []
        done = 0
        for start, end in self._silent:
            parts += (self._text[done:start], " " * (end - start))
            done = end
        shown = "".join((*parts, self._text[done:]))
        found = (match.span() for match in _WORD.finditer(shown))
        return deque((start + self._first, end + self._first) for start, end in found)

    def touch(self, start: int, end: int) -> bool:
        """Return whether nothing but tags and pauses is between two places."""
        return not self.between(start, end)

    def between(self, start: int, end: int) -> str:
        """Return the source between two places, without tags and pauses."""
        done, stop = start - self._first, end - self._first
        parts: list[str] = []
        number = bisect_left(self._silent, (done, 0))
        while number < len(self._silent) and self._silent[number][0] < stop:
            begin, after = self._silent[number]
            parts.append(self._text[done:begin])
            done, number = after, number + 1
        return "".join((*parts, self._text[done:stop]))


def _silent(text: str, said: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the places of tags and pauses in which none of the words begins, in order."""
    if "<" not in text and "[" not in text:
        return
    pauses = ((mark.start, mark.end) for mark in pause_marks.spans(text) if mark.kind == "pause")
    done = 0
    for start, end in sorted([*unspoken.spans(text).items(), *pauses]):
        word = bisect_left(said, start)
        if start >= done and not (word < len(said) and said[word] < end):
            yield start, end
            done = end
