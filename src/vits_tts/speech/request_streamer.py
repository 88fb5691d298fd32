"""The stream of a request: admission, then one sentence after another."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import ExitStack, aclosing, closing, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from vits_tts.cache.sentence_store import SentenceStore
from vits_tts.scheduling.admission import Admission, Demand
from vits_tts.scheduling.playback import BackgroundPlayback, Playback
from vits_tts.speech.prospects import PlannedSentences
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.sentence_stream import JobQueue, SentenceStream
from vits_tts.speech.sentence_synthesizer import SentenceJob, SentenceSynthesizer
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.types import Audience, Pcm, SpeechRequest, silence


@dataclass(frozen=True, slots=True)
class _Missing:
    """A sentence that has to be synthesised, and the seconds of speech before it."""

    job: SentenceJob
    after: float


@dataclass(frozen=True, slots=True)
class _Listener:
    """One stream under way: its sentences, its statistics and its claim.

    ``unread`` is the estimated speech, in seconds, of the text that was not read at admission.
    """

    queue: JobQueue
    stats: RequestStats
    playback: Playback
    sentences: SentenceStream
    promises: ExitStack
    unread: float


class RequestStreamer:
    """Streams the speech of requests; refuses those that would be too late."""

    def __init__(
        self,
        synthesizer: SentenceSynthesizer,
        sentences: SentenceStore,
        admission: Admission,
        workers: WorkerPool,
    ) -> None:
        """Look sentences up in ``sentences``; ``synthesizer`` synthesises missing ones."""
        self._workers = workers
        self._synthesizer = synthesizer
        self._voices = synthesizer.voices
        self._sentences = sentences
        self._admission = admission
        self._planned = PlannedSentences()

    async def stream(
        self, request: SpeechRequest, stats: RequestStats, *, audience: Audience = "listener"
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of ``request`` window by window, with pauses between the sentences.

        While the caller takes one sentence, only the next one is synthesised, so that a slow reader
        does not fill the memory. Closing the iterator stops the synthesis, unless another caller
        needs the same sentence. Without a listener it is background work. Each sentence is added
        to the time line of ``stats`` before its first window is yielded.

        Raises:
            NotReady: the voice cannot be loaded in time.
            Busy: the sound could not start in time.
            TextUnspeakable: the voice has no sound for any part of the text.

        """
        if not request.sentences:
            pause = silence(request.lead, self._voices.find(request.voice).sample_rate)
            stats.audio_seconds += pause.seconds
            yield pause
            return
        jobs = self._synthesizer.jobs(request, stats, long_windows=audience == "batch")
        stats.expected_seconds = [job.speech for job in jobs]
        queue = JobQueue(jobs, complete=request.unread is None)
        async with aclosing(self.stream_jobs(request, queue, stats, audience=audience)) as stream:
            async for pcm in stream:
                yield pcm

    async def stream_jobs(
        self,
        request: SpeechRequest,
        queue: JobQueue,
        stats: RequestStats,
        *,
        audience: Audience = "listener",
        admitted: Callable[[Playback], object] = lambda _: None,
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of the sentences in ``queue``, to which more may be added meanwhile.

        The queue has at least one sentence. The stream is admitted with the cost of the sentences
        in the queue and the expected cost of the text that is not read yet. Later sentences are
        added to its claim. ``admitted`` is called with its playback. Errors are those of
        :meth:`stream`.
        """
        jobs = list(queue)
        missing = self._missing(jobs) if audience == "listener" else {}
        promised = {key: sentence.after for key, sentence in missing.items()}
        rate = self._voices.find(request.voice).sample_rate
        demand = self._demand(jobs, list(missing.values()))
        unread = 0.0
        if request.unread:
            unread = demand.seconds * (request.unread.share - 1)
            demand = replace(demand, seconds=demand.seconds + unread)
        admission = self._admission.admitted(demand)
        with (
            admission if audience == "listener" else nullcontext(BackgroundPlayback()) as playback,
            ExitStack() as promises,
            self._synthesizer.in_use(request),
            closing(
                SentenceStream(queue, self._sentences, playback, promised, stats, self._workers)
            ) as sentences,
        ):
            promises.enter_context(self._planned.promised(promised))
            admitted(playback)
            listener = _Listener(queue, stats, playback, sentences, promises, unread)
            async with _Meanwhile(self._read_rest(request, listener) if request.unread else None):
                async for pcm in sentences.windows(rate, request.lead):
                    yield pcm
                    queue.want()  # not earlier, because reading would delay the first sound

    async def _read_rest(self, request: SpeechRequest, listener: "_Listener") -> None:
        """Add the sentences of the unread text to the queue, and their cost to the claim.

        An error of reading is raised when the stream reaches the first missing sentence.
        """
        queue, playback = listener.queue, listener.playback
        assert request.unread is not None  # noqa: S101  # the caller has asked
        try:
            await queue.wanted()
            async with aclosing(request.unread.read()) as portions:
                async for sentences, pause in portions:
                    portion = replace(request, sentences=sentences, unread=None)
                    jobs = self.jobs(portion, listener.stats, pause)
                    self._promise(jobs, listener)
                    queue.add(jobs)
            playback.owe(-listener.unread)  # each portion has added its sentences to the claim
            queue.finish()
        except Exception as error:  # noqa: BLE001  # raised where the sound is taken
            queue.finish(error)

    def _promise(self, jobs: Sequence[SentenceJob], listener: "_Listener") -> None:
        """Add the cost of later sentences to the claim of a listener."""
        playback, stats = listener.playback, listener.stats
        before = max(0.0, playback.end - time.monotonic())
        before += sum(job.speech + job.sentence.pause for job in listener.queue)
        missing = self._missing(jobs, before)
        promised = {key: sentence.after for key, sentence in missing.items()}
        listener.promises.enter_context(self._planned.promised(promised))
        listener.sentences.promise(promised)
        playback.owe(sum(sentence.job.speech for sentence in missing.values()))
        stats.expected_seconds = [*stats.expected_seconds, *(job.speech for job in jobs)]

    def jobs(
        self,
        request: SpeechRequest,
        stats: RequestStats,
        pause_before: float = 0.0,
        silence_before: float = 0.0,
    ) -> list[SentenceJob]:
        """Return the sentences of a request as jobs; a pause in seconds comes before the first."""
        first, *others = self._synthesizer.jobs(request, stats)
        first = replace(first, pause_before=pause_before, silence_before=silence_before)
        return [first, *others]

    def _missing(self, jobs: Sequence[SentenceJob], after: float = 0.0) -> dict[str, _Missing]:
        """Return the sentences that this stream has to synthesise, by their keys.

        ``after`` seconds of sound come before them. Sentences in memory or under synthesis are left
        out, and those that another admitted stream will synthesise earlier.
        """
        missing: dict[str, _Missing] = {}
        for job in jobs:
            there = self._sentences.at_hand(job.key) or self._planned.made(job.key, after)
            if not there and job.key not in missing:
                missing[job.key] = _Missing(job, after)
            after += job.speech + job.sentence.pause
        return missing

    def _demand(self, jobs: Sequence[SentenceJob], missing: Sequence[_Missing]) -> Demand:
        """Return the cost of the missing sentences; if none is missing, it has only a rate."""
        costs = [sentence.job for sentence in missing] or jobs
        speech = sum(job.speech for job in costs)
        rate = sum(job.work for job in costs) / speech
        if not missing:
            return Demand(0.0, 0.0, rate)
        first = missing[0].job
        pace = self._synthesizer.pace(first.manifest.name)
        start = pace.start(len(first.sentence.text))
        return Demand(start, speech, rate)


class _Meanwhile:
    """Runs a task during a block; at the end of the block the task is cancelled and awaited.

    It is a class, because an event loop that ends closes all asynchronous generators at the same
    time, even if one of them waits for another.
    """

    def __init__(self, work: Coroutine[Any, Any, None] | None) -> None:
        """Prepare to run ``work``, if it is not None."""
        self._work = work
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Start the task."""
        if self._work:
            self._task = asyncio.create_task(self._work)

    async def __aexit__(self, *_: object) -> None:
        """Cancel the task, and wait for its end."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
