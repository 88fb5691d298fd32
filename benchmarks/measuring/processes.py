"""Read processor time and memory of processes from Linux."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MIB: Final = 1024 * 1024
_TIMES: Final = slice(11, 15)
"""Fields of /proc/PID/stat after the name: user and system time, of the process and of its children
that have ended."""
_IDLE, _IOWAIT = 3, 4  # in the first line of /proc/stat


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(found for child in children for found in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds of a process and of its living descendants."""
    return sum(_own_seconds(member) for member in family(pid))


def _own_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[_TIMES])) / _TICKS


def memory(pid: int) -> dict[str, float]:
    """Return a process's memory in MiB: resident, and with shared pages divided (``Pss``)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: size for name, size, *_ in (line.split() for line in lines)}
    return {key: int(sizes[f"{key}:"]) * 1024 / _MIB for key in ("Rss", "Pss")}


def resident(pid: int) -> float:
    """Return the resident MiB of a process and its descendants; each shared page counts once."""
    return sum(memory(member)["Pss"] for member in family(pid))


@dataclass(slots=True)
class Others:
    """The number of cores that other processes use during a measurement."""

    pids: list[int]
    wall: float = 0.0
    busy: float = 0.0
    ours: float = 0.0

    def __post_init__(self) -> None:
        """Begin to count."""
        self.wall, self.busy, self.ours = self._now()

    def cores(self) -> float:
        """Return how many cores other processes have used on average since the beginning."""
        wall, busy, ours = self._now()
        return max((busy - self.busy - ours + self.ours) / (wall - self.wall), 0.0)

    def _now(self) -> tuple[float, float, float]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        idle = fields[_IDLE] + fields[_IOWAIT]
        busy = (sum(fields[:8]) - idle) / _TICKS
        ours = sum(map(cpu_seconds, self.pids)) + time.process_time()
        return time.monotonic(), busy, ours
