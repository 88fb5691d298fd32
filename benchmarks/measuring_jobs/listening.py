"""Measure the first sound of new sentences beside an empty and beside a full queue."""

import statistics
import time
from pathlib import Path

import httpx

from benchmarks.measuring_jobs.asking import HEADER_BYTES, asked
from tests.support.server import Server, serving


def first_sounds(server: Server, numbers: range) -> list[float]:
    """Return the seconds to the first sound of new sentences, one after the other."""
    times = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.get("/healthz")
        for number in numbers:
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


def listeners(folder: Path, listens: int) -> None:
    """Print the first sound with an empty and with a full queue, measured in turns."""
    quiet: list[float] = []
    busy: list[float] = []
    rounds = 4
    with serving(folder, {"server": {"workers": 1, "max_body_bytes": "4MiB"}}) as server:
        first_sounds(server, range(-3, 0))
        for turn in range(rounds):
            start = turn * listens * 2
            quiet += first_sounds(server, range(start, start + listens))
            body = {"items": [{"text": long(turn, part)} for part in range(20)]}
            job = asked(lambda body=body: httpx.post(f"{server.url}/v1/jobs", json=body))["id"]
            url = f"{server.url}/v1/jobs/{job}"
            while not asked(lambda url=url: httpx.get(url))["counts"]["running"]:
                time.sleep(0.2)  # until another process has begun with an item
            busy += first_sounds(server, range(start + listens, start + 2 * listens))
            asked(lambda url=url: httpx.post(f"{url}/cancel"))
    print("| queue | p50 | p95 | sentences |")
    print("|---|---|---|---|")
    p95 = []
    for name, times in (("empty", quiet), ("full", busy)):
        p95.append(statistics.quantiles(times, n=20)[-1])
        middle = statistics.median(times)
        print(f"| {name} | {middle * 1000:.0f} ms | {p95[-1] * 1000:.0f} ms | {len(times)} |")
    print(f"\nThe p95 beside a full queue is {p95[1] / p95[0]:.2f} of that with an empty one.")
