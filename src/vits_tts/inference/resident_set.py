"""The set of voices in memory: their users, and which one to unload for another."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from vits_tts.inference.engine import Engine
from vits_tts.voice.footprint import footprint


@dataclass(slots=True)
class _Resident:
    engine: Engine
    used: float


class ResidentSet:
    """Voices in memory, with ``limit`` bytes in all; the voice ``stays`` is never unloaded.

    ``taken`` has the bytes of each voice. Only ``hold`` may be used by several threads at a time.
    """

    def __init__(
        self,
        taken: Mapping[str, int],
        stays: str,
        limit: int | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with an empty set."""
        self._taken = dict(taken)
        self._stays = stays
        self._limit = limit
        self._now = now
        self._residents: dict[str, _Resident] = {}
        self._promised: set[str] = set()
        self._users: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        """Return whether a voice is in memory."""
        return name in self._residents

    def __len__(self) -> int:
        """Return the number of voices in memory."""
        return len(self._residents)

    def get(self, name: str) -> Engine | None:
        """Return a voice's engine and mark it as used now; None if it is not in memory."""
        found = self._residents.get(name)
        if found is None:
            return None
        found.used = self._now()
        return found.engine

    @property
    def bytes(self) -> int:
        """Bytes of all voices in memory, and of those being loaded."""
        return sum(self._taken[name] for name in {*self._residents, *self._promised})

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Protect a voice from being unloaded inside the block, also if it is loaded meanwhile."""
        self._users[name] += 1
        try:
            yield
        finally:
            self._users[name] -= 1
            if found := self._residents.get(name):
                found.used = self._now()

    def fits(self, name: str) -> bool:
        """Return whether a voice fits into the free memory."""
        return self._limit is None or self.bytes + self._taken[name] <= self._limit

    def promise(self, name: str) -> list[Engine] | None:
        """Reserve memory for a voice; return the engines unloaded for it, or None without space.

        Besides the voice that stays, one voice of any size is always allowed.
        """
        going = self._to_unload(self._taken[name])
        if going is None:
            return None
        self._promised.add(name)
        return [self._drop(other) for other in going]

    def settle(self, name: str, engine: Engine | None) -> list[Engine]:
        """Add a voice for which memory was reserved. ``engine`` is None if it could not be loaded.

        Return the engines that were unloaded because the voice is larger than estimated.
        """
        self._promised.discard(name)
        if engine is None:
            return []
        self._taken[name] = footprint(engine.nbytes)
        self._residents[name] = _Resident(engine, self._now())
        going = self._to_unload(0, name)
        return [self._drop(other) for other in (self._idle(name) if going is None else going)]

    def unused(self, seconds: float) -> list[Engine]:
        """Unload the voices that were not used for ``seconds``, and return their engines."""
        before = self._now() - seconds
        return [self._drop(name) for name in self._idle() if self._residents[name].used <= before]

    def until_unused(self, seconds: float) -> float:
        """Return the seconds until a voice may have been unused for ``seconds`` seconds."""
        oldest = min((self._residents[name].used for name in self._idle()), default=self._now())
        return max(0.0, oldest + seconds - self._now())

    def _idle(self, keep: str = "") -> list[str]:
        """Return the names of the voices that may be unloaded, the longest unused first."""
        kept = {self._stays, keep}
        idle = [name for name in self._residents if name not in kept and not self._users[name]]
        return sorted(idle, key=lambda name: self._residents[name].used)

    def _to_unload(self, more: int, keep: str = "") -> list[str] | None:
        """Return the names of voices to unload for ``more`` bytes; None if that is not enough.

        If only the voice that stays and ``keep`` would remain, the limit does not apply.
        """
        going: list[str] = []
        idle = iter(self._idle(keep))
        while self._limit is not None and self._bytes_without(going) + more > self._limit:
            name = next(idle, None)
            if name is None:
                alone = {*self._residents, *self._promised} <= {self._stays, keep, *going}
                return going if alone else None
            going.append(name)
        return going

    def _bytes_without(self, going: list[str]) -> int:
        return self.bytes - sum(self._taken[name] for name in going)

    def _drop(self, name: str) -> Engine:
        return self._residents.pop(name).engine
