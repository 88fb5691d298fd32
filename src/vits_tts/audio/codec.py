"""The interface of codecs, and the codec of raw samples."""

from typing import Final, Protocol

import numpy as np

from vits_tts.types import Samples

_FULL_SCALE: Final = np.float32(32768)


class Codec(Protocol):
    """Encodes one speech as it is synthesised; make a new one for each speech."""

    def encode(self, samples: Samples) -> bytes:
        """Return the bytes that are ready after these samples; there may be none yet."""

    def finish(self) -> bytes:
        """Return the remaining bytes; nothing may be encoded afterwards."""

    @property
    def head(self) -> bytes:
        """The final first bytes of a file, known after :meth:`finish`.

        They hold sizes that are unknown while a stream is sent. A file is complete when they
        have replaced its first bytes.
        """

    def close(self) -> None:
        """Release the memory of a library; a second call does nothing."""


class Raw:
    """Encodes samples as 16-bit little-endian integers, without a header."""

    head = b""

    def encode(self, samples: Samples) -> bytes:
        """Return the samples as bytes."""
        return samples.astype("<i2", copy=False).tobytes()

    def finish(self) -> bytes:
        """Return nothing."""
        return b""

    def close(self) -> None:
        """Do nothing: no library holds memory."""


class Floats(Raw):
    """Encodes samples as 32-bit little-endian floating point from -1 to 1, without a header."""

    def encode(self, samples: Samples) -> bytes:
        """Return the samples as bytes."""
        return (samples / _FULL_SCALE).astype("<f4").tobytes()
