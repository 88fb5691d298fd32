"""The body of a request, collected up to a limit of bytes."""

from typing import Final

from vits_tts.errors import BodyTooLarge

_LENGTH_DIGITS: Final = 15
_READ_BYTES: Final = 16 * 1024 * 1024
"""A body over the limit is read up to this size and discarded. Most clients read the answer only
after they have sent the body, so they would not see the error if the connection closed earlier."""


class Body:
    """Collects the bytes of a body; discards all of them once there are too many."""

    def __init__(self, limit: int) -> None:
        """Start with an empty body of at most ``limit`` bytes."""
        self._limit = limit
        self._chunks: list[bytes] = []
        self._received = 0

    def expect(self, length: str) -> None:
        """Check the value of ``Content-Length``, before the body is read.

        Raises:
            BodyTooLarge: the body is too large even to be read and discarded.

        """
        most = max(_READ_BYTES, self._limit)
        if length.isdecimal() and (len(length) > _LENGTH_DIGITS or int(length) > most):
            raise self.too_large()

    def receive(self, chunk: bytes) -> None:
        """Append a part of the body; discard all parts if the limit is exceeded."""
        self._received += len(chunk)
        if self._received <= self._limit:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    @property
    def is_endless(self) -> bool:
        """True if more bytes have arrived than are read and discarded."""
        return self._received > max(_READ_BYTES, self._limit)

    @property
    def content(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge: it is larger than the limit.

        """
        if self._received > self._limit:
            raise self.too_large()
        return b"".join(self._chunks)

    def too_large(self) -> BodyTooLarge:
        """Return the error for a body over the limit."""
        return BodyTooLarge(f"the body is larger than {self._limit} bytes")
