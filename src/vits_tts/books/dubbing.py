"""A sound track that fits subtitles: the rate of each cue is computed from its known length.

The voice states the length of a sentence without synthesising it. Length falls with the rate, but
not exactly as 1/rate (pauses do not shrink, durations are whole frames), so the rate is searched.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from vits_tts.api import Speech
from vits_tts.books.cues import Cue
from vits_tts.errors import ConfigError, TextEmpty, TextUnspeakable
from vits_tts.types import Samples

_TRIALS: Final = 12
_CLOSE_SECONDS: Final = 0.02
_BLOCK: Final = 64 * 1024

Outcome = Literal["fits", "silent", "too_long", "short"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The author's limits: the slowest, the fastest and the usual rate.

    With ``fill``, a cue is spoken more slowly if it has more time than it needs. ``spill`` is how
    far a cue may run into the silence before the next one, in seconds.
    """

    slowest: float = 0.85
    fastest: float = 1.4
    usual: float = 1.0
    fill: bool = True
    spill: float = 0.0


@dataclass(frozen=True, slots=True)
class Fit:
    """The plan of a cue: its rate, its length in seconds, and how far it misses its time.

    ``outcome`` is ``fits``; ``too_long`` if it is longer at the fastest rate, by ``over`` seconds;
    ``short`` if it ends early at the slowest rate; ``silent`` if it has nothing to say.
    """

    cue: Cue
    outcome: Outcome
    rate: float
    seconds: float
    over: float

    def described(self) -> dict[str, Any]:
        """Return the fit for JSON."""
        told = asdict(self.cue)
        rounded = {name: round(getattr(self, name), 4) for name in ("rate", "seconds", "over")}
        return {**told, "outcome": self.outcome, **rounded}


def plan(
    cues: Sequence[Cue],
    speech: Speech,
    limits: Limits,
    speaker: str | None,
    done: Callable[[int], None],
) -> list[Fit]:
    """Return how each cue is spoken, without synthesis.

    ``done`` is called with the number of cues so far.

    Raises:
        VitsTtsError: the voice cannot speak.

    """
    fits = []
    spoken = [cue for cue in cues if not cue.is_silent]
    after = dict(zip((cue.number for cue in spoken), spoken[1:], strict=False))
    for number, cue in enumerate(cues, 1):

        def length(rate: float, cue: Cue = cue) -> float:
            return speech.seconds(cue.text, speed=rate, speaker=speaker)

        fits.append(fit(cue, room(cue, after.get(cue.number), limits), length, limits))
        done(number)
    return fits


def room(cue: Cue, following: Cue | None, limits: Limits) -> float:
    """Return how many seconds a cue may last; ``following`` is the next one that is spoken."""
    most = cue.ends + limits.spill
    return max(cue.ends, min(most, following.begins if following else most)) - cue.begins


def track(
    fits: Sequence[Fit],
    speech: Speech,
    speaker: str | None,
    seconds: float,
    done: Callable[[int], None],
) -> Iterator[Samples]:
    """Yield the samples of a track of ``seconds``, in which each cue begins at its time.

    A cue that is too long is cut where the next one begins.

    Raises:
        ConfigError: the length of a cue differs from the planned one.
        VitsTtsError: the voice cannot speak.

    """

    def say(fit: Fit) -> Samples:
        return speech.say(fit.cue.text, speed=fit.rate, speaker=speaker).samples

    return arranged(fits, say, speech.voice.sample_rate, seconds, done)


def arranged(
    fits: Sequence[Fit],
    say: Callable[[Fit], Samples],
    rate: int,
    seconds: float,
    done: Callable[[int], None],
) -> Iterator[Samples]:
    """Yield the samples of a track, as ``track`` does, at ``rate`` in hertz.

    ``say`` returns the samples of a cue.

    Raises:
        ConfigError: the length of a cue differs from the planned one.

    """
    total = round(seconds * rate)
    at = 0
    spoken = [fit for fit in fits if fit.outcome != "silent"]
    for number, fit in enumerate(spoken):
        begins = round(fit.cue.begins * rate)
        later = spoken[number + 1 :][:1]
        most = (round(later[0].cue.begins * rate) if later else total) - begins
        samples = say(fit)
        if len(samples) != round(fit.seconds * rate):
            raise ConfigError(f"cue {fit.cue.number}: its length differs from the planned one")
        yield from _silence(begins - at)
        yield _cut(samples, most, rate)
        at = begins + min(len(samples), most)
        done(number + 1)
    yield from _silence(total - at)


def _silence(samples: int) -> Iterator[Samples]:
    """Yield zeros in blocks; there may be hours between two cues."""
    for start in range(0, samples, _BLOCK):
        yield np.zeros(min(_BLOCK, samples - start), np.int16)


def fit(cue: Cue, room: float, length: Callable[[float], float], limits: Limits) -> Fit:
    """Return the rate at which one cue is spoken, and how well it fits its time.

    The speech should be as long as the cue is shown. If it is longer at the fastest rate, it may
    take up to ``room`` seconds. ``length`` returns the seconds that the speech takes at a rate.
    """
    wanted = cue.ends - cue.begins
    try:
        usual = length(limits.usual)
    except (TextEmpty, TextUnspeakable):
        usual = 0.0
    if not usual:
        return Fit(cue, "silent", limits.usual, 0.0, 0.0)
    if usual <= room and (not limits.fill or wanted - usual <= _CLOSE_SECONDS):
        return Fit(cue, "fits", limits.usual, usual, 0.0)
    target = wanted if usual < wanted else room
    shortest, longest = length(limits.fastest), length(limits.slowest)
    if shortest > target:
        return Fit(cue, "too_long", limits.fastest, shortest, shortest - target)
    if longest <= target:
        outcome: Outcome = "fits" if target - longest <= _CLOSE_SECONDS else "short"
        return Fit(cue, outcome, limits.slowest, longest, longest - target)
    rate, seconds = _searched(length, target, limits, limits.usual * usual / target)
    return Fit(cue, "fits", rate, seconds, seconds - target)


def _searched(
    length: Callable[[float], float], target: float, limits: Limits, guess: float
) -> tuple[float, float]:
    """Return a rate at which a cue is at most ``target`` seconds long, and that length.

    The rate is bisected from ``guess`` on; the fastest rate is known to be fast enough.
    """
    low, high = limits.slowest, limits.fastest
    best, seconds = high, length(high)
    guess = min(max(guess, low), high)
    for _ in range(_TRIALS):
        tried = length(guess)
        if tried > target:
            low = guess
        else:
            high = guess
            if tried > seconds:
                best, seconds = guess, tried
        if target - seconds <= _CLOSE_SECONDS:
            break
        guess = (low + high) / 2
    return best, seconds


def _cut(samples: Samples, most: int, rate: int) -> Samples:
    """Return at most ``most`` samples; a cut is faded over 10 ms."""
    if len(samples) <= most:
        return samples
    kept = samples[:most].astype(np.float32)
    fade = min(most, rate // 100)
    if fade:
        kept[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    rounded: Samples = np.rint(kept).astype(np.int16)
    return rounded
