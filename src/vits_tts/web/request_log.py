"""The record of a finished request in metrics, log and trace."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from vits_tts.speech.request_stats import RequestStats
from vits_tts.telemetry.metrics import AUDIO_SECONDS, FIRST_AUDIO, REQUEST_SECONDS, REQUESTS, series

_METHODS: Final = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
_OK: Final = 200

Delivery: TypeAlias = Literal["stream", "file"] | None
"""The delivery of speech by a route: as a stream, or as a complete file; None if it has no speech.
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A finished request: times in seconds; ``first_byte`` is None if nothing was sent."""

    route: str
    delivery: Delivery
    method: str
    status: int
    first_byte: float | None
    total: float


def count(request: Account, tally: RequestStats) -> None:
    """Add a request to the metrics; an unknown method is ``other``, to limit the labels."""
    method = request.method if request.method in _METHODS else "other"
    series(REQUESTS, request.route, method, str(request.status)).inc()
    series(REQUEST_SECONDS, request.route).observe(request.total)
    if request.delivery == "stream" and request.status == _OK and request.first_byte is not None:
        cached = tally.outcome.hits == tally.sentences
        series(FIRST_AUDIO, "hit" if cached else "miss").observe(request.first_byte)
    if request.delivery and tally.sentences:
        series(AUDIO_SECONDS, request.route).inc(tally.audio_seconds)


def logged(tally: RequestStats) -> dict[str, int | float | None]:
    """Return the fields about speech for the request's log line."""
    factor = tally.real_time_factor
    return {
        "sentences": tally.sentences,
        "cache_hits": tally.outcome.hits,
        "cache_joins": tally.outcome.joins,
        "audio_seconds": round(tally.audio_seconds, 3),
        "real_time_factor": None if factor is None else round(factor, 4),
        **({"gap_seconds": round(tally.gap_seconds, 3)} if tally.gap_seconds else {}),
    }


def traced(tally: RequestStats) -> dict[str, int | float]:
    """Return the attributes about speech for the request's trace."""
    return {
        "vits_tts.sentences": tally.sentences,
        "vits_tts.cache_hits": tally.outcome.hits,
        "vits_tts.audio_seconds": tally.audio_seconds,
    }
