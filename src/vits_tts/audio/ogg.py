"""Ogg pages (RFC 3533): replacing libsndfile's random serial number by a fixed one.

The number distinguishes streams that share one file; each of our files has a single stream. With a
fixed number, equal speech is equal bytes, whichever process encodes it.
"""

import zlib
from collections.abc import Iterator
from typing import Final

_HEADER_BYTES: Final = 27
_SERIAL: Final = slice(14, 18)
_CHECKSUM: Final = slice(22, 26)
_SEGMENTS: Final = 26
_OURS: Final = b"vits"
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ALL_ONES: Final = 0xFFFFFFFF


class Renumbered:
    """Puts the fixed serial number into the pages of one stream."""

    def __init__(self) -> None:
        """Start without any bytes."""
        self._rest = b""

    def __call__(self, data: bytes) -> bytes:
        """Return the pages that are complete after ``data``."""
        self._rest += data
        return b"".join(self._complete())

    def _complete(self) -> Iterator[bytes]:
        """Remove and yield each complete page of the collected bytes, renumbered.

        A page is a header of 27 bytes, a table with a byte for the size of each segment, and the
        segments.
        """
        while len(self._rest) >= _HEADER_BYTES:
            table = self._rest[_HEADER_BYTES : _HEADER_BYTES + self._rest[_SEGMENTS]]
            size = _HEADER_BYTES + self._rest[_SEGMENTS] + sum(table)
            if len(self._rest) < size:
                return
            page, self._rest = bytearray(self._rest[:size]), self._rest[size:]
            page[_SERIAL] = _OURS
            page[_CHECKSUM] = bytes(4)
            page[_CHECKSUM] = checksum(page).to_bytes(4, "little")
            yield bytes(page)


def checksum(page: bytes | bytearray) -> int:
    """Return a page's checksum: CRC-32, highest bit first, initial value 0, not inverted.

    zlib's CRC has the same polynomial, but takes the lowest bit first, starts from all ones and
    inverts the result. Reversing the bits of each byte and of the result converts between them.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), _ALL_ONES) ^ _ALL_ONES
    return int(f"{mirrored:032b}"[::-1], 2)
