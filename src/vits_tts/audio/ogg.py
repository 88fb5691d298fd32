"""Ogg pages (RFC 3533): the serial number that libsndfile draws, made the same every time.

The number tells streams apart that are multiplexed in one file; ours are alone. Equal speech is to
be equal bytes wherever it is made.
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
    """Gives pages our serial number, as they come."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""

    def __call__(self, data: bytes) -> bytes:
        """Return the pages that are complete with ``data``."""
        self._rest += data
        return b"".join(self._complete())

    def _complete(self) -> Iterator[bytes]:
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
    """Return a page's checksum: CRC-32, the highest bit first, from zero, not inverted.

    zlib's is the same polynomial with the lowest bit first and inverted, so bits are turned round.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), _ALL_ONES) ^ _ALL_ONES
    return int(f"{mirrored:032b}"[::-1], 2)
