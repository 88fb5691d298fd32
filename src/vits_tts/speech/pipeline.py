"""The pipeline of a request: each sentence is found in the cache or synthesised, then sent.

Nothing here blocks the event loop.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder, whole
from vits_tts.audio.files import AudioFiles
from vits_tts.audio.formats import Encoding
from vits_tts.audio.gain import amplified
from vits_tts.audio.resample import converted_length
from vits_tts.cache.memory import MemoryCache
from vits_tts.cache.sentence_store import SentenceStore
from vits_tts.config import Audio, Config
from vits_tts.dictionaries.service import Dictionaries
from vits_tts.dictionaries.stores import SharedStore
from vits_tts.errors import ConfigError
from vits_tts.inference.loading import loaded
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.scheduling.admission import Admission
from vits_tts.scheduling.scheduler import Scheduler
from vits_tts.speech.encoding import encoded
from vits_tts.speech.failed_files import FailedFiles
from vits_tts.speech.file_hash import FileHashes
from vits_tts.speech.file_store import NAME, FileStore, OpenFile
from vits_tts.speech.lengths import SentenceLengths
from vits_tts.speech.long_text import LongTexts
from vits_tts.speech.options import Reader, SpeechOptions
from vits_tts.speech.promised_files import PromisedFiles
from vits_tts.speech.reading_queue import ReadingQueue
from vits_tts.speech.request_builder import max_spoken_chars
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.request_streamer import RequestStreamer
from vits_tts.speech.requests import RequestReader
from vits_tts.speech.saved_files import Charge, SavedFiles, SavedSpeech, Streamer, free_of_charge
from vits_tts.speech.sentence_synthesizer import SentenceSynthesizer
from vits_tts.speech.text_stream import TextPace, TextStream
from vits_tts.speech.worker_pool import WorkerPool, timed
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Audience, Pcm, Samples, Sentence, SpeechRequest, silence
from vits_tts.voice import installed

if TYPE_CHECKING:
    from vits_tts.cache.redis_promises import RedisPromises
    from vits_tts.cache.redis_recipes import RedisRecipes
    from vits_tts.cache.redis_sentences import RedisSentences

_SENTENCES_AT_HAND: Final = 8
_BYTES_AT_HAND: Final = 128 * 1024
_WORKERS: Final = 4
_READERS: Final = 1
"""Threads that read texts. More would only compete for the interpreter lock."""
_BACKGROUND_NICE: Final = 10
"""Priority of background work beside listeners: a tenth of the time of others that want a core.

With less, it would stand still beside other busy processes of the machine.
"""


class Speech:
    """Turns texts into speech: everything that a front end needs. :func:`build` creates it."""

    def __init__(
        self,
        config: Config,
        requests: RequestReader,
        synthesizer: SentenceSynthesizer,
        sentences: SentenceStore,
        admission: Admission,
        store: FileStore,
        workers: WorkerPool,
    ) -> None:
        """Connect the parts; nothing is started."""
        self.dictionaries = requests.dictionaries
        self.voices = synthesizer.voices
        self._store = store
        self._requests = requests
        self.request = requests.request
        self.remembered = requests.remembered
        self.timed = requests.timed
        self.opening = LongTexts(config, requests).opening
        self.reading = requests.reading
        self.refused = requests.refused
        self.with_dictionaries = requests.with_dictionaries
        self._synthesizer = synthesizer
        self._sentences = sentences
        self._admission = admission
        self._workers = workers
        streamer = RequestStreamer(synthesizer, sentences, admission, workers)
        self.stream = streamer.stream
        self._streamer = streamer
        recipes = _recipes(sentences.redis, config)
        self._lengths = SentenceLengths(synthesizer)
        hashes = FileHashes(config.audio, store, recipes)
        self.link_secret = hashes.secret
        self._saved_files = SavedFiles(
            synthesizer, store, hashes, recipes, workers, admission, streamer
        )
        self._saved_files_in = partial(
            SavedFiles, synthesizer, hashes=hashes, redis=recipes, helpers=workers
        )
        self.is_there = self._saved_files.is_there
        self.failed_files = FailedFiles(store)
        self.promised_files = PromisedFiles(store, _promises(sentences.redis))

    @staticmethod
    def store(settings: Audio) -> FileStore:
        """Return a store of files, in the folder and with the limits of ``settings``."""
        return FileStore(AudioFiles(settings), settings.timeout_seconds)

    def saved_files_in(self, store: FileStore, streamer: Streamer) -> SavedFiles:
        """Return the saved files of another folder, made from the speech of ``streamer``."""
        return self._saved_files_in(store=store, admission=self._admission, streamer=streamer)

    async def length(self, request: SpeechRequest, stats: RequestStats) -> int:
        """Return the number of samples that ``stream`` will yield; 0 if the text has no sound.

        Only the text stage runs for this.

        Raises:
            NotReady: the voice cannot be loaded in time.

        """
        rate = self.voices.find(request.voice).sample_rate
        samples = 0
        with self._synthesizer.in_use(request):
            for job in self._synthesizer.jobs(request, stats):
                own = await self._lengths.of(job)
                samples += converted_length(own, job.manifest.sample_rate, rate)
                if samples:  # pauses before the first sound are left out
                    samples += len(silence(job.sentence.pause, rate).samples)
        if samples or not request.sentences:
            samples += len(silence(request.lead, rate).samples)
        return samples

    def text_stream(
        self,
        options: SpeechOptions,
        reader: Reader,
        stats: RequestStats,
        pace: TextPace,
        *,
        audience: Audience = "listener",
    ) -> TextStream:
        """Return the speech of a text that is written while it is spoken.

        Without a listener it waits for listeners, and is never refused.

        Raises:
            RequestError: an option is wrong.

        """
        return TextStream(
            self._requests, self._streamer, options, reader, stats, pace, audience=audience
        )

    async def encoder(self, encoding: Encoding, sample_rate: int) -> Encoder:
        """Return a new encoder for samples at ``sample_rate``; its methods are for ``run``."""
        return await self._workers.run(Encoder, encoding, sample_rate)

    def drop(self, encoder: Encoder) -> None:
        """Release an encoder, in a thread."""
        self._workers.later(encoder.close)

    async def encode(self, encode: Callable[[], bytes], stats: RequestStats) -> bytes:
        """Return the result of a method of an encoder, called in a thread."""
        data, seconds = await self._workers.run(timed, encode)
        stats.encoding_seconds += seconds
        return data

    def at_hand(self, request: SpeechRequest, stats: RequestStats) -> Pcm | None:
        """Return the whole speech if it is short and in memory, so that it need not be streamed.

        Returns None otherwise.
        """
        if request.unread or len(request.sentences) > _SENTENCES_AT_HAND:
            return None
        kept = self._sentences.kept([part.key for part in request.sentences], _BYTES_AT_HAND)
        if not kept or not any(pcm.nbytes for pcm in kept):
            return None
        rate = self.voices.find(request.voice).sample_rate
        if any(pcm.sample_rate != rate for pcm in kept):
            return None  # the stream converts in a thread
        stats.sentences = stats.outcome.hits = len(kept)
        speech = _with_pauses(kept, request.sentences, rate, request.lead)
        stats.audio_seconds = speech.seconds
        return speech

    def plain(self, request: SpeechRequest) -> Encoding:
        """Return the encoding that needs no conversion: WAV at the voice's own sample rate."""
        return formats.plain(self.voices.find(request.voice).sample_rate)

    async def encoded(
        self, request: SpeechRequest, encoding: Encoding, stats: RequestStats
    ) -> AsyncGenerator[bytes, None]:
        """Yield the speech of ``request`` as :meth:`stream` does, as bytes of a format."""
        rate = self.voices.find(request.voice).sample_rate
        encoder = await self._workers.run(Encoder, encoding, rate)
        async with (
            aclosing(self.stream(request, stats)) as stream,
            aclosing(encoded(stream, encoder, self._workers, stats)) as parts,
        ):
            async for data in parts:
                yield data

    async def whole(self, speech: Pcm, encoding: Encoding) -> bytes:
        """Return a whole speech as one file in a format."""
        return await self._workers.run(whole, speech, encoding)

    async def save(
        self,
        request: SpeechRequest,
        stats: RequestStats,
        encoding: Encoding | None = None,
        key: str | None = None,
    ) -> SavedSpeech:
        """Write the whole speech into a file unless the file exists; return its hash and length.

        Without an ``encoding`` the file is plain WAV. ``key`` is the name of the caller's API key.

        Raises:
            Busy: files under way have reserved all room.
            NotReady: no voice can speak yet.
            SpeechTooLong: the file would be larger than ``audio.max_bytes``.
            StorageError: the file cannot be kept.

        """
        return await self._saved_files.save(request, stats, encoding, key)

    async def file_hash(self, request: SpeechRequest, encoding: Encoding, key: str | None) -> str:
        """Return the hash that a file of the request has, or would have.

        Raises:
            StorageError: the secret cannot be read or kept.

        """
        return await self._saved_files.file_hash(request, encoding, key)

    async def open_file(
        self, audio_hash: str, name: str, stats: RequestStats, charge: Charge = free_of_charge
    ) -> OpenFile:
        """Open a file of `/tts`; if another replica has created it, synthesise it here first.

        ``charge`` is called with the number of characters to be spoken for it, and may refuse.

        Raises:
            AudioNotFound: no replica knows such a file.
            Busy: too many requests are under way.
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        return await self._saved_files.open_file(audio_hash, name, stats, charge)

    def slot(
        self, *, heard: bool, caller: str | None, left: Callable[[], float | None]
    ) -> AbstractContextManager[None]:
        """Hold a place for a request under way; ``heard`` says that a caller listens meanwhile.

        A ``caller`` gets only some of the places; None is not limited. ``left`` returns the seconds
        until the place will be free, or None.

        Raises:
            Busy: all places are taken.

        """
        return self._admission.slot(heard=heard, caller=caller, left=left)

    @property
    def degraded(self) -> str | None:
        """Names of parts that fail while speech works, separated by commas; None if all work."""
        troubles = [
            self._sentences.degraded,
            NAME if self._store.degraded else None,
            "dictionaries" if self.dictionaries.stale else None,
        ]
        return ", ".join(filter(None, troubles)) or None

    def start(self) -> None:
        """Begin to load the voices; call it in the process that will speak, after any fork."""
        self.voices.start()

    def start_threads(self) -> None:
        """Start all threads that serving needs, so that none has to be started later.

        Raises:
            RuntimeError: the system cannot start that many.

        """
        self._synthesizer.start()
        self._requests.start()
        self._workers.start()

    def watch(self) -> None:
        """Begin to watch Redis, the voices and the lexicons; call it where the event loop runs."""
        self._sentences.start()
        self._requests.watch()
        self.voices.watch()

    def watch_files(self) -> None:
        """Begin to watch and sweep the files of `/tts`; their first use does so too."""
        self._saved_files.watch()

    async def stored(self) -> None:
        """Wait until all sentences synthesised so far are in the shared cache.

        Raises:
            ConfigError: the shared cache cannot be written.

        """
        await self._sentences.stored()
        if trouble := self._sentences.degraded:
            raise ConfigError(f"cache.redis: {trouble} cannot be used; see the log")

    async def close(self) -> None:
        """Finish writing to the shared cache and stop all threads; drop sentences that wait."""
        await self.promised_files.close()
        await self._sentences.finish()
        self._synthesizer.close()
        self.voices.close()
        self._requests.close()
        self._workers.close()
        await self._saved_files.close()


def _with_pauses(
    kept: Sequence[Pcm], sentences: Sequence[Sentence], sample_rate: int, lead: float
) -> Pcm:
    """Return the sentences joined, with the same pauses as in their stream."""
    if len(kept) == 1 and not sentences[0].pause and not lead and sentences[0].volume == 1:
        return kept[0]
    parts: list[Samples] = [silence(lead, sample_rate).samples] if lead else []
    quiet = len(parts)
    for pcm, sentence in zip(kept, sentences, strict=True):
        parts.append(amplified(pcm.samples, sentence.volume, sample_rate))
        if sentence.pause and any(map(len, parts[quiet:])):
            parts.append(silence(sentence.pause, sample_rate).samples)
    return Pcm(np.concatenate(parts), sample_rate)


def build(config: Config, *, listeners: bool = False) -> Speech:
    """Create a :class:`Speech` from the settings; call ``start`` in the process that will speak.

    With ``listeners``, background work gets less processor time than speech that listeners hear.

    Raises:
        ConfigError: a voice or a lexicon that the settings name is not there.
        VoiceError: a voice's JSON is broken.

    """
    phonemiser, workers = Phonemizer(), WorkerPool(_WORKERS)
    settings = config.voice
    manifests = installed.served(settings)
    threads = config.inference_threads
    scheduler = Scheduler(threads, background_nice=_BACKGROUND_NICE if listeners else 0)
    load = partial(
        loaded,
        phonemiser=phonemiser,
        level=config.level,
        pieces=settings.pieces_folder,
        cores=threads,
    )
    voices = VoiceRegistry(manifests, load, settings, config.limits.max_start_delay)
    normaliser = Normalizer(
        config.text.region, config.text.emoji, config.text.lexicon, config.text.restore_marks
    )
    redis = _redis(config) if config.cache.redis.url else None
    dictionaries = Dictionaries(
        config.dictionaries, config.text.dictionaries, _shared_dictionaries(redis)
    )
    reading = ReadingQueue(WorkerPool(_READERS))
    return Speech(
        config,
        RequestReader(config, voices, normaliser, reading, dictionaries),
        SentenceSynthesizer(voices, phonemiser, scheduler, config.level),
        SentenceStore(MemoryCache(config.cache.memory), redis),
        Admission(threads, config.limits),
        Speech.store(config.audio),
        workers,
    )


def _shared_dictionaries(redis: "RedisSentences | None") -> SharedStore | None:
    if redis is None:
        return None
    from vits_tts.dictionaries.redis_store import RedisStore  # noqa: PLC0415

    return RedisStore(redis.client)


def _redis(config: Config) -> "RedisSentences":
    # Imported here because redis-py loads slowly, and is not needed without Redis.
    from vits_tts.cache.redis_client import RedisClient  # noqa: PLC0415
    from vits_tts.cache.redis_sentences import RedisSentences  # noqa: PLC0415

    return RedisSentences(RedisClient(config.cache.redis))


def _recipes(redis: "RedisSentences | None", config: Config) -> "RedisRecipes | None":
    if redis is None:
        return None
    from vits_tts.cache.redis_recipes import RedisRecipes  # noqa: PLC0415

    return RedisRecipes(redis.client, max_spoken_chars(config.server))


def _promises(redis: "RedisSentences | None") -> "RedisPromises | None":
    if redis is None:
        return None
    from vits_tts.cache.redis_promises import RedisPromises  # noqa: PLC0415

    return RedisPromises(redis.client)
