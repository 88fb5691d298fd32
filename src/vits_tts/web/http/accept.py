"""Choosing the audio format that a caller prefers, by ``Accept`` (RFC 9110, section 12.5.1)."""

import math
from collections.abc import Mapping
from typing import Final

from vits_tts.audio.formats import DEFAULT, FORMATS, Format, offered
from vits_tts.errors import NotAcceptable

_ANYTHING: Final = "*/*"
_BYTES: Final = "application/octet-stream"
"""Programs that accept any bytes send it, so it counts like ``*/*``."""
_MOST: Final = 100
"""Media ranges of a header that are read, and options of one. Browsers send ten. A header of
nothing but commas, as long as a head may be, would hold the event loop for a tenth of a second."""


def wanted(header: str | None) -> str:
    """Return the name of the format with the highest weight in ``Accept``.

    Of formats with equal weights, the first one of the registry is chosen.

    Raises:
        NotAcceptable: the header names no format that is available here.

    """
    if not header or header == _ANYTHING:
        return DEFAULT
    name = _best(header)
    if name is None:
        types = ", ".join(FORMATS[other].accepted[0] for other in offered())
        raise NotAcceptable(f"Accept names no format that is available here; available: {types}")
    return name


def named(header: str | None) -> str:
    """Return the preferred format for an answer in JSON, where ``Accept`` may name no audio."""
    return _best(header or _ANYTHING) or DEFAULT


def _best(header: str) -> str | None:
    """Return the name of the available format with the highest weight; None if all weigh 0."""
    weights = _weights(header)
    best, most = None, 0.0
    for name in offered():
        weight = _weight(FORMATS[name], weights)
        if weight > most:
            best, most = name, weight
    return best


def _weight(kind: Format, weights: Mapping[str, float]) -> float:
    """Return a format's weight, 0 to 1: that of its own type, else of ``audio/*``, else ``*/*``."""
    exact = [weights[media_type] for media_type in kind.accepted if media_type in weights]
    if exact:
        return max(exact)
    return weights.get("audio/*", max(weights.get(_ANYTHING, 0.0), weights.get(_BYTES, 0.0)))


def _weights(header: str) -> dict[str, float]:
    """Return the weight of each media range; skip ranges whose weight is not a number."""
    weights = {}
    for part in header.lower().split(",", _MOST)[:_MOST]:
        media_range, *options = (piece.strip() for piece in part.split(";", _MOST)[:_MOST])
        given = [option.removeprefix("q=") for option in options if option.startswith("q=")]
        try:
            weight = float(given[0]) if given else 1.0
        except ValueError:
            continue
        if not math.isnan(weight):
            weights[media_range] = min(1.0, weight)
    return weights
