"""Measure many listeners: bursts, eight that ask again and again, and random arrivals."""

import asyncio
import gc
import random
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from measuring.bench import Bench, Result, median, percentile, say
from measuring.contenders import one_shot
from measuring.health import checked
from measuring.listener import Heard, Request, listen, stream

LISTENERS: Final = (1, 2, 4, 8, 16, 32)
SENTENCES: Final = 3
REGULARS: Final = 8
LOAD: Final = 0.7
_BUSY: Final = 503
_SETTLE: Final = 1.0
QUIET: Final = 0.2
"""A round counts as quiet if other processes use at most this many cores on average."""


def measure(bench: Bench) -> Result:
    """Measure all three patterns."""
    gc.freeze()
    bursts = _bursts(bench)
    rates = _rates(bench)
    ceiling = median([pair["loops"] for pair in quiet_ones(rates)])
    return {"bursts": bursts, "rates": rates, "open": _open(bench, LOAD * ceiling)}


def quiet_ones(rows: Sequence[Result]) -> list[Result]:
    """Return the quiet rounds, or all rounds if none is quiet."""
    return [row for row in rows if row["quiet"]] or list(rows)


def summary(heard: Sequence[Heard], wall: float) -> Result:
    """Return a summary of the results of some listeners."""
    served = [one for one in heard if one.served]
    refused = [one for one in heard if one.status == _BUSY]
    first = [one.first for one in served]
    gaps = [gap for one in served for gap in one.gaps]
    return {
        "listeners": len(heard),
        "served": len(served),
        "refused": len(refused),
        "failed": len(heard) - len(served) - len(refused),
        "first": {str(percent): percentile(first, percent) for percent in (50, 95, 99)},
        "refusal": max((one.total for one in refused), default=0.0),
        "with_gaps": sum(1 for one in served if one.gaps),
        "gaps": len(gaps),
        "gap_seconds": sum(gaps),
        "gap_worst": max(gaps, default=0.0),
        "audio_a_second": sum(one.audio for one in served) / wall,
    }


def _text(bench: Bench) -> str:
    return " ".join(bench.texts.sentences(SENTENCES))


def _bursts(bench: Bench) -> list[Result]:
    rounds: dict[int, list[Round]] = {count: [] for count in LISTENERS}
    asyncio.run(listen(bench.address, stream(_text(bench), bench.byte_rate)))
    for number in range(bench.sizes.crowd_rounds):
        for count in LISTENERS:
            say(f"crowd: round {number + 1} of {bench.sizes.crowd_rounds}, {count} listeners")
            requests = [stream(_text(bench), bench.byte_rate) for _ in range(count)]
            everybody = partial(_all, bench, requests)
            rounds[count].append(_watched(bench, everybody))
    return [{"at_once": count, **row} for count, seen in rounds.items() for row in _judged(seen)]


async def _all(bench: Bench, requests: Sequence[Request]) -> list[Heard]:
    return list(await asyncio.gather(*(listen(bench.address, one) for one in requests)))


@dataclass(frozen=True, slots=True)
class Round:
    """Results of a round: its listeners, its seconds, its health checks, and the load of others."""

    heard: list[Heard]
    wall: float
    health: list[float]
    others: float

    @property
    def quiet(self) -> bool:
        """True if other processes left the machine idle."""
        return self.others < QUIET


def _watched(bench: Bench, everybody: Callable[[], Coroutine[Any, Any, list[Heard]]]) -> Round:
    bench.calm()
    with checked(bench.address) as health:
        busy, start = bench.others(health.pid), time.perf_counter()
        heard = asyncio.run(everybody())
        wall, others = time.perf_counter() - start, busy.cores()
    return Round(heard, wall, health.seconds, others)


def _judged(rounds: Sequence[Round]) -> Iterator[Result]:
    """Yield the summaries of the quiet rounds and of the disturbed ones."""
    for quiet in (True, False):
        chosen = [one for one in rounds if one.quiet == quiet]
        if not chosen:
            continue
        health = [seconds for one in chosen for seconds in one.health]
        yield {
            **summary(
                [heard for one in chosen for heard in one.heard], sum(o.wall for o in chosen)
            ),
            "quiet": quiet,
            "rounds": len(chosen),
            "health": {str(percent): percentile(health, percent) for percent in (50, 99)},
            "health_worst": max(health),
            "others": median([one.others for one in chosen]),
        }


def _rates(bench: Bench) -> list[Result]:
    """Return seconds of sound a second: of two loops, and of eight listeners, in turn."""
    session = bench.voice.session(1)
    seconds = bench.sizes.loop_seconds
    pairs = []
    for number in range(-1, bench.sizes.crowd_rounds):
        say(f"rates: round {number + 1} of {bench.sizes.crowd_rounds}")
        length = seconds if number >= 0 else 2.0
        bench.calm()
        busy = bench.others()
        loops = _loops(bench, session, length)
        busy_loops, busy = busy.cores(), bench.others()
        listeners, heard = asyncio.run(_regulars(bench, length))
        pair = {"loops": loops, "listeners": listeners, "others": [busy_loops, busy.cores()]}
        pair["quiet"] = max(pair["others"]) < QUIET
        if number >= 0:
            say(f"rates: {listeners:.1f} of {loops:.1f} s of sound a second")
            pairs.append({**pair, "heard": summary(heard, length)})
    return pairs


def _loops(bench: Bench, session: Any, seconds: float) -> float:
    """Return the rate of two threads that each synthesise sentences in one shot."""
    ids = [bench.voice.ids(text) for text in bench.texts.sentences(SENTENCES * REGULARS)]
    start = time.perf_counter()
    made: list[float] = []

    def loop(offset: int) -> None:
        number = offset
        while time.perf_counter() < start + seconds:
            made.append(one_shot(session, ids[number % len(ids)]) / bench.voice.rate)
            number += 1

    threads = [threading.Thread(target=loop, args=(offset,)) for offset in (0, len(ids) // 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(made) / (time.perf_counter() - start)


async def _regulars(bench: Bench, seconds: float) -> tuple[float, list[Heard]]:
    """Return the rate at which eight listeners are served that ask again after each answer."""
    end = time.perf_counter() + _SETTLE + seconds
    heard: list[Heard] = []
    received = 0.0

    async def regular() -> None:
        nonlocal received
        while (now := time.perf_counter()) < end:
            one = await listen(bench.address, stream(_text(bench), bench.byte_rate))
            heard.append(one)
            window = (end - seconds - now, end - now)
            received += sum(part for at, part in one.arrivals if window[0] <= at < window[1])
            if not one.served:
                await asyncio.sleep(0.1)

    await asyncio.gather(*(regular() for _ in range(REGULARS)))
    return received / seconds, heard


def _open(bench: Bench, rate: float) -> Result:
    """Let listeners arrive at random times, with a total demand of ``rate`` seconds a second."""
    rounds = []
    for number in range(bench.sizes.crowd_rounds):
        say(f"arrivals at random: round {number + 1}, {rate:.1f} s of sound a second")
        length = asyncio.run(_length(bench))
        rounds.append(_watched(bench, partial(_arrivals, bench, rate / length, number)))
    return {"offered": rate, "rows": list(_judged(rounds))}


async def _arrivals(bench: Bench, a_second: float, seed: int) -> list[Heard]:
    """Return the results of the listeners that arrived during the time, however long they took."""
    chance = random.Random(seed)  # noqa: S311  # nothing secret
    end = time.perf_counter() + bench.sizes.open_seconds
    tasks: list[asyncio.Task[Heard]] = []
    while time.perf_counter() < end:
        one = listen(bench.address, stream(_text(bench), bench.byte_rate))
        tasks.append(asyncio.create_task(one))
        await asyncio.sleep(chance.expovariate(a_second))
    return list(await asyncio.gather(*tasks))


async def _length(bench: Bench) -> float:
    """Return the usual length of this part's texts in seconds."""
    texts = [_text(bench) for _ in range(4)]
    heard = [await listen(bench.address, stream(text, bench.byte_rate)) for text in texts]
    return sum(one.audio for one in heard) / len(heard)
