"""From a speech's samples to its bytes: another sample rate, if need be, then the codec."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from vits_tts.audio.codec import Codec, Raw
from vits_tts.audio.formats import Encoding
from vits_tts.audio.libsndfile import Flac, Mp3, Opus, Telephone
from vits_tts.audio.resample import Resampler
from vits_tts.audio.wav import HEADER_BYTES, Wav
from vits_tts.types import Pcm, Samples

_NOTHING: Final[Samples] = np.zeros(0, np.int16)
_BYTES_A_SAMPLE: Final = {"wav": 2, "pcm": 2, "mulaw": 1, "alaw": 1}


class Encoder:
    """Encodes one speech. It works in threads, in one at a time; the caller sees to the order."""

    def __init__(self, encoding: Encoding, sample_rate: int, *, streamed: bool = True) -> None:
        """Begin with speech at ``sample_rate``; a file that is not ``streamed`` gets a ``head``."""
        other = encoding.sample_rate != sample_rate
        self._resample = Resampler(sample_rate, encoding.sample_rate) if other else _unchanged
        self._codec = _CODECS[encoding.format](encoding, streamed)
        self._lock = threading.Lock()  # who leaves closes it, while a thread may be at work

    def encode(self, samples: Samples) -> bytes:
        """Return the bytes that are ready with these samples; there may be none yet."""
        with self._lock:
            return self._codec.encode(self._resample(samples, last=False))

    def finish(self) -> bytes:
        """Return the rest."""
        with self._lock:
            rest = self._codec.encode(self._resample(_NOTHING, last=True))
            return rest + self._codec.finish()

    @property
    def head(self) -> bytes:
        """What replaces the first bytes of a whole file, after ``finish``."""
        return self._codec.head

    def close(self) -> None:
        """Let go of what the libraries hold."""
        with self._lock:
            self._codec.close()


def whole(speech: Pcm, encoding: Encoding) -> bytes:
    """Return all of a speech as one file."""
    encoder = Encoder(encoding, speech.sample_rate, streamed=False)
    body = encoder.encode(speech.samples) + encoder.finish()
    return encoder.head + body[len(encoder.head) :]


def seconds(path: Path, size: int, encoding: Encoding) -> float:
    """Return how long a file of ``size`` bytes plays.

    Raises:
        OSError: it cannot be read.

    """
    if width := _BYTES_A_SAMPLE.get(encoding.format):
        header = HEADER_BYTES if encoding.format == "wav" else 0
        return (size - header) / width / encoding.sample_rate
    if encoding.format == "aac":
        from vits_tts.audio import adts  # noqa: PLC0415  # not everybody has it

        return adts.seconds(path, encoding.sample_rate)
    try:
        with soundfile.SoundFile(path) as file:
            return float(file.frames / file.samplerate)
    except soundfile.SoundFileError as error:
        raise OSError(str(error)) from error


def _unchanged(samples: Samples, *, last: bool) -> Samples:  # noqa: ARG001
    return samples


def _aac(encoding: Encoding, _: bool) -> Codec:
    from vits_tts.audio.adts import Aac  # noqa: PLC0415  # not everybody has it

    return Aac(encoding.sample_rate, encoding.bit_rate or 0)


_CODECS: Final[Mapping[str, Callable[[Encoding, bool], Codec]]] = {
    "wav": lambda asked, _: Wav(asked.sample_rate),
    "flac": lambda asked, streamed: Flac(asked.sample_rate, streamed=streamed),
    "mp3": lambda asked, streamed: Mp3(asked.sample_rate, asked.bit_rate or 0, streamed=streamed),
    "opus": lambda asked, _: Opus(asked.sample_rate, asked.bit_rate or 0),
    "aac": _aac,
    "pcm": lambda _, __: Raw(),
    "mulaw": lambda asked, _: Telephone("ULAW", asked.sample_rate),
    "alaw": lambda asked, _: Telephone("ALAW", asked.sample_rate),
}
