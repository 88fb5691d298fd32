"""Encoding a speech: from samples to the bytes of a format, resampled if a request requires it."""

import threading
from pathlib import Path
from typing import Final

import numpy as np

from vits_tts.audio.formats import ENCODED, FORMATS, Encoding
from vits_tts.audio.resample import Resampler
from vits_tts.types import Pcm, Samples

_NOTHING: Final[Samples] = np.zeros(0, np.int16)


class Encoder:
    """Encodes one speech.

    Calls may come from several threads, but only one at a time and in the order of the speech.
    """

    def __init__(self, encoding: Encoding, sample_rate: int, *, streamed: bool = True) -> None:
        """Start an encoder of speech at ``sample_rate``, in hertz.

        If not ``streamed``, the bytes are for a file, whose first bytes :attr:`head` replaces.
        """
        other = encoding.sample_rate != sample_rate
        self._resample = Resampler(sample_rate, encoding.sample_rate) if other else _unchanged
        self._codec = ENCODED[encoding.format].codec(encoding, streamed)
        # A request that ends closes its encoder while a thread may still be encoding.
        self._lock = threading.Lock()

    def encode(self, samples: Samples) -> bytes:
        """Return the bytes that are ready after these samples; there may be none yet."""
        with self._lock:
            return self._codec.encode(self._resample(samples, last=False))

    def finish(self) -> bytes:
        """Return the remaining bytes; nothing may be encoded afterwards."""
        with self._lock:
            rest = self._codec.encode(self._resample(_NOTHING, last=True))
            return rest + self._codec.finish()

    @property
    def head(self) -> bytes:
        """The final first bytes of a file, known after :meth:`finish`."""
        return self._codec.head

    def close(self) -> None:
        """Release the memory of the libraries; a second call does nothing."""
        with self._lock:
            self._codec.close()


def whole(speech: Pcm, encoding: Encoding) -> bytes:
    """Return a complete speech as the bytes of a file, with the final sizes in its header."""
    encoder = Encoder(encoding, speech.sample_rate, streamed=False)
    body = encoder.encode(speech.samples) + encoder.finish()
    return encoder.head + body[len(encoder.head) :]


def seconds(path: Path, size: int, encoding: Encoding) -> float:
    """Return how long a file of ``size`` bytes plays, in seconds.

    Raises:
        OSError: the file cannot be read or is damaged.

    """
    entry = FORMATS[encoding.format]
    if size < entry.header_bytes:
        raise OSError("the file ends within its header")
    if entry.read_seconds:
        return entry.read_seconds(path, encoding.sample_rate)
    return (size - entry.header_bytes) / bytes_a_second(encoding)


def bytes_a_second(encoding: Encoding) -> float:
    """Return the number of bytes of one second of speech; an upper bound for FLAC."""
    if encoding.bit_rate:
        return encoding.bit_rate / 8
    return encoding.sample_rate * (FORMATS[encoding.format].sample_bytes or 2)


def _unchanged(samples: Samples, *, last: bool) -> Samples:  # noqa: ARG001
    return samples
