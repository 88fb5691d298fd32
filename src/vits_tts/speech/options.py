"""The options of a request beside its text, and the caller that waits for it."""

import math
from dataclasses import dataclass
from typing import Final

from vits_tts.config import Speeds
from vits_tts.dictionaries.rules import Rules
from vits_tts.errors import SpeedInvalid
from vits_tts.markup.dialogue import Turn
from vits_tts.markup.plan import InputKind
from vits_tts.speech.request_stats import RequestStats
from vits_tts.text.normalizer.lexicon import Lexicon

MIN_RATE: Final = 0.25
MAX_RATE: Final = 4.0


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """Voice, tempo and readings of a request; None stands for the default of the settings.

    ``speed`` is a name such as ``slow``, or a rate from 0.25 to 4 where 2 is twice as fast.
    ``speaker`` is a name or a number in digits. ``lexicon`` holds readings for this request alone.
    ``input`` says whether the text is SSML; with None its beginning decides. ``volume`` multiplies
    the samples, from 0 to 4.
    """

    speed: str | float | None = None
    voice: str | None = None
    speaker: str | None = None
    lexicon: Lexicon | None = None
    input: InputKind | None = None
    turns: tuple[Turn, ...] = ()
    """The turns of a dialogue; the text of the request is then ``text_of(turns)``."""
    turn_pause: float | None = None
    """Seconds of silence between two turns."""
    volume: float = 1.0
    dictionaries: tuple[Rules, ...] | None = None
    """Pronunciation dictionaries, the first one taking precedence; None for those of the
    settings."""


DEFAULT_OPTIONS: Final = SpeechOptions()


@dataclass(frozen=True, slots=True)
class Reader:
    """The request that a text is read for.

    ``caller`` is the name under which the text takes turns with those of other callers. ``waits``
    is the longest wait in multiples of ``limits.max_start_delay``; None is no limit. The seconds of
    reading are added to ``tally``.
    """

    caller: str = ""
    waits: int | None = None
    tally: RequestStats | None = None


IN_PROCESS: Final = Reader()
"""The reader for requests of this program itself, which may wait without a limit."""


def length_scale(speed: str | float | None, speeds: Speeds) -> float:
    """Return the ``length_scale`` of a speed: a name, or a rate from 0.25 to 4 (2: half as long).

    Raises:
        SpeedInvalid: the speed is neither a known name nor a rate in that range.

    """
    if speed is None:
        return speeds.normal
    names = type(speeds).model_fields
    if isinstance(speed, str) and speed in names:
        return float(getattr(speeds, speed))
    try:
        rate = float(speed)
    except (ValueError, OverflowError):
        rate = math.nan
    if not MIN_RATE <= rate <= MAX_RATE:
        raise SpeedInvalid(
            f"speed is one of {', '.join(names)} or a rate from {MIN_RATE:g} to {MAX_RATE:g}",
            field="speed",
        )
    return 1 / rate
