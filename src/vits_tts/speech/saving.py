"""The files of `/tts`: made once, and made again where another replica has made them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from vits_tts import tracing
from vits_tts.audio import wav
from vits_tts.audio.files import AudioFile, AudioFiles, WholeFile, is_hash
from vits_tts.cache.redis import RedisTier
from vits_tts.errors import AudioNotFound, StorageError, VoiceUnknown
from vits_tts.scheduling.admission import Admission
from vits_tts.speech.helpers import Helpers
from vits_tts.speech.tally import Tally
from vits_tts.types import Pcm, Prosody, Sentence, SpeechRequest
from vits_tts.voice.voices import Voices

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
        redis: RedisTier | None,
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

    async def save(self, request: SpeechRequest, tally: Tally) -> SavedSpeech:
        """Make the whole speech into a file, unless it is there already.

        Raises:
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        sample_rate = self._voices.find(request.voice).sample_rate
        audio_hash = self._speech_hash(request)
        size = await self._helpers.run(self._files.size, audio_hash)
        if size is None:
            with tracing.stage("make file"):
                size = await self._made(audio_hash, request, tally)
            if self._redis:
                self._redis.keep_recipe_later(audio_hash, _recipe(request))
        else:
            tally.sentences += len(request.sentences)
            tally.outcome.hits += len(request.sentences)
            tally.audio_seconds += (size - wav.HEADER_BYTES) / 2 / sample_rate
        seconds = (size - wav.HEADER_BYTES) / 2 / sample_rate
        return SavedSpeech(audio_hash, seconds)

    async def _made(self, audio_hash: str, request: SpeechRequest, tally: Tally) -> int:
        """Write a speech into its file as it is made, so that no whole one is held in memory."""
        rate = self._voices.find(request.voice).sample_rate
        try:
            file = await self._begun(audio_hash)
            try:
                written = await self._written(file, request, tally)
                await self._helpers.run(file.write, wav.header(rate, written), 0)
                size = await self._helpers.run(file.finish)
            finally:
                self._helpers.later(file.leave)
        except OSError as error:
            raise StorageError(f"the audio file cannot be kept: {error.strerror}") from error
        await self._helpers.run(self._files.sweep, audio_hash)
        return size

    async def _begun(self, audio_hash: str) -> WholeFile:
        """Begin a file; leave no trace of it if the caller goes away meanwhile."""
        beginning = asyncio.ensure_future(self._helpers.run(self._files.begin, audio_hash))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(self._leave_unused)
            raise

    def _leave_unused(self, beginning: "asyncio.Future[WholeFile]") -> None:
        if not beginning.cancelled() and not beginning.exception():
            self._helpers.later(beginning.result().leave)

    async def _written(self, file: WholeFile, request: SpeechRequest, tally: Tally) -> int:
        """Write a header to be put right later, then all samples; return the samples' bytes."""
        written = 0
        rate = self._voices.find(request.voice).sample_rate
        await self._helpers.run(file.write, wav.header(rate))
        async with aclosing(self._stream(request, tally)) as stream:
            async for pcm in stream:
                await self._helpers.run(file.write, pcm.samples.tobytes())
                written += pcm.nbytes
                if written > self._files.max_bytes:
                    raise StorageError("the speech is longer than audio.max_bytes lets a file be")
        return written

    async def open_file(self, audio_hash: str, tally: Tally) -> AudioFile:
        """Open a file of `/tts`; one that another replica has made is made here too.

        Raises:
            AudioNotFound: nobody knows what it was.
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        try:
            return await self._helpers.run(self._files.open, audio_hash)
        except AudioNotFound:
            request = await self._recalled(audio_hash)
            if request is None:
                raise
        with self._admission.slot(heard=False):
            await self.save(request, tally)
        return await self._helpers.run(self._files.open, audio_hash)

    async def _recalled(self, audio_hash: str) -> SpeechRequest | None:
        """Return the request that a file was made from, if it would make the same file here."""
        redis = self._redis
        recipe = await redis.recipe(audio_hash) if redis and is_hash(audio_hash) else None
        try:
            request = _request_of(recipe) if recipe else None
            same = request is not None and self._speech_hash(request) == audio_hash
        except (KeyError, TypeError, ValueError, VoiceUnknown):  # garbage, or not our voice
            return None
        return request if same else None


def _recipe(request: SpeechRequest) -> dict[str, Any]:
    """Return a request as JSON can hold it."""
    return {
        "voice": request.voice,
        "prosody": asdict(request.prosody),
        "sentences": [[sentence.text, sentence.pause] for sentence in request.sentences],
    }


def _request_of(recipe: dict[str, Any]) -> SpeechRequest:
    """Return the request that ``_recipe`` was made of.

    Raises:
        KeyError, TypeError, ValueError: it was made of none.

    """
    sentences = tuple(Sentence(str(text), float(pause)) for text, pause in recipe["sentences"])
    return SpeechRequest(str(recipe["voice"]), sentences, Prosody(**recipe["prosody"]))
