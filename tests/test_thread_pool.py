"""A pool of threads that are all started together, a few of which do most of the work."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait

import pytest

from vits_tts.thread_pool import ThreadPool

THREADS = 4


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    """Return a pool whose threads are all started."""
    pool = ThreadPool(THREADS, "test")
    pool.start()
    yield pool
    pool.shutdown()


def test_work_goes_to_the_thread_that_worked_last(pool: ThreadPool) -> None:
    """Pieces of work one after the other run in few threads, though all are idle."""
    names = [pool.submit(lambda: threading.current_thread().name).result(5) for _ in range(100)]
    # The result is there a moment before its thread is idle, so another one may take the next.
    assert len(set(names)) < THREADS


def test_all_threads_work_at_once_and_no_work_is_lost(pool: ThreadPool) -> None:
    """With more work than threads, all threads run, and each piece runs once."""
    together = threading.Barrier(THREADS)
    met = [pool.submit(together.wait, 5) for _ in range(THREADS)]
    assert {each.result(5) for each in met} == set(range(THREADS))
    done: list[int] = []
    futures: list[Future[None]] = [pool.submit(done.append, number) for number in range(2000)]
    wait(futures, 20)
    assert sorted(done) == list(range(2000))


def test_the_pool_ends_while_threads_wait() -> None:
    """Waiting work is done first, and then idle threads end."""
    pool = ThreadPool(THREADS, "ending")
    pool.start()
    last = pool.submit(lambda: "done")
    pool.shutdown(wait=True)
    assert last.result(0) == "done"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ending")]


def test_too_few_threads_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that cannot have its threads fails, and those that began do not wait for ever."""
    pool, start = ThreadPool(THREADS, "few"), threading.Thread.start
    started: list[threading.Thread] = []

    def limited(thread: threading.Thread) -> None:
        if len(started) == THREADS - 1:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(RuntimeError):
        pool.start()
    monkeypatch.undo()
    pool.shutdown(wait=True)
    assert not any(thread.is_alive() for thread in started)
