"""The files of `/tts`: made once, and made again where another replica has made them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, Any

from vits_tts import tracing
from vits_tts.audio import encoder
from vits_tts.audio.encoder import Encoder
from vits_tts.audio.files import AudioFile, AudioFiles, WholeFile, is_hash
from vits_tts.audio.formats import FORMATS, Encoding, plain
from vits_tts.cache.key import encoded_hash
from vits_tts.errors import AudioNotFound, StorageError, VoiceUnknown
from vits_tts.scheduling.admission import Admission
from vits_tts.speech.encoding import encoded
from vits_tts.speech.helpers import Helpers
from vits_tts.speech.tally import Tally
from vits_tts.types import Pcm, Prosody, Sentence, SpeechRequest
from vits_tts.voice.voices import Voices

if TYPE_CHECKING:
    from vits_tts.cache.redis import RedisTier

Stream = Callable[[SpeechRequest, Tally], AsyncGenerator[Pcm, None]]


@dataclass(frozen=True, slots=True)
class SavedSpeech:
    """A file of `/tts`: its hash and how long it plays, in seconds."""

    audio_hash: str
    seconds: float


class Saving:
    """Makes, keeps and finds the files."""

    def __init__(
        self,
        voices: Voices,
        files: AudioFiles,
        redis: "RedisTier | None",
        helpers: Helpers,
        admission: Admission,
        speech_hash: Callable[[SpeechRequest], str],
        stream: Stream,
    ) -> None:
        """Keep the collaborators; ``stream`` makes what is written."""
        self._voices = voices
        self._files = files
        self._redis = redis
        self._helpers = helpers
        self._admission = admission
        self._speech_hash = speech_hash
        self._stream = stream

    async def save(
        self, request: SpeechRequest, tally: Tally, encoding: Encoding | None = None
    ) -> SavedSpeech:
        """Make the whole speech into a file, unless it is there already.

        Raises:
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        encoding = encoding or self._plain(request)
        audio_hash, name = self._hash(request, encoding), encoding.format
        size = await self._helpers.run(self._files.size, audio_hash, name)
        kept = size is not None
        if size is None:
            with tracing.stage("make file"):
                size = await self._made(audio_hash, request, encoding, tally)
            if self._redis:
                self._redis.keep_recipe_later(audio_hash, _recipe(request, encoding))
        path = self._files.path(audio_hash, name)
        try:
            seconds = await self._helpers.run(encoder.seconds, path, size, encoding)
        except OSError as error:
            raise StorageError("the audio file was dropped just now") from error
        if kept and tally.timeline:
            await self._replayed(request, tally)
        elif kept:
            tally.sentences += len(request.sentences)
            tally.outcome.hits += len(request.sentences)
            tally.audio_seconds += seconds
        return SavedSpeech(audio_hash, seconds)

    async def _replayed(self, request: SpeechRequest, tally: Tally) -> None:
        """Fill in the time line: the cache has the times with the sentences, if it has those."""
        async with aclosing(self._stream(request, tally)) as stream:
            async for _ in stream:
                pass

    def _plain(self, request: SpeechRequest) -> Encoding:
        return plain(self._voices.find(request.voice).sample_rate)

    def _hash(self, request: SpeechRequest, encoding: Encoding) -> str:
        """Return a file's name: of plain WAV it is older than the other formats."""
        speech = self._speech_hash(request)
        if encoding == self._plain(request):
            return speech
        return encoded_hash(speech, *astuple(encoding))

    async def _made(
        self, audio_hash: str, request: SpeechRequest, encoding: Encoding, tally: Tally
    ) -> int:
        """Write a speech into its file as it is made, so that no whole one is held in memory."""
        try:
            file = await self._begun(audio_hash, encoding.format)
            try:
                await self._write(file, request, encoding, tally)
                size = await self._helpers.run(file.finish)
            finally:
                self._helpers.later(file.leave)
        except OSError as error:
            raise StorageError(f"the audio file cannot be kept: {error.strerror}") from error
        await self._helpers.run(self._files.sweep, audio_hash)
        return size

    async def _begun(self, audio_hash: str, name: str) -> WholeFile:
        """Begin a file; leave no trace of it if the caller goes away meanwhile."""
        beginning = asyncio.ensure_future(self._helpers.run(self._files.begin, audio_hash, name))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(self._leave_unused)
            raise

    def _leave_unused(self, beginning: "asyncio.Future[WholeFile]") -> None:
        if not beginning.cancelled() and not beginning.exception():
            self._helpers.later(beginning.result().leave)

    async def _write(
        self, file: WholeFile, request: SpeechRequest, encoding: Encoding, tally: Tally
    ) -> None:
        """Write all bytes, then those at the beginning that follow from the rest."""
        rate = self._voices.find(request.voice).sample_rate
        codec = await self._helpers.run(Encoder, encoding, rate, streamed=False)
        written = 0
        async with (
            aclosing(self._stream(request, tally)) as stream,
            aclosing(encoded(stream, codec, self._helpers)) as parts,
        ):
            async for data in parts:
                await self._helpers.run(file.write, data)
                written += len(data)
                if written > self._files.max_bytes:
                    raise StorageError("the speech is longer than audio.max_bytes lets a file be")
        await self._helpers.run(file.write, codec.head, 0)

    async def open_file(self, audio_hash: str, name: str, tally: Tally) -> AudioFile:
        """Open a file of `/tts`; one that another replica has made is made here too.

        Raises:
            AudioNotFound: nobody knows what it was.
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        try:
            return await self._helpers.run(self._files.open, audio_hash, name)
        except AudioNotFound:
            recalled = await self._recalled(audio_hash)
            if recalled is None or recalled[1].format != name:
                raise
        request, encoding = recalled
        with self._admission.slot(heard=False):
            await self.save(request, tally, encoding)
        return await self._helpers.run(self._files.open, audio_hash, name)

    async def _recalled(self, audio_hash: str) -> tuple[SpeechRequest, Encoding] | None:
        """Return what a file was made from, if it would make the same file here."""
        redis = self._redis
        recipe = await redis.recipe(audio_hash) if redis and is_hash(audio_hash) else None
        try:
            if recipe is None:
                return None
            request = _request_of(recipe)
            encoding = _encoding_of(recipe) or self._plain(request)
            same = self._hash(request, encoding) == audio_hash
        except (KeyError, TypeError, ValueError, VoiceUnknown):  # garbage, or not our voice
            return None
        return (request, encoding) if same and FORMATS[encoding.format].available else None


def _recipe(request: SpeechRequest, encoding: Encoding) -> dict[str, Any]:
    """Return a request as JSON can hold it."""
    return {
        "voice": request.voice,
        "prosody": asdict(request.prosody),
        "sentences": [[sentence.text, sentence.pause] for sentence in request.sentences],
        "encoding": astuple(encoding),
    }


def _request_of(recipe: dict[str, Any]) -> SpeechRequest:
    """Return the request that ``_recipe`` was made of.

    Raises:
        KeyError, TypeError, ValueError: it was made of none.

    """
    sentences = tuple(Sentence(str(text), float(pause)) for text, pause in recipe["sentences"])
    return SpeechRequest(str(recipe["voice"]), sentences, Prosody(**recipe["prosody"]))


def _encoding_of(recipe: dict[str, Any]) -> Encoding | None:
    """Return the encoding in a recipe; None in one from before there were others than plain WAV.

    Raises:
        KeyError, TypeError, ValueError: it is none.

    """
    if "encoding" not in recipe:
        return None
    name, sample_rate, bit_rate = recipe["encoding"]
    FORMATS[name]
    return Encoding(name, int(sample_rate), None if bit_rate is None else int(bit_rate))
