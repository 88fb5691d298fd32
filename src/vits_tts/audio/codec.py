"""What all codecs look like, and the plainest of them."""

from typing import Protocol

from vits_tts.types import Samples


class Codec(Protocol):
    """Turns one speech into bytes, as it comes. It holds its own state and serves once."""

    def encode(self, samples: Samples) -> bytes:
        """Return the bytes that are ready with these samples; there may be none yet."""

    def finish(self) -> bytes:
        """Return the bytes that were held back; nothing is encoded afterwards."""

    @property
    def head(self) -> bytes:
        """What a whole file begins with, known after ``finish``: it replaces the first bytes.

        Sizes and the like stand there, which a stream had to leave open.
        """

    def close(self) -> None:
        """Let go of what a library holds; twice is no harm."""


class Raw:
    """Samples as they are, little-endian, with nothing around them."""

    head = b""

    def encode(self, samples: Samples) -> bytes:
        """Return the samples as bytes."""
        return samples.astype("<i2", copy=False).tobytes()

    def finish(self) -> bytes:
        """Return nothing."""
        return b""

    def close(self) -> None:
        """Nothing is held."""
