"""Times of words and phonemes, in the form of Cartesia's API."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TypedDict

from vits_tts.speech.timeline import TimedSentence

_WORD: Final = re.compile(r"\S+")


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
        timed = deque(sentence.words)
        written = _WORD.finditer(text, sentence.start)
        for match in written:
            start, end = match.span()
            if start >= sentence.end:
                return
            heard = []
            while timed and timed[0].start < end:
                heard.append(timed.popleft())
                while heard[-1].end > end and (more := next(written, None)):
                    end = more.end()  # several words that are read as one, such as "1 200"
            if heard:
                yield text[start:end], heard[0].start_seconds, heard[-1].end_seconds
