"""The files of `/tts`: synthesised once, and again if they are only on another replica."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, astuple, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakValueDictionary

from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder, bytes_a_second
from vits_tts.audio.files import is_hash
from vits_tts.audio.formats import FORMATS, Encoding, plain
from vits_tts.audio.gain import MAX_VOLUME
from vits_tts.audio.new_file import NewFile
from vits_tts.cache.key import rate_in
from vits_tts.ending_tasks import end
from vits_tts.errors import AudioNotFound, RequestError, SpeechTooLong, VoiceUnknown
from vits_tts.markup.plan import MAX_PAUSE
from vits_tts.scheduling.admission import Admission
from vits_tts.speech.encoding import encoded
from vits_tts.speech.file_hash import FileHashes
from vits_tts.speech.file_store import FileStore, OpenFile
from vits_tts.speech.keyed_request import keyed_request
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.sentence_synthesizer import SentenceSynthesizer
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.telemetry import tracing
from vits_tts.text.normalizer.pipeline import check
from vits_tts.text.split import MAX_CHARS
from vits_tts.types import Audience, KeyedSentence, Level, Pcm, Prosody, Sentence, SpeechRequest
from vits_tts.voice.manifest import Manifest

if TYPE_CHECKING:
    from vits_tts.cache.redis_recipes import RedisRecipes

_QUICKEST: Final = 8
"""Upper bound of the ratio of expected to real length of a speech."""
_LONGEST_PAUSE: Final = MAX_PAUSE
_SHORTEST_SCALE, _LONGEST_SCALE = 0.1, 10.0
"""Length scales that settings may give to speeds, as multiples of a voice's own."""
_MOST_NOISE: Final = 2.0
_REASON_CHARS: Final = 200

Charge = Callable[[int], Awaitable[None]]


async def free_of_charge(_: int) -> None:
    """Do nothing: the caller is not charged for characters."""


@dataclass(frozen=True, slots=True)
class SavedSpeech:
    """A file of `/tts`: its hash and how long it plays, in seconds."""

    audio_hash: str
    seconds: float


class Streamer(Protocol):
    """The interface of ``RequestStreamer``: streams the speech of requests."""

    def stream(
        self, request: SpeechRequest, stats: RequestStats, *, audience: Audience
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech in order."""


class SavedFiles:
    """Creates, stores and finds the files."""

    def __init__(
        self,
        maker: SentenceSynthesizer,
        store: FileStore,
        hashes: FileHashes,
        redis: "RedisRecipes | None",
        helpers: WorkerPool,
        admission: Admission,
        streamer: Streamer,
    ) -> None:
        """Store the collaborators; ``streamer`` synthesises the speech."""
        self._maker = maker
        self._voices = maker.voices
        self._store = store
        self._hashes = hashes
        self._redis = redis
        self._helpers = helpers
        self._admission = admission
        self._streamer = streamer
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._agreeing: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Start to watch and sweep the files in the background; later calls do nothing."""
        self._store.watch()
        if self._agreeing is None:
            self._agreeing = asyncio.create_task(self._hashes.agree())

    async def close(self) -> None:
        """Wait a moment for files that are being written."""
        if self._agreeing:
            await end(self._agreeing)
        await self._store.close()

    async def save(
        self,
        request: SpeechRequest,
        tally: RequestStats,
        encoding: Encoding | None = None,
        key: str | None = None,
    ) -> SavedSpeech:
        """Write the whole speech into a file, unless the file exists.

        ``key`` is the name of the caller's API key.

        Raises:
            Busy: files under way have reserved all room.
            NotReady: no voice can speak yet.
            SpeechTooLong: the file would be larger than ``audio.max_bytes``.
            StorageError: the file cannot be kept.

        """
        self.watch()
        encoding = encoding or self._plain(request)
        audio_hash = await self.file_hash(request, encoding, key)
        return await self._saved(audio_hash, request, tally, encoding, self._hashes.owner(key))

    async def file_hash(self, request: SpeechRequest, encoding: Encoding, key: str | None) -> str:
        """Return the hash that a file of the request has, or would have.

        Raises:
            StorageError: the secret cannot be read or kept.

        """
        if request.unread:
            raise ValueError("a file needs all sentences of its text")
        owner = self._hashes.owner(key)
        return await self._hashes.of(request, encoding, self._rate(request), owner)

    async def is_there(self, audio_hash: str, name: str) -> bool:
        """Return whether a file of a format is complete, here or on another replica.

        Raises:
            StorageError: the disk cannot be read, or hangs.

        """
        if not is_hash(audio_hash) or name not in FORMATS:
            return False
        self.watch()
        if await self._store.size(audio_hash, name) is not None:
            return True
        recalled = await self._recalled(audio_hash)  # a replica stores it when its file is finished
        return recalled is not None and recalled.encoding.format == name

    async def _saved(
        self,
        audio_hash: str,
        request: SpeechRequest,
        tally: RequestStats,
        encoding: Encoding,
        owner: str | None,
    ) -> SavedSpeech:
        seconds = await self._store.seconds(audio_hash, encoding)
        kept = seconds is not None
        if seconds is None:
            seconds, kept = await self._made_once(audio_hash, request, encoding, tally)
            if self._redis and not kept:
                recipe = _recipe(request, encoding, owner)
                self._redis.keep_recipe_later(audio_hash, recipe)
        if kept and tally.timeline:
            await self._replayed(request, tally)
        elif kept:
            tally.sentences += len(request.sentences)
            tally.outcome.hits += len(request.sentences)
            tally.audio_seconds += seconds
        return SavedSpeech(audio_hash, seconds)

    async def _replayed(self, request: SpeechRequest, tally: RequestStats) -> None:
        """Fill in the time line from the cache, which stores the times with the sentences."""
        async with aclosing(self._streamer.stream(request, tally, audience="program")) as stream:
            async for _ in stream:
                pass

    def _plain(self, request: SpeechRequest) -> Encoding:
        return plain(self._rate(request))

    def _rate(self, request: SpeechRequest) -> int:
        return self._voices.find(request.voice).sample_rate

    async def _made_once(
        self, audio_hash: str, request: SpeechRequest, encoding: Encoding, tally: RequestStats
    ) -> tuple[float, bool]:
        """Create a file, or wait for another request that is creating it.

        Return how long it plays, in seconds, and whether another request has created it.
        """
        lock = self._making.setdefault(audio_hash, asyncio.Lock())
        others = lock.locked()
        async with lock:
            seconds = await self._store.seconds(audio_hash, encoding) if others else None
            if seconds is not None:
                return seconds, True
            with tracing.stage("make file"):
                return await self._made(audio_hash, request, encoding, tally), False

    async def _made(
        self, audio_hash: str, request: SpeechRequest, encoding: Encoding, tally: RequestStats
    ) -> float:
        """Write a speech into its file window by window; return how long it plays, in seconds."""
        expected = self._expected_bytes(request, encoding)
        self._check_length(expected / _QUICKEST)
        most = self._store.max_bytes
        file = await self._store.begin(audio_hash, encoding.format, min(int(expected), most))
        try:
            await self._write(file, request, encoding, tally)
            return await self._store.finish(file, encoding)
        finally:
            self._store.leave(file)

    def _expected_bytes(self, request: SpeechRequest, encoding: Encoding) -> float:
        """Return the estimated number of bytes of a speech."""
        seconds = request.lead
        for sentence in request.sentences:
            pace = self._maker.pace(sentence.voice or request.voice)
            scale = (sentence.prosody or request.prosody).length_scale
            seconds += pace.speech(len(sentence.text), scale) + sentence.pause
        return seconds * bytes_a_second(encoding)

    def _check_length(self, nbytes: float) -> None:
        if nbytes > self._store.max_bytes:
            raise SpeechTooLong(
                "the speech is too long for a file (audio.max_bytes); "
                "/tts/stream has no such limit",
                field="text",
            )

    async def _write(
        self, file: NewFile, request: SpeechRequest, encoding: Encoding, tally: RequestStats
    ) -> None:
        """Write all bytes, then the header, whose sizes are known only at the end."""
        codec = await self._helpers.run(Encoder, encoding, self._rate(request), streamed=False)
        written = 0
        async with (
            aclosing(self._streamer.stream(request, tally, audience="program")) as stream,
            aclosing(encoded(stream, codec, self._helpers, tally)) as parts,
        ):
            async for data in parts:
                written += len(data)
                self._check_length(written)
                await self._store.write(file, data)
        await self._store.write(file, codec.head, 0)

    async def open_file(
        self, audio_hash: str, name: str, tally: RequestStats, charge: Charge
    ) -> OpenFile:
        """Open a file of `/tts`; if another replica has created it, synthesise it here first.

        ``charge`` is called with the number of characters to be spoken, and may refuse.

        Raises:
            AudioNotFound: no replica knows such a file.
            Busy: too many requests are under way.
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        self.watch()
        try:
            file = await self._store.open(audio_hash, name)
        except AudioNotFound:
            recalled = await self._recalled(audio_hash)
            if recalled is None or recalled.encoding.format != name:
                raise
            await charge(sum(len(sentence.text) for sentence in recalled.request.sentences))
            with self._admission.slot(heard=False):
                await self._saved(
                    audio_hash, recalled.request, tally, recalled.encoding, recalled.owner
                )
            file = await self._store.open(audio_hash, name)
        if FORMATS[name].headerless and (rate := await self._rate_of(audio_hash)):
            file.media_type = Encoding(name, rate).media_type
        return file

    async def _rate_of(self, audio_hash: str) -> int | None:
        """Return the sample rate of a file without a header, in hertz; None if it is not known.

        The hash contains it. If an older version computed the hash, Redis may know the request.
        """
        if rate := rate_in(audio_hash):
            return rate
        recalled = await self._recalled(audio_hash)
        return recalled.encoding.sample_rate if recalled else None

    async def _recalled(self, audio_hash: str) -> "_Recalled | None":
        """Return the recipe of a file from Redis, if it gives the same file here."""
        redis = self._redis
        recipe = await redis.recipe(audio_hash) if redis and is_hash(audio_hash) else None
        if redis is None or recipe is None:
            return None
        try:
            manifest = self._voices.find(str(recipe["voice"]))
            request = _request_of(
                recipe, manifest, self._voices.find, redis.max_recipe_chars, self._maker.level
            )
            owner = _owner_of(recipe)
            encoding = _encoding_of(recipe, manifest.sample_rate)
            rate = manifest.sample_rate
            same = await self._hashes.names(audio_hash, request, encoding, rate, owner)
        except VoiceUnknown:
            return None
        except (KeyError, TypeError, ValueError, OverflowError, RequestError) as error:
            redis.recipe_damaged(audio_hash, f"{type(error).__name__}: {error}"[:_REASON_CHARS])
            return None
        available = same and FORMATS[encoding.format].available
        return _Recalled(request, encoding, owner) if available else None


@dataclass(frozen=True, slots=True)
class _Recalled:
    """The recipe of a file: its request, its encoding, and the API key that it was created for."""

    request: SpeechRequest
    encoding: Encoding
    owner: str | None


def _recipe(request: SpeechRequest, encoding: Encoding, owner: str | None) -> dict[str, Any]:
    """Return a request as a JSON object."""
    return {
        "voice": request.voice,
        "prosody": asdict(request.prosody),
        "sentences": [_row(sentence) for sentence in request.sentences],
        "encoding": astuple(encoding),
        **({"owner": owner} if owner is not None else {}),
        **({"lead": request.lead} if request.lead else {}),
    }


def _row(sentence: KeyedSentence) -> list[object]:
    """Return a sentence as a JSON list; the last item exists only if markup changed it."""
    own: dict[str, object] = {}
    if sentence.prosody:
        own["voice"], own["prosody"] = sentence.voice, asdict(sentence.prosody)
    if sentence.volume != 1:
        own["volume"] = sentence.volume
    return [sentence.text, sentence.pause, *([own] if own else [])]


def _request_of(
    recipe: dict[str, Any],
    manifest: Manifest,
    find: Callable[[str | None], Manifest],
    max_chars: int,
    level: Level,
) -> SpeechRequest:
    """Return the request in a recipe, after checking that a caller could have made it.

    Raises:
        KeyError, TypeError, ValueError, RequestError: the recipe is invalid.

    """
    sentences: list[Sentence] = []
    voices: dict[str | None, tuple[Manifest, Prosody]] = {}
    for text, pause, *rest in recipe["sentences"]:
        own = dict(*rest)
        check(text, MAX_CHARS)
        name = None
        if "prosody" in own:
            name = str(len(sentences))
            voice = manifest if own["voice"] is None else find(str(own["voice"]))
            voices[name] = voice, _checked(Prosody(**own["prosody"]), voice)
        gain = float(own.get("volume", 1.0))
        sentences.append(Sentence(text, float(pause), voice=name, volume=gain))
    prosody = _checked(Prosody(**recipe["prosody"]), manifest)
    lead = float(recipe.get("lead", 0.0))
    pauses = [lead, *(sentence.pause for sentence in sentences)]
    if not (
        (sentences or lead)
        and sum(len(sentence.text) for sentence in sentences) <= max_chars
        and all(0 <= pause <= _LONGEST_PAUSE for pause in pauses)
        and all(0 <= sentence.volume <= MAX_VOLUME for sentence in sentences)
        and all(voice.sample_rate == manifest.sample_rate for voice, _ in voices.values())
    ):
        raise ValueError("no request has such a text, pause or volume")
    return keyed_request(manifest, sentences, prosody, level, voices, lead)


def _checked(prosody: Prosody, manifest: Manifest) -> Prosody:
    """Return a prosody after checking that a caller could ask for it.

    Raises:
        ValueError: no caller could ask for it.

    """
    speed = prosody.length_scale / manifest.inference.length_scale
    speaker = prosody.speaker_id
    if not (
        _SHORTEST_SCALE <= speed <= _LONGEST_SCALE
        and all(0 <= scale <= _MOST_NOISE for scale in (prosody.noise_scale, prosody.noise_w))
        and isinstance(speaker, int)
        and 0 <= speaker < max(1, manifest.num_speakers)
    ):
        raise ValueError("no request has such a scale or speaker")
    return prosody


def _encoding_of(recipe: dict[str, Any], voice_rate: int) -> Encoding:
    """Return the encoding in a recipe; recipes of old versions have none, which is plain WAV.

    Raises:
        KeyError, TypeError, ValueError, RequestError: no caller could ask for it.

    """
    if "encoding" not in recipe:
        return plain(voice_rate)
    name, sample_rate, bit_rate = recipe["encoding"]
    if not isinstance(name, str):
        raise TypeError("the format has no name")
    return formats.encoding(name, sample_rate, bit_rate, voice_rate)


def _owner_of(recipe: dict[str, Any]) -> str | None:
    """Return the name of the API key to which a file is restricted; None if it is not."""
    owner = recipe.get("owner")
    return None if owner is None else str(owner)
