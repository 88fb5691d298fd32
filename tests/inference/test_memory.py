"""Freed memory is returned to the system."""

import subprocess
import sys

import pytest

from vits_tts.cores import available_cores

LARGE = """
import sys
from tests.support import heap
from vits_tts.inference import memory

libc = heap.libc()
if sys.argv[1] == "keep little":
    memory.keep_little()
libc.free(libc.malloc(16 << 20))  # from here on glibc takes what is smaller from the heap
before = libc.mallinfo2().hblkhd
libc.malloc(1 << 20)
print(libc.mallinfo2().hblkhd - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps so much")
def test_large_blocks_are_the_systems_own() -> None:
    """Large buffers are mapped separately, so that they leave no holes on a heap."""

    def mapped(how: str) -> int:
        """Return the increase of separately mapped bytes after allocating 1 MiB."""
        told = subprocess.run(
            [sys.executable, "-c", LARGE, how], check=True, capture_output=True, text=True
        )
        return int(told.stdout)

    assert mapped("keep little") >= 1 << 20
    assert mapped("as it comes") == 0


THREADS = """
import ctypes, sys, threading
from tests.support import heap
from vits_tts.inference import memory

libc = heap.libc()
if sys.argv[1] == "keep little":
    memory.keep_little()
together = threading.Barrier(int(sys.argv[2]))

def take():
    together.wait()
    libc.malloc(1000)
    together.wait()

threads = [threading.Thread(target=take) for _ in range(together.parties)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has a heap for each thread")
def test_there_are_no_more_heaps_than_cores() -> None:
    """There are at most as many heaps as cores, however many threads run."""
    threads = available_cores() + 4

    def heaps(how: str) -> int:
        told = subprocess.run(
            [sys.executable, "-c", THREADS, how, str(threads)],
            check=True,
            capture_output=True,
            text=True,
        )
        return told.stdout.count("<heap nr=")

    assert heaps("keep little") <= available_cores()
    assert heaps("as it comes") >= threads
