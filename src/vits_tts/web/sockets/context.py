"""One text on a WebSocket: takes pieces of text, and yields sound with times of characters."""

import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vits_tts.audio.formats import ENCODED, Encoding
from vits_tts.errors import ContextInvalid, TextTooLong
from vits_tts.speech import Reader, RequestStats, Speech, SpeechOptions, TextPace
from vits_tts.speech.timeline import Detail, TimedSentence
from vits_tts.types import Samples
from vits_tts.web.handlers.characters import Alignment, CharacterTimes, spoken
from vits_tts.web.sockets.heard import Heard

if TYPE_CHECKING:
    from vits_tts.audio.encoder import Encoder


_LONGEST_SECONDS: Final = 2
"""Seconds of sound in one message. Many clients refuse messages of more than a mebibyte, which a
long pause would exceed."""
_MOST_FLUSHES: Final = 500
"""Flushes of a context that may wait for their sound; each of them takes memory."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Bytes of a format, and the characters that begin to be heard in them.

    Times of characters count from the end of the previous alignment. ``sentences`` are those that
    begin in this sound; their times count from the beginning of the context. ``flushed`` is true if
    a flush, or the text, ends here.
    """

    data: bytes
    alignment: Alignment | None = None
    normalized: Alignment | None = None
    base: float = 0.0
    sentences: Sequence[TimedSentence] = ()
    flushed: bool = False


class SpokenContext:
    """One text that is being written and spoken."""

    def __init__(
        self,
        speech: Speech,
        options: SpeechOptions,
        encoding: Encoding,
        pace: TextPace,
        caller: str,
        max_chars: int,
    ) -> None:
        """Start without text.

        Raises:
            RequestError: an option is wrong.

        """
        self.stats = RequestStats()
        self.closing = False
        """Whether no more text is taken."""
        self._speech = speech
        self._encoding = encoding
        self._max_chars = max_chars
        self._stream = speech.text_stream(options, Reader(caller, 1, self.stats), self.stats, pace)
        self._times = CharacterTimes("")
        self._encoder: Encoder | None = None
        self._encoded_samples = self._sent_bytes = 0
        self._asked = False  # whether text has come since the last flush
        self.flushing = 0
        """Flushes that were asked for and are not complete."""
        self.touched = time.monotonic()
        """When text came or sound was made for the last time (monotonic)."""

    @property
    def quiet(self) -> bool:
        """True if all text so far has been sent as sound, except text that waits for a flush."""
        return not self._asked and not self.flushing and not self.closing

    @property
    def text(self) -> str:
        """The text that the client has sent so far."""
        return self._times.text

    @property
    def heard(self) -> Heard:
        """The sound that has been sent, and its characters."""
        sent = self._encoded_samples / self._stream.sample_rate
        encoding = self._encoding
        if size := ENCODED[encoding.format].sample_bytes:  # a resampler holds some samples back
            sent = min(sent, self._sent_bytes / size / encoding.sample_rate)
        return Heard(self._stream.timeline.sentences, sent)

    def add_details(self, details: Collection[Detail]) -> None:
        """Add times other than those of words to sentences; call it before any text is added."""
        self._stream.timeline.details = details

    def check(self, text: str) -> None:
        """Check a piece of the text.

        Raises:
            RequestError: it cannot be spoken, or the text is too long.

        """
        if self._stream.received + len(text) > self._max_chars:
            raise TextTooLong(f"a context has at most {self._max_chars} characters", field="text")
        self._stream.check(text)

    def add(self, text: str) -> None:
        """Take a piece of the text, which :meth:`check` has accepted.

        Raises:
            RequestError: the piece is invalid.

        """
        self._stream.add(text)
        self._times.add(text)
        self._asked = self._asked or bool(text.strip())
        self.touched = time.monotonic()

    def trigger(self) -> None:
        """Speak all sentences that are final."""
        self._stream.trigger()

    def flush(self) -> None:
        """Speak all text so far.

        Raises:
            ContextInvalid: very many flushes wait, since the client does not take the sound.

        """
        if self.flushing >= _MOST_FLUSHES:
            raise ContextInvalid(f"{_MOST_FLUSHES} flushes of the context are not complete yet")
        self.flushing += 1
        self._asked = False
        self._stream.flush()

    def finish(self) -> None:
        """Speak all text so far, and accept no more."""
        self.closing = True
        self._stream.finish()

    async def sound(self) -> AsyncGenerator[Sound, None]:
        """Yield the sound while it is synthesised; closing the iterator stops the synthesis.

        Errors are those of :meth:`TextStream.windows`.
        """
        try:
            async with aclosing(self._stream.windows()) as windows:
                async for pcm in windows:
                    self.touched = time.monotonic()
                    if pcm is None:
                        data = await self._end_of_file()
                        yield Sound(data, *self._last_characters(), flushed=True)
                        self.flushing = max(0, self.flushing - 1)
                    else:
                        most = pcm.sample_rate * _LONGEST_SECONDS
                        for start in range(0, len(pcm.samples), most):
                            yield await self._encoded(pcm.samples[start : start + most])
        finally:
            self._drop_encoder()

    async def _encoded(self, samples: Samples) -> Sound:
        if self._encoder is None:
            rate = self._stream.sample_rate
            self._encoder = await self._speech.encoder(self._encoding, rate)
        encoder = self._encoder
        data = await self._speech.encode(lambda: encoder.encode(samples), self.stats)
        self._encoded_samples += len(samples)  # the caller sends them without waiting
        self._sent_bytes += len(data)
        news = self._stream.timeline.news()
        if not news:
            return Sound(data)
        base = self._times.told_seconds
        return Sound(data, self._times.written(news), spoken(news, base), base, news)

    def _last_characters(self) -> tuple[Alignment | None, Alignment | None, float]:
        """Return the characters after the last sentence with their times, if the text ends here."""
        base = self._times.told_seconds
        ends = self.closing and not self.flushing
        if ends and (rest := self._times.written([], last=True))["characters"]:
            return rest, spoken([], base), base
        return None, None, base

    async def _end_of_file(self) -> bytes:
        """Return the bytes that the encoder holds back; the next sound begins a new file."""
        if self._encoder is None:
            return b""
        data = await self._speech.encode(self._encoder.finish, self.stats)
        self._drop_encoder()
        self._sent_bytes += len(data)
        return data

    def _drop_encoder(self) -> None:
        if self._encoder is not None:
            self._speech.drop(self._encoder)
            self._encoder = None
