"""Conditional and range requests, by RFC 9110, sections 13 and 14."""

import re
from typing import Final

from vits_tts.errors import RangeNotSatisfiable

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_ETAG: Final = re.compile(r'(?:W/)?("[^"]*")')


def parse(header: str | None, size: int) -> range | None:
    """Return the bytes that a ``Range`` header asks of a file of ``size``; None for all of them.

    A header that cannot be read, or that asks for several ranges, is ignored, as the RFC allows.

    Raises:
        RangeNotSatisfiable: it asks for nothing that the file has.

    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        part = range(max(0, size - int(last)), size)
    else:
        if last and int(last) < int(first):
            return None
        part = range(int(first), min(int(last) + 1 if last else size, size))
    if not part:
        raise RangeNotSatisfiable(size)
    return part


def matches(header: str | None, etag: str) -> bool:
    """Return whether an ``If-None-Match`` header names ``etag`` (weakly compared) or anything."""
    if header is None:
        return False
    return header.strip() == "*" or etag in _ETAG.findall(header)
