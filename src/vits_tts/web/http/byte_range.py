"""Range requests (RFC 9110, section 14): parsing of the header ``Range``."""

import re
from typing import Final

from vits_tts.errors import RangeNotSatisfiable

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def is_range(header: str | None) -> bool:
    """Return whether a ``Range`` header asks for one range of bytes."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    return match is not None and match.groups() != ("", "")


def from_start(header: str) -> bool:
    """Return whether a valid ``Range`` header asks for the first byte."""
    return header.strip().startswith("bytes=0-")


def is_all(header: str) -> bool:
    """Return whether a ``Range`` header asks for all bytes."""
    return header.strip() == "bytes=0-"


def parse(header: str | None, size: int) -> range | None:
    """Return the bytes that a ``Range`` header requests of a file of ``size`` bytes; None for all.

    A header that is invalid, or requests several ranges, is ignored, as the RFC allows.

    Raises:
        RangeNotSatisfiable: the file has none of these bytes.

    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the number of bytes at the end
        part = range(max(0, size - int(last)), size)
    else:
        if last and int(last) < int(first):
            return None
        part = range(int(first), min(int(last) + 1 if last else size, size))
    if not part:
        raise RangeNotSatisfiable(size)
    return part
