"""Measure the time from start to ready, and the memory of each process."""

from measuring import processes
from measuring.bench import Bench, Result, median, say, started


def measure(bench: Bench) -> Result:
    """Start the server again and again, with the voice compiled already."""
    seconds, work, memory = [], [], {}
    others = bench.others()
    for number in range(bench.sizes.starts):
        say(f"start to ready: {number + 1} of {bench.sizes.starts}")
        bench.calm()
        with started(bench.folder / f"start-{number}", bench.voice.model) as (server, ready):
            seconds.append(ready)
            work.append(processes.cpu_seconds(server.process.pid))
            memory = _named(server.process.pid)
    return {
        "seconds": seconds,
        "median": median(seconds),
        "work": median(work),
        "others": others.cores(),
        "memory_ready": memory,
        "memory_used": _named(bench.server.process.pid),
    }


def _named(pid: int) -> dict[str, dict[str, float]]:
    """Return the memory of the master and of its workers."""
    master, *workers = processes.family(pid)
    names = {master: "master"} | {worker: f"worker {i + 1}" for i, worker in enumerate(workers)}
    return {names[member]: processes.memory(member) for member in names}
