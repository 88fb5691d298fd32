"""Work on a disk that hangs; opening a pipe without a writer blocks, and stands for it."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from vits_tts.audio.disk import Disk
from vits_tts.errors import StorageTimeout

LIMIT = 0.2
THREADS = 3


class Pipe:
    """A file whose read blocks until it is released."""

    def __init__(self, path: Path) -> None:
        """Make the pipe."""
        self.path = path
        os.mkfifo(path)

    def read(self) -> int:
        """Block, and return a descriptor."""
        return os.open(self.path, os.O_RDONLY)

    def answer(self) -> bool:
        """Release all blocked readers; return False."""
        with contextlib.suppress(OSError):
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        return False


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    """Return a file whose read blocks."""
    return Pipe(tmp_path / "pipe")


@asynccontextmanager
async def watched(
    pipe: Pipe, probe: Callable[[], object] = lambda: None, threads: int = THREADS
) -> AsyncIterator[Disk]:
    """Run a watched disk; at the end release all blocked threads."""
    disk = Disk("test_disk", threads, LIMIT)
    watching = asyncio.create_task(disk.watch(probe))
    try:
        yield disk
    finally:
        watching.cancel()
        pipe.answer()
        await disk.close()


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # what happens in threads
            await asyncio.sleep(0.02)


def names() -> list[str]:
    """Return the names of the threads of test disks."""
    return [each.name for each in threading.enumerate() if each.name.startswith("test_disk")]


async def test_results_and_errors_come_back(pipe: Pipe) -> None:
    """Without a fault, results and errors are those of a function call."""
    async with watched(pipe) as disk:
        assert await disk.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(FileNotFoundError):
            await disk.run(os.stat, pipe.path.with_name("nothing"))
        assert disk.breaker.closed


@pytest.mark.slow
async def test_a_hung_disk_costs_few_threads(pipe: Pipe) -> None:
    """A hung disk blocks few threads, and callers get an error in time.

    Later callers do not wait while it hangs; the disk is used again when it works.
    """
    async with watched(pipe, pipe.read) as disk:
        first = [disk.run(pipe.read) for _ in range(20)]
        results = await asyncio.gather(*first, return_exceptions=True)
        assert {type(result) for result in results} == {StorageTimeout}
        # A thread may start its call after the caller began to wait; then it is overdue later.
        await eventually(lambda: not disk.breaker.closed)
        for _ in range(100):
            with pytest.raises(StorageTimeout):
                await disk.run(pipe.read)
        await asyncio.sleep(2.5)  # probes hang as well
        assert len(names()) <= THREADS + 4
        await eventually(lambda: pipe.answer() or disk.breaker.closed)
        assert await disk.run(divmod, 7, 2) == (3, 1)


@pytest.mark.slow
async def test_one_hung_call_is_not_the_whole_disk(pipe: Pipe) -> None:
    """If one call hangs for ever and other calls work, the disk is used again."""
    async with watched(pipe) as disk:
        for _ in range(THREADS):
            with pytest.raises(StorageTimeout):
                await disk.run(pipe.read)
            await eventually(lambda: disk.breaker.closed)
            assert await disk.run(divmod, 7, 2) == (3, 1)
        assert len(names()) <= THREADS + 4


async def test_what_comes_too_late_is_put_away(pipe: Pipe) -> None:
    """A result that comes after its caller's timeout is closed."""
    closed: list[int] = []
    async with watched(pipe) as disk:
        with pytest.raises(StorageTimeout):
            await disk.run_or_discard(closed.append, pipe.read)
        left = asyncio.create_task(
            disk._wait(disk._threads.submit(pipe.read), closed.append)  # the breaker is open
        )
        await asyncio.sleep(LIMIT / 2)
        left.cancel()
        pipe.answer()
        await eventually(lambda: len(closed) == 2)
    for descriptor in closed:
        os.close(descriptor)


@pytest.mark.slow
async def test_what_waits_in_vain_is_never_done(pipe: Pipe) -> None:
    """Work whose caller got a timeout is not done later."""
    done: list[str] = []
    async with watched(pipe, threads=1) as disk:
        hung = disk.run(pipe.read)
        behind = disk.run(partial(done.append, "late"))
        await asyncio.gather(hung, behind, return_exceptions=True)
        await eventually(lambda: pipe.answer() or disk.breaker.closed)
        await disk.run(partial(done.append, "now"))
    assert done == ["now"]


def test_a_process_ends_while_its_disk_hangs(pipe: Pipe) -> None:
    """The process does not wait for threads that hang when it ends."""
    program = f"""
import asyncio, os
from vits_tts.audio.disk import Disk
from vits_tts.errors import StorageTimeout
async def story():
    disk = Disk("test_disk", 2, 0.1)
    try:
        await disk.run(os.open, {str(pipe.path)!r}, os.O_RDONLY)
    except StorageTimeout:
        print("told")
    await disk.close()
asyncio.run(story())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "told\n"


def test_threads_that_cannot_be_had() -> None:
    """Without memory for a thread a call is an error at once; later ones have threads again."""
    program = """
import asyncio, resource
from vits_tts.audio.disk import Disk
def limit(nbytes):
    resource.setrlimit(resource.RLIMIT_AS, (nbytes, resource.RLIM_INFINITY))
async def story():
    disk = Disk("test_disk", 2, 5)
    pages = int(open("/proc/self/statm").read().split()[0])
    limit(pages * resource.getpagesize() + 1024 * 1024)
    for _ in range(3):
        try:
            await disk.run(divmod, 7, 2)
        except OSError as error:
            print(type(error).__name__, error.strerror)
    limit(resource.RLIM_INFINITY)
    print(await disk.run(divmod, 7, 2))
    await disk.close()
asyncio.run(story())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == 3 * "BlockingIOError no thread can be started\n" + "(3, 1)\n"
