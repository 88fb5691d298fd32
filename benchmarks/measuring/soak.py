"""Run a mixed load for a long time to see whether memory grows."""

import asyncio
import math
import random
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import numpy as np

from measuring import processes
from measuring.bench import Bench, Result, say, settings
from measuring.crowd import summary
from measuring.listener import Heard, get, listen, stream
from tests.support.server import serving

EVERY: Final = 10.0
SETTLED: Final = 300.0
CALLERS: Final = 6
MEMORY_BYTES: Final = 8 * 1024 * 1024
"""Size of the sentence cache: small enough to be full after the first minutes."""
PHRASES: Final = 12
Points = list[tuple[float, float]]
"""Seconds since the beginning and MiB."""
_KINDS: Final = ("stream", "stream", "stream", "file", "cached", "cached", "abort")


def measure(bench: Bench, minutes: float) -> Result:
    """Run a server under load and record its memory."""
    files = bench.folder / "soak" / "audio"
    chosen = settings(bench.voice.model, MEMORY_BYTES)
    chosen |= {"audio": {"folder": str(files), "max_bytes": 32 * 1024 * 1024}}
    with serving(bench.folder / "soak", chosen) as server:
        own = Bench(server, bench.voice, bench.sizes, bench.texts, bench.folder)
        others = own.others()
        points, counts, heard = asyncio.run(_load(own, 60 * minutes))
        busy = others.cores()
        log = sum(1 for line in server.lines() if line.get("level") in {"ERROR", "error"})
    return {
        "minutes": minutes,
        "points": points,
        "counts": counts,
        "streams": summary(heard, 60 * minutes),
        "ratio": ratio(points, minutes),
        "errors_logged": log,
        "others": busy,
        "files": _kept(files),
    }


def _kept(folder: Path) -> int:
    return sum(1 for _ in folder.glob("*.wav"))


def compared(minutes: float) -> tuple[float, float]:
    """Return after how many seconds memory counts as settled, and the seconds of each mean.

    A minute is too short for a mean: requests under way change the memory by about 5 %.
    """
    return min(SETTLED, 60 * minutes / 2), min(SETTLED, 60 * minutes / 4)


def means(points: Points, minutes: float) -> list[float]:
    """Return the means of memory, span after span, in MiB."""
    _, span = compared(minutes)
    starts = np.arange(0.0, 60 * minutes, span)
    return [_mean(points, start, start + span) for start in starts]


def ratio(points: Points, minutes: float) -> float:
    """Return memory in the last span divided by that in the first span after it has settled."""
    start, span = compared(minutes)
    return _mean(points, 60 * minutes - span, math.inf) / _mean(points, start, start + span)


def _mean(points: Points, start: float, end: float) -> float:
    return float(np.mean([size for at, size in points if start <= at < end]))


async def _load(bench: Bench, seconds: float) -> tuple[Points, dict[str, int], list[Heard]]:
    start = time.monotonic()
    points: Points = []
    counts = dict.fromkeys(dict.fromkeys(_KINDS), 0)
    heard: list[Heard] = []
    chance = random.Random(11)  # noqa: S311  # nothing secret
    phrases = bench.texts.sentences(PHRASES)

    async def caller() -> None:
        while time.monotonic() < start + seconds:
            kind = chance.choice(_KINDS)
            text = " ".join(bench.texts.sentences(chance.randint(1, 3)))
            if kind == "file":
                await listen(bench.address, get(f"/tts?text={quote(text)}"))
            elif kind == "abort":
                leave = chance.uniform(0.0, 3.0)
                await listen(bench.address, stream(text, bench.byte_rate), leave)
            else:
                text = chance.choice(phrases) if kind == "cached" else text
                heard.append(await listen(bench.address, stream(text, bench.byte_rate)))
                heard[-1].arrivals.clear()  # keeps this process's own memory from growing
            counts[kind] += 1
            await asyncio.sleep(chance.uniform(0.0, 2.0))

    async def watch() -> None:
        while (at := time.monotonic() - start) < seconds:
            points.append((at, processes.resident(bench.server.process.pid)))
            say(f"soak: {at / 60:.1f} of {seconds / 60:.0f} minutes, {points[-1][1]:.0f} MiB")
            await asyncio.sleep(EVERY)

    await asyncio.gather(watch(), *(caller() for _ in range(CALLERS)))
    return points, counts, heard
