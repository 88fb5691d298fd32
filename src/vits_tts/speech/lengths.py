"""Lengths of sentences before their synthesis; the text stage of a voice computes them."""

import time
from typing import Final

from cachetools import LRUCache

from vits_tts.scheduling.playback import START_PATIENCE
from vits_tts.scheduling.urgency import Urgency
from vits_tts.speech.sentence_synthesizer import SentenceJob, SentenceSynthesizer

_REMEMBERED: Final = 16384


class SentenceLengths:
    """Returns lengths of sentences, and remembers recent ones."""

    def __init__(self, synthesizer: SentenceSynthesizer) -> None:
        """Compute lengths with ``synthesizer``, unless they are in the cache of recent ones."""
        self._synthesizer = synthesizer
        self._known: LRUCache[str, int] = LRUCache(_REMEMBERED)

    async def of(self, job: SentenceJob) -> int:
        """Return the number of samples of a sentence; 0 if it has no sound.

        A voice that cannot be streamed has to synthesise the whole sentence for this.

        Raises:
            NotReady: the voice cannot be loaded in time.

        """
        samples = self._known.get(job.key)
        if samples is None:
            now = time.monotonic()
            urgency = Urgency(now + START_PATIENCE, now)  # a listener waits for the first sound
            samples = await self._synthesizer.length(job, lambda: urgency)
            self._known[job.key] = samples
        return samples
