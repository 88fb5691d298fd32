"""Run items while workers are killed, the disk fills and Redis restarts."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
import wave
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

import httpx

from benchmarks.measuring_jobs.asking import HEADER_BYTES, ITEMS_A_JOB, Json, asked, workflows
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair

_WORKERS: Final = 3
_DISK: Final = "1g"
_FULL_SECONDS: Final = 10.0
_ENDED: Final = {"succeeded", "failed", "cancelled"}
_CHECKED: Final = 50
"""Files of each job whose samples are compared with those of `/tts`."""
_LETTERS: Final = "abcdefghij"


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk at a folder."""
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


def text_of(number: int) -> str:
    """Return a text of its own for each number, in letters that the tiny voice knows."""
    return " ".join(_LETTERS[int(digit)] for digit in f"{number:06d}") + "."


class Repeated(threading.Thread, ABC):
    """Does something at random times, until it is told to stop."""

    def __init__(self, seconds: float, seed: int) -> None:
        """Set the mean time between two times in seconds."""
        super().__init__(daemon=True)
        self._seconds = seconds
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._over = threading.Event()

    def run(self) -> None:
        """Wait, act, and begin anew."""
        while not self._over.wait(self._random.uniform(0.5, 1.5) * self._seconds):
            self.act()

    @abstractmethod
    def act(self) -> None:
        """Do it once."""

    def stop(self) -> None:
        """End it."""
        self._over.set()
        if self.is_alive():
            self.join()


class Restarts(Repeated):
    """Kills a Redis at random times and starts it again, empty."""

    def __init__(self, redis: RedisServer, seconds: float, seed: int) -> None:
        """Keep the Redis; ``seconds`` is the mean time between two restarts."""
        super().__init__(seconds, seed)
        self._redis = redis
        self.url = redis.url
        self.count = 0

    def act(self) -> None:
        """Kill it, and start it within the next seconds."""
        self._redis.stop()
        self._over.wait(self._random.uniform(0.0, 0.2) * self._seconds)
        self._redis.start()
        self.count += 1


class Trouble(Repeated):
    """Kills workers at random, and fills the disk once, until it is told to stop."""

    def __init__(self, server: Server, disk: Path, seconds: float, seed: int) -> None:
        """Keep the server; ``seconds`` is the mean time between two kills."""
        super().__init__(seconds, seed)
        self._server, self._disk = server, disk
        self.kills = 0
        self.full = 0.0

    def act(self) -> None:
        """Kill a worker, and after the third kill fill the disk."""
        workers = self._server.workers()
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(workers), signal.SIGKILL)
                self.kills += 1
        if self.kills >= _WORKERS and not self.full:
            self._fill()

    def _fill(self) -> None:
        start = time.monotonic()
        ballast = self._disk / "ballast"
        try:
            while time.monotonic() - start < _FULL_SECONDS:
                with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
                    while True:
                        file.write(bytes(1 << 20))
                self._over.wait(0.1)
        finally:
            ballast.unlink()
            self.full = time.monotonic() - start


def submit(server: Server, first: int, count: int) -> str:
    """Ask for a job of some items, once, and return its id."""
    body = {"items": [{"text": text_of(number)} for number in range(first, first + count)]}
    headers = {"Idempotency-Key": f"items-{first}"}
    url = f"{server.url}/v1/jobs"
    answer = asked(lambda: httpx.post(url, json=body, headers=headers, timeout=120))
    return str(answer["id"])


def finish(server: Server, job: str) -> tuple[Json, int]:
    """Wait for the end of a job; return it, and how many items had to be tried again by request."""
    url = f"{server.url}/v1/jobs/{job}"
    again = 0
    while True:
        found = asked(lambda: httpx.get(url, timeout=120))
        if found["status"] == "succeeded":
            return found, again
        if found["status"] in _ENDED:
            again += found["counts"]["failed"]
            asked(lambda: httpx.post(f"{url}/retry", timeout=120))
        time.sleep(1)  # a look at the progress, rare enough to cost the workers nothing


def samples(content: bytes) -> bytes:
    """Return the samples of a WAV file."""
    with wave.open(BytesIO(content)) as file:
        return file.readframes(file.getnframes())


def check(server: Server, job: str, first: int, count: int) -> list[str]:
    """Return the problems of a job that has ended."""
    url = f"{server.url}/v1/jobs/{job}/items?limit={count}"
    items = asked(lambda: httpx.get(url, timeout=120))["items"]
    problems = []
    indices = Counter(item["index"] for item in items)
    if indices != Counter(range(count)):
        problems.append(f"{job}: items are lost or double")
    problems += [f"{job}: {item['index']} is not made" for item in items if not item["audio_url"]]
    chosen = random.Random(first)  # noqa: S311  # no secret
    for item in chosen.sample(items, min(_CHECKED, count)):
        audio = httpx.get(item["audio_url"], timeout=60)
        stream = httpx.post(
            f"{server.url}/tts/stream",
            json={"text": text_of(first + item["index"])},
            timeout=60,
        )
        if samples(audio.content) != stream.content[HEADER_BYTES:]:
            problems.append(f"{job}: {item['index']} has other samples")
    return problems


@contextmanager
def restarted(folder: Path, seconds: float, seed: int) -> Iterator[Restarts | None]:
    """Run a Redis that can be restarted now and then, if ``seconds`` are given."""
    if not seconds:
        yield None
        return
    with redis_server(folder / "redis") as redis:
        yield Restarts(redis, seconds, seed)


def hard_times(
    folder: Path, items: int, kill_seconds: float, redis_seconds: float, seed: int
) -> bool:
    """Run the items through kills and a full disk; print and judge the figures."""
    install_pair(folder / "voices")
    settings: Settings = {
        "voice": {"name": "pair", "noise_scale": 0, "noise_w": 0},
        "server": {"workers": _WORKERS, "max_body_bytes": "4MiB"},
        "limits": {"max_start_delay": 60},
    }
    with (
        small_disk(folder / "jobs"),
        restarted(folder, redis_seconds, seed) as restarts,
        serving(folder, settings | _shared(restarts)) as server,
    ):
        begin = time.monotonic()
        trouble = Trouble(server, folder / "jobs", kill_seconds, seed)
        starts = range(0, items, ITEMS_A_JOB)
        sizes = [min(ITEMS_A_JOB, items - start) for start in starts]
        jobs = [submit(server, start, size) for start, size in zip(starts, sizes, strict=True)]
        trouble.start()
        if restarts:
            restarts.start()
        ended = [finish(server, job) for job in jobs]
        seconds = time.monotonic() - begin
        trouble.stop()
        if restarts:
            restarts.stop()
        server.wait_ready()
        problems = [
            problem
            for job, start, size in zip(jobs, starts, sizes, strict=True)
            for problem in check(server, job, start, size)
        ]
        succeeded = sum(job["counts"]["succeeded"] for job, _ in ended)
        rows, attempts = workflows(folder / "jobs/queue.sqlite")
        if succeeded != items or rows != items:
            problems.append(f"{succeeded} items succeeded, with {rows} results, of {items}")
        booked = asked(lambda: httpx.get(f"{server.url}/v1/usage"))["total"]["items"]
        if booked < items:
            problems.append(f"only {booked} items are booked")
    head = "items | seconds | workers killed | Redis restarted | disk full | made once | results"
    print(f"| {head} | booked |")
    print("|---|---|---|---|---|---|---|---|")
    figures = (
        items,
        f"{seconds:.0f}",
        trouble.kills,
        restarts.count if restarts else "",
        f"{trouble.full:.0f} s",
        succeeded,
        rows,
        booked,
    )
    print(f"| {' | '.join(map(str, figures))} |\n")
    print(f"Tried again by request after the full disk: {sum(again for _, again in ended)}.")
    print(f"Most starts of one item: {attempts}.\n")
    for problem in problems:
        print(f"- PROBLEM: {problem}")
    return not problems


def _shared(restarts: Restarts | None) -> Settings:
    """Return the settings of a cache in Redis, if there is one."""
    return {"cache": {"redis": {"url": restarts.url}}} if restarts else {}
