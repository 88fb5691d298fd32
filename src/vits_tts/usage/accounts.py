"""Recording of use without waiting: the event loop adds in memory, a thread writes to disk.

The thread writes amounts within :data:`_GATHER_SECONDS`, so a process that is killed loses only the
amounts of the last moment; it writes them at once if a caller waits for that. Amounts that cannot
be written stay in memory and are written later.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from loguru import logger

from vits_tts.config import Config
from vits_tts.errors import BudgetExceeded, BudgetExceededForNow, StorageError
from vits_tts.telemetry.metrics import USAGE_CHARACTERS, USAGE_SECONDS, USAGE_UNSAVED, series
from vits_tts.usage.model import NO_KEY, Amounts, Summary, first_of_next_month, today
from vits_tts.usage.store import Place, UsageStore

if TYPE_CHECKING:
    from vits_tts.usage.replicas import Replicas

_GATHER_SECONDS: Final = 0.25
"""Amounts within this time are written together; single writes would slow down cached requests."""
_LOOK_SECONDS: Final = 1.0
"""Interval at which amounts of other processes are read, and failed writes are repeated."""
_EXCHANGE_SECONDS: Final = 5.0
_PRUNE_SECONDS: Final = 3600.0
_START_SECONDS: Final = 5.0
"""Maximum seconds that a request waits until the accounts have been read for the first time."""
_LEAST_DAYS: Final = 31
_TROUBLE: Final = (sqlite3.Error, OSError)

T = TypeVar("T")


class Accounts:
    """Records the use of each key, and checks budgets. Use it from one event loop."""

    def __init__(self, config: Config) -> None:
        """Store the settings; :meth:`start` begins to read and write."""
        self._settings = config.usage
        self._redis = config.cache.redis
        self._keep_days = max(config.usage.keep_days, _LEAST_DAYS)
        self._store = UsageStore(config.usage.folder)
        self._lock = threading.Lock()
        self._pending: dict[Place, Amounts] = {}
        self._saving: dict[Place, Amounts] = {}
        self._reserved: dict[str, int] = {}
        self._totals: dict[str, Amounts] = {}
        self._month = ""
        self._known = threading.Event()
        self._wake: Callable[[], object] | None = None
        self._waiting: list[Callable[[], object]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ending = False
        self._booked = self._saved = 0
        self._uncounted = Amounts()
        self.trouble: str | None = None
        """Why accounts cannot be written; None if they can."""

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread, unless it runs already or use is not recorded."""
        if self._settings.enabled and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
            self._thread.start()

    async def close(self) -> None:
        """Write all amounts in memory, and end the thread."""
        if self._thread is None:
            return
        self._ending = True
        self._rouse()
        await asyncio.to_thread(self._thread.join)

    # --- for requests ----------------------------------------------------------------------------

    async def admit(self, key: str | None, characters: int) -> None:
        """Check that a text fits into the budget of a key, and reserve its characters.

        :meth:`release` ends the reservation.

        Raises:
            BudgetExceeded: the text does not fit.

        """
        name = key or NO_KEY
        if self._settings.enabled and self._settings.has_budgets:
            if not self._known.is_set():
                await asyncio.to_thread(self._known.wait, _START_SECONDS)
            self._check(key, characters)
        self._reserved[name] = self._reserved.get(name, 0) + characters

    def _check(self, key: str | None, characters: int) -> None:
        budget = self._settings.budget(key)
        used = self.used(key)
        reserved = self._reserved.get(key or NO_KEY, 0)
        if budget.characters and used.characters + reserved + characters > budget.characters:
            left = max(0, budget.characters - used.characters - reserved)
            message = (
                f"the text has {characters} characters; {left} are left of the budget of "
                f"{budget.characters} in this month"
            )
        elif budget.seconds and used.seconds >= budget.seconds:
            message = f"the budget of {budget.seconds} seconds of sound in this month is spent"
        else:
            return
        if self._settings.budget_status == BudgetExceeded.status:
            raise BudgetExceeded(message)
        raise BudgetExceededForNow(message, first_of_next_month(today()))

    def release(self, key: str | None, characters: int) -> None:
        """End the reservation of :meth:`admit`."""
        name = key or NO_KEY
        left = self._reserved.get(name, 0) - characters
        if left > 0:
            self._reserved[name] = left
        else:
            self._reserved.pop(name, None)

    def book(self, key: str | None, amounts: Amounts, once: str = "") -> None:
        """Add amounts to the account of a key. This neither waits nor fails.

        Amounts with an id ``once`` are left out if this machine has written some with that id.
        """
        if not self._settings.enabled or not amounts:
            return
        place = today().isoformat(), key or NO_KEY, once
        with self._lock:
            first = not self._pending
            self._pending.setdefault(place, Amounts()).add(amounts)
            self._uncounted.add(amounts)
            self._booked += 1
        if first:
            self._rouse()

    async def saved(self, seconds: float = 10.0) -> bool:
        """Write all amounts to the disk at once, and wait; return False after ``seconds``."""
        wanted, loop = self._booked, asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._thread and self._thread.is_alive() and self._saved < wanted:
                    written = asyncio.Event()
                    with self._lock:
                        self._waiting.append(partial(loop.call_soon_threadsafe, written.set))
                    self._rouse()
                    await written.wait()
        return self._thread is None or self._saved >= wanted

    def used(self, key: str | None) -> Amounts:
        """Return the use of a key in this month, as far as this process knows it."""
        name, month = key or NO_KEY, today().isoformat()[:7]
        used = Amounts()
        with self._lock:
            if self._month == month and name in self._totals:
                used.add(self._totals[name])
            for amounts in (self._pending, self._saving):
                for (day, owner, _), each in amounts.items():
                    if owner == name and day.startswith(month):
                        used.add(each)
        return used

    async def summaries(self, since: date, until: date, key: str | None) -> list[Summary]:
        """Return the use of one key from ``since`` to ``until``, by day.

        Raises:
            StorageError: the accounts cannot be read, or amounts in memory cannot be written.

        """
        if not await self.saved(_LOOK_SECONDS):
            raise StorageError("the accounts cannot be written now, so they are incomplete")
        try:
            return await asyncio.to_thread(self._read, since, until, key or NO_KEY)
        except _TROUBLE as error:
            raise StorageError("the accounts cannot be read now") from error

    def _read(self, since: date, until: date, key: str) -> list[Summary]:
        store = UsageStore(self._settings.folder)  # SQLite's connections stay in their threads
        try:
            return store.summaries(since, until, key)
        finally:
            store.close()

    # --- the thread ------------------------------------------------------------------------------

    def _rouse(self) -> None:
        if wake := self._wake:
            with suppress(RuntimeError):  # the thread has just ended
                wake()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except Exception:  # noqa: BLE001  # the process goes on without its accounts
            logger.exception("usage: the thread has ended unexpectedly")
        finally:
            self._tell()

    def _tell(self) -> None:
        """Let those look who wait until amounts are written."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for look in waiting:
            with suppress(RuntimeError):  # the event loop has ended
                look()

    async def _work(self) -> None:
        awake, hurried = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            awake.set()
            if self._ending or self._waiting:
                hurried.set()

        self._wake = lambda: loop.call_soon_threadsafe(wake)
        saved = asyncio.Event()
        exchanging = asyncio.create_task(self._exchange(saved)) if self._redis.url else None
        pruned = -_PRUNE_SECONDS
        while not self._ending:
            saved_all = self._save()
            # If amounts could not be written, success at something else must not hide that.
            if self._settings.has_budgets and saved_all:
                self._attempt(self._learn)
            self._known.set()
            if loop.time() - pruned > _PRUNE_SECONDS and saved_all:
                pruned = loop.time()
                before = today() - timedelta(days=self._keep_days)
                self._attempt(partial(self._store.prune, before))
            timeout = _LOOK_SECONDS if self._settings.has_budgets or self._pending else None
            try:
                async with asyncio.timeout(timeout):
                    await awake.wait()
                async with asyncio.timeout(_GATHER_SECONDS):  # amounts that follow are written too
                    await hurried.wait()
            except TimeoutError:
                pass
            awake.clear()
            hurried.clear()
        self._wake = None
        self._save()
        if exchanging:
            saved.set()
            await asyncio.wait({exchanging})
        self._save()  # amounts that were booked meanwhile
        self._store.close()
        if self._pending:
            lost = sum(amounts.requests + amounts.items for amounts in self._pending.values())
            logger.error("usage: accounts are lost, the disk cannot be written", requests=lost)

    def _save(self) -> bool:
        """Write pending amounts and return True; if that fails, they stay pending."""
        with self._lock:
            self._saving, self._pending = self._pending, {}
            uncounted, self._uncounted = self._uncounted, Amounts()
            booked = self._booked
        _count(uncounted)
        if self._saving and not self._attempt(lambda: self._store.add(self._saving)):
            with self._lock:
                for place, amounts in self._saving.items():
                    self._pending.setdefault(place, Amounts()).add(amounts)
                self._saving = {}
            USAGE_UNSAVED.set(self._booked - self._saved)
            return False
        with self._lock:
            for (day, name, _), amounts in self._saving.items():
                if day.startswith(self._month):
                    self._totals.setdefault(name, Amounts()).add(amounts)
            self._saving = {}
            self._saved = booked
        USAGE_UNSAVED.set(0)
        self._tell()
        return True

    def _learn(self) -> None:
        """Read the totals of the month, which include the amounts of other processes."""
        month = today().isoformat()[:7]
        totals = self._store.totals(month)
        with self._lock:
            self._totals, self._month = totals, month

    def _attempt(self, work: Callable[[], object]) -> bool:
        """Run ``work``, which accesses the disk; return whether it succeeded, and log changes."""
        try:
            work()
        except Exception as error:  # noqa: BLE001  # of any class: amounts are kept and tried again
            reason = f"{type(error).__name__}: {error}"
            if self.trouble is None:
                logger.warning("usage: accounts cannot be kept on the disk", reason=reason)
            self.trouble = reason
            self._store.close()
            return False
        if self.trouble is not None:
            logger.info("usage: accounts can be kept on the disk again")
        self.trouble = None
        return True

    async def _exchange(self, saved: asyncio.Event) -> None:
        """Send and receive accounts of other machines every few seconds.

        Do so a last time once all accounts have been ``saved``. This task is told by an event,
        because a cancellation may get lost: see ``ending_tasks``.
        """
        from vits_tts.usage.replicas import Replicas  # noqa: PLC0415  # only where Redis is used

        replicas = Replicas(self._redis, self._store, self._keep_days)
        try:
            while not saved.is_set():
                await self._exchanged(replicas)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_EXCHANGE_SECONDS):
                        await saved.wait()
            await self._exchanged(replicas)
        finally:
            await replicas.close()

    @staticmethod
    async def _exchanged(replicas: "Replicas") -> None:
        try:
            await replicas.exchange()
        except _TROUBLE as error:  # errors of the disk; a circuit breaker handles those of Redis
            logger.debug("usage: accounts were not exchanged", reason=type(error).__name__)


def _count(amounts: Amounts) -> None:
    """Add amounts to the metrics."""
    if amounts:
        USAGE_CHARACTERS.inc(amounts.characters)
        series(USAGE_SECONDS, "made").inc(amounts.made_seconds)
        series(USAGE_SECONDS, "cached").inc(amounts.cached_seconds)
