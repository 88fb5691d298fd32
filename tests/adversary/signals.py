"""Signals to the master and to workers, at unexpected moments."""

import asyncio
import math
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

from tests.adversary.attack import WORKERS, Attack, Complaint, Facts, Target
from tests.adversary.wire import Answer

_ENDING = [
    signal.SIGKILL,
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGILL,
]
_HARMLESS = [signal.SIGUSR1, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT, signal.SIGPIPE]
"""Signals that no process of the server reacts to: terminals, shells and tools send them."""


def family(chance: Random, facts: Facts) -> Attack:
    """Send signals and wait until the server is in its normal state again."""
    del facts
    kind = chance.choice(_KINDS)
    exact, act = kind(chance)

    async def run(target: Target) -> list[Answer]:
        with suppress(ProcessLookupError):
            await act(target)
        if not await target.settled():
            raise Complaint(f"the workers did not come to rest after {exact}: {target.workers()}")
        return []

    return Attack("signals", kind.__name__.strip("_").replace("_", " "), exact, run, alone=True)


Act = Callable[[Target], Awaitable[None]]


def _one_of(target: Target, index: int) -> int:
    """Return the id of a worker.

    Raises:
        ProcessLookupError: there is none, because the server is ending.
    """
    workers = sorted(target.workers())
    if not workers:
        raise ProcessLookupError
    return workers[index % len(workers)]


def _end_a_worker(chance: Random) -> tuple[str, Act]:
    """End one worker, in one of many ways."""
    number = chance.choice(_ENDING)
    index = chance.randrange(WORKERS)

    async def act(target: Target) -> None:
        worker = _one_of(target, index)
        target.killed[worker] = math.inf  # until it is gone it may take requests that it cuts
        os.kill(worker, number)
        await _gone(target, {worker})
        target.killed[worker] = time.monotonic()

    return f"{number.name} to worker {index}", act


def _harmless(chance: Random) -> tuple[str, Act]:
    """Send a harmless signal to a worker or the master."""
    number = chance.choice(_HARMLESS)
    whom = chance.choice(["master", "worker"])

    async def act(target: Target) -> None:
        process = target.server.process.pid if whom == "master" else _one_of(target, 0)
        os.kill(process, number)
        await asyncio.sleep(1)

    return f"{number.name} to the {whom}", act


def _reload(chance: Random) -> tuple[str, Act]:
    """Make the server read its settings again, once or several times quickly."""
    times = chance.choice([1, 1, 2, 25])
    pause = chance.choice([0, 0.01, 0.3])

    async def act(target: Target) -> None:
        before = set(target.workers())
        target.reloads += 1
        for _ in range(times):
            os.kill(target.server.process.pid, signal.SIGHUP)
            await asyncio.sleep(pause)
            count = len(target.workers())
            if count > 3 * WORKERS + 1:  # three sets, and the process that tries the voices
                raise Complaint(f"{count} workers after {times} times SIGHUP")
        await _gone(target, before)

    return f"{times} times SIGHUP to the master, {pause} s apart", act


def _more_and_fewer(chance: Random) -> tuple[str, Act]:
    """Request more workers and remove them again."""
    count = chance.choice([1, 2])

    async def act(target: Target) -> None:
        target.reloads += 2
        master = target.server.process.pid
        # Signals of one kind that find the master busy count once, so that too many workers may be
        # left, or too few. Reading the settings again makes as many as these say.
        for number in [*[signal.SIGTTIN] * count, *[signal.SIGTTOU] * count, signal.SIGHUP]:
            os.kill(master, number)
            await asyncio.sleep(0.5)

    return f"{count} times SIGTTIN, then SIGTTOU, then SIGHUP, to the master", act


def _hold_a_worker(chance: Random) -> tuple[str, Act]:
    """Stop a worker for a moment, like a machine that is short of memory."""
    seconds = chance.choice([0.2, 1, 3])

    async def act(target: Target) -> None:
        worker = _one_of(target, -1)
        begun = time.monotonic()
        os.kill(worker, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(worker, signal.SIGCONT)
            target.stopped.append((begun, time.monotonic()))

    return f"SIGSTOP to a worker for {seconds} s", act


async def _gone(target: Target, workers: set[int]) -> None:
    """Wait until some workers have ended."""
    deadline = time.monotonic() + 90
    while workers & set(target.workers()):
        if time.monotonic() > deadline:
            raise Complaint(f"workers {sorted(workers)} are still there after 90 s")
        if target.server.process.poll() is not None:
            return
        await asyncio.sleep(0.1)


_KINDS: list[Callable[[Random], tuple[str, Act]]] = [
    _end_a_worker,
    _end_a_worker,
    _harmless,
    _reload,
    _more_and_fewer,
    _hold_a_worker,
]
