"""What is told of a request when it is over: to Prometheus, to the log, to its trace."""

from dataclasses import dataclass
from typing import Final

from vits_tts.metrics import (
    AUDIO_SECONDS,
    FIRST_AUDIO,
    REQUEST_SECONDS,
    REQUESTS,
    series,
)
from vits_tts.speech.tally import Tally

_METHODS: Final = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
_OK: Final = 200
_STREAMS: Final = {"stream", "openaispeech"}
_SPEAKS: Final = {*_STREAMS, "tts"}


@dataclass(frozen=True, slots=True)
class Account:
    """One request: times in seconds, ``first_byte`` None if nothing was sent."""

    route: str
    method: str
    status: int
    first_byte: float | None
    total: float


def count(request: Account, tally: Tally) -> None:
    """Add a request to the metrics; labels take few values, whatever callers send."""
    method = request.method if request.method in _METHODS else "other"
    series(REQUESTS, request.route, method, str(request.status)).inc()
    series(REQUEST_SECONDS, request.route).observe(request.total)
    if request.route in _STREAMS and request.status == _OK and request.first_byte is not None:
        cached = tally.outcome.hits == tally.sentences
        series(FIRST_AUDIO, "hit" if cached else "miss").observe(request.first_byte)
    if request.route in _SPEAKS and tally.sentences:
        series(AUDIO_SECONDS, request.route).inc(tally.audio_seconds)


def logged(tally: Tally) -> dict[str, int | float | None]:
    """Return what the request's line in the log says of its speech."""
    factor = tally.real_time_factor
    return {
        "sentences": tally.sentences,
        "cache_hits": tally.outcome.hits,
        "cache_joins": tally.outcome.joins,
        "audio_seconds": round(tally.audio_seconds, 3),
        "real_time_factor": None if factor is None else round(factor, 4),
        **({"gap_seconds": round(tally.gap_seconds, 3)} if tally.gap_seconds else {}),
    }


def traced(tally: Tally) -> dict[str, int | float]:
    """Return what a trace is told of the request's speech."""
    return {
        "vits_tts.sentences": tally.sentences,
        "vits_tts.cache_hits": tally.outcome.hits,
        "vits_tts.audio_seconds": tally.audio_seconds,
    }
