"""Where speech goes: a file that is written whole or not at all, or a stream as it is made."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from vits_tts.audio import wav
from vits_tts.audio.files import WholeFile
from vits_tts.types import Pcm


class Sink(Protocol):
    """Takes speech window by window."""

    def write(self, pcm: Pcm) -> None:
        """Take a window."""

    def finish(self) -> None:
        """Complete what was taken."""


class _Stream:
    def __init__(self, stream: BinaryIO, sample_rate: int) -> None:
        self._stream = stream
        self._owed = wav.header(sample_rate)

    def write(self, pcm: Pcm) -> None:
        self._stream.write(self._owed + pcm.samples.tobytes())
        self._stream.flush()
        self._owed = b""

    def finish(self) -> None:
        self._stream.flush()


class _File:
    def __init__(self, file: WholeFile, sample_rate: int) -> None:
        self._file = file
        self._sample_rate = sample_rate
        self._bytes = 0
        file.write(wav.header(sample_rate))

    def write(self, pcm: Pcm) -> None:
        self._file.write(pcm.samples.tobytes())
        self._bytes += pcm.nbytes

    def finish(self) -> None:
        self._file.write(wav.header(self._sample_rate, self._bytes), 0)
        self._file.finish()


@contextlib.contextmanager
def stream(target: BinaryIO, sample_rate: int) -> Iterator[Sink]:
    """Return a sink that writes into a stream as the speech comes."""
    yield _Stream(target, sample_rate)


@contextlib.contextmanager
def file(path: Path, sample_rate: int) -> Iterator[Sink]:
    """Return a sink that makes a file; into a pipe or a device it writes as the speech comes.

    Raises:
        OSError: it cannot be written.

    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        with path.open("wb") as special, stream(special, sample_rate) as sink:
            yield sink
    else:
        with WholeFile(path) as whole:
            yield _File(whole, sample_rate)
