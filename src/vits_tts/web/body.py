"""The body of a request as it comes: bounded, and read on for a while when it is too large."""

from typing import Final

from vits_tts.errors import BodyTooLarge

_LENGTH_DIGITS: Final = 15
_READ_BYTES: Final = 16 * 1024 * 1024
"""A body that is too large is read and forgotten up to here, so that its sender hears why."""


class Body:
    """Bytes that are kept as long as they may be."""

    def __init__(self, limit: int) -> None:
        """Begin with none; ``limit`` is how many bytes may be kept."""
        self._limit = limit
        self._chunks: list[bytes] = []
        self._received = 0

    def expect(self, length: str) -> None:
        """Take what ``Content-Length`` says.

        Raises:
            BodyTooLarge: so much is not even read.

        """
        if length.isdecimal() and (len(length) > _LENGTH_DIGITS or int(length) > _READ_BYTES):
            raise self.too_large()

    def receive(self, chunk: bytes) -> None:
        """Keep a chunk if it may be kept, else nothing at all."""
        self._received += len(chunk)
        if self._received <= self._limit:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    @property
    def is_endless(self) -> bool:
        """Whether more has come than is read."""
        return self._received > _READ_BYTES

    @property
    def content(self) -> bytes:
        """All of it.

        Raises:
            BodyTooLarge: it is larger than the limit.

        """
        if self._received > self._limit:
            raise self.too_large()
        return b"".join(self._chunks)

    def too_large(self) -> BodyTooLarge:
        """Return the refusal."""
        return BodyTooLarge(f"the body is larger than {self._limit} bytes")
