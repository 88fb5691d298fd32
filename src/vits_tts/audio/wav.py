"""Codec for WAV (RIFF), mono, 16 bits.

Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991.
"""

import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from vits_tts.audio.formats import WAV_HEADER_BYTES
from vits_tts.types import Samples

if TYPE_CHECKING:
    from vits_tts.audio.codec import Codec

HEADER_BYTES: Final = WAV_HEADER_BYTES
_UNKNOWN: Final = 0xFFFFFFFF
_PCM: Final = 1
_BITS: Final = 16
_TAGS: Final[Mapping[str, tuple[int, int]]] = {"f32": (3, 32), "alaw": (6, 8), "mulaw": (7, 8)}
"""Tag and bits of a sample of other encodings (RFC 2361)."""


def header(
    sample_rate: int, data_bytes: int | None = None, tag: int = _PCM, bits: int = _BITS
) -> bytes:
    """Return the 44 bytes before the samples.

    Without ``data_bytes`` (a stream of unknown length) both sizes are 0xFFFFFFFF, which players
    read as "until the connection ends".
    """
    frame = bits // 8
    known = data_bytes is not None and data_bytes + HEADER_BYTES - 8 < _UNKNOWN
    data = data_bytes if known and data_bytes is not None else _UNKNOWN
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data + HEADER_BYTES - 8 if known else _UNKNOWN,
        b"WAVE",
        b"fmt ",
        16,
        tag,
        1,
        sample_rate,
        sample_rate * frame,
        frame,
        bits,
        b"data",
        data,
    )


class Wav:
    """Encodes WAV: a header, whose sizes are known only at the end, then the samples."""

    def __init__(self, sample_rate: int) -> None:
        """Prepare the header of speech at ``sample_rate``, in hertz."""
        self._sample_rate = sample_rate
        self._header = header(sample_rate)
        self._data_bytes = 0

    def encode(self, samples: Samples) -> bytes:
        """Return the samples as bytes; the first call puts the header before them."""
        first, self._header = self._header, b""
        self._data_bytes += samples.nbytes
        return first + samples.tobytes()

    def finish(self) -> bytes:
        """Return the header if there were no samples, else nothing."""
        return self._header

    @property
    def head(self) -> bytes:
        """The header with the final sizes."""
        return header(self._sample_rate, self._data_bytes)

    def close(self) -> None:
        """Do nothing: no library holds memory."""


class WavOf(Wav):
    """Encodes WAV whose samples another codec encodes: floating point, mu-law or A-law."""

    def __init__(self, name: str, sample_rate: int, codec: "Codec") -> None:
        """Prepare the header of speech at ``sample_rate``, in hertz, encoded by ``codec``."""
        super().__init__(sample_rate)
        self._kind = _TAGS[name]
        self._header = header(sample_rate, None, *self._kind)
        self._codec = codec

    def encode(self, samples: Samples) -> bytes:
        """Return the samples as bytes; the first call puts the header before them."""
        return self._counted(self._codec.encode(samples))

    def finish(self) -> bytes:
        """Return the remaining samples, and the header if it has not been returned."""
        return self._counted(self._codec.finish())

    def _counted(self, data: bytes) -> bytes:
        first, self._header = self._header, b""
        self._data_bytes += len(data)
        return first + data

    @property
    def head(self) -> bytes:
        """The header with the final sizes."""
        return header(self._sample_rate, self._data_bytes, *self._kind)

    def close(self) -> None:
        """Release the memory of the codec."""
        self._codec.close()
