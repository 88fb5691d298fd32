"""Requests: a caller's text and options, checked, normalised and split into keyed sentences."""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from cachetools import LRUCache
from loguru import logger

from vits_tts.config import Config, Server
from vits_tts.dictionaries.model import ALL
from vits_tts.dictionaries.rules import Rules, applied
from vits_tts.dictionaries.service import Dictionaries
from vits_tts.errors import MarkupUnsupported, RequestError, TextUnspeakable
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.markup.dialogue import Turn, plan_of_turns
from vits_tts.markup.plan import InputKind, Phonemes, Plan, Segment, plan_of
from vits_tts.speech.given_readings import GivenReadings
from vits_tts.speech.keyed_request import keyed_request, with_volume
from vits_tts.speech.options import DEFAULT_OPTIONS, IN_PROCESS, Reader, SpeechOptions, length_scale
from vits_tts.speech.plan_reading import PlanReader
from vits_tts.speech.reading_queue import Allowance, Check, QueuedText, ReadingQueue
from vits_tts.speech.timeline import Timeline
from vits_tts.telemetry import tracing
from vits_tts.text.aligned import Text
from vits_tts.text.incremental import IncrementalReading
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.pipeline import Normalizer, check
from vits_tts.text.split import Reading, split
from vits_tts.types import Sentence, SpeechRequest
from vits_tts.voice.manifest import Manifest

SPOKEN_PER_WRITTEN: Final = 4
"""A text may come to this many times ``server.max_text_chars`` when it is spoken."""
_ALWAYS_SPOKEN: Final = 2000
"""Characters that it may come to in any case: digits are spoken with six times as many."""
_LEXICON_CHECK_SECONDS: Final = 1.0
_REMEMBERED_REQUESTS: Final = 1024
_REMEMBERED_CHARS: Final = 300

T = TypeVar("T")


_ReadKey: TypeAlias = tuple[str, SpeechOptions, tuple[int, ...]]
"""Text and options of a request, and the edition of the lexicons that it was read with."""


class _SharedReading:
    """A text that is being read for all requests with the same text and options.

    When the last of these requests is cancelled, the reading ends.
    """

    def __init__(
        self,
        queue: ReadingQueue,
        text: QueuedText,
        work: Coroutine[Any, Any, tuple[SpeechRequest, Reading]],
    ) -> None:
        self.task = asyncio.ensure_future(work)
        self._queue = queue
        self._text = text

    def join(self, reader: Reader, max_wait: float) -> None:
        """Add a request that waits for the result.

        Raises:
            Busy: it would wait for more than ``max_wait`` seconds.

        """
        self._queue.join(self._text, reader.caller, max_wait)

    async def result(self, reader: Reader) -> tuple[SpeechRequest, Reading]:
        """Return the result; the reading goes on for others if this caller is cancelled."""
        try:
            return await asyncio.shield(self.task)
        finally:
            self._queue.leave(self._text, reader.caller)
            if not self._text.callers and not self.task.done():
                self.task.cancel()
                await asyncio.wait({self.task})


class RequestReader:
    """Reads texts into requests, and remembers short ones that were read lately."""

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
        self._normaliser = normaliser
        self._queue = queue
        self.dictionaries = dictionaries
        self._given = GivenReadings(voices, config.voice.aliases, normaliser, config.text.region)
        self._requests: LRUCache[_ReadKey, SpeechRequest] = LRUCache(_REMEMBERED_REQUESTS)
        self._under_way: dict[_ReadKey, _SharedReading] = {}
        self._watching: asyncio.Task[None] | None = None

    def remembered(
        self, text: str, options: SpeechOptions = DEFAULT_OPTIONS
    ) -> SpeechRequest | None:
        """Return the request for a short text that was read lately, or None."""
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
        if shared is None or shared.task.cancelling():  # its last request was cancelled just now
            queued = QueuedText(len(text), reader.caller)
            work = self._read_and_remember(key, queued, reader)
            shared = self._under_way[key] = _SharedReading(self._queue, queued, work)
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
        read = partial(self._request, text, options)
        with tracing.stage("read text", characters=len(text)):
            request, reading = await self._run(read, queued, reader)
        if len(text) <= _REMEMBERED_CHARS and options.lexicon is None:  # it may be large
            self._requests[key] = request
        return request, reading

    async def refused(
        self, texts: Sequence[tuple[str, SpeechOptions]], reader: Reader
    ) -> tuple[int, RequestError] | None:
        """Return the number of the first text whose markup or turns are wrong, and the error.

        Nothing is normalised, so that a text without words is not found.

        Raises:
            Busy: too many texts wait to be read.
            RequestTooCostly: it took more than ``limits.request_cpu_seconds``.

        """

        def look(going_on: Check) -> tuple[int, RequestError] | None:
            for number, (text, options) in enumerate(texts):
                going_on()
                try:
                    self._check_markup(text, options)
                except RequestError as error:
                    return number, error
            return None

        marked = sum(len(text) for text, options in texts if may_have_markup(text, options))
        return await self._run(look, QueuedText(marked, reader.caller), reader) if marked else None

    def _check_markup(self, text: str, options: SpeechOptions) -> None:
        """Check the markup of a text and the words whose reading it gives.

        Raises:
            RequestError: they cannot be read.

        """
        manifest, speaker = self._given.voice(options.voice, options.speaker)
        plan = self._plan(text, replace(options, speaker=speaker), manifest)
        if plan is None:
            return
        self._given.check_voices(plan)
        said = self._given.reader(plan, manifest)
        for segment in plan.segments:
            if segment.say_as or segment.phonemes:
                said(segment)

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

    def _request(
        self, text: str, options: SpeechOptions, going_on: Check
    ) -> tuple[SpeechRequest, Reading]:
        """Read a text, in a thread."""
        settings = self._config.voice
        check(text, self._config.server.max_text_chars)
        manifest, speaker = self._given.voice(options.voice, options.speaker)
        options = replace(options, speaker=speaker)
        scale = length_scale(options.speed, settings.speeds)
        prosody = manifest.prosody(scale, speaker)
        reading = self._read(text, options, manifest, going_on)
        if not reading.sentences:
            raise TextUnspeakable("the text has nothing to say", field="text")
        named = {sentence.voice for sentence in reading.sentences}
        voices = {}
        for name in named - {None}:
            other, speaker = self._given.named(name or "")
            voices[name] = other, other.prosody(scale, speaker)
        sentences = with_volume(reading.sentences, options.volume)
        request = keyed_request(
            manifest, sentences, prosody, self._config.level, voices, reading.lead
        )
        return request, reading

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
        """Return how ``text`` is read, and from which place in it each word comes.

        ``kind`` says whether it is SSML; None finds out. ``turns`` are those of a dialogue.
        ``dictionaries`` are as in the options.

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
        read = partial(self._read, text, options, self._voices.find(None))
        return await self._run(read, QueuedText(len(text), reader.caller), reader)

    def incremental(self, options: SpeechOptions) -> tuple[SpeechRequest, IncrementalReading]:
        """Return a request without sentences, and the reading of a text that is still written.

        Raises:
            RequestError: an option is wrong.

        """
        settings = self._config.voice
        manifest, speaker = self._given.voice(options.voice, options.speaker)
        scale = length_scale(options.speed, settings.speeds)
        prosody = manifest.prosody(scale, speaker)
        words, most = options.lexicon or Lexicon(), max_spoken_chars(self._config.server)

        def spoken(text: str | Text) -> Text:
            return self._normaliser(text, words, most)

        def read(text: str) -> Text:
            rules = options.dictionaries or ()
            reading = self._with_rules(None, text, rules, manifest, spoken)
            return reading.text if reading else spoken(text)

        pauses = settings.sentence_pause, settings.paragraph_pause

        def read_pauses(text: str) -> Reading | None:
            plan = plan_of(text, "text")
            if plan is None:
                return None
            rules = options.dictionaries or ()
            if reading := self._with_rules(plan, text, rules, manifest, spoken):
                return reading
            return PlanReader(plan, *pauses).read(spoken, self._given.reader(plan, manifest))

        reading = IncrementalReading(
            read, *pauses, read_pauses if self._config.markup.inline else None
        )
        return SpeechRequest(manifest.name, (), prosody), reading

    async def read_more(self, read: Callable[[], T], characters: int, reader: Reader) -> T:
        """Return the result of ``read``, a step of an incremental reading, in its turn.

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

    def with_sentences(
        self, request: SpeechRequest, sentences: Iterable[Sentence]
    ) -> SpeechRequest:
        """Return a request with other sentences, each with its key."""
        manifest = self._voices.find(request.voice)
        return keyed_request(manifest, sentences, request.prosody, self._config.level)

    def start(self) -> None:
        """Start the thread that reads."""
        self._queue.start()

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
        """Read nothing more."""
        if self._watching:
            self._watching.cancel()
        self._queue.close()

    def _read(
        self, written: str, options: SpeechOptions, manifest: Manifest, going_on: Check
    ) -> Reading:
        settings = self._config.voice
        pauses = settings.sentence_pause, settings.paragraph_pause
        max_chars = max_spoken_chars(self._config.server)
        words = options.lexicon or Lexicon()
        plan = self._plan(written, options, manifest)

        def read(text: str | Text) -> Text:
            return self._normaliser(text, words, max_chars, going_on)

        if plan:
            self._given.check_voices(plan)
        rules = options.dictionaries or ()
        if reading := self._with_rules(plan, written, rules, manifest, read):
            return reading
        if plan is None:
            text = read(written)
            return Reading(text, split(text, *pauses))
        return PlanReader(plan, *pauses).read(read, self._given.reader(plan, manifest))

    def _with_rules(
        self,
        plan: Plan | None,
        written: str,
        rules: tuple[Rules, ...],
        manifest: Manifest,
        read: Callable[[str | Text], Text],
    ) -> Reading | None:
        """Return the reading of a text that rules of dictionaries change; None if none does."""
        settings = self._config.voice
        if not rules:
            return None
        can_say = partial(self._given.can_say, main=manifest)
        for known in (can_say, _nothing):  # a reading may lose a word that has phonemes
            changed = applied(plan, written, rules, known)
            if changed is not None and changed is not plan:
                reader = PlanReader(changed, settings.sentence_pause, settings.paragraph_pause)
                with suppress(MarkupUnsupported):
                    return reader.read(read, self._given.reader(changed, manifest))
        return None

    def _plan(self, written: str, options: SpeechOptions, manifest: Manifest) -> Plan | None:
        """Return the plan of a text with markup, or of a dialogue; None for a plain text."""
        settings, markup = self._config.voice, self._config.markup
        lenient, inline = markup.unknown == "ignore", markup.inline
        if not options.turns:
            return plan_of(written, options.input, lenient=lenient, inline=inline)
        scale = length_scale(options.speed, settings.speeds)
        main = f"{manifest.name}/{options.speaker}" if options.speaker else None

        def rate(turn: Turn) -> float:
            return (
                scale / length_scale(turn.speed, settings.speeds) if turn.speed is not None else 1.0
            )

        def voice(turn: Turn) -> str | None:
            if turn.speaker:
                return self._given.with_speaker(turn.voice or manifest.name, turn.speaker)
            return turn.voice or main

        pause = settings.turn_pause if options.turn_pause is None else options.turn_pause
        return plan_of_turns(options.turns, pause, voice, rate, lenient=lenient, inline=inline)


def may_have_markup(text: str, options: SpeechOptions) -> bool:
    """Return whether a text is a dialogue, or may have SSML or inline marks."""
    return bool(options.turns or options.input == "ssml" or "<" in text or "[" in text)


def _nothing(segment: Segment, phonemes: Phonemes) -> bool:
    """Return False: no phonemes are said."""
    del segment, phonemes
    return False


def max_spoken_chars(settings: Server) -> int:
    """Return how many characters a request may have when it is spoken."""
    return max(SPOKEN_PER_WRITTEN * settings.max_text_chars, _ALWAYS_SPOKEN)
