"""Reading of long texts: first their beginning, then the rest while the beginning is heard.

So the time until the first sound does not grow with the text. The first sentences are taken from
the beginning of the text, as far as nothing that follows can change them (``text.incremental``).
Then the whole text is read, as it would be without this module. All other sentences are taken from
this second reading, and the first ones are compared with it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from vits_tts.config import Config
from vits_tts.markup.plan import begins_as_ssml, plan_of
from vits_tts.speech.options import DEFAULT_OPTIONS, IN_PROCESS, Reader, SpeechOptions
from vits_tts.speech.request_builder import max_spoken_chars
from vits_tts.speech.requests import RequestReader
from vits_tts.speech.timeline import Timeline
from vits_tts.text.aligned import Text
from vits_tts.text.incremental import Part, beginning
from vits_tts.text.normalizer.pipeline import check
from vits_tts.text.split import Reading
from vits_tts.types import KeyedSentence, Sentence, SpeechRequest, UnreadText

_LONG_CHARS: Final = 1000
"""A text up to this length is read whole, which takes no longer than finding its first sentence."""
_HEAD_CHARS: Final = 600
_HEAD_CUTS: Final = 4
"""The beginning of a long text that is searched for the first sentences.

It has at most this many characters, and this many ends of sentences or lines.
"""
_WHOLE_PER_HEAD: Final = 500
"""Maximum length of a text, in lengths of its known beginning, when the rest is read.

Reading takes about 5 microseconds for a character, which is spoken in 70 milliseconds.
"""
_SPOKEN_PER_DIGIT: Final = 6
_DIGITS: Final = "0123456789"

Complete: TypeAlias = Callable[[SpeechRequest], Awaitable[None]]


async def _nothing(_: SpeechRequest) -> None:
    """Ignore a request that has been read."""


class LongTexts:
    """Reads texts for streams."""

    def __init__(self, config: Config, requests: RequestReader) -> None:
        """Read with ``requests``."""
        self._config = config
        self._requests = requests

    async def opening(
        self,
        text: str,
        options: SpeechOptions = DEFAULT_OPTIONS,
        reader: Reader = IN_PROCESS,
        *,
        timed: bool = False,
        complete: Complete = _nothing,
    ) -> tuple[SpeechRequest, Timeline | None]:
        """Return a request for a stream with its first sentences, and its time line.

        There is a time line only if ``timed``. ``complete`` is called with the request for the
        whole text as soon as all of it is read.

        Raises:
            RequestError: a subclass names the parameter that is wrong. A long text whose spoken
                form is too long may raise it later, in the stream.
            Busy: too many texts wait to be read.
            RequestTooCostly: reading took more than ``limits.request_cpu_seconds``.

        """
        options = await self._requests.with_dictionaries(options)
        if self._may_be_long(text, options):
            read = partial(self._begun, text, options, reader)
            if begun := await self._requests.read_more(read, _HEAD_CHARS, reader):
                return begun.request(complete, timed=timed)
        request, reading = await self._requests.read_once(text, options, reader)
        await complete(request)
        if not timed:
            return request, None
        written = text if reading.shown is None else reading.shown
        return request, Timeline(written, reading, self._requests.sample_rate(request))

    def _may_be_long(self, text: str, options: SpeechOptions) -> bool:
        """Return whether a text may be read while it is spoken: it is long and has no markup.

        A text whose spoken form may be too long is read whole first, so that it can be refused.
        """
        if len(text) <= _LONG_CHARS or options.input == "ssml" or options.turns:
            return False
        if options.turns or options.volume != 1 or options.lexicon or options.dictionaries:
            return False
        digits = sum(map(text.count, _DIGITS))
        most = max_spoken_chars(self._config.server)
        return len(text) + digits * _SPOKEN_PER_DIGIT <= most

    def _begun(self, text: str, options: SpeechOptions, reader: Reader) -> "_LongText | None":
        """Read the beginning of a text, in a thread.

        Returns None if it has markup, or if no sentence of it is final yet.
        """
        check(text, self._config.server.max_text_chars)
        if options.input is None and begins_as_ssml(text):
            return None
        if plan_of(text, "text", inline=self._config.markup.inline):
            return None
        request, reading = self._requests.builder.incremental(options)
        reading.add(beginning(text, _HEAD_CUTS, _HEAD_CHARS))
        parts = reading.settled()
        first = next(parts, None)
        if first is None:
            return None
        # When the rest is read, the stream has been admitted already, so this reading may wait.
        patient = replace(reader, waits=None)
        return _LongText(self._requests, text, options, patient, request, first, parts)


class _LongText:
    """A long text whose first part is read."""

    def __init__(
        self,
        requests: RequestReader,
        text: str,
        options: SpeechOptions,
        reader: Reader,
        request: SpeechRequest,
        first: Part,
        parts: Iterator[Part],
    ) -> None:
        """Begin with ``first``; ``parts`` reads more of the beginning, in the calling thread."""
        self._requests = requests
        self._text = text
        self._options = options
        self._reader = reader
        self._parts = parts
        self._request = requests.builder.with_sentences(request, first.sentences, options)
        self._first = first
        self._said = list(first.sentences)
        self._end = first.end

    def request(self, complete: Complete, *, timed: bool) -> tuple[SpeechRequest, Timeline | None]:
        """Return the request, and a time line that grows as the text is read."""
        timeline = None
        if timed:
            rate = self._requests.sample_rate(self._request)
            timeline = Timeline("", Reading(Text(""), ()), rate)
            _add(timeline, self._first)
        unread = UnreadText(len(self._text) / self._end, partial(self._rest, complete, timeline))
        return replace(self._request, unread=unread), timeline

    async def _rest(
        self, complete: Complete, timeline: Timeline | None
    ) -> AsyncGenerator[tuple[tuple[KeyedSentence, ...], float], None]:
        """Yield the other sentences in portions, and the pause before each portion."""
        while len(self._text) > _WHOLE_PER_HEAD * self._end:
            part = await self._requests.read_more(self._next, _HEAD_CHARS, self._reader)
            if part is None:
                break
            self._said += part.sentences
            self._end = part.end
            if timeline:
                _add(timeline, part)
            yield (
                self._requests.builder.with_sentences(
                    self._request, part.sentences, self._options
                ).sentences,
                part.pause,
            )
        request, reading = await self._requests.read_once(self._text, self._options, self._reader)
        await complete(request)
        said = self._said_of(reading.sentences)
        if len(request.sentences) > said:
            if timeline:
                place = _place(reading, said)
                rest = Reading(reading.text, reading.sentences[said:])
                timeline.add(reading.shown or self._text, rest, said=place)
            yield request.sentences[said:], request.sentences[said - 1].pause

    def _next(self) -> Part | None:
        return next(self._parts, None)

    def _said_of(self, sentences: Sequence[Sentence]) -> int:
        """Return how many sentences of the whole text have been passed to synthesis already.

        If a reading rule has looked further back than expected, a sentence may be spoken twice, but
        none is left out.
        """
        said = len(self._said)
        if all(one.text == other.text for one, other in zip(self._said, sentences, strict=False)):
            return said
        return sum(sentence.end <= self._end for sentence in sentences)


def _add(timeline: Timeline, part: Part) -> None:
    reading = Reading(part.text, part.sentences)
    timeline.add(part.written, reading, said=part.said, offset=part.offset)


def _place(reading: Reading, count: int) -> int:
    """Return where the first ``count`` sentences end in the spoken text."""
    place = 0
    for sentence in islice(reading.sentences, count):
        place = reading.text.spoken.index(sentence.text, place) + len(sentence.text)
    return place
