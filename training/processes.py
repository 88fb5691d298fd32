"""Spread work over processes."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import Any

import torch

_CHUNK = 8  # items that a process gets at once


@contextmanager
def mapping(jobs: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """Provide ``map`` over some processes, or in this one if ``jobs`` is 1.

    Ctrl-C reaches all processes of a terminal. Only this one answers it, and ends the others.
    """
    if jobs == 1:
        yield map
        return
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # its start would end the blocking below
    # New processes inherit what is blocked. Here the signal only waits until the end of the block.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with context.Pool(jobs, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield partial(pool.imap, chunksize=_CHUNK)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
