"""The sentences of one request on their way: one is heard while the next is made."""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from vits_tts.cache.sentences import Ear
from vits_tts.errors import TextUnspeakable
from vits_tts.metrics import GAPS
from vits_tts.scheduling.playback import Playback, Stretch
from vits_tts.speech.tally import Tally
from vits_tts.types import Pcm, Sentence, silence

_AHEAD: Final = 1

Listen = Callable[[Sentence, Playback], tuple[Ear, Stretch]]
"""Asks for a sentence that will be heard in a playback."""


@dataclass(frozen=True, slots=True)
class _Upcoming:
    sentence: Sentence
    ear: Ear
    stretch: Stretch


class Line:
    """What one caller hears, in order. Close it: whoever leaves stops the work."""

    def __init__(
        self, sentences: Sequence[Sentence], playback: Playback, listen: Listen, tally: Tally
    ) -> None:
        """Ask for the first sentence. One more is asked for as soon as one is heard."""
        self._waiting = iter(sentences)
        self._playback = playback
        self._listen = listen
        self._tally = tally
        self._timeline = tally.timeline
        self._upcoming: deque[_Upcoming] = deque()
        self._start()

    def close(self) -> None:
        """Leave all sentences that were asked for."""
        for upcoming in self._upcoming:
            upcoming.ear.close()
        self._upcoming.clear()

    async def windows(self, sample_rate: int) -> AsyncGenerator[Pcm, None]:
        """Yield the windows of all sentences, and the pauses in between.

        Raises:
            TextUnspeakable: none of them has a sound.

        """
        spoken = False
        begun: _Upcoming | None = None
        while self._upcoming:
            current = self._upcoming[0]
            async for pcm in current.ear:
                self._start(_AHEAD)  # not before: it would delay the first sound
                if self._timeline and begun is not current:
                    begun = current
                    self._timeline.begin(pcm.timing)
                if pcm.nbytes:
                    spoken = True
                    self._hand(pcm, current.stretch)
                    yield pcm
                    self._playback.ask()
            self._next(current)
            if current.sentence.pause and spoken:
                pause = silence(current.sentence.pause, sample_rate)
                self._playback.hand(pause.seconds)
                self._tally.audio_seconds += pause.seconds
                self._pass_by(pause)
                yield pause
                self._playback.ask()
        if not spoken:
            raise TextUnspeakable("the voice knows no sound for this text", field="text")

    def _start(self, ahead: int = 0) -> None:
        """Ask for more, so that there are ``ahead`` beyond the one that is heard."""
        for sentence in islice(self._waiting, 1 + ahead - len(self._upcoming)):
            self._tally.sentences += 1
            self._upcoming.append(_Upcoming(sentence, *self._listen(sentence, self._playback)))

    def _next(self, heard: _Upcoming) -> None:
        self._upcoming.popleft()
        heard.ear.close()
        self._playback.leave_out(heard.stretch)
        self._start()

    def _pass_by(self, pcm: Pcm) -> None:
        if self._timeline:
            self._timeline.pass_by(len(pcm.samples))

    def _hand(self, pcm: Pcm, stretch: Stretch) -> None:
        self._pass_by(pcm)
        self._tally.audio_seconds += pcm.seconds
        if gap := self._playback.hand(pcm.seconds, stretch):
            self._tally.gap_seconds += gap
            GAPS.observe(gap)
