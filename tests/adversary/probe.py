"""Watch health checks and memory from a process of its own that does nothing else.

    python -m tests.adversary.probe MASTER PORT

checks the health of every worker forty times a second, over connections that are kept, until its
input ends. It prints lines of JSON: a `stall` for each check that took too long, a `closed` when
the operations port accepted no connection, and `seconds`, once a second, with the current state.

A machine that is busy with other work makes every process wait, so the time of a check is corrected
twice. Subtracted are the time in which the worker's event loop waited for a core, which the kernel
counts, and the slowest answer of the control in the same time. The control is a process that only
answers. The rest, `left`, is likely to be caused by the worker. It certainly is (`sure`) if it is
more than all threads of the worker together waited for a core meanwhile, and more than the machine
below a virtual one took from its cores. For the thread that holds the interpreter's lock may wait,
and then the event loop waits for it.
"""

import json
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field

from tests.adversary.processes import (
    Ends,
    children,
    cpu_seconds,
    descriptors,
    owner,
    private_bytes,
    stolen_seconds,
    waited_by_thread,
    waited_seconds,
)

_TELLING = threading.Lock()
_EVERY = 0.025
_OVERDUE_SECONDS = 0.04
_REPORT = 0.01
"""Checks with less than this left, in seconds, are only counted."""
STALL_SECONDS = 0.1
_LONGEST_CONNECT = 5.0
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
_PING = b"."


def answer_pings(port: int) -> None:
    """Answer each byte with a byte, as the control; end with the connection."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while data := connection.recv(64):
            connection.sendall(data)


@dataclass
class Check:
    """A connection for one check at a time."""

    connection: socket.socket
    question: bytes
    worker: int
    """The process that answers; 0 is the control."""
    asked: float = 0.0
    waited: float = 0.0
    """How long the process had waited for a core when the check was sent."""
    overdue: float = 0.0
    """The time at which the answer was late, and threads were read; 0: it is not late."""
    by_thread: dict[str, float] = field(default_factory=dict)
    """How long each of the process's threads had waited for a core at that time."""
    stolen: float = 0.0
    """How long the machine below had not run the cores until then."""

    @property
    def waiting(self) -> bool:
        """True while an answer is missing."""
        return self.asked > 0

    def ask(self, now: float) -> bool:
        """Send a check; return whether the connection still works."""
        self.waited = waited_seconds(self.worker) if self.worker else 0.0
        self.asked = now
        self.overdue = 0.0
        try:
            self.connection.send(self.question)
        except OSError:
            return False
        return True


@dataclass
class Second:
    """Observations since the last report."""

    checks: int = 0
    slowest: float = 0.0
    slowest_raw: float = 0.0
    control: float = 0.0
    took_ms: Counter[int] = field(default_factory=Counter)
    """The number of checks for each duration in milliseconds."""
    left_ms: Counter[int] = field(default_factory=Counter)
    """The same, without the delays of the machine."""
    memory: dict[int, int] = field(default_factory=dict)


class Probe:
    """Watches one server."""

    def __init__(self, master: int, port: int) -> None:
        """Watch the children of ``master``, whose operations port is ``port``."""
        self._master = master
        self._port = port
        self._checks: list[Check] = []
        self._control_delays: deque[tuple[float, float]] = deque()
        self._second = Second()
        self._connecting = threading.Thread()
        self._connected: list[Check] = []
        self._lateness = 0.0
        self._next_look = 0.0
        self._next_report = 0.0

    def run(self) -> None:
        """Watch until the input ends."""
        with socket.create_server(("127.0.0.1", 0)) as door:
            command = [sys.executable, "-m", "tests.adversary.probe", str(door.getsockname()[1])]
            with subprocess.Popen(command) as control:
                connection, _ = door.accept()
                self._checks.append(Check(connection, _PING, 0))
                try:
                    self._watch()
                finally:
                    connection.close()
                    control.wait()

    def _watch(self) -> None:
        due = time.monotonic()
        while not select.select([sys.stdin], [], [], 0)[0]:
            due = max(due + _EVERY, time.monotonic())
            self._look_at_workers()
            self._ask_all()
            self._listen_until(due)

    def _look_at_workers(self) -> None:
        """Update the list of workers from time to time, and connect to each of them."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + 0.25
        workers = children(self._master)
        for worker in workers:
            memory = private_bytes(worker)
            self._second.memory[worker] = max(memory, self._second.memory.get(worker, 0))
        self._checks += self._connected
        self._connected.clear()
        missing = set(workers) - {check.worker for check in self._checks}
        if missing and not self._connecting.is_alive():
            self._connecting = threading.Thread(target=self._connect, args=(workers,), daemon=True)
            self._connecting.start()
        if now >= self._next_report:
            self._next_report = now + 1
            self._report(workers)

    def _connect(self, workers: list[int]) -> None:
        """Open a connection, and keep it if it leads to a worker that has none yet; in a thread."""
        begun = time.monotonic()
        try:
            connection = socket.create_connection(("127.0.0.1", self._port), _LONGEST_CONNECT)
            connection.sendall(_HEALTH)
            answer = connection.recv(4096)
        except OSError as error:
            took = time.monotonic() - begun
            tell("closed", seconds=round(took, 3), reason=str(error), at=begun)
            return
        here, there = connection.getsockname(), connection.getpeername()
        worker = owner(Ends(here, there), workers)
        known = {check.worker for check in self._checks}
        if worker is None or worker in known or not answer.startswith(b"HTTP/1.1 200"):
            connection.close()
            return
        connection.setblocking(False)
        self._connected.append(Check(connection, _HEALTH, worker))

    def _ask_all(self) -> None:
        for check in list(self._checks):
            now = time.monotonic()
            if not check.waiting:
                if not check.ask(now):
                    self._drop(check)
            elif check.worker and not check.overdue and now - check.asked > _OVERDUE_SECONDS:
                check.overdue, check.stolen = now, stolen_seconds()
                check.by_thread = waited_by_thread(check.worker)

    def _listen_until(self, due: float) -> None:
        while (left := due - time.monotonic()) > 0:
            waiting = {check.connection: check for check in self._checks if check.waiting}
            readable, _, _ = select.select(list(waiting), [], [], left)
            now = time.monotonic()
            for connection in readable:
                self._take(waiting[connection], now)
        self._lateness = max(0.0, time.monotonic() - due)
        self._note_control(self._lateness)

    def _take(self, check: Check, now: float) -> None:
        try:
            data = check.connection.recv(4096)
        except OSError:
            data = b""
        took, asked = now - check.asked, check.asked
        check.asked = 0.0
        if not check.worker:
            self._note_control(took)
        elif not data.startswith(b"HTTP/1.1 200"):
            self._drop(check)
        else:
            waited = waited_seconds(check.worker) - check.waited
            self._judge(check, asked, took, max(0.0, waited))

    def _note_control(self, took: float) -> None:
        now = time.monotonic()
        self._control_delays.append((now, took))
        self._second.control = max(self._second.control, took)
        while self._control_delays[0][0] < now - 30:
            self._control_delays.popleft()

    def _judge(self, check: Check, asked: float, took: float, waited: float) -> None:
        """Subtract the delays of the machine, and report the rest if it is large."""
        control = max((late for when, late in self._control_delays if when >= asked), default=0.0)
        running = [check for check in self._checks if not check.worker and check.waiting]
        control = max([control, *(time.monotonic() - check.asked for check in running)])
        left = max(0.0, took - waited - control)
        second = self._second
        second.checks += 1
        second.slowest = max(second.slowest, left)
        second.slowest_raw = max(second.slowest_raw, took)
        second.took_ms[int(took * 1000)] += 1
        second.left_ms[int(left * 1000)] += 1
        if left >= STALL_SECONDS:
            tell(
                "stall",
                worker=check.worker,
                at=asked,
                seconds=round(took, 3),
                waited=round(waited, 3),
                control=round(control, 3),
                left=round(left, 3),
                sure=round(self._sure(check, control), 3),
                counted=[int(took * 1000), int(left * 1000)],
            )

    def _sure(self, check: Check, control: float) -> float:
        """Return for how long an overdue answer was late with a core for each of its threads.

        The loop waits for a core, or for the interpreter's lock while the thread that holds it
        waits for one; these times add up. An attack that is repeated by itself leaves other threads
        idle, so that little is subtracted then.
        """
        if not check.overdue:
            return 0.0
        late = time.monotonic() - check.overdue
        before = check.by_thread
        waited = [
            after - before.get(thread, 0.0)
            for thread, after in waited_by_thread(check.worker).items()
        ]
        stolen = stolen_seconds() - check.stolen
        return max(0.0, late - sum(waited) - control - stolen)

    def _drop(self, check: Check) -> None:
        check.connection.close()
        if check.worker:
            self._checks.remove(check)

    def _report(self, workers: list[int]) -> None:
        second, self._second = self._second, Second()
        overdue = [
            (check.worker, time.monotonic() - check.asked)
            for check in self._checks
            if check.worker and check.waiting
        ]
        tell(
            "second",
            workers=workers,
            checks=second.checks,
            slowest=round(second.slowest, 4),
            slowest_raw=round(second.slowest_raw, 4),
            control=round(second.control, 4),
            took_ms=second.took_ms,
            left_ms=second.left_ms,
            memory=second.memory,
            cpu={worker: cpu_seconds(worker) for worker in workers},
            descriptors={worker: descriptors(worker) for worker in workers},
            master=private_bytes(self._master),
            overdue=[[worker, round(late, 3)] for worker, late in overdue if late > _REPORT],
            at=time.monotonic(),
        )


def tell(event: str, **fields: object) -> None:
    """Print one line, whole also if several threads print."""
    with _TELLING:
        print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    if len(numbers) == 1:
        answer_pings(*numbers)
    else:
        Probe(*numbers).run()
