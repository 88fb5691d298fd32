"""The sentences of one request in order: while one is delivered, the next is synthesised."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from vits_tts.audio.gain import Amplifier
from vits_tts.cache.sentence_store import SentenceAudio, SentenceStore
from vits_tts.errors import TextUnspeakable
from vits_tts.scheduling.playback import Playback, Stretch
from vits_tts.speech.rate_conversion import ConvertedAudio
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.sentence_synthesizer import SentenceJob
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.telemetry.metrics import GAPS
from vits_tts.types import Pcm, Sentence, silence

_AHEAD: Final = 1
"""The number of sentences that are requested beyond the one that is being delivered."""


@dataclass(frozen=True, slots=True)
class _Upcoming:
    """A sentence that was requested, and its place in the listener's playback."""

    sentence: Sentence
    audio: SentenceAudio
    stretch: Stretch
    pause_before: float
    silence_before: float
    sample_rate: int


class JobQueue:
    """The sentences of a stream that are known so far, in order; more may come.

    If the text is still being ``written``, silence between two sentences is not the server's fault.
    """

    def __init__(
        self, jobs: Iterable[SentenceJob] = (), *, complete: bool = True, written: bool = False
    ) -> None:
        """Start with ``jobs``; no job may be added later if they are ``complete``."""
        self.written = written
        self.silence_after = 0.0
        """Seconds of silence after the last sentence, known when no sentence follows."""
        self._jobs = deque(jobs)
        self._complete = complete
        self._error: BaseException | None = None
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of sentences still in the queue."""
        return len(self._jobs)

    def __iter__(self) -> Iterator[SentenceJob]:
        """Yield the sentences still in the queue."""
        return iter(self._jobs)

    def add(self, jobs: Iterable[SentenceJob]) -> None:
        """Append sentences."""
        self._jobs.extend(jobs)
        self._news.set()

    def finish(self, error: BaseException | None = None) -> None:
        """Mark the end of the sentences; a task that waits for the next one gets ``error``."""
        self._complete = True
        self._error = error
        self._news.set()

    def take(self, most: int) -> Iterator[SentenceJob]:
        """Remove and yield up to ``most`` sentences."""
        for _ in range(min(most, len(self._jobs))):
            yield self._jobs.popleft()

    def want(self) -> None:
        """Request more sentences, which :meth:`wanted` reports."""
        self._wanted.set()

    async def wanted(self) -> None:
        """Wait until sentences are requested, or a task waits for one."""
        await self._wanted.wait()

    async def more(self) -> bool:
        """Wait for a sentence; return False if no more sentences follow."""
        self.want()
        while not self._jobs and not self._complete:
            self._news.clear()
            await self._news.wait()
        if not self._jobs and self._error:
            raise self._error
        return bool(self._jobs)


class SentenceStream:
    """The speech of one request. Closing it stops the synthesis of undelivered sentences."""

    def __init__(
        self,
        jobs: "JobQueue",
        store: SentenceStore,
        playback: Playback,
        promised: Iterable[str],
        stats: RequestStats,
        workers: WorkerPool,
    ) -> None:
        """Ask ``store`` for the first sentence, and for the next as soon as one is delivered.

        ``workers`` convert sentences that have another sample rate than the stream.

        ``promised`` holds the keys of the sentences that this stream was admitted to synthesise.
        """
        self._waiting = jobs
        self._store = store
        self._playback = playback
        self._promised = set(promised)
        self._stats = stats
        self._workers = workers
        self._timeline = stats.timeline
        self._redis_budget = store.patience()
        self._upcoming: deque[_Upcoming] = deque()
        self._start()

    def close(self) -> None:
        """Release all sentences that were requested."""
        for upcoming in self._upcoming:
            upcoming.audio.close()
        self._upcoming.clear()

    def promise(self, keys: Iterable[str]) -> None:
        """Add the keys of further sentences whose synthesis is part of the admitted work."""
        self._promised.update(keys)

    async def windows(self, sample_rate: int, lead: float = 0.0) -> AsyncGenerator[Pcm, None]:
        """Yield ``lead`` seconds of silence, then the windows of all sentences and their pauses.

        Raises:
            TextUnspeakable: none of the sentences has a sound.

        """
        spoken = False
        begun: _Upcoming | None = None
        while await self._more():
            current = self._upcoming[0]
            if pause := self._pause_before(current) if spoken else 0.0:
                yield self._silence(pause, sample_rate)
                self._playback.ask()
            amplifier = Amplifier(current.sentence.volume, sample_rate)
            async for pcm in self._audio(current, sample_rate):
                self._start(_AHEAD)  # not earlier, because it would delay the first sound
                if self._timeline and begun is not current:
                    begun = current
                    self._timeline.begin(pcm.timing)
                if pcm.nbytes:
                    if lead and not spoken:
                        yield self._led(lead, sample_rate)
                    spoken = True
                    window = replace(pcm, samples=amplifier.push(pcm.samples))
                    self._deliver(window, current.stretch)
                    yield window
                    self._playback.ask()
            if len(rest := amplifier.end()):
                self._deliver(Pcm(rest, sample_rate), current.stretch)
                yield Pcm(rest, sample_rate)
            self._next(current)
            if current.sentence.pause and spoken:
                yield self._silence(current.sentence.pause, sample_rate)
                self._playback.ask()
        if not spoken:
            raise TextUnspeakable("the voice knows no sound for this text", field="text")

    def _audio(self, upcoming: _Upcoming, sample_rate: int) -> AsyncIterable[Pcm]:
        """Return the windows of a sentence at the rate of the stream."""
        rate = upcoming.sample_rate
        if rate == sample_rate:
            return upcoming.audio
        return ConvertedAudio(upcoming.audio, rate, sample_rate, self._workers, self._stats)

    async def _more(self) -> bool:
        """Wait until there is a sentence; return False if no more sentences follow."""
        if not self._upcoming and not self._waiting:
            if not await self._waiting.more():
                return False
            if self._waiting.written:
                self._playback.resume()
        self._start()
        return True

    def _pause_before(self, upcoming: "_Upcoming") -> float:
        """Return the pause before a sentence, minus the silence while its text was missing."""
        heard = self._playback.silent_for() if self._waiting.written else 0.0
        return max(0.0, upcoming.pause_before - heard) + upcoming.silence_before

    def _silence(self, seconds: float, sample_rate: int) -> Pcm:
        pause = silence(seconds, sample_rate)
        self._deliver(pause, None)
        return pause

    def _led(self, seconds: float, sample_rate: int) -> Pcm:
        """Return the silence before the first sentence; the time line includes it already."""
        pause = silence(seconds, sample_rate)
        self._stats.audio_seconds += pause.seconds
        self._playback.hand(pause.seconds, None)
        return pause

    def _start(self, ahead: int = 0) -> None:
        """Request sentences until there are ``ahead`` beyond the one that is being delivered."""
        for job in self._waiting.take(1 + ahead - len(self._upcoming)):
            self._stats.sentences += 1
            self._upcoming.append(self._ask(job))

    def _ask(self, job: SentenceJob) -> _Upcoming:
        """Request a sentence, and correct the work that the playback expects if it has changed.

        A sentence that another stream was going to synthesise must be synthesised here if that
        stream has ended. A sentence that was expected to be synthesised here may be cached by now,
        if another stream reached it first.
        """
        promised = job.key in self._promised
        self._promised.discard(job.key)
        mine = not self._store.at_hand(job.key)
        if mine != promised:
            self._playback.owe(job.speech if mine else -job.speech)
        stretch = self._playback.expect(job.speech, owed=mine)
        outcome = self._stats.outcome
        audio = self._store.listen(job, self._redis_budget, outcome, stretch.urge)
        rate = job.manifest.sample_rate
        pauses = job.pause_before, job.silence_before
        return _Upcoming(job.sentence, audio, stretch, *pauses, rate)

    def _next(self, delivered: _Upcoming) -> None:
        """Continue with the next sentence."""
        self._upcoming.popleft()
        self._stats.heard += 1
        self._stats.heard_seconds = self._stats.audio_seconds
        delivered.audio.close()
        self._playback.leave_out(delivered.stretch)
        self._start()

    def _deliver(self, pcm: Pcm, stretch: Stretch | None) -> None:
        """Count a window as delivered to the listener; a pause has no ``stretch``."""
        if self._timeline:
            self._timeline.pass_by(len(pcm.samples))
        self._stats.audio_seconds += pcm.seconds
        gap = self._playback.hand(pcm.seconds, stretch)
        if gap and stretch:
            self._stats.gap_seconds += gap
            GAPS.observe(gap)
