"""WAV (RIFF), mono, 16-bit PCM; format: Microsoft's "Multimedia Programming Interface", 1991."""

import struct
from typing import Final

from vits_tts.types import Samples

HEADER_BYTES: Final = 44
_UNKNOWN: Final = 0xFFFFFFFF
_PCM: Final = 1
_BITS: Final = 16


def header(sample_rate: int, data_bytes: int | None = None) -> bytes:
    """Return the 44 bytes before the samples.

    Without ``data_bytes`` (a stream whose end is not known) both sizes are 0xFFFFFFFF, which
    players take as "until the connection ends".
    """
    frame = _BITS // 8
    known = data_bytes is not None and data_bytes + HEADER_BYTES - 8 < _UNKNOWN
    data = data_bytes if known and data_bytes is not None else _UNKNOWN
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        data + HEADER_BYTES - 8 if known else _UNKNOWN,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        1,
        sample_rate,
        sample_rate * frame,
        frame,
        _BITS,
        b"data",
        data,
    )


class Wav:
    """A codec: samples as they are, after a header whose sizes are not known before the end."""

    def __init__(self, sample_rate: int) -> None:
        """Owe the header."""
        self._sample_rate = sample_rate
        self._owed = header(sample_rate)
        self._data_bytes = 0

    def encode(self, samples: Samples) -> bytes:
        """Return the samples as bytes, the first time after the header."""
        owed, self._owed = self._owed, b""
        self._data_bytes += samples.nbytes
        return owed + samples.tobytes()

    def finish(self) -> bytes:
        """Return what is owed still."""
        return self._owed

    @property
    def head(self) -> bytes:
        """The header with the sizes that it has come to."""
        return header(self._sample_rate, self._data_bytes)

    def close(self) -> None:
        """Nothing is held."""
