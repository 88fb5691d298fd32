"""Times of characters, computed from the times of words, in the form of ElevenLabs' API."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict

from vits_tts.speech.timeline import TimedSentence, stretches


class Alignment(TypedDict):
    """Consecutive characters, with the begin and the end of each in seconds from the start."""

    characters: list[str]
    character_start_times_seconds: list[float]
    character_end_times_seconds: list[float]


_Span = tuple[int, int, float, float]
"""A word: its first index, the index after its last, its begin and its end in seconds."""


class CharacterTimes:
    """Returns the times of a text's characters, sentence by sentence, without gaps."""

    def __init__(self, text: str) -> None:
        """Start before the first character of ``text``, which is the source text."""
        self._text = text
        self._told = 0
        self._told_seconds = 0.0

    def add(self, text: str) -> None:
        """Append a piece of a text that is still being written."""
        self._text += text

    @property
    def text(self) -> str:
        """The text so far."""
        return self._text

    @property
    def told_seconds(self) -> float:
        """The time up to which characters have been returned, in seconds."""
        return self._told_seconds

    def written(self, sentences: Sequence[TimedSentence], *, last: bool = False) -> Alignment:
        """Return the times from the last returned character to the end of ``sentences``.

        With ``last``, the characters after the last sentence are included.
        """
        end = len(self._text) if last or not sentences else sentences[-1].end
        spans = [span for sentence in sentences for span in stretches(sentence)]
        until = sentences[-1].end_seconds if sentences else self._told_seconds
        begin, since = self._told, self._told_seconds
        self._told, self._told_seconds = max(begin, end), until
        return _aligned(self._text, spans, range(begin, self._told), (since, until))


def spoken(sentences: Sequence[TimedSentence], since: float = 0.0) -> Alignment:
    """Return the times of the spoken text's characters; a space separates the sentences."""
    text = " ".join(sentence.spoken for sentence in sentences)
    until = sentences[-1].end_seconds if sentences else since
    return _aligned(text, _spoken_words(text, sentences), range(len(text)), (since, until))


def _spoken_words(text: str, sentences: Iterable[TimedSentence]) -> Iterator[_Span]:
    """Yield the words in the spoken text, each at its place there."""
    place = 0
    for sentence in sentences:
        for word in sentence.words:
            start = text.find(word.spoken, place)
            if start >= 0:
                place = start + len(word.spoken)
                yield start, place, word.start_seconds, word.end_seconds


def _aligned(
    text: str, words: Iterable[_Span], place: range, times: tuple[float, float]
) -> Alignment:
    """Return the times of the characters in ``place``, which lasts from ``times[0]`` to its end.

    The time of a word is divided equally among its characters. Characters between two words share
    the time between them.
    """
    starts: list[float] = []
    ends: list[float] = []
    done, (now, until) = place.start, times

    def pass_to(position: int, seconds: float) -> None:
        nonlocal done, now
        count = position - done
        step = max(0.0, seconds - now) / count if count > 0 else 0.0
        for number in range(count):
            starts.append(round(now + number * step, 4))
            ends.append(round(now + (number + 1) * step, 4))
        if count >= 0:
            done, now = position, max(now, seconds)

    for start, end, begins, stops in words:
        if start < done:  # the sentence before ends within the stretch, such as a long number
            if ends and end <= done:
                ends[-1] = now = max(now, stops)
            continue
        pass_to(start, begins)
        pass_to(min(end, place.stop), stops)
    pass_to(place.stop, until)
    return Alignment(
        characters=list(text[place.start : place.stop]),
        character_start_times_seconds=starts,
        character_end_times_seconds=ends,
    )
