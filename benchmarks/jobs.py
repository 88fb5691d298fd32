"""Run jobs while their workers are killed and their disk fills, and listen beside a full queue.

    sudo .venv/bin/python benchmarks/jobs.py [--items 10000] [--kill-seconds 20] [--listens 40]
        [--redis-seconds 30] [--scaling 200]

The first part gives a server of three worker processes this many items. Workers are killed by
`kill -9` at random, and the disk of the jobs is full for ten seconds. It checks that every item was
made once: none is lost, none has two results, and each file has the samples of its text. The disk
is a tmpfs, which only root can mount. The voice is the tests' tiny one, so the queue has most work.
With `--redis-seconds` the workers share a Redis, which is killed and started again, empty, after
that many seconds on average.

The second part measures the first sound of new sentences with the voice in the box, alternately
with an empty and with a full queue.

With `--scaling` a third part compares two processes of `vits-tts work` with one, each pinned to a
core of its own, with this many items and the voice in the box, in turns. It counts from the moment
at which all of them are ready. `--items 0` and `--listens 0` leave the other parts out. Prints
Markdown.
"""

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import wave
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.cli import command
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, Settings, clean_environment, serving
from tests.support.voices import install_pair

WORKERS: Final = 3
_ITEMS_A_JOB: Final = 1000
_DISK: Final = "1g"
_FULL_SECONDS: Final = 10.0
_ENDED: Final = {"succeeded", "failed", "cancelled"}
_LIMIT_SECONDS: Final = 3600.0
_CHECKED: Final = 50
"""Files of each job whose samples are compared with those of `/tts`."""
_HEADER_BYTES: Final = 44
_LETTERS: Final = "abcdefghij"

Json = dict[str, Any]


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


def asked(work: Callable[[], httpx.Response]) -> Json:
    """Return the JSON of a request, repeated while workers are dead or the disk is full."""
    end = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            answer = work()
            if answer.is_success:
                found: Json = answer.json()
                return found
            if answer.is_client_error:
                answer.raise_for_status()
        time.sleep(0.5)  # the server may be killed and started again meanwhile
    raise TimeoutError("the server does not answer")


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
        if self.kills >= WORKERS and not self.full:
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
        if samples(audio.content) != stream.content[_HEADER_BYTES:]:
            problems.append(f"{job}: {item['index']} has other samples")
    return problems


def workflows(queue: Path) -> tuple[int, int]:
    """Return the rows of items that succeeded in the queue, and the most attempts of one."""
    with sqlite3.connect(f"file:{queue}?mode=ro", uri=True) as database:
        query = """SELECT count(*), max(recovery_attempts) FROM workflow_status
            WHERE name = 'item' AND status = 'SUCCESS'"""
        count, attempts = database.execute(query).fetchone()
    return int(count), int(attempts or 0)


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
        "server": {"workers": WORKERS, "max_body_bytes": "4MiB"},
        "limits": {"max_start_delay": 60},
    }
    with (
        small_disk(folder / "jobs"),
        restarted(folder, redis_seconds, seed) as restarts,
        serving(folder, settings | _shared(restarts)) as server,
    ):
        begin = time.monotonic()
        trouble = Trouble(server, folder / "jobs", kill_seconds, seed)
        starts = range(0, items, _ITEMS_A_JOB)
        sizes = [min(_ITEMS_A_JOB, items - start) for start in starts]
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
                    if got > _HEADER_BYTES:
                        break
                times.append(time.perf_counter() - start)
    return times


def listeners(folder: Path, listens: int) -> None:
    """Print the first sound with an empty and with a full queue, measured in turns."""
    quiet: list[float] = []
    busy: list[float] = []
    rounds = 4
    long = " ".join(f"Câu số {number} của một bài dài." for number in range(60))
    with serving(folder, {"server": {"workers": 1, "max_body_bytes": "4MiB"}}) as server:
        first_sounds(server, range(-3, 0))
        for turn in range(rounds):
            start = turn * listens * 2
            quiet += first_sounds(server, range(start, start + listens))
            body = {"items": [{"text": f"{long} Bài {turn} phần {part}."} for part in range(20)]}
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


def made(queue: Path) -> int:
    """Return how many items of a queue have succeeded."""
    return workflows(queue)[0]


@contextmanager
def working(folder: Path, core: int) -> Iterator[Path]:
    """Run `vits-tts work` on one core, and yield its log."""
    log = folder / f"worker{core}.jsonl"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("work"), cwd=folder, env=clean_environment(), stdout=output, stderr=output
        )
    os.sched_setaffinity(process.pid, {core})  # before it starts its threads
    try:
        yield log
    finally:
        process.terminate()
        process.wait(60)


def rate(folder: Path, items: int, workers: int) -> float:
    """Return how many items a second some workers make, from when all are ready to the end."""
    settings: Settings = {
        "voice": {"threads": 1},
        "server": {"workers": 1, "max_body_bytes": "4MiB"},
    }
    with serving(folder, settings) as server:
        text = "Đây là câu thứ {} của một việc dài mà hai máy cùng làm trong lúc không ai nghe."
        for first in range(0, items, _ITEMS_A_JOB):
            size = min(_ITEMS_A_JOB, items - first)
            body = {"items": [{"text": text.format(first + number)} for number in range(size)]}
            asked(lambda body=body: httpx.post(f"{server.url}/v1/jobs", json=body, timeout=120))
    queue = folder / "jobs/queue.sqlite"
    cores = sorted(os.sched_getaffinity(0))[:workers]
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context(working(folder, core)) for core in cores]
        while not all(b"working on jobs" in log.read_bytes() for log in logs):
            time.sleep(0.05)  # the only sign of readiness is a line in the log of a process
        before, start = made(queue), time.monotonic()
        if before > items // 2:
            raise ValueError("too few items are left to count; ask for more")
        while (done := made(queue)) < items:
            if time.monotonic() - start > _LIMIT_SECONDS:
                raise TimeoutError(f"{done} of {items} items are made")
            time.sleep(0.1)  # looks at the queue that are rare beside the time of an item
        seconds = time.monotonic() - start
    return (items - before) / seconds


def scaling(items: int, rounds: int) -> None:
    """Print the rates of one and of two workers, measured in turns."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    if len(os.sched_getaffinity(0)) < max(rates):
        raise ValueError("two workers need two cores")
    for _ in range(rounds):
        for workers, found in rates.items():
            with tempfile.TemporaryDirectory() as folder:
                found.append(rate(Path(folder), items, workers))
    print("| workers, one core each | items a second, median | rounds |")
    print("|---|---|---|")
    medians = {workers: statistics.median(found) for workers, found in rates.items()}
    for workers, middle in medians.items():
        told = ", ".join(f"{each:.2f}" for each in rates[workers])
        print(f"| {workers} | {middle:.2f} | {told} |")
    print(f"\nTwo workers make {medians[2] / medians[1]:.2f} times the items of one.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--kill-seconds", type=float, default=20)
    parser.add_argument("--listens", type=int, default=40)
    parser.add_argument("--redis-seconds", type=float, default=0)
    parser.add_argument("--scaling", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3, help="of --scaling")
    parser.add_argument("--seed", type=int, default=1)
    asked_for = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        if asked_for.items:
            good = hard_times(
                Path(folder),
                asked_for.items,
                asked_for.kill_seconds,
                asked_for.redis_seconds,
                asked_for.seed,
            )
    with tempfile.TemporaryDirectory() as folder:
        if asked_for.listens:
            listeners(Path(folder), asked_for.listens // 4)
    if asked_for.scaling:
        scaling(asked_for.scaling, asked_for.rounds)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
