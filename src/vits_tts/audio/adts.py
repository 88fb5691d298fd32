"""AAC-LC in ADTS (ISO 13818-7) by FFmpeg, through PyAV, which not everybody installs."""

import io
from pathlib import Path
from typing import Final

import av

from vits_tts.types import Samples

_FRAME: Final = 1024
"""Samples of a frame."""


class Aac:
    """A codec. Players leave out nothing: 1024 samples come first, and the last frame is filled."""

    head = b""

    def __init__(self, sample_rate: int, bit_rate: int) -> None:
        """Begin."""
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format="adts")
        self._stream = self._container.add_stream("aac", rate=sample_rate, layout="mono")
        self._stream.bit_rate = bit_rate
        self._given = 0

    def encode(self, samples: Samples) -> bytes:
        """Return the frames that are ready with these samples."""
        if len(samples):
            frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = self._stream.rate, self._given
            self._given += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._sink.taken()

    def finish(self) -> bytes:
        """Return the last frames."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()

    def close(self) -> None:
        """Close it."""
        self._container.close()


def seconds(path: Path, sample_rate: int) -> float:
    """Return how long a file plays: ADTS does not say, so its frames are counted."""
    with av.open(str(path)) as container:
        frames = sum(1 for packet in container.demux(audio=0) if packet.size)
    return frames * _FRAME / sample_rate


class _Sink(io.RawIOBase):
    """What was written since we last looked."""

    def __init__(self) -> None:
        self._fresh = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._fresh += data
        return len(data)

    def taken(self) -> bytes:
        fresh, self._fresh = self._fresh, bytearray()
        return bytes(fresh)
