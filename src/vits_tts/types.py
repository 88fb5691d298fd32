"""Frozen values that travel down the line, from a request to its samples."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
"""Mono PCM, shape ``[n]``."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """Everything but the words that changes a sample: Piper's three scales and the speaker.

    ``length_scale`` stretches durations (2 is half as fast), ``noise_scale`` varies the timbre and
    ``noise_w`` the durations; ``speaker_id`` is ignored by voices with one speaker.
    """

    length_scale: float
    noise_scale: float
    noise_w: float
    speaker_id: int = 0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One stretch of normalised text that is spoken in one go, and the pause after it.

    ``pause`` is in seconds; the last sentence of a text has none. ``start`` and ``end`` say where
    in the text as it was written the sentence stands.
    """

    text: str
    pause: float = 0.0
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A request that has been checked: who says what, and how.

    ``voice`` names a voice that is served, ``sentences`` holds at least one.
    """

    voice: str
    sentences: tuple[Sentence, ...]
    prosody: Prosody


@dataclass(frozen=True, slots=True)
class Timing:
    """When each word of a sentence of so many ``samples`` is heard.

    ``words`` are int32, shape ``[w, 4]``, in order and apart: a word's first character in the
    sentence's text and the one after its last, its first sample and the one after its last.
    ``estimated`` if the voice did not tell that of each word.
    """

    samples: int
    words: NDArray[np.int32]
    estimated: bool


@dataclass(frozen=True, slots=True)
class Pcm:
    """Speech as mono 16-bit samples, shape ``[n]``, at ``sample_rate`` in hertz.

    A whole sentence, and its first window, bring the sentence's ``timing`` along.
    """

    samples: Samples
    sample_rate: int
    timing: Timing | None = field(default=None, kw_only=True)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / self.sample_rate

    @property
    def nbytes(self) -> int:
        """What the samples weigh in memory and on the wire."""
        return self.samples.nbytes


def silence(seconds: float, sample_rate: int) -> Pcm:
    """Return silence of ``seconds``, to the nearest sample."""
    return Pcm(np.zeros(round(seconds * sample_rate), np.int16), sample_rate)
