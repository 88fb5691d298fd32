"""Compare two processes of `vits-tts work` with one, and two loops of onnxruntime with one."""

import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from benchmarks.measuring_jobs.asking import ITEMS_A_JOB, LIMIT_SECONDS, asked, workflows
from benchmarks.measuring_jobs.loops import loops
from tests.support.cli import command
from tests.support.server import Settings, clean_environment, serving
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.voice import installed

_TEXT: Final = "Đây là câu thứ {} của một việc dài mà hai máy cùng làm trong lúc không ai nghe."


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
        for first in range(0, items, ITEMS_A_JOB):
            size = min(ITEMS_A_JOB, items - first)
            body = {"items": [{"text": _TEXT.format(first + number)} for number in range(size)]}
            asked(lambda body=body: httpx.post(f"{server.url}/v1/jobs", json=body, timeout=120))
    queue = folder / "jobs/queue.sqlite"
    cores = sorted(os.sched_getaffinity(0))[:workers]
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context(working(folder, core)) for core in cores]
        while not all(b"the queue is open" in log.read_bytes() for log in logs):
            time.sleep(0.05)  # the only sign of readiness is a line in the log of a process
        before, start = made(queue), time.monotonic()
        if before > items // 2:
            raise ValueError("too few items are left to count; ask for more")
        while (done := made(queue)) < items:
            if time.monotonic() - start > LIMIT_SECONDS:
                raise TimeoutError(f"{done} of {items} items are made")
            time.sleep(0.1)  # looks at the queue that are rare beside the time of an item
        seconds = time.monotonic() - start
    return (items - before) / seconds


def scaling(items: int, rounds: int) -> None:
    """Print the rates of one and of two workers, and of loops, measured in turns."""
    if len(os.sched_getaffinity(0)) < 2:  # noqa: PLR2004
        raise ValueError("two workers need two cores")
    voice = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
    normalize = Normalizer()
    spoken = [normalize(_TEXT.format(number)).spoken for number in range(items)]
    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(rounds):
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                found = rate(Path(folder), items, workers)
            rates.setdefault(("vits-tts work", workers), []).append(found)
            alone = loops(voice, spoken, workers)
            rates.setdefault(("onnxruntime alone", workers), []).append(items / alone.seconds)
    print("| one core each | processes | items a second, median | rounds |")
    print("|---|---|---|---|")
    for (name, workers), each in rates.items():
        told = ", ".join(f"{one:.2f}" for one in each)
        print(f"| {name} | {workers} | {statistics.median(each):.2f} | {told} |")
    for name in ("vits-tts work", "onnxruntime alone"):
        pairs = zip(rates[name, 1], rates[name, 2], strict=True)
        ratios = [two / one for one, two in pairs]
        told = ", ".join(f"{one:.2f}" for one in ratios)
        middle = statistics.median(ratios)
        print(f"\n{name}: two make {middle:.2f} times the items of one ({told}).")
