"""What processes take: processor time and memory, as Linux counts them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MIB: Final = 1024 * 1024
_TIMES: Final = slice(11, 15)
"""User and system time, its own and of children that ended, in /proc/PID/stat behind the name."""
_IDLE, _IOWAIT = 3, 4  # in the first line of /proc/stat


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(found for child in children for found in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process and its living descendants have taken."""
    return sum(_own_seconds(member) for member in family(pid))


def _own_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[_TIMES])) / _TICKS


def memory(pid: int) -> dict[str, float]:
    """Return a process's memory in MiB: resident, and with what is shared divided (``Pss``)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: size for name, size, *_ in (line.split() for line in lines)}
    return {key: int(sizes[f"{key}:"]) * 1024 / _MIB for key in ("Rss", "Pss")}


def resident(pid: int) -> float:
    """Return the resident MiB of a process and its descendants together, each page once."""
    return sum(memory(member)["Pss"] for member in family(pid))


@dataclass(slots=True)
class Others:
    """How many cores others keep busy while something is measured."""

    pids: list[int]
    wall: float = 0.0
    busy: float = 0.0
    ours: float = 0.0

    def __post_init__(self) -> None:
        """Begin to count."""
        self.wall, self.busy, self.ours = self._now()

    def cores(self) -> float:
        """Return how many cores others have kept busy on average since the beginning."""
        wall, busy, ours = self._now()
        return max((busy - self.busy - ours + self.ours) / (wall - self.wall), 0.0)

    def _now(self) -> tuple[float, float, float]:
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
        idle = fields[_IDLE] + fields[_IOWAIT]
        busy = (sum(fields[:8]) - idle) / _TICKS
        ours = sum(map(cpu_seconds, self.pids)) + time.process_time()
        return time.monotonic(), busy, ours
