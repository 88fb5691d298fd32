"""Making one sentence: phonemes, the text's piece, then window after window.

Each of these is a piece of work for the scheduler. The random numbers are seeded with the
sentence's key, so that it sounds the same wherever and whenever it is made.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from loguru import logger

from vits_tts import tracing
from vits_tts.metrics import SYNTHESES, SYNTHESIS_SECONDS, SYNTHESISED_SECONDS
from vits_tts.scheduling.pace import Pace
from vits_tts.scheduling.scheduler import Ran, Scheduler
from vits_tts.scheduling.urgency import Urgency
from vits_tts.speech.tally import Tally
from vits_tts.speech.timing import word_timing
from vits_tts.text.phonemise import Phonemiser
from vits_tts.types import Pcm, Prosody, Timing
from vits_tts.voice.cancel import Cancel
from vits_tts.voice.engine import Engine
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.synthesis import Synthesis
from vits_tts.voice.voices import Voices

_HEXADECIMAL: Final = 16


@dataclass(frozen=True, slots=True)
class _Begun:
    synthesis: Synthesis
    timing: Timing


class Maker:
    """Makes sentences, and knows from those it has made how long others will take."""

    def __init__(self, voices: Voices, phonemiser: Phonemiser, scheduler: Scheduler) -> None:
        """Keep the collaborators."""
        self.voices = voices
        self._phonemiser = phonemiser
        self._scheduler = scheduler
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)

    def close(self) -> None:
        """Drop what waits and stop the threads."""
        self._scheduler.close()

    def pace(self, voice: str) -> Pace:
        """Return how fast a voice is here."""
        return self._paces[voice]

    async def make(
        self,
        manifest: Manifest,
        text: str,
        prosody: Prosody,
        key: str,
        tally: Tally,
        urgency: Callable[[], Urgency],
    ) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of one sentence as it is made; nothing if it has no sound.

        The first window brings the sentence's timing.

        Raises:
            NotReady: the voice cannot be loaded in time.

        """
        with tracing.stage("synthesise", voice=manifest.name, characters=len(text)) as span:
            pace = self._paces[manifest.name]
            engine = await self.voices.engine(manifest.name)
            begin = partial(self._begin, engine, text, prosody, int(key, _HEXADECIMAL))
            begun = await self._scheduler.run(begin, urgency)
            tally.synthesis_seconds += begun.work
            SYNTHESIS_SECONDS.inc(begun.work)
            if begun.result is None or begun.result.synthesis.done:
                yield Pcm(np.zeros(0, np.int16), manifest.sample_rate)
                return
            synthesis = begun.result.synthesis
            timing: Timing | None = begun.result.timing
            pace.per_character.learn(begun.work_in_a_crowd, len(text))
            seconds = synthesis.samples / synthesis.sample_rate
            pace.length.learn(seconds / prosody.length_scale, len(text))
            made = self._scheduler.each(synthesis.next, lambda: not synthesis.done, urgency)
            async with aclosing(made) as windows:
                async for ran in windows:
                    _count(ran, pace, tally)
                    span.add_event("window")
                    yield replace(ran.result, timing=timing)
                    timing = None
            SYNTHESES.inc()

    def _begin(
        self,
        engine: Engine,
        text: str,
        prosody: Prosody,
        seed: int,
        cancel: Cancel,
        cores: int,
    ) -> _Begun | None:
        """Return a sentence of which all is known but its samples; None if it has no sound."""
        manifest = engine.manifest
        phonemes = self._phonemiser.phonemes(text, manifest.phoneme_type, manifest.espeak_voice)
        ids, unknown = manifest.phoneme_ids(phonemes)
        if unknown:
            logger.debug("phonemes that the voice lacks", phonemes=sorted(unknown))
        if not any(phoneme.isalpha() for phoneme in phonemes if phoneme not in unknown):
            return None
        synthesis = engine.begin(ids, prosody, seed, cancel, cores)
        return _Begun(synthesis, word_timing(text, phonemes, manifest, synthesis))


def _count(ran: Ran[Pcm], pace: Pace, tally: Tally) -> None:
    seconds = ran.result.seconds
    if seconds:
        pace.per_second.learn(ran.work_in_a_crowd, seconds)
    tally.synthesised_seconds += seconds
    tally.synthesis_seconds += ran.work
    SYNTHESISED_SECONDS.inc(seconds)
    SYNTHESIS_SECONDS.inc(ran.work)
