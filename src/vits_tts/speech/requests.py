"""From what a caller sends to a request that has been checked, normalised and split."""

import math
from typing import Final, TypeAlias

from cachetools import LRUCache

from vits_tts import tracing
from vits_tts.config import Config, Speeds
from vits_tts.errors import SpeedInvalid, TextUnspeakable
from vits_tts.speech.helpers import Helpers
from vits_tts.speech.timeline import Timeline
from vits_tts.text.lexicon import Lexicon
from vits_tts.text.normalise import Normaliser, check
from vits_tts.text.split import Reading, split
from vits_tts.types import SpeechRequest
from vits_tts.voice.voices import Voices

MIN_RATE: Final = 0.25
MAX_RATE: Final = 4.0
_REMEMBERED_REQUESTS: Final = 1024
_REMEMBERED_CHARS: Final = 300

Asked: TypeAlias = tuple[
    str, str | float | None, str | None, str | None, Lexicon | None, tuple[int, ...]
]
"""What a request says, and the edition of the lexicons that it was read with."""


class Requests:
    """Makes requests; short ones that were made lately are remembered."""

    def __init__(
        self, config: Config, voices: Voices, normaliser: Normaliser, reader: Helpers
    ) -> None:
        """Keep the collaborators; ``reader`` reads the texts."""
        self._config = config
        self._voices = voices
        self._normaliser = normaliser
        self._reader = reader
        self._requests: LRUCache[Asked, SpeechRequest] = LRUCache(_REMEMBERED_REQUESTS)

    async def request(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        voice: str | None = None,
        speaker: str | None = None,
        lexicon: Lexicon | None = None,
    ) -> SpeechRequest:
        """Check what is asked for, normalise the text and split it into sentences.

        ``speed`` is a name (``slow``) or a rate from 0.25 to 4, where 2 is twice as fast; the words
        of ``lexicon`` are read as it says.

        Raises:
            RequestError: one of its subclasses says what is wrong with which parameter.

        """
        asked = (text, speed, voice, speaker, lexicon)
        key = (*asked, self._normaliser.edition)
        if known := self._requests.get(key):
            return known
        with tracing.stage("read text", characters=len(text)):
            request, _ = await self._reader.run(self._request, *asked)
        if len(text) <= _REMEMBERED_CHARS and lexicon is None:  # a lexicon may be large
            self._requests[key] = request
        return request

    async def timed(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        voice: str | None = None,
        speaker: str | None = None,
        lexicon: Lexicon | None = None,
    ) -> tuple[SpeechRequest, Timeline]:
        """Return what ``request`` does, and a time line for the tally of saying it.

        Raises:
            RequestError: one of its subclasses says what is wrong with which parameter.

        """
        asked = (text, speed, voice, speaker, lexicon)
        request, reading = await self._reader.run(self._request, *asked)
        rate = self._voices.find(request.voice).sample_rate
        return request, Timeline(text, reading, rate)

    def _request(
        self,
        text: str,
        speed: str | float | None,
        voice: str | None,
        speaker: str | None,
        lexicon: Lexicon | None,
    ) -> tuple[SpeechRequest, Reading]:
        check(text, self._config.server.max_text_chars)
        manifest = self._voices.find(voice)
        prosody = manifest.prosody(length_scale(speed, self._config.voice.speeds), speaker)
        reading = self._read(text, lexicon)
        if not reading.sentences:
            raise TextUnspeakable("the text has nothing to say", field="text")
        return SpeechRequest(manifest.name, reading.sentences, prosody), reading

    async def reading(self, text: str, lexicon: Lexicon | None = None) -> Reading:
        """Return what would be said for ``text``, and from where in it each word comes.

        Raises:
            RequestError: the text cannot be said at all.

        """
        check(text, self._config.server.max_text_chars)
        return await self._reader.run(self._read, text, lexicon)

    def close(self) -> None:
        """Read nothing more."""
        self._reader.close()

    def _read(self, written: str, lexicon: Lexicon | None) -> Reading:
        settings = self._config.voice
        text = self._normaliser(written, lexicon or Lexicon())
        return Reading(text, split(text, settings.sentence_pause, settings.paragraph_pause))


def length_scale(speed: str | float | None, speeds: Speeds) -> float:
    """Return the ``length_scale`` of a speed: a name, or a rate from 0.25 to 4 (2: half as long).

    Raises:
        SpeedInvalid: it is neither.

    """
    if speed is None:
        return speeds.normal
    names = type(speeds).model_fields
    if isinstance(speed, str) and speed in names:
        return float(getattr(speeds, speed))
    try:
        rate = float(speed)
    except (ValueError, OverflowError):
        rate = math.nan
    if not MIN_RATE <= rate <= MAX_RATE:
        raise SpeedInvalid(
            f"speed is one of {', '.join(names)} or a rate from {MIN_RATE:g} to {MAX_RATE:g}",
            field="speed",
        )
    return 1 / rate
