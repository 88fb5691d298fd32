"""Measure the first sound of new sentences beside an empty and beside a full queue."""

import random
import statistics
import time
from pathlib import Path
from typing import Final

import httpx

from benchmarks.measuring_jobs.asking import HEADER_BYTES, asked
from tests.support.server import Server, serving

_MADE: Final = "vits_tts_synthesised_audio_seconds_total"


def first_sounds(server: Server, numbers: range, gap: float = 0.0) -> list[float]:
    """Return the seconds to the first sound of new sentences, one after the other.

    Before each is a pause at random, of ``gap`` seconds on average.
    """
    times = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.get("/healthz")
        for number in numbers:
            if gap:
                pause = random.Random(number).expovariate(1 / gap)  # noqa: S311
                time.sleep(pause)  # listeners come at random: this is the load, no wait
            start = time.perf_counter()
            text = f"Đây là câu thứ {number} mà người nghe đang chờ được nghe ngay lúc này."
            with client.stream("POST", "/tts/stream", json={"text": text}) as answer:
                got = 0
                for part in answer.iter_bytes():
                    got += len(part)
                    if got > HEADER_BYTES:
                        break
                times.append(time.perf_counter() - start)
    return times


def long(turn: int, part: int) -> str:
    """Return sixty sentences that no other text has, so that none comes from the cache."""
    return " ".join(
        f"Câu số {number} của bài dài {turn}, phần {part}, được đọc cho một việc trong hàng."
        for number in range(60)
    )


class _Heard:
    """First sounds of several rounds, with the time and the speech that was synthesised in it."""

    def __init__(self, server: Server, gap: float) -> None:
        self._server = server
        self._gap = gap
        self.times: list[float] = []
        self.seconds = 0.0
        self.made = 0.0

    def listen(self, numbers: range) -> None:
        """Listen to new sentences."""
        start, made = time.perf_counter(), self._server.counted(_MADE)
        self.times += first_sounds(self._server, numbers, self._gap)
        self.made += self._server.counted(_MADE) - made
        self.seconds += time.perf_counter() - start


def listeners(folder: Path, listens: int, gap: float) -> None:
    """Print the first sound with an empty and with a full queue, measured in turns."""
    rounds = 4
    with serving(folder, {"server": {"workers": 1, "max_body_bytes": "4MiB"}}) as server:
        first_sounds(server, range(-3, 0))
        quiet, busy = _Heard(server, gap), _Heard(server, gap)
        for turn in range(rounds):
            start = turn * listens * 2
            quiet.listen(range(start, start + listens))
            body = {"items": [{"text": long(turn, part)} for part in range(20)]}
            job = asked(lambda body=body: httpx.post(f"{server.url}/v1/jobs", json=body))["id"]
            url = f"{server.url}/v1/jobs/{job}"
            while not asked(lambda url=url: httpx.get(url))["counts"]["running"]:
                time.sleep(0.2)  # until another process has begun with an item
            busy.listen(range(start + listens, start + 2 * listens))
            asked(lambda url=url: httpx.post(f"{url}/cancel"))
    print("| queue | p50 | p95 | sentences |")
    print("|---|---|---|---|")
    p95 = []
    for name, times in (("empty", quiet.times), ("full", busy.times)):
        p95.append(statistics.quantiles(times, n=20)[-1])
        middle = statistics.median(times)
        print(f"| {name} | {middle * 1000:.0f} ms | {p95[-1] * 1000:.0f} ms | {len(times)} |")
    print(f"\nThe p95 beside a full queue is {p95[1] / p95[0]:.2f} of that with an empty one.")
    made = (busy.made - quiet.made) / busy.seconds  # listeners made the rest
    print(f"Meanwhile the full queue got {made:.0f} seconds of speech a second.")
