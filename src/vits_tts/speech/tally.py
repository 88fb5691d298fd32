"""What one request came to."""

from dataclasses import dataclass, field

from vits_tts.cache.sentences import Outcome
from vits_tts.speech.timeline import Timeline


@dataclass(slots=True)
class Tally:
    """What one request came to, for its log line; when each word is heard, if one wants to know."""

    sentences: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    audio_seconds: float = 0.0
    synthesised_seconds: float = 0.0
    synthesis_seconds: float = 0.0
    gap_seconds: float = 0.0
    timeline: Timeline | None = None

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work for a second of new speech; None if all came from the cache."""
        if not self.synthesised_seconds:
            return None
        return self.synthesis_seconds / self.synthesised_seconds
