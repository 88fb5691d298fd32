"""Which voices are in memory, who uses them, and which of them has to go for another."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from vits_tts.voice.engine import Engine
from vits_tts.voice.memory import footprint


@dataclass(slots=True)
class _Resident:
    engine: Engine
    used: float


class Residents:
    """Voices in memory, within ``limit`` bytes; the one called ``stays`` is never dropped.

    ``taken`` says how many bytes each voice takes. Threads do not call it at the same time, but for
    ``hold``.
    """

    def __init__(
        self,
        taken: Mapping[str, int],
        stays: str,
        limit: int | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with none."""
        self._taken = dict(taken)
        self._stays = stays
        self._limit = limit
        self._now = now
        self._residents: dict[str, _Resident] = {}
        self._promised: set[str] = set()
        self._users: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        """Whether a voice is in memory."""
        return name in self._residents

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._residents)

    def get(self, name: str) -> Engine | None:
        """Return a voice's engine, and count that as a use; None if it is not in memory."""
        found = self._residents.get(name)
        if found is None:
            return None
        found.used = self._now()
        return found.engine

    @property
    def bytes(self) -> int:
        """What all take, those that are being loaded included."""
        return sum(self._taken[name] for name in {*self._residents, *self._promised})

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Keep a voice from being dropped, if it is there or comes meanwhile."""
        self._users[name] += 1
        try:
            yield
        finally:
            self._users[name] -= 1
            if found := self._residents.get(name):
                found.used = self._now()

    def fits(self, name: str) -> bool:
        """Whether there is room for a voice as things are."""
        return self._limit is None or self.bytes + self._taken[name] <= self._limit

    def promise(self, name: str) -> list[Engine] | None:
        """Keep room for a voice; return what was dropped for it, or None if there is no room.

        Beside the voice that stays there is always room for one, however much it takes.
        """
        going = self._going(self._taken[name])
        if going is None:
            return None
        self._promised.add(name)
        return [self._drop(other) for other in going]

    def settle(self, name: str, engine: Engine | None) -> list[Engine]:
        """Take a voice in for which room was kept; None if it could not be loaded.

        Returns what has to go, now that it is known what it takes.
        """
        self._promised.discard(name)
        if engine is None:
            return []
        self._taken[name] = footprint(engine.nbytes)
        self._residents[name] = _Resident(engine, self._now())
        going = self._going(0, name)
        return [self._drop(other) for other in (self._idle(name) if going is None else going)]

    def unused(self, seconds: float) -> list[Engine]:
        """Drop and return those that nobody has used for so long."""
        before = self._now() - seconds
        return [self._drop(name) for name in self._idle() if self._residents[name].used <= before]

    def until_unused(self, seconds: float) -> float:
        """Return in how many seconds the next one could be unused for so long."""
        oldest = min((self._residents[name].used for name in self._idle()), default=self._now())
        return max(0.0, oldest + seconds - self._now())

    def _idle(self, keep: str = "") -> list[str]:
        """Return the voices that may be dropped, the longest unused first."""
        kept = {self._stays, keep}
        idle = [name for name in self._residents if name not in kept and not self._users[name]]
        return sorted(idle, key=lambda name: self._residents[name].used)

    def _going(self, more: int, keep: str = "") -> list[str] | None:
        """Return who has to go to make room for ``more`` bytes; None if that is in vain."""
        going: list[str] = []
        idle = iter(self._idle(keep))
        while self._limit is not None and self._without(going) + more > self._limit:
            name = next(idle, None)
            if name is None:
                alone = {*self._residents, *self._promised} <= {self._stays, keep, *going}
                return going if alone else None
            going.append(name)
        return going

    def _without(self, going: list[str]) -> int:
        return self.bytes - sum(self._taken[name] for name in going)

    def _drop(self, name: str) -> Engine:
        return self._residents.pop(name).engine
