"""Which format of audio a caller likes best, by ``Accept`` (RFC 9110, section 12.5.1)."""

from collections.abc import Mapping
from typing import Final

from vits_tts.audio.formats import DEFAULT, FORMATS, Format, offered
from vits_tts.errors import NotAcceptable

_ANYTHING: Final = "*/*"


def wanted(header: str | None) -> str:
    """Return the name of the format that ``Accept`` likes best; of equals, ours that comes first.

    Raises:
        NotAcceptable: it names only what cannot be made here.

    """
    if not header or header == _ANYTHING:
        return DEFAULT
    name = _best(header)
    if name is None:
        types = ", ".join(FORMATS[other].media_types[0] for other in offered())
        raise NotAcceptable(f"none of what Accept names can be made here; these can: {types}")
    return name


def named(header: str | None) -> str:
    """Return the same for an answer that is not audio itself; there nothing need be named."""
    return _best(header or _ANYTHING) or DEFAULT


def _best(header: str) -> str | None:
    weights = _weights(header)
    best, most = None, 0.0
    for name in offered():
        weight = _weight(FORMATS[name], weights)
        if weight > most:
            best, most = name, weight
    return best


def _weight(kind: Format, weights: Mapping[str, float]) -> float:
    """Return how much a format is liked: what is said of it, else of its family, else of all."""
    exact = [weights[media_type] for media_type in kind.media_types if media_type in weights]
    return max(exact) if exact else weights.get("audio/*", weights.get(_ANYTHING, 0.0))


def _weights(header: str) -> dict[str, float]:
    """Return the weight of each media range; what cannot be read is left out."""
    weights = {}
    for part in header.lower().split(","):
        media_range, *options = (piece.strip() for piece in part.split(";"))
        given = [option.removeprefix("q=") for option in options if option.startswith("q=")]
        try:
            weights[media_range] = min(1.0, float(given[0])) if given else 1.0
        except ValueError:
            continue
    return weights
