"""Speech into files and streams, for whoever has a thread of their own to write in."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path, PurePath
from typing import BinaryIO, Final, Protocol

from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder
from vits_tts.audio.files import WholeFile
from vits_tts.audio.formats import Encoding
from vits_tts.errors import FormatInvalid
from vits_tts.types import Pcm

SUFFIXES: Final[Mapping[str, str]] = {
    ".wav": "wav",
    ".flac": "flac",
    ".mp3": "mp3",
    ".ogg": "opus",
    ".opus": "opus",
    ".aac": "aac",
    ".pcm": "pcm",
    ".raw": "pcm",
    ".ulaw": "mulaw",
    ".mulaw": "mulaw",
    ".alaw": "alaw",
}
"""What the endings of files' names stand for."""


class Sink(Protocol):
    """Takes speech window by window."""

    def write(self, pcm: Pcm) -> None:
        """Take a window."""

    def finish(self) -> None:
        """Complete what was taken."""


def encoding(
    path: PurePath | None,
    name: str | None,
    sample_rate: str | float | None,
    bit_rate: str | float | None,
    voice_rate: int,
) -> Encoding:
    """Return how to encode into ``path``: as is asked for, else as its ending says, else WAV.

    Raises:
        RequestError: the format, or a rate, cannot be.

    """
    suffix = path.suffix.lower() if path else ""
    if not name and suffix:
        name = SUFFIXES.get(suffix)
        if name is None:
            known = " ".join(SUFFIXES)
            raise FormatInvalid(
                f"{suffix} stands for no format that is known; there is {known}", field="format"
            )
    return formats.encoding(name, sample_rate, bit_rate, voice_rate)


@contextmanager
def stream(target: BinaryIO, encoded: Encoding, voice_rate: int) -> Iterator[Sink]:
    """Return a sink that writes into a stream as the speech comes."""
    with closing(Encoder(encoded, voice_rate)) as encoder:
        yield _Stream(target, encoder)


@contextmanager
def file(path: Path, encoded: Encoding, voice_rate: int) -> Iterator[Sink]:
    """Return a sink that makes a file, whole or not at all.

    Into a pipe or a device it writes as the speech comes.

    Raises:
        OSError: it cannot be written.

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
