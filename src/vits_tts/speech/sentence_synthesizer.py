"""Synthesis of one sentence: phonemes, then the text stage, then window by window.

Each of these is a piece of work for the scheduler. The random numbers are seeded with the
sentence's key, so that it sounds the same wherever and whenever it is synthesised.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from loguru import logger

from vits_tts.inference.cancel import Cancel
from vits_tts.inference.engine import Engine
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.inference.streaming import Synthesis
from vits_tts.scheduling.cost_model import CostModel
from vits_tts.scheduling.scheduler import Ran, Scheduler
from vits_tts.scheduling.urgency import Urgency
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.timing import word_timing
from vits_tts.telemetry import tracing
from vits_tts.telemetry.metrics import SYNTHESES, SYNTHESIS_SECONDS, SYNTHESISED_SECONDS
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import KeyedSentence, Level, Pcm, Prosody, SpeechRequest, Timing
from vits_tts.voice.manifest import Manifest

_HEXADECIMAL: Final = 16


@dataclass(frozen=True, slots=True)
class _Begun:
    synthesis: Synthesis
    timing: Timing


class _Pieces:
    """The pieces of work of one sentence: its text stage, then one window after another."""

    def __init__(self, begin: Callable[[Cancel, int], _Begun | None]) -> None:
        """Run the text stage by ``begin``, which returns None if the sentence has no sound."""
        self._begin = begin
        self._synthesis: Synthesis | None = None

    def next(self, cancel: Cancel, cores: int) -> Any:
        """Run the next piece and return its result: that of ``begin``, later a window."""
        if self._synthesis:
            return self._synthesis.next(cancel, cores)
        if begun := self._begin(cancel, cores):
            self._synthesis = begun.synthesis
        return begun

    def more(self) -> bool:
        """Return whether a piece is left after the last one."""
        return self._synthesis is not None and not self._synthesis.done


@dataclass(frozen=True, slots=True)
class SentenceJob:
    """One sentence of a request, with its options and the expected cost of its synthesis.

    ``work`` is the expected time of one thread and ``speech`` the expected length, in seconds.
    """

    synthesizer: "SentenceSynthesizer"
    manifest: Manifest
    sentence: KeyedSentence
    prosody: Prosody
    stats: RequestStats
    work: float
    speech: float
    pause_before: float = 0.0
    """Seconds of silence before it, if they were unknown when the sentence before it was read."""
    silence_before: float = 0.0
    """Further seconds, which the text itself requests: a late writer does not shorten them."""
    long_windows: bool = False
    """True if no listener waits for the first window."""

    @property
    def key(self) -> str:
        """The key of the sentence in caches."""
        return self.sentence.key

    @property
    def voice(self) -> str:
        """The beginning of the voice's digest."""
        return self.manifest.short_digest

    def make(self, urgency: Callable[[], Urgency]) -> AsyncGenerator[Pcm, None]:
        """Yield the speech window by window; see :meth:`SentenceSynthesizer.make`."""
        return self.synthesizer.make(self, urgency)


class SentenceSynthesizer:
    """Synthesises sentences, and updates the cost model with the time of each."""

    def __init__(
        self,
        voices: VoiceRegistry,
        phonemiser: Phonemizer,
        scheduler: Scheduler,
        level: Level,
    ) -> None:
        """Run the pieces of all sentences in ``scheduler``; voices are loaded with ``level``."""
        self.voices = voices
        self.level = level
        self._phonemiser = phonemiser
        self._scheduler = scheduler
        self._paces: dict[str, CostModel] = {}

    def start(self) -> None:
        """Start the threads of inference."""
        self._scheduler.start()

    def close(self) -> None:
        """Drop waiting work and stop the threads."""
        self._scheduler.close()

    def pace(self, voice: str) -> CostModel:
        """Return the cost model of a voice on this machine."""
        model = self._paces.get(voice)
        if model is None or (model.guessed and voice in self.voices.trials):
            model = self._paces[voice] = CostModel(self.voices.trials.get(voice))
        return model

    @contextmanager
    def in_use(self, request: SpeechRequest) -> Iterator[None]:
        """Keep the voices of a request in memory until the block ends."""
        with ExitStack() as stack:
            voices = {part.voice or request.voice for part in request.sentences}
            for name in voices or {request.voice}:
                stack.enter_context(self.voices.in_use(name))
            yield

    def jobs(
        self, request: SpeechRequest, stats: RequestStats, *, long_windows: bool = False
    ) -> list[SentenceJob]:
        """Return a job for each sentence of a request, with the costs expected now.

        With ``long_windows`` the first window is not a short one.
        """
        jobs = []
        for sentence in request.sentences:
            manifest = self.voices.find(sentence.voice or request.voice)
            prosody = sentence.prosody or request.prosody
            pace, scale = self.pace(manifest.name), prosody.length_scale
            work, speech = (
                expected(len(sentence.text), scale) for expected in (pace.work, pace.speech)
            )
            job = SentenceJob(
                self, manifest, sentence, prosody, stats, work, speech, long_windows=long_windows
            )
            jobs.append(job)
        return jobs

    async def make(
        self, job: SentenceJob, urgency: Callable[[], Urgency]
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of one sentence as it is synthesised; no samples if it has no sound.

        The first window has the sentence's timing. ``urgency`` is called before each piece of work.

        Raises:
            NotReady: the voice cannot be loaded in time.

        """
        manifest, text, stats = job.manifest, job.sentence.text, job.stats
        with tracing.stage("synthesise", voice=manifest.name, characters=len(text)) as span:
            engine = await self._engine(job)
            pace = self.pace(manifest.name)
            # One job for the scheduler, so that the thread of the text stage continues with the
            # first window, without two more switches between threads.
            pieces = _Pieces(partial(self._begin, job, engine))
            made = self._scheduler.each(pieces.next, pieces.more, urgency)
            async with aclosing(made) as rans:
                begun = await anext(rans)
                _count_text(begun, stats)
                if begun.result is None or not begun.result.synthesis.frames:
                    yield Pcm(np.zeros(0, np.int16), manifest.sample_rate)
                    return
                synthesis = begun.result.synthesis
                timing: Timing | None = begun.result.timing
                pace.per_character.learn(begun.work_in_a_crowd, len(text))
                seconds = synthesis.samples / synthesis.sample_rate
                pace.length.learn(seconds / job.prosody.length_scale, len(text))
                works = []
                async for ran in rans:
                    _count(ran, stats)
                    works.append(ran.work_in_a_crowd)
                    if timing and not job.long_windows:
                        pace.first_window.learn(works[0], 1)
                    span.add_event("window")
                    yield replace(ran.result, timing=timing)
                    timing = None
                if not job.long_windows:  # those of listeners cost more
                    pace.per_second.learn(sum(works), seconds)
            SYNTHESES.inc()

    async def length(self, job: SentenceJob, urgency: Callable[[], Urgency]) -> int:
        """Return the number of samples of a sentence before its first window; 0 for no sound.

        Raises:
            NotReady: the voice cannot be loaded in time.

        """
        characters = len(job.sentence.text)
        with tracing.stage("measure", voice=job.manifest.name, characters=characters):
            begin = partial(self._begin, job, await self._engine(job))
            begun = await self._scheduler.run(begin, urgency)
            _count_text(begun, job.stats)
        return begun.result.synthesis.samples if begun.result else 0

    async def _engine(self, job: SentenceJob) -> Engine:
        """Return the engine for a sentence; if necessary, first measure the speaker's loudness."""
        engine = await self.voices.engine(job.manifest.name)
        speaker = job.prosody.speaker_id
        if engine.leveller and not engine.leveller.knows(speaker):
            await asyncio.to_thread(engine.leveller.measure, speaker)
        return engine

    def _begin(self, job: SentenceJob, engine: Engine, cancel: Cancel, cores: int) -> _Begun | None:
        """Return the synthesis of a sentence before its first window; None if it has no sound."""
        manifest, text = engine.manifest, job.sentence.text
        phonemes = self._phonemiser.phonemes(text, manifest.phoneme_type, manifest.espeak_voice)
        ids, unknown = manifest.phoneme_ids(phonemes)
        if unknown:
            logger.debug("phonemes that the voice lacks", phonemes=sorted(unknown))
        if not any(phoneme.isalpha() for phoneme in phonemes if phoneme not in unknown):
            return None
        seed = int(job.key, _HEXADECIMAL)
        synthesis = engine.begin(ids, job.prosody, seed, cancel, cores)
        if job.long_windows:
            synthesis.use_long_windows()
        return _Begun(synthesis, word_timing(text, phonemes, manifest, synthesis))


def _count_text(ran: Ran[_Begun | None], stats: RequestStats) -> None:
    stats.synthesis_seconds += ran.work
    stats.synthesis_cpu_seconds += ran.cpu_seconds
    SYNTHESIS_SECONDS.inc(ran.work)


def _count(ran: Ran[Pcm], stats: RequestStats) -> None:
    seconds = ran.result.seconds
    stats.synthesised_seconds += seconds
    stats.synthesis_seconds += ran.work
    stats.synthesis_cpu_seconds += ran.cpu_seconds
    SYNTHESISED_SECONDS.inc(seconds)
    SYNTHESIS_SECONDS.inc(ran.work)
