"""Read processes from the kernel: children, memory, descriptors, and times of waiting.

Everything here is read from ``/proc``, so this is for Linux alone.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def children(process: int) -> list[int]:
    """Return the ids of a process's children; none if it is gone."""
    try:
        return [
            int(pid) for pid in (_PROC / f"{process}/task/{process}/children").read_text().split()
        ]
    except OSError:
        return []


def private_bytes(process: int) -> int:
    """Return resident memory of the process that is not shared with a file; 0 if it is gone."""
    try:
        _, resident, shared, *_ = (_PROC / f"{process}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE_BYTES


def cpu_seconds(process: int) -> float:
    """Return the processor time that a process has used; 0 if it is gone."""
    try:
        fields = (_PROC / f"{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def descriptors(process: int) -> int:
    """Return how many file descriptors a process holds; 0 if it is gone."""
    try:
        return sum(1 for _ in (_PROC / f"{process}/fd").iterdir())
    except OSError:
        return 0


def waited_seconds(process: int) -> float:
    """Return how long the main thread has waited for a core although it could have run.

    0 if the kernel does not count that (``CONFIG_SCHED_INFO``) or the process is gone.
    """
    try:
        return int((_PROC / f"{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def waited_by_thread(process: int) -> dict[str, float]:
    """Return how long each thread has waited for a core, by its id."""
    found = {}
    with contextlib.suppress(OSError):
        for thread in (_PROC / f"{process}/task").iterdir():
            with contextlib.suppress(OSError, IndexError, ValueError):
                found[thread.name] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return found


def stolen_seconds() -> float:
    """Return for how long the machine below this virtual one has not run its cores, their sum."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        ticks = int((_PROC / "stat").read_text().splitlines()[0].split()[8])
        return ticks / _TICKS
    return 0.0


def alive(process: int) -> bool:
    """Return whether a process runs; a process that has ended and is not yet reaped does not."""
    try:
        return (_PROC / f"{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


@dataclass(frozen=True)
class Ends:
    """The two addresses of a connection, as its client sees them."""

    here: tuple[str, int]
    there: tuple[str, int]


def owner(ends: Ends, candidates: list[int]) -> int | None:
    """Return which of some processes has the other end of a connection; None if none has."""
    wanted = (_hexadecimal(ends.there), _hexadecimal(ends.here))
    inode = None
    with contextlib.suppress(OSError):
        for line in (_PROC / "net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if (fields[1], fields[2]) == wanted:
                inode = f"socket:[{fields[9]}]"
                break
    for process in candidates if inode else []:
        with contextlib.suppress(OSError):
            for descriptor in (_PROC / f"{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) == inode:
                        return process
    return None


def _hexadecimal(address: tuple[str, int]) -> str:
    """Return an IPv4 address as in ``/proc/net/tcp``: little-endian bytes, then the port."""
    host, port = address
    packed = "".join(f"{int(part):02X}" for part in reversed(host.split(".")))
    return f"{packed}:{port:04X}"
