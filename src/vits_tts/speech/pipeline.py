"""The straight line: for each sentence the cache or else inference; then its sound, in order.

Nothing here blocks the event loop.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing, closing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder, whole
from vits_tts.audio.files import AudioFile, AudioFiles
from vits_tts.audio.formats import Encoding
from vits_tts.cache.key import sentence_key, speech_hash
from vits_tts.cache.memory import MemoryCache
from vits_tts.cache.sentences import Ear, Sentences, Wanted
from vits_tts.config import Config, RedisCacheSettings
from vits_tts.errors import ConfigError
from vits_tts.scheduling.admission import Admission, Demand
from vits_tts.scheduling.playback import Playback, Stretch, Unheard
from vits_tts.scheduling.scheduler import Scheduler
from vits_tts.speech.encoding import encoded
from vits_tts.speech.helpers import Helpers
from vits_tts.speech.line import Line
from vits_tts.speech.making import Maker
from vits_tts.speech.prospects import Prospects
from vits_tts.speech.requests import Requests
from vits_tts.speech.saving import SavedSpeech, Saving
from vits_tts.speech.tally import Tally
from vits_tts.text.normalise import Normaliser
from vits_tts.text.phonemise import Phonemiser
from vits_tts.types import Pcm, Samples, Sentence, SpeechRequest, silence
from vits_tts.voice import catalogue
from vits_tts.voice.loading import loaded
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.voices import Voices

if TYPE_CHECKING:
    from vits_tts.cache.redis import RedisTier

_SENTENCES_AT_HAND: Final = 8
_BYTES_AT_HAND: Final = 128 * 1024
_HELPERS: Final = 4
_READERS: Final = 1
"""More would only take the interpreter from each other, and from the event loop."""
_FIRST_WINDOW_SECONDS: Final = 0.7
"""What the first window comes to, with the frames that a voice holds back."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A sentence to be made: its characters, and the seconds of speech before it."""

    characters: int
    after: float


class Speech:
    """Speaks: everything a front end needs. Made by :func:`build`."""

    def __init__(
        self,
        config: Config,
        requests: Requests,
        maker: Maker,
        sentences: Sentences,
        admission: Admission,
        files: AudioFiles,
        helpers: Helpers,
    ) -> None:
        """Keep the collaborators; nothing is started."""
        self.voices = maker.voices
        self.files = files
        self._config = config
        self._requests = requests
        self.request = requests.request
        self.timed = requests.timed
        self.reading = requests.reading
        self._maker = maker
        self._sentences = sentences
        self._admission = admission
        self._helpers = helpers
        self._prospects = Prospects()
        unhurried = partial(self.stream, hurried=False)
        self._saving = Saving(
            self.voices, files, sentences.redis, helpers, admission, self._hash, unhurried
        )

    async def stream(
        self, request: SpeechRequest, tally: Tally, *, hurried: bool = True
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of ``request`` in order, window by window, pauses in between.

        While one sentence is taken by the caller the next is made, and no more than that: whoever
        reads slowly does not fill the memory. Closing the iterator stops the work, unless another
        caller wants the same. Unless ``hurried`` nobody listens: listeners come first then.
        The tally's time line knows of each sentence before its first window is yielded.

        Raises:
            NotReady: the voice cannot be loaded in time.
            Busy: the sound could not start in time.
            TextUnspeakable: the voice knows no sound for any of it.

        """
        patience = self._sentences.patience()

        owed = self._missing(request) if hurried else {}
        promised = {key: missing.after for key, missing in owed.items()}

        def listen(sentence: Sentence, playback: Playback) -> tuple[Ear, Stretch]:
            wanted = self._wanted(sentence.text, request, tally)
            expected = owed.pop(wanted.key, None) is not None
            mine = not self._sentences.at_hand(wanted.key)
            if mine != expected:  # whoever was to make it has left, or somebody has made it
                playback.owe(wanted.speech if mine else -wanted.speech)
            stretch = playback.expect(wanted.speech, owed=mine)
            return self._sentences.listen(wanted, patience, tally.outcome, stretch.urge), stretch

        rate = self.voices.find(request.voice).sample_rate
        admitted = self._admission.admitted(self._demand(request, list(owed.values())))
        with (
            admitted if hurried else nullcontext(Unheard()) as playback,
            self._prospects.promised(promised),
            self.voices.in_use(request.voice),
            closing(Line(request.sentences, playback, listen, tally)) as line,
        ):
            async for pcm in line.windows(rate):
                yield pcm

    def at_hand(self, request: SpeechRequest, tally: Tally) -> Pcm | None:
        """Return all of ``request`` if it is short and in memory, so that it need not be streamed.

        None if it is not.
        """
        if len(request.sentences) > _SENTENCES_AT_HAND:
            return None
        manifest = self.voices.find(request.voice)
        keys = [self._key(manifest, part.text, request) for part in request.sentences]
        kept = self._sentences.kept(keys, _BYTES_AT_HAND)
        if not kept or not any(pcm.nbytes for pcm in kept):
            return None
        tally.sentences = tally.outcome.hits = len(kept)
        speech = _with_pauses(kept, request.sentences, manifest.sample_rate)
        tally.audio_seconds = speech.seconds
        return speech

    def plain(self, request: SpeechRequest) -> Encoding:
        """Return what nobody has to ask for: WAV, with the voice's own samples."""
        return formats.plain(self.voices.find(request.voice).sample_rate)

    async def encoded(
        self, request: SpeechRequest, encoding: Encoding, tally: Tally
    ) -> AsyncGenerator[bytes, None]:
        """Yield the speech of ``request`` as :meth:`stream` does, in bytes of a format."""
        rate = self.voices.find(request.voice).sample_rate
        encoder = await self._helpers.run(Encoder, encoding, rate)
        async with (
            aclosing(self.stream(request, tally)) as stream,
            aclosing(encoded(stream, encoder, self._helpers)) as parts,
        ):
            async for data in parts:
                yield data

    async def whole(self, speech: Pcm, encoding: Encoding) -> bytes:
        """Return all of a speech as one file of a format."""
        return await self._helpers.run(whole, speech, encoding)

    async def save(
        self, request: SpeechRequest, tally: Tally, encoding: Encoding | None = None
    ) -> SavedSpeech:
        """Make the whole speech into a file, as plain WAV if nothing is said, unless it is there.

        Raises:
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        return await self._saving.save(request, tally, encoding)

    async def open_file(self, audio_hash: str, name: str, tally: Tally) -> AudioFile:
        """Open a file of `/tts`; one that another replica has made is made here too.

        Raises:
            AudioNotFound: nobody knows what it was.
            Busy: too much is under way to make it.
            NotReady: no voice can speak yet.
            StorageError: the file cannot be kept.

        """
        return await self._saving.open_file(audio_hash, name, tally)

    def slot(self, *, heard: bool) -> AbstractContextManager[None]:
        """Take one of the places for requests under way; ``heard`` if somebody listens.

        Raises:
            Busy: all are taken.

        """
        return self._admission.slot(heard=heard)

    @property
    def degraded(self) -> str | None:
        """What does not work, though speech does; None if all is well."""
        return self._sentences.degraded

    def start(self) -> None:
        """Begin to load the voices; call it in the process that will speak, after any fork."""
        self.voices.start()

    def watch(self) -> None:
        """Begin to watch what speech depends on; call it where the event loop runs."""
        self._sentences.start()
        self.voices.watch()

    async def stored(self) -> None:
        """Wait until everything made so far is in the shared cache.

        Raises:
            ConfigError: the shared cache does not take it.

        """
        await self._sentences.stored()
        if self.degraded:
            raise ConfigError(f"cache.redis: {self.degraded} cannot be used; see the log")

    async def close(self) -> None:
        """Store what is to be stored and stop all threads; sentences that wait are dropped."""
        await self._sentences.finish()
        self._maker.close()
        self.voices.close()
        self._requests.close()
        self._helpers.close()

    def _missing(self, request: SpeechRequest) -> dict[str, _Missing]:
        """Return the sentences, by key, that nobody has made or will have reached before."""
        manifest = self.voices.find(request.voice)
        pace = self._maker.pace(manifest.name)
        missing: dict[str, _Missing] = {}
        after = 0.0
        for part in request.sentences:
            key = self._key(manifest, part.text, request)
            there = self._sentences.at_hand(key) or self._prospects.made(key, after)
            if not there and key not in missing:
                missing[key] = _Missing(len(part.text), after)
            after += pace.speech(len(part.text), request.prosody.length_scale) + part.pause
        return missing

    def _demand(self, request: SpeechRequest, missing: Sequence[_Missing]) -> Demand:
        """Return what missing sentences will cost, and those that turn out to be missing too."""
        pace = self._maker.pace(request.voice)
        scale = request.prosody.length_scale
        characters = sum(part.characters for part in missing)
        said = characters or sum(len(part.text) for part in request.sentences)
        rate = pace.work(said, scale) / pace.speech(said, scale)
        if not missing:
            return Demand(0.0, 0.0, rate)
        start = pace.start(missing[0].characters, _FIRST_WINDOW_SECONDS)
        return Demand(start, pace.speech(characters, scale), rate)

    def _wanted(self, text: str, request: SpeechRequest, tally: Tally) -> Wanted:
        manifest = self.voices.find(request.voice)
        key = self._key(manifest, text, request)
        pace = self._maker.pace(manifest.name)
        scale = request.prosody.length_scale
        return Wanted(
            voice=manifest.short_digest,
            key=key,
            make=partial(self._maker.make, manifest, text, request.prosody, key, tally),
            work=pace.work(len(text), scale),
            speech=pace.speech(len(text), scale),
        )

    def _key(self, manifest: Manifest, text: str, request: SpeechRequest) -> str:
        return sentence_key(manifest.digest, text, request.prosody, self._config.voice.volume)

    def _hash(self, request: SpeechRequest) -> str:
        manifest = self.voices.find(request.voice)
        parts = (
            (self._key(manifest, part.text, request), part.pause) for part in request.sentences
        )
        return speech_hash(parts, manifest.sample_rate)


def _with_pauses(kept: Sequence[Pcm], sentences: Sequence[Sentence], sample_rate: int) -> Pcm:
    """Return sentences in a row, with the pauses that a stream of them has."""
    if len(kept) == 1 and not sentences[0].pause:
        return kept[0]
    parts: list[Samples] = []
    for pcm, sentence in zip(kept, sentences, strict=True):
        parts.append(pcm.samples)
        if sentence.pause and any(map(len, parts)):
            parts.append(silence(sentence.pause, sample_rate).samples)
    return Pcm(np.concatenate(parts), sample_rate)


def build(config: Config) -> Speech:
    """Make a :class:`Speech` from the settings; ``start`` it in the process that will speak.

    Raises:
        ConfigError: a voice or a lexicon that the settings name is not there.
        VoiceError: a voice's JSON is broken.

    """
    phonemiser, helpers = Phonemiser(), Helpers(_HELPERS)
    settings = config.voice
    manifests = catalogue.served(settings)
    threads = config.inference_threads
    load = partial(
        loaded,
        phonemiser=phonemiser,
        volume=settings.volume,
        pieces=settings.pieces_folder,
        cores=threads,
    )
    voices = Voices(manifests, load, settings, config.limits.max_start_delay)
    normaliser = Normaliser(config.text.region, config.text.emoji, config.text.lexicon)
    redis = _redis(config.cache.redis) if config.cache.redis.url else None
    return Speech(
        config,
        Requests(config, voices, normaliser, Helpers(_READERS)),
        Maker(voices, phonemiser, Scheduler(threads)),
        Sentences(MemoryCache(config.cache.memory), redis),
        Admission(threads, config.limits),
        AudioFiles(config.audio),
        helpers,
    )


def _redis(settings: RedisCacheSettings) -> "RedisTier":
    from vits_tts.cache.redis import RedisTier  # noqa: PLC0415  # takes long, and not all have one

    return RedisTier(settings)
