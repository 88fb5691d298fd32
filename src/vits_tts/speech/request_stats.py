"""The statistics of one request, for its log line, its limits and its trace."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vits_tts.cache.sentence_store import CacheOutcome
from vits_tts.speech.timeline import Timeline


@dataclass(slots=True)
class RequestStats:
    """Counts the work of one request, and stores the times of its words if they were requested."""

    sentences: int = 0
    heard: int = 0
    """The number of sentences that have been delivered completely."""
    heard_seconds: float = 0.0
    """Seconds of those sentences, with the pauses between them."""
    outcome: CacheOutcome = field(default_factory=CacheOutcome)
    audio_seconds: float = 0.0
    expected_seconds: Sequence[float] = ()
    """Expected seconds of each sentence, without pauses; none before the speech begins."""
    synthesised_seconds: float = 0.0
    synthesis_seconds: float = 0.0
    reading_seconds: float = 0.0
    synthesis_cpu_seconds: float = 0.0
    encoding_seconds: float = 0.0
    gap_seconds: float = 0.0
    timeline: Timeline | None = None

    @property
    def seconds_left(self) -> float | None:
        """The estimated seconds of speech still to come; None before the speech begins."""
        if not self.expected_seconds:
            return None
        heard = sum(self.expected_seconds[: self.heard])
        left = sum(self.expected_seconds[self.heard :])
        if heard:  # assume the same error of the estimate as in the sentences before
            left *= self.heard_seconds / heard
        return max(0.0, left - (self.audio_seconds - self.heard_seconds))

    @property
    def work(self) -> dict[str, float]:
        """Seconds of processor time so far, summed over threads, by stage."""
        return {
            "reading": self.reading_seconds,
            "synthesis": self.synthesis_cpu_seconds,
            "encoding": self.encoding_seconds,
        }

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work for a second of synthesised speech; None if all speech was cached."""
        if not self.synthesised_seconds:
            return None
        return self.synthesis_seconds / self.synthesised_seconds
