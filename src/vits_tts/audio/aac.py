"""Codec for AAC-LC in ADTS (ISO 13818-7) by FFmpeg, through PyAV, an optional dependency."""

import io
from pathlib import Path
from typing import Final

import av

from vits_tts.types import Samples

_FRAME: Final = 1024
"""Samples per frame."""


class Aac:
    """Encodes AAC. Decoded, it begins with 1024 samples of silence and ends with a full frame."""

    head = b""

    def __init__(self, sample_rate: int, bit_rate: int) -> None:
        """Start an encoder of speech at ``sample_rate``, in hertz."""
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format="adts")
        self._stream = self._container.add_stream("aac", rate=sample_rate, layout="mono")
        self._stream.bit_rate = bit_rate
        self._given = 0

    def encode(self, samples: Samples) -> bytes:
        """Return the frames that are complete after these samples."""
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
        """Release FFmpeg's memory."""
        self._container.close()


def seconds(path: Path, sample_rate: int) -> float:
    """Return how long a file plays, in seconds; counts its frames, as ADTS stores no length.

    Raises:
        OSError: the file cannot be read or is damaged.

    """
    try:
        with av.open(str(path), format="aac") as container:
            frames = sum(1 for packet in container.demux(audio=0) if packet.size)
    except av.FFmpegError as error:  # some are not an OSError
        raise OSError(str(error)) from error
    return frames * _FRAME / sample_rate


class _Sink(io.RawIOBase):
    """Collects the bytes written since the last call of ``taken``."""

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
