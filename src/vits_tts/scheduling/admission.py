"""Admission: the decision whether a new stream can be served in time.

The work of all streams under way is known: the seconds of speech that each listener still has to
hear, the moment by which it is due, and the cost of a second of speech. By any moment *t* the
inference threads must have made the speech that will have been heard by then. If the streams need
more work by *t* than the threads can do, a listener hears a gap, so the new stream is refused.

This is the processor demand criterion for earliest deadline first (Baruah, Rosier and Howell,
1990).
"""

import math
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from vits_tts.config import Limits
from vits_tts.errors import Busy
from vits_tts.scheduling.playback import START_PATIENCE, Playback
from vits_tts.telemetry.metrics import REFUSALS

_USABLE: Final = 0.85
"""Share of the threads' time that may be promised. The rest covers errors of the cost model."""
_SHARE_OF_FILES: Final = 0.75
_UNKNOWN_SECONDS: Final = 2.0
"""Value of Retry-After, in seconds, if the end of no request under way is known."""

Left: TypeAlias = Callable[[], float | None]
"""Returns the seconds until a request ends, or None if that is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A request under way. ``heard`` says that a client listens while it is synthesised."""

    heard: bool
    caller: str | None
    left: Left


@dataclass(frozen=True, slots=True)
class Demand:
    """Expected cost of a new stream.

    ``start`` is the work before the first sound and ``rate`` the work for a second of speech, both
    in seconds of one thread. ``seconds`` is the speech to be synthesised, 0 if all of it is cached.
    """

    start: float
    seconds: float
    rate: float


@dataclass(frozen=True, slots=True)
class _Claim:
    """Work that the threads still have to do for one stream.

    ``start`` seconds of work are due at ``begins``, a moment of the monotonic clock. From then on
    one second of speech, which costs ``rate`` seconds of work, is due each second, for ``seconds``.
    """

    begins: float
    start: float
    seconds: float
    rate: float

    @property
    def ends(self) -> float:
        """The moment at which all of it will have been heard."""
        return self.begins + self.seconds


class Admission:
    """The streams under way, and the decision whether one more fits.

    Used on the event loop only.
    """

    def __init__(
        self, threads: int, limits: Limits, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Promise no more work than ``threads`` inference threads can do within ``limits``."""
        self._threads = threads
        self._limits = limits
        self._now = now
        self._places: set[_Place] = set()
        self._callers: Counter[str] = Counter()
        self._files = 0
        self._listeners: dict[Playback, _Claim] = {}

    def __len__(self) -> int:
        """Return the number of streams under way."""
        return len(self._listeners)

    @contextmanager
    def slot(
        self, *, heard: bool, caller: str | None = None, left: Left = lambda: None
    ) -> Iterator[None]:
        """Count a request as under way inside the block.

        A quarter of the places is reserved for streams, because files take long and come last.

        Args:
            heard: Whether a client listens while the speech is synthesised.
            caller: Identifies the client, which may use only some of the places. None has no such
                limit.
            left: Returns the seconds until the request ends, or None if that is not known.

        Raises:
            Busy: all places are taken, or all of this caller.

        """
        limit = self._limits.max_concurrent
        if len(self._places) >= limit:
            raise self._full(lambda _: True)
        if not heard and self._files >= math.ceil(limit * _SHARE_OF_FILES):
            raise self._full(lambda place: not place.heard)
        if caller is not None and self._callers[caller] >= self._limits.concurrent_per_caller:
            raise self._full(lambda place: place.caller == caller, "caller")
        place = _Place(heard, caller, left)
        self._places.add(place)
        self._files += not heard
        if caller is not None:
            self._callers[caller] += 1
        try:
            yield
        finally:
            self._places.discard(place)
            self._files -= not heard
            if caller is not None:
                self._callers[caller] -= 1
                if not self._callers[caller]:
                    del self._callers[caller]

    def _full(self, concerned: Callable[["_Place"], bool], reason: str = "full") -> Busy:
        """Return the error, with the seconds until a place is free that the new request may use."""
        REFUSALS.labels(reason).inc()
        known = [place.left() for place in self._places if concerned(place)]
        wait = min((left for left in known if left is not None), default=_UNKNOWN_SECONDS)
        whose = "of this caller " if reason == "caller" else ""
        message = f"too many requests {whose}are under way already"
        return Busy(message, retry_after=max(1, math.ceil(wait)))

    @contextmanager
    def admitted(self, demand: Demand) -> Iterator[Playback]:
        """Admit a stream inside the block and yield its playback.

        Raises:
            Busy: its first sound would be late, or a listener would hear a gap.

        """
        claim = self._checked(demand)
        playback = Playback(demand.seconds, self._now)
        self._listeners[playback] = claim
        try:
            yield playback
        finally:
            del self._listeners[playback]

    def _checked(self, demand: Demand) -> _Claim:
        """Return the claim of a new stream.

        Raises:
            Busy: the claim does not fit.

        """
        now = self._now()
        claims = [_remaining(*listener, now) for listener in self._listeners.items()]
        others = [claim for claim in claims if claim.seconds]
        claim = self._claim(demand, others, now)
        # A stream that is alone is always admitted: refusing it would help no other stream.
        if demand.seconds and others and not self._is_in_time(claim, others, now):
            REFUSALS.labels("late").inc()
            wait = self._seconds_until_room(demand, others, now)
            raise Busy("another stream cannot be served in time", retry_after=math.ceil(wait))
        return claim

    def _claim(self, demand: Demand, others: Sequence[_Claim], now: float) -> _Claim:
        """Return the claim of a new stream; its first sound comes after those of ``others``."""
        delay = (sum(other.start for other in others) + demand.start) / self._threads
        return _Claim(now + delay, demand.start, demand.seconds, demand.rate)

    def _is_in_time(self, claim: _Claim, others: Sequence[_Claim], now: float) -> bool:
        """Return whether the first sound is in time and no listener hears a gap."""
        late = claim.begins - now > self._limits.max_start_delay
        behind = _lateness([*others, claim], self._threads * _USABLE, now)
        return not late and behind <= START_PATIENCE  # first sounds may be this late

    def _seconds_until_room(self, demand: Demand, others: Sequence[_Claim], now: float) -> float:
        """Return the seconds until the demand fits if no other stream comes, at least one."""
        ends = sorted(other.ends for other in others if other.ends > now)

        def fits(end: float) -> bool:
            left = [_remaining_at(other, end) for other in others if other.ends > end]
            return self._is_in_time(self._claim(demand, left, end), left, end)

        first = bisect_left(ends, 1, key=lambda end: int(fits(end)))
        return max(1.0, ends[min(first, len(ends) - 1)] - now) if ends else 1.0


def _remaining(playback: Playback, claim: _Claim, now: float) -> _Claim:
    """Return the part of a claim that is still to be done."""
    if playback.begun or playback.resumed:
        return _Claim(max(playback.end, now), 0.0, playback.owed, claim.rate)
    return replace(claim, begins=max(claim.begins, now))


def _remaining_at(claim: _Claim, moment: float) -> _Claim:
    """Return the part of a claim that will be left at a later moment if playback keeps pace."""
    begins = max(claim.begins, moment)
    start = claim.start if claim.begins > moment else 0.0
    return _Claim(begins, start, claim.ends - begins, claim.rate)


def _lateness(claims: Sequence[_Claim], power: float, now: float) -> float:
    """Return the seconds by which the threads are late at the worst moment; negative if in time.

    The work due by a moment is ``start`` plus ``rate`` for each second of speech heard by then. It
    grows linearly between the ends of the claims, so its worst moment is one of these ends.
    ``power`` is the seconds of work that the threads do each second.
    """
    begins, start, seconds, rate = np.array(
        [(claim.begins, claim.start, claim.seconds, claim.rate) for claim in claims]
    ).T
    moments = (begins + seconds)[:, None]
    due = start + np.clip(moments - begins, 0, seconds) * rate
    return float(np.max(due.sum(axis=1) / power - (moments[:, 0] - now)))
