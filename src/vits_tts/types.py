"""Frozen values that the stages pass on, from a request to its samples."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
"""Mono 16-bit samples, shape ``[n]``."""

Audience: TypeAlias = Literal["listener", "program", "batch"]
"""The destination of speech, which decides when and how it is made.

A ``listener`` hears it meanwhile and must hear no gap. A ``program`` takes it as it is made, after
all listeners. A ``batch`` is heard later, so its first window may be a long one, which costs less.
"""


@dataclass(frozen=True, slots=True)
class Prosody:
    """The parameters, beside the text, that change the samples: three scales and the speaker.

    ``length_scale`` multiplies durations (2 is half as fast). ``noise_scale`` varies the timbre,
    ``noise_w`` the durations. Voices with one speaker ignore ``speaker_id``.
    """

    length_scale: float
    noise_scale: float
    noise_w: float
    speaker_id: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    """The target loudness of all voices, and a further factor of the amplitude.

    ``loudness`` is in LUFS; None leaves each voice at its own loudness.
    """

    volume: float = 1.0
    loudness: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A named place of the source, reached ``shift`` seconds after the speech of that place."""

    name: str
    position: int
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of normalised text, and the pause after it in seconds.

    The last sentence of a text has no pause. ``start`` and ``end`` are its place in the source, in
    characters. Markup gives it a ``voice`` other than the request's, a ``rate`` that multiplies the
    speed, a ``volume`` that multiplies the samples, and ``marks``.
    """

    text: str
    pause: float = 0.0
    start: int = 0
    end: int = 0
    voice: str | None = None
    rate: float = 1.0
    volume: float = 1.0
    marks: tuple[Mark, ...] = ()
    turn: int | None = None
    """The number of its turn in a dialogue, from 0."""


@dataclass(frozen=True, slots=True)
class KeyedSentence(Sentence):
    """A sentence of a request, with the cache key of its speech.

    ``prosody`` is None where it is that of the request. ``voice`` is the name of a voice of this
    server, or None for that of the request.
    """

    key: str = field(kw_only=True)
    prosody: Prosody | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class UnreadText:
    """The part of a long text that is read while its first sentences are spoken.

    The whole text is ``share`` times as long as those sentences. ``read`` yields the sentences that
    follow, in portions, each with the pause before it in seconds. It is called once.
    """

    share: float
    read: Callable[[], AsyncGenerator[tuple[tuple[KeyedSentence, ...], float], None]]


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A request after all checks: the voice, the sentences and how they are spoken.

    ``voice`` is the name of a voice of this server. ``lead`` is the silence before the first
    sentence, in seconds. Only a request for silence has no sentence. Further sentences come from
    ``unread``; only streams accept a request that has it.
    """

    voice: str
    sentences: tuple[KeyedSentence, ...]
    prosody: Prosody
    lead: float = 0.0
    unread: UnreadText | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of each word in a sentence that has ``samples`` samples.

    ``words`` is int32 of shape ``[w, 4]``, in order and without overlap. Each row has the word's
    first character in the sentence's text, the one after its last, its first sample, and the one
    after its last. ``estimated`` says that the voice did not give the durations of phonemes.

    ``phonemes`` are those of the words in IPA, in order. ``phoneme_times`` is int32 of shape
    ``[p, 3]``. Each row has the index of the phoneme's word in ``words``, its first sample, and the
    one after its last. These samples lie within those of the word.
    """

    samples: int
    words: NDArray[np.int32]
    estimated: bool
    phonemes: tuple[str, ...] = ()
    phoneme_times: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 3), np.int32))

    @property
    def nbytes(self) -> int:
        """The approximate size in bytes."""
        return self.words.nbytes + self.phoneme_times.nbytes + 8 * len(self.phonemes)


@dataclass(frozen=True, slots=True)
class Pcm:
    """Speech as mono 16-bit samples, shape ``[n]``, at ``sample_rate`` in hertz.

    A whole sentence and the first chunk of a sentence also have the sentence's ``timing``.
    """

    samples: Samples
    sample_rate: int
    timing: Timing | None = field(default=None, kw_only=True)

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def nbytes(self) -> int:
        """The size of the samples in bytes."""
        return self.samples.nbytes


@dataclass(frozen=True, slots=True)
class Window(Pcm):
    """The next part of a stream: ``samples`` (int16, mono) at ``sample_rate`` in hertz.

    ``progress`` is the share of the text that was spoken before it, from 0 to 1.
    """

    progress: float = 0.0


def silence(seconds: float, sample_rate: int) -> Pcm:
    """Return ``seconds`` of silence, rounded to the nearest sample."""
    return Pcm(np.zeros(round(seconds * sample_rate), np.int16), sample_rate)
