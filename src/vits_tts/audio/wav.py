"""WAV (RIFF), mono, 16-bit PCM; format: Microsoft's "Multimedia Programming Interface", 1991."""

import struct
from typing import Final

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
