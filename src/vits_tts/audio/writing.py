"""Writing speech into files and streams; calls block, so make them outside the event loop."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO, Protocol

from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder
from vits_tts.audio.formats import SUFFIXES, Encoding
from vits_tts.audio.whole_file import WholeFile
from vits_tts.errors import FormatInvalid
from vits_tts.types import Pcm


class Sink(Protocol):
    """Writes one speech, window by window."""

    def write(self, pcm: Pcm) -> None:
        """Write a window."""

    def finish(self) -> None:
        """Write the rest and complete the file."""


def encoding(
    path: PurePath | None,
    name: str | None,
    sample_rate: str | float | None,
    bit_rate: str | float | None,
    voice_rate: int,
) -> Encoding:
    """Return how to encode a file: by format name, else by the suffix of ``path``, else as WAV.

    Raises:
        RequestError: the suffix or name is not that of a format, or the format cannot have such a
            rate.

    """
    suffix = path.suffix.lower() if path else ""
    if not name and suffix:
        name = SUFFIXES.get(suffix)
        if name is None:
            known = " ".join(SUFFIXES)
            raise FormatInvalid(
                f"{suffix} is not the suffix of a known format; known are {known}", field="format"
            )
    return formats.encoding(name, sample_rate, bit_rate, voice_rate)


@contextmanager
def stream(target: BinaryIO, encoded: Encoding, voice_rate: int) -> Iterator[Sink]:
    """Return a sink that writes into a stream without waiting for the end of the speech."""
    with closing(Encoder(encoded, voice_rate)) as encoder:
        yield _Stream(target, encoder)


@contextmanager
def file(path: Path, encoded: Encoding, voice_rate: int) -> Iterator[Sink]:
    """Return a sink that writes a file, which appears under its name only when complete.

    If ``path`` is a pipe or a device, the sink writes into it as :func:`stream` does.

    Raises:
        OSError: the file cannot be written.

    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        with path.open("wb") as special, stream(special, encoded, voice_rate) as sink:
            yield sink
        return
    with WholeFile(path) as whole, closing(Encoder(encoded, voice_rate, streamed=False)) as encoder:
        yield _File(whole, encoder)


class _Stream:
    def __init__(self, target: BinaryIO, encoder: Encoder) -> None:
        self._target = target
        self._encoder = encoder

    def write(self, pcm: Pcm) -> None:
        self._target.write(self._encoder.encode(pcm.samples))
        self._target.flush()

    def finish(self) -> None:
        self._target.write(self._encoder.finish())
        self._target.flush()


class _File:
    def __init__(self, target: WholeFile, encoder: Encoder) -> None:
        self._target = target
        self._encoder = encoder

    def write(self, pcm: Pcm) -> None:
        self._target.write(self._encoder.encode(pcm.samples))

    def finish(self) -> None:
        self._target.write(self._encoder.finish())
        self._target.write(self._encoder.head, 0)
        self._target.finish()
