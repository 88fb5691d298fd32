"""Speech of a text that is written while it is spoken, by a language model for example.

Text comes in pieces of any size. A sentence is spoken as soon as no later piece can change it
(``text.incremental``). Its sentences are cached, scheduled and admitted like those of a whole text.
If the listener has heard everything and the rest of a sentence is late, its first clause is spoken
alone.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from itertools import takewhile
from typing import Final, TypeVar

from vits_tts.errors import MarkupInvalid, RequestTooCostly, TextTooLong, TextUnspeakable
from vits_tts.markup.plan import MAX_PAUSES, TOO_LONG
from vits_tts.scheduling.playback import Playback
from vits_tts.speech.options import Reader, SpeechOptions
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.request_streamer import RequestStreamer
from vits_tts.speech.requests import RequestReader
from vits_tts.speech.sentence_stream import JobQueue
from vits_tts.speech.timeline import Timeline
from vits_tts.text.aligned import Text
from vits_tts.text.incremental import Part
from vits_tts.text.normalizer.pipeline import check
from vits_tts.text.split import Reading
from vits_tts.types import Audience, Pcm, silence

_RESERVE_SECONDS: Final = 0.3
"""Seconds of sound that a listener should still have when a clause is spoken alone."""
_NEARLY_NOTHING: Final = 0.05
_LOOK_SECONDS: Final = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextPace:
    """The rules for how long received text waits before it is spoken.

    A clause is spoken alone after ``max_buffer_delay`` seconds without a complete sentence, if the
    listener has nothing else to hear. With infinity it always waits for the sentence. The n-th
    group of sentences waits until at least ``chunk_lengths[n]`` characters have arrived; the last
    number applies to all later groups.
    """

    max_buffer_delay: float = math.inf
    chunk_lengths: Sequence[int] = ()


class _Mark(Enum):
    TRIGGER = auto()
    FLUSH = auto()
    END = auto()


class TextStream:
    """The speech of one text that arrives in pieces."""

    def __init__(
        self,
        requests: RequestReader,
        streamer: RequestStreamer,
        options: SpeechOptions,
        reader: Reader,
        stats: RequestStats,
        pace: TextPace,
        *,
        audience: Audience = "listener",
    ) -> None:
        """Start without text. Without a listener it is background work, and is never refused.

        Raises:
            RequestError: an option is wrong.

        """
        self._requests = requests
        self._streamer = streamer
        self._reader = reader
        self._stats = stats
        self._pace = pace
        self._audience = audience
        self._options = options
        self._request, self._reading = requests.builder.incremental(options)
        self.sample_rate = requests.sample_rate(self._request)
        self.timeline = Timeline("", Reading(Text(""), ()), self.sample_rate)
        """When each sentence and word is heard, on the way; places count all characters."""
        stats.timeline = self.timeline
        self._inbox: list[str | _Mark] = []
        self._news = asyncio.Event()
        self._ended = False
        self._segments: asyncio.Queue[JobQueue | None] = asyncio.Queue()
        self._segment = self._new_segment()
        self._held: list[Part] = []
        self._chunks = 0
        self._silence = 0.0  # seconds of silence before the next sentence, or at the end
        self._released = 0  # place in the text up to which sentences were passed to synthesis
        self._due = math.inf  # moment from which a clause may be spoken
        self._tried = False  # whether there was no clause to be spoken
        self._playback: Playback | None = None
        self._last: Playback | None = None  # that of the text before the last flush
        self.received = 0
        """Characters that have come."""

    @property
    def unread(self) -> int:
        """The number of characters that have arrived and were not processed yet."""
        return self.received - self._reading.received

    @property
    def waiting(self) -> int:
        """The number of sentences that wait to be synthesised."""
        return len(self._segment)

    # --- text ------------------------------------------------------------------------------------

    def check(self, text: str) -> None:
        """Check a piece of the text.

        Raises:
            RequestError: it has invalid characters, or too much text waits to be spoken.

        """
        most = self._requests.max_text_chars
        check(f"a{text}", most)  # a piece may be only white space
        if self.received + len(text) - self._released > most:
            raise TextTooLong(f"more than {most} characters wait to be spoken", field="text")

    def add(self, text: str) -> None:
        """Take a piece of the text.

        Raises:
            RequestError: it has characters that no text may have, or too much waits to be spoken.

        """
        self.check(text)
        self.received += len(text)
        if text.strip() and self._due == math.inf:
            self._due = time.monotonic() + self._pace.max_buffer_delay
        self._put(text)

    def trigger(self) -> None:
        """Speak all sentences that are final."""
        if self._inbox[-1:] != [_Mark.TRIGGER]:
            self._put(_Mark.TRIGGER)

    def flush(self) -> None:
        """Speak all text so far, as if it ended here."""
        self._put(_Mark.FLUSH)

    def finish(self) -> None:
        """Speak all text so far, which ends here."""
        if not self._ended:
            self._put(_Mark.END)
            self._ended = True

    def _put(self, item: str | _Mark) -> None:
        if not self._ended:
            self._inbox.append(item)
            self._news.set()

    # --- speech ----------------------------------------------------------------------------------

    async def windows(self) -> AsyncGenerator[Pcm | None, None]:
        """Yield the speech window by window, and None at the end of each flush and of the text.

        Closing the iterator stops all work.

        Raises:
            NotReady: the voice cannot be loaded in time.
            Busy: the sound could not start in time, or too many texts wait to be read.
            RequestTooCostly: the text took more than ``limits.request_cpu_seconds``.
            MarkupInvalid: a pause in the text is too long, or all of them together are. SSML in
                it is broken.
            MarkupUnsupported: SSML in it asks for something that this server cannot do.

        """
        reading = asyncio.create_task(self._read())
        try:
            while (segment := await self._segments.get()) is not None:
                if await segment.more():
                    if pause := self._pause_before(segment):
                        yield pause
                    async with aclosing(self._speech(segment)) as speech:
                        async for pcm in speech:
                            yield pcm
                if segment.silence_after:
                    yield self._pause(segment.silence_after)
                yield None
        finally:
            reading.cancel()
            await asyncio.wait({reading})

    async def _speech(self, segment: JobQueue) -> AsyncGenerator[Pcm, None]:
        stream = self._streamer.stream_jobs(
            self._request,
            segment,
            self._stats,
            audience=self._audience,
            admitted=self._admitted,
        )
        try:
            async with aclosing(stream):
                async for pcm in stream:
                    yield pcm
                    self._check_cost()
        except TextUnspeakable:
            pass  # not an error here, since more text may follow
        finally:
            self._last, self._playback = self._playback or self._last, None

    def _pause_before(self, segment: JobQueue) -> Pcm | None:
        """Return the pause between a flush and the next text, minus the silence so far.

        Silence that the text itself requests is added.
        """
        first = next(iter(segment))
        seconds = first.pause_before - self._last.silent_for() if self._last else 0.0
        seconds = max(0.0, seconds) + first.silence_before
        return self._pause(seconds) if seconds else None

    def _pause(self, seconds: float) -> Pcm:
        """Return silence, and count it."""
        pause = silence(seconds, self.sample_rate)
        self.timeline.pass_by(len(pause.samples))
        self._stats.audio_seconds += pause.seconds
        return pause

    def _admitted(self, playback: Playback) -> None:
        self._playback = playback

    def _check_cost(self) -> None:
        if self._reader.tally is None:  # a request of this program itself, which has no limit
            return
        work, limit = self._stats.work, self._requests.max_cpu_seconds
        if sum(work.values()) > limit:
            raise RequestTooCostly(limit, stage=max(work, key=work.__getitem__))

    # --- reading ---------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read the text as it arrives and queue its sentences; errors end the queue."""
        try:
            while (item := await self._next()) is not _Mark.END:
                await self._handle(item)
            await self._say_all(ends=True)
            self._segment.finish()
            self._segments.put_nowait(None)
        except Exception as error:  # noqa: BLE001  # raised where the sound is taken
            self._segment.finish(error)

    async def _handle(self, item: str | _Mark | None) -> None:
        if isinstance(item, str):
            self._reading.add(item)
            self._tried = False
            # Most words end no sentence: without this check each would wait for the reading thread.
            while self._reading.may_settle and (
                part := await self._run(lambda: next(self._reading.settled(), None))
            ):
                self._take([part])
                self._release()
            if not self._held and not self._reading.unsaid:  # all text since then was a thought
                self._released = self._reading.received
        elif item is _Mark.FLUSH:
            await self._say_all(ends=False)
            self._segment.finish()
            self._segment = self._new_segment()
        elif item is _Mark.TRIGGER:
            self._release(force=True)
        else:
            self._tried = True
            if self._reading.may_have_clause and (part := await self._run(self._reading.clause)):
                self._take([part])
                self._release(force=True)

    async def _say_all(self, *, ends: bool) -> None:
        self._take(await self._run(partial(self._reading.rest, ends=ends)))
        self._release(force=True)
        self._segment.silence_after, self._silence = self._silence, 0.0

    async def _next(self) -> str | _Mark | None:
        """Return the next text or marker; None if it is time to speak a clause."""
        while not self._inbox:
            self._news.clear()
            try:
                async with asyncio.timeout(self._clause_wait()):
                    await self._news.wait()
            except TimeoutError:
                return None
        text = list(takewhile(lambda item: isinstance(item, str), self._inbox))
        if not text:
            return self._inbox.pop(0)
        del self._inbox[: len(text)]
        return "".join(map(str, text))

    def _clause_wait(self) -> float | None:
        """Return the seconds until a clause may be spoken; None if there is no clause to try."""
        if self._due == math.inf or self._tried:
            return None
        now, due, playback = time.monotonic(), self._due, self._playback
        if playback:
            due = max(due, playback.end - _RESERVE_SECONDS)
            if playback.owed > _NEARLY_NOTHING:
                due = max(due, now + _LOOK_SECONDS)
        if len(self._segment):
            due = max(due, now + _LOOK_SECONDS)
        return max(0.0, due - now)

    async def _run(self, read: Callable[[], T]) -> T:
        """Read in the thread for reading, in turn with other callers.

        Raises:
            MarkupInvalid: all pauses of the text together are too long.

        """
        found = await self._requests.read_more(read, len(self._reading.unsaid), self._reader)
        if self._reading.pause_seconds > MAX_PAUSES:  # the limit of a text that arrives as a whole
            raise MarkupInvalid(TOO_LONG, field="text")
        return found

    def _take(self, parts: Sequence[Part]) -> None:
        self._held += parts
        if parts:
            rest = self._reading.unsaid.strip()
            self._due = time.monotonic() + self._pace.max_buffer_delay if rest else math.inf

    def _release(self, *, force: bool = False) -> None:
        """Queue the held parts for synthesis, once enough characters have arrived."""
        lengths = self._pace.chunk_lengths
        if not self._held:
            return
        come = self._reading.received - self._released
        if lengths and not force and come < lengths[min(self._chunks, len(lengths) - 1)]:
            return
        self._chunks += 1
        for part in self._held:
            self._silence += part.silence
            if not part.sentences:
                continue
            request = self._requests.builder.with_sentences(
                self._request, part.sentences, self._options
            )
            self.timeline.add(
                part.written,
                Reading(part.text, part.sentences),
                said=part.said,
                offset=part.offset,
            )
            jobs = self._streamer.jobs(request, self._stats, part.pause, self._silence)
            self._segment.add(jobs)
            self._silence = 0.0
        self._released = self._held[-1].end
        self._held = []

    def _new_segment(self) -> JobQueue:
        segment = JobQueue(complete=False, written=True)
        self._segments.put_nowait(segment)
        return segment
