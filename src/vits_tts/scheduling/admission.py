"""Who can be served in time: those who cannot are told so at once, and when to come again.

The work of all listeners under way is known: what each still has to hear, by when, and what a
second of it costs. By any moment *t* the threads have to have made what will have been heard by
then; where that is more than they can make, somebody would hear a gap. (The processor demand
criterion for earliest deadline first: Baruah, Rosier, Howell 1990.)
"""

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vits_tts.config import Limits
from vits_tts.errors import Busy
from vits_tts.metrics import REFUSALS
from vits_tts.scheduling.playback import START_PATIENCE, Playback

_USABLE: Final = 0.85
"""The share of the threads' time that is promised away; the rest is for what nobody foresees."""
_SHARE_OF_FILES: Final = 0.75


@dataclass(frozen=True, slots=True)
class Demand:
    """What one listener will cost: work before the first sound, then ``rate`` for each second.

    ``seconds`` of speech have to be made; none if all is there already.
    """

    start: float
    seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class _Claim:
    """Work on the threads: so much before ``begins``, then a second of speech each second."""

    begins: float
    start: float
    seconds: float
    rate: float

    @property
    def ends(self) -> float:
        """When all of it will have been heard."""
        return self.begins + self.seconds


class Admission:
    """The listeners under way, and whether there is room for one more."""

    def __init__(
        self, threads: int, limits: Limits, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Promise no more than ``threads`` can do within ``limits``."""
        self._threads = threads
        self._limits = limits
        self._now = now
        self._under_way = 0
        self._files = 0
        self._listeners: dict[Playback, _Claim] = {}

    def __len__(self) -> int:
        """How many listeners are under way."""
        return len(self._listeners)

    @contextmanager
    def slot(self, *, heard: bool) -> Iterator[None]:
        """Take one of the places for requests under way; ``heard`` if somebody listens.

        A quarter of the places is kept for listeners: files, which come last, take long.

        Raises:
            Busy: all are taken.

        """
        limit = self._limits.max_concurrent
        if self._under_way >= limit or (
            not heard and self._files >= math.ceil(limit * _SHARE_OF_FILES)
        ):
            REFUSALS.labels("full").inc()
            raise Busy("too many requests are under way already")
        self._under_way += 1
        self._files += not heard
        try:
            yield
        finally:
            self._under_way -= 1
            self._files -= not heard

    @contextmanager
    def admitted(self, demand: Demand) -> Iterator[Playback]:
        """Count a listener as under way, with a playback of its own.

        Raises:
            Busy: the sound could not start in time, or somebody would hear a gap.

        """
        claim = self._checked(demand)
        playback = Playback(demand.seconds, self._now)
        self._listeners[playback] = claim
        try:
            yield playback
        finally:
            del self._listeners[playback]

    def _checked(self, demand: Demand) -> _Claim:
        """Return what the listener will claim, if that can be had."""
        now = self._now()
        claims = [_now_due(*listener, now) for listener in self._listeners.items()]
        others = [claim for claim in claims if claim.seconds]
        claim = self._claim(demand, others, now)
        # Somebody alone is served as well as can be.
        if demand.seconds and others and not self._fits(claim, others, now):
            REFUSALS.labels("late").inc()
            wait = self._room_in(demand, others, now)
            raise Busy("no listener more can be served in time", retry_after=math.ceil(wait))
        return claim

    def _claim(self, demand: Demand, others: Sequence[_Claim], now: float) -> _Claim:
        """Return what a listener claims who starts when those before have started."""
        delay = (sum(other.start for other in others) + demand.start) / self._threads
        return _Claim(now + delay, demand.start, demand.seconds, demand.rate)

    def _fits(self, claim: _Claim, others: Sequence[_Claim], now: float) -> bool:
        """Return whether the sound starts in time and nobody hears a gap."""
        late = claim.begins - now > self._limits.max_start_delay
        behind = _behind([*others, claim], self._threads * _USABLE, now)
        return not late and behind <= START_PATIENCE  # a first sound can wait as long

    def _room_in(self, demand: Demand, others: Sequence[_Claim], now: float) -> float:
        """Return after how many seconds there is room, if nobody else comes: at least one."""
        ends = sorted(other.ends for other in others if other.ends > now)

        def fits(end: float) -> bool:
            left = [_later(other, end) for other in others if other.ends > end]
            return self._fits(self._claim(demand, left, end), left, end)

        first = bisect_left(ends, 1, key=lambda end: int(fits(end)))
        return max(1.0, ends[min(first, len(ends) - 1)] - now) if ends else 1.0


def _now_due(playback: Playback, claim: _Claim, now: float) -> _Claim:
    """Return what is left of a claim."""
    if playback.begun:
        return _Claim(max(playback.end, now), 0.0, playback.owed, claim.rate)
    return replace(claim, begins=max(claim.begins, now))


def _later(claim: _Claim, moment: float) -> _Claim:
    """Return what will be left of a claim at a later moment, all made as it is heard."""
    begins = max(claim.begins, moment)
    start = claim.start if claim.begins > moment else 0.0
    return _Claim(begins, start, claim.ends - begins, claim.rate)


def _behind(claims: Sequence[_Claim], power: float, now: float) -> float:
    """Return the seconds by which so much power would be behind at the worst moment."""
    begins, start, seconds, rate = np.array(
        [(claim.begins, claim.start, claim.seconds, claim.rate) for claim in claims]
    ).T
    moments = (begins + seconds)[:, None]
    due = start + np.clip(moments - begins, 0, seconds) * rate
    return float(np.max(due.sum(axis=1) / power - (moments[:, 0] - now)))
