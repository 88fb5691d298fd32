"""Codecs for FLAC, MP3, Ogg Opus, mu-law and A-law, by libsndfile.

libsndfile expects a file in which it can seek. It gets a :class:`_Sink`, which hands out bytes
appended at the end and keeps the first ones: libsndfile goes back only there, to fill in sizes.
"""

import os
from pathlib import Path
from typing import Final

import soundfile

from vits_tts.audio import ogg
from vits_tts.types import Samples

_HEAD_BYTES: Final = 4096
_FRAME_HEADER_BYTES: Final = 4
_SET_OGG_PAGE_LATENCY_MS: Final = 0x1302
"""libsndfile's command for the longest duration of an Ogg page; sndfile.h, since 1.0.29."""
_PAGE_MS: Final = 60.0
"""Duration of an Ogg page: three frames. A listener waits for one page; its header is 30 bytes."""
_SHORT_BLOCKS: Final = 0.25
"""libFLAC's level 2, the highest with blocks of 1152 samples; from level 3 on they have 4096."""


class Libsndfile:
    """Encodes through an open "file" of libsndfile."""

    def __init__(
        self, container: str, subtype: str, sample_rate: int, level: float | None = None
    ) -> None:
        """Open the file; ``level`` from 0 to 1 is libsndfile's compression level."""
        self._sink = _Sink()
        constant = {"bitrate_mode": "CONSTANT"} if container == "MP3" else {}
        self._file = soundfile.SoundFile(
            self._sink,
            "w",
            sample_rate,
            channels=1,
            subtype=subtype,
            format=container,
            compression_level=level,
            **constant,
        )

    def encode(self, samples: Samples) -> bytes:
        """Return the bytes that are ready after these samples."""
        self._file.write(samples)
        return self._sink.taken()

    def finish(self) -> bytes:
        """Return the bytes that were held back."""
        self._file.close()
        return self._sink.taken()

    @property
    def head(self) -> bytes:
        """The first bytes of the file, with sizes filled in."""
        return bytes(self._sink.head)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Flac(Libsndfile):
    """Encodes FLAC (RFC 9639), 16 bits; a stream has blocks shorter than the first window."""

    def __init__(self, sample_rate: int, *, streamed: bool) -> None:
        """Start an encoder of speech at ``sample_rate``, in hertz."""
        super().__init__("FLAC", "PCM_16", sample_rate, _SHORT_BLOCKS if streamed else None)


class G711(Libsndfile):
    """Encodes mu-law (``ULAW``) or A-law (``ALAW``) of ITU-T G.711: a byte a sample, no header."""

    def __init__(self, law: str, sample_rate: int) -> None:
        """Start an encoder of speech at ``sample_rate``, in hertz."""
        super().__init__("RAW", law, sample_rate)


class Opus(Libsndfile):
    """Encodes Opus in Ogg (RFC 7845), in short pages, so that a stream starts early."""

    _LEAST: Final = 6000
    _MOST: Final = 256000

    def __init__(self, sample_rate: int, bit_rate: int) -> None:
        """Start an encoder of speech at ``sample_rate``, in hertz."""
        level = (self._MOST - bit_rate) / (
            self._MOST - self._LEAST
        )  # libsndfile computes the inverse
        super().__init__("OGG", "OPUS", sample_rate, level)
        milliseconds = soundfile._ffi.new("double *", _PAGE_MS)  # noqa: SLF001  # no public way
        soundfile._snd.sf_command(  # noqa: SLF001
            self._file._file,  # noqa: SLF001
            _SET_OGG_PAGE_LATENCY_MS,
            milliseconds,
            8,
        )
        self._pages = ogg.Renumbered()

    def encode(self, samples: Samples) -> bytes:
        """Return the pages that are complete after these samples."""
        return self._pages(super().encode(samples))

    def finish(self) -> bytes:
        """Return the last page, which holds the number of samples."""
        return self._pages(super().finish())

    @property
    def head(self) -> bytes:
        """Empty: nothing is filled in at the start of an Ogg file."""
        return b""


class Mp3(Libsndfile):
    """Encodes MPEG layer III at a constant bit rate.

    A file begins with LAME's info frame: how many samples to skip at both ends. A stream cannot
    know them, and players would play the empty frame as silence, so streams omit it. LAME writes
    no info frame at bit rates where it does not fit into a frame.
    """

    def __init__(self, sample_rate: int, bit_rate: int, *, streamed: bool) -> None:
        """Start an encoder of speech at ``sample_rate``, in hertz."""
        least, most, frame = _layer_3(sample_rate)
        thousands = bit_rate / 1000 + 0.5  # libsndfile truncates
        level = max(0.0, (most - thousands) / (most - least))  # libsndfile computes the inverse
        super().__init__("MP3", "MPEG_LAYER_III", sample_rate, level)
        self._omit = frame * bit_rate // 8 // sample_rate if streamed else 0

    def encode(self, samples: Samples) -> bytes:
        """Return the frames that are complete after these samples."""
        return self._frames(super().encode(samples))

    def finish(self) -> bytes:
        """Return the last frames."""
        return self._frames(super().finish())

    def _frames(self, data: bytes) -> bytes:
        if not (data and self._omit):
            return data
        omit, self._omit = self._omit, 0
        return data if any(data[_FRAME_HEADER_BYTES:omit]) else data[omit:]


def seconds(path: Path) -> float:
    """Return how long a file plays, in seconds.

    Raises:
        OSError: the file cannot be read or is damaged.

    """
    try:
        with soundfile.SoundFile(path) as file:
            return float(file.frames / file.samplerate)
    except soundfile.SoundFileError as error:
        raise OSError(str(error)) from error


def _layer_3(sample_rate: int) -> tuple[int, int, int]:
    """Return the lowest and highest kbit/s of MPEG-1, 2 or 2.5, and the samples of a frame."""
    if sample_rate >= 32000:  # noqa: PLR2004
        return 32, 320, 1152
    return (8, 160, 576) if sample_rate >= 16000 else (8, 64, 576)  # noqa: PLR2004


class _Sink:
    """A file object for libsndfile, which collects the bytes appended since the last ``taken``."""

    def __init__(self) -> None:
        self.head = bytearray()
        self._fresh = bytearray()
        self._place = 0
        self._end = 0

    def write(self, data: bytes) -> int:
        if self._place == self._end:
            self._fresh += data
            self._end += len(data)
            self.head += bytes(data)[: max(0, _HEAD_BYTES - len(self.head))]
        else:
            self.head[self._place : self._place + len(data)] = data
        self._place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}
        self._place = start[whence] + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def taken(self) -> bytes:
        fresh, self._fresh = self._fresh, bytearray()
        return bytes(fresh)
