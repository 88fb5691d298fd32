"""The place in a text up to which its sound has been heard, for clients that interrupt it."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vits_tts.speech.timeline import TimedSentence, stretches

_NEARLY: Final = 0.0005
"""Seconds by which a rounded time may differ from the true one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The sound of a context so far: its sentences, and the seconds of sound that were sent."""

    sentences: Sequence[TimedSentence]
    sent_seconds: float

    @property
    def sent(self) -> Mapping[str, int]:
        """The place up to which sound was sent, as JSON: characters and milliseconds."""
        return self._described(self.sent_seconds)

    def played(self, seconds: float) -> Mapping[str, int]:
        """Return the place that a client has reached after ``seconds`` of sound, as JSON."""
        return self._described(min(seconds, self.sent_seconds))

    def _described(self, seconds: float) -> Mapping[str, int]:
        return {"characters": self.characters(seconds), "ms": round(seconds * 1000)}

    def characters(self, seconds: float) -> int:
        """Return how many characters of the text are complete after ``seconds`` of sound.

        The time of a word is divided equally among its characters.
        """
        at = seconds + _NEARLY
        count = bisect_left(self.sentences, at, key=lambda sentence: sentence.start_seconds)
        if not count:
            return 0
        sentence = self.sentences[count - 1]
        if at >= sentence.end_seconds:
            return sentence.end
        place = self.sentences[count - 2].end if count > 1 else 0
        for start, end, begins, ends in stretches(sentence):
            if begins >= at:
                break
            share = min(1.0, (at - begins) / max(ends - begins, _NEARLY))
            if done := int((end - start) * share):
                place = start + done
        return place
