"""Spread work over processes."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
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
    answer = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which new processes inherit
    try:
        pool = context.Pool(jobs, initializer=torch.set_num_threads, initargs=(1,))
    finally:
        signal.signal(signal.SIGINT, answer)
    with pool:
        yield partial(pool.imap, chunksize=_CHUNK)
