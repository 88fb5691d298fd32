"""FLAC, MP3, Ogg Opus, mu-law and A-law by libsndfile.

libsndfile writes files and seeks in them. Here it writes into a :class:`_Sink`, which gives away
what is at the end and keeps the first bytes: only there does libsndfile go back, to put in sizes.
"""

import os
from typing import Final

import soundfile

from vits_tts.audio import ogg
from vits_tts.types import Samples

_HEAD_BYTES: Final = 4096
_FRAME_HEADER_BYTES: Final = 4
_SET_OGG_PAGE_LATENCY_MS: Final = 0x1302
"""libsndfile's command for how much an Ogg page holds; sndfile.h, since 1.0.29."""
_PAGE_MS: Final = 60.0
"""What a listener waits for: one page, of three frames. Its header costs 30 bytes."""
_SHORT_BLOCKS: Final = 0.25
"""libFLAC's level 2, the highest with blocks of 1152 samples; from level 3 on they have 4096."""


class Libsndfile:
    """A codec over one open "file" of libsndfile's."""

    def __init__(
        self, container: str, subtype: str, sample_rate: int, level: float | None = None
    ) -> None:
        """Open it. ``level`` from 0 to 1 is libsndfile's compression level, at a constant rate."""
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
        """Return the bytes that are ready with these samples."""
        self._file.write(samples)
        return self._sink.taken()

    def finish(self) -> bytes:
        """Return the bytes that were held back."""
        self._file.close()
        return self._sink.taken()

    @property
    def head(self) -> bytes:
        """The first bytes, with the sizes put in."""
        return bytes(self._sink.head)

    def close(self) -> None:
        """Close it."""
        self._file.close()


class Flac(Libsndfile):
    """FLAC (RFC 9639), 16 bits; streamed in blocks that are shorter than the first window."""

    def __init__(self, sample_rate: int, *, streamed: bool) -> None:
        """Begin."""
        super().__init__("FLAC", "PCM_16", sample_rate, _SHORT_BLOCKS if streamed else None)


class Telephone(Libsndfile):
    """Mu-law (``ULAW``) or A-law (``ALAW``) of ITU-T G.711: a byte a sample, no header."""

    def __init__(self, law: str, sample_rate: int) -> None:
        """Begin."""
        super().__init__("RAW", law, sample_rate)


class Opus(Libsndfile):
    """Opus in Ogg (RFC 7845), in pages that a listener need not wait for."""

    _LEAST: Final = 6000
    _MOST: Final = 256000

    def __init__(self, sample_rate: int, bit_rate: int) -> None:
        """Begin."""
        level = (self._MOST - bit_rate) / (self._MOST - self._LEAST)  # as libsndfile reckons back
        super().__init__("OGG", "OPUS", sample_rate, level)
        milliseconds = soundfile._ffi.new("double *", _PAGE_MS)  # noqa: SLF001  # no public way
        soundfile._snd.sf_command(  # noqa: SLF001
            self._file._file, _SET_OGG_PAGE_LATENCY_MS, milliseconds, 8  # noqa: SLF001
        )
        self._pages = ogg.Renumbered()

    def encode(self, samples: Samples) -> bytes:
        """Return the pages that are ready with these samples."""
        return self._pages(super().encode(samples))

    def finish(self) -> bytes:
        """Return the last page, which says how many samples there are."""
        return self._pages(super().finish())

    @property
    def head(self) -> bytes:
        """Nothing: an Ogg file is never gone back in."""
        return b""


class Mp3(Libsndfile):
    """MPEG layer III at a constant bit rate.

    A whole file begins with LAME's frame that says how many samples to leave out at both ends. In a
    stream they are not known, and that frame, still empty, would be heard as silence: there it is
    left out. At bit rates where it does not fit into a frame LAME makes none.
    """

    def __init__(self, sample_rate: int, bit_rate: int, *, streamed: bool) -> None:
        """Begin."""
        least, most, frame = _layer_3(sample_rate)
        thousands = bit_rate / 1000 + 0.5  # libsndfile cuts off what is behind the point
        level = max(0.0, (most - thousands) / (most - least))  # as libsndfile reckons back
        super().__init__("MP3", "MPEG_LAYER_III", sample_rate, level)
        self._omit = frame * bit_rate // 8 // sample_rate if streamed else 0

    def encode(self, samples: Samples) -> bytes:
        """Return the frames that are ready with these samples."""
        return self._frames(super().encode(samples))

    def finish(self) -> bytes:
        """Return the last frames."""
        return self._frames(super().finish())

    def _frames(self, data: bytes) -> bytes:
        if not (data and self._omit):
            return data
        omit, self._omit = self._omit, 0
        return data if any(data[_FRAME_HEADER_BYTES:omit]) else data[omit:]


def _layer_3(sample_rate: int) -> tuple[int, int, int]:
    """Return MPEG-1's, 2's or 2.5's least and most kbit/s, and the samples of a frame."""
    if sample_rate >= 32000:  # noqa: PLR2004
        return 32, 320, 1152
    return (8, 160, 576) if sample_rate >= 16000 else (8, 64, 576)  # noqa: PLR2004


class _Sink:
    """A file to libsndfile; to us, what it has written since we last looked."""

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
