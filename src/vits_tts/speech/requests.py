"""Reading of texts: callers take turns, equal requests share a reading, short ones are cached."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias, TypeVar

from cachetools import LRUCache
from loguru import logger

from vits_tts.config import Config
from vits_tts.dictionaries.model import ALL
from vits_tts.dictionaries.rules import Rules
from vits_tts.dictionaries.service import Dictionaries
from vits_tts.errors import RequestError
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.markup.dialogue import Turn
from vits_tts.markup.plan import InputKind
from vits_tts.speech.options import DEFAULT_OPTIONS, IN_PROCESS, Reader, SpeechOptions
from vits_tts.speech.reading_queue import Allowance, Check, QueuedText, ReadingQueue
from vits_tts.speech.request_builder import RequestBuilder, may_have_markup
from vits_tts.speech.shared_reading import SharedReading
from vits_tts.speech.timeline import Timeline
from vits_tts.telemetry import tracing
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.pipeline import USUAL, Normalizer, check
from vits_tts.text.split import Reading
from vits_tts.types import SpeechRequest

_LEXICON_CHECK_SECONDS: Final = 1.0
_REMEMBERED_REQUESTS: Final = 1024
_REMEMBERED_CHARS: Final = 300

T = TypeVar("T")


_ReadKey: TypeAlias = tuple[str, SpeechOptions, tuple[int, ...]]
"""Text and options of a request, and the edition of the lexicons that it was read with."""


class RequestReader:
    """Returns the requests for texts, and caches those for short texts."""

    def __init__(
        self,
        config: Config,
        voices: VoiceRegistry,
        normaliser: Normalizer,
        queue: ReadingQueue,
        dictionaries: Dictionaries,
    ) -> None:
        """Read texts in the threads of ``queue``."""
        self._config = config
        self._voices = voices
        self.builder = RequestBuilder(config, voices, normaliser)
        self._normaliser = normaliser
        self._queue = queue
        self.dictionaries = dictionaries
        self._requests: LRUCache[_ReadKey, SpeechRequest] = LRUCache(_REMEMBERED_REQUESTS)
        self._under_way: dict[_ReadKey, SharedReading] = {}
        self._watching: asyncio.Task[None] | None = None

    def remembered(
        self, text: str, options: SpeechOptions = DEFAULT_OPTIONS
    ) -> SpeechRequest | None:
        """Return the cached request for a short text, or None."""
        if options.dictionaries is None and self.dictionaries.has_defaults:
            return None
        return self._requests.get((text, options, self._normaliser.edition))

    async def request(
        self, text: str, options: SpeechOptions = DEFAULT_OPTIONS, reader: Reader = IN_PROCESS
    ) -> SpeechRequest:
        """Return the request for a text: checked, normalised and split into sentences.

        Raises:
            RequestError: a subclass names the parameter that is wrong.
            Busy: too many texts wait to be read.
            RequestTooCostly: reading took more than ``limits.request_cpu_seconds``.

        """
        options = await self.with_dictionaries(options)
        if known := self.remembered(text, options):
            return known
        request, _ = await self.read_once(text, options, reader)
        return request

    async def timed(
        self, text: str, options: SpeechOptions = DEFAULT_OPTIONS, reader: Reader = IN_PROCESS
    ) -> tuple[SpeechRequest, Timeline]:
        """Return the request for a text as ``request`` does, and a time line for its statistics.

        Raises:
            RequestError: a subclass names the parameter that is wrong.
            Busy: too many texts wait to be read.
            RequestTooCostly: reading took more than ``limits.request_cpu_seconds``.

        """
        options = await self.with_dictionaries(options)
        request, reading = await self.read_once(text, options, reader)
        rate = self._voices.find(request.voice).sample_rate
        return request, Timeline(text if reading.shown is None else reading.shown, reading, rate)

    async def with_dictionaries(self, options: SpeechOptions) -> SpeechOptions:
        """Return options with the dictionaries of the settings, unless they have their own."""
        if options.dictionaries is not None or not self.dictionaries.has_defaults:
            return options
        return replace(options, dictionaries=await self.dictionaries.resolve(None, ALL))

    async def read_once(
        self, text: str, options: SpeechOptions, reader: Reader
    ) -> tuple[SpeechRequest, Reading]:
        """Return a request and its reading; requests that are the same share one reading.

        Errors are those of :meth:`request`.
        """
        key = (text, options, self._normaliser.edition)
        shared = self._under_way.get(key)
        # The last request that waited for it was cancelled just now.
        if shared is None or shared.task.cancelling():
            queued = QueuedText(len(text), reader.caller)
            work = self._read_and_remember(key, queued, reader)
            shared = self._under_way[key] = SharedReading(self._queue, queued, work)
        else:
            shared.join(reader, self._max_wait(reader))
        try:
            return await shared.result(reader)
        finally:
            if shared.task.done() and self._under_way.get(key) is shared:
                del self._under_way[key]

    async def _read_and_remember(
        self, key: _ReadKey, queued: QueuedText, reader: Reader
    ) -> tuple[SpeechRequest, Reading]:
        text, options, _ = key
        read = partial(self.builder.request, text, options)
        with tracing.stage("read text", characters=len(text)):
            request, reading = await self._run(read, queued, reader)
        if len(text) <= _REMEMBERED_CHARS and options.lexicon is None:  # a lexicon may be large
            self._requests[key] = request
        return request, reading

    async def refused(
        self, texts: Sequence[tuple[str, SpeechOptions]], reader: Reader
    ) -> tuple[int, RequestError] | None:
        """Return the index of the first text with invalid markup or turns, and the error.

        Texts are not normalised, so a text without words is not found.

        Raises:
            Busy: too many texts wait to be read.
            RequestTooCostly: it took more than ``limits.request_cpu_seconds``.

        """

        def look(going_on: Check) -> tuple[int, RequestError] | None:
            for number, (text, options) in enumerate(texts):
                going_on()
                try:
                    self.builder.check_markup(text, options)
                except RequestError as error:
                    return number, error
            return None

        marked = sum(len(text) for text, options in texts if may_have_markup(text, options))
        return await self._run(look, QueuedText(marked, reader.caller), reader) if marked else None

    def _max_wait(self, reader: Reader) -> float:
        """Return for how many seconds a request may wait for its text to be read."""
        return reader.waits * self._config.limits.max_start_delay if reader.waits else math.inf

    async def _run(self, read: Callable[[Check], T], text: QueuedText, reader: Reader) -> T:
        most = self._config.limits.request_cpu_seconds if reader.tally else math.inf
        allowance = Allowance(most)
        try:
            return await self._queue.run(read, text, self._max_wait(reader), allowance)
        finally:
            if reader.tally:
                reader.tally.reading_seconds += allowance.used

    async def reading(
        self,
        text: str,
        lexicon: Lexicon | None = None,
        reader: Reader = IN_PROCESS,
        kind: InputKind | None = None,
        turns: tuple[Turn, ...] = (),
        turn_pause: float | None = None,
        dictionaries: tuple[Rules, ...] | None = None,
    ) -> Reading:
        """Return the spoken form of ``text``, with the place in the text of each word.

        ``kind`` says whether it is SSML; with None its beginning decides. ``turns`` are those of a
        dialogue. ``dictionaries`` are as in the options.

        Raises:
            RequestError: the text cannot be said at all.
            Busy: too many texts wait to be read.
            RequestTooCostly: reading took more than ``limits.request_cpu_seconds``.

        """
        check(text, self._config.server.max_text_chars)
        options = SpeechOptions(
            lexicon=lexicon,
            input=kind,
            turns=turns,
            turn_pause=turn_pause,
            dictionaries=dictionaries,
        )
        options = await self.with_dictionaries(options)
        read = partial(self.builder.read, text, options, self._voices.find(None))
        return await self._run(read, QueuedText(len(text), reader.caller), reader)

    async def read_more(self, read: Callable[[], T], characters: int, reader: Reader) -> T:
        """Return the result of ``read``, a step of an incremental reading, when its turn comes.

        Raises:
            Busy: too many texts wait to be read.
            RequestTooCostly: reading took more than ``limits.request_cpu_seconds``.

        """
        return await self._run(lambda _: read(), QueuedText(characters, reader.caller), reader)

    @property
    def max_text_chars(self) -> int:
        """The longest text of one request, in characters."""
        return self._config.server.max_text_chars

    @property
    def max_cpu_seconds(self) -> float:
        """The seconds of processor time after which a request is ended."""
        return self._config.limits.request_cpu_seconds

    def sample_rate(self, request: SpeechRequest) -> int:
        """Return the sample rate of a request's voice, in hertz."""
        return self._voices.find(request.voice).sample_rate

    def start(self) -> None:
        """Start the thread that reads, and let it read a few lines of the usual kinds.

        The rules are compiled when a text first needs them. No caller should wait for that.
        """
        self._queue.start()
        for line in USUAL:
            self._queue.later(partial(self._normaliser, line))

    def watch(self) -> None:
        """Begin to watch the lexicons' files; call it where the event loop runs."""
        if self._normaliser.refreshable and self._watching is None:
            self._watching = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        """Read changed lexicons again, in a thread: a large one takes seconds."""
        while True:
            await asyncio.sleep(_LEXICON_CHECK_SECONDS)
            try:
                await asyncio.to_thread(self._normaliser.refresh)
            except Exception:  # noqa: BLE001  # the next check may succeed
                logger.exception("lexicons cannot be checked")

    def close(self) -> None:
        """Read no more texts."""
        if self._watching:
            self._watching.cancel()
        self._queue.close()
