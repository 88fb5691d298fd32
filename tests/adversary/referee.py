"""Judge the server by all observations: answers, the log, the probe, other clients.

The invariants:

- no 5xx but 503 and 507
- no worker lost but those that the adversary ended
- health within 0.1 s, apart from the machine's own delays
- limited memory
- complete streams of other clients
- no client refused while the machine is idle
- nothing in the log that a healthy server would not write
"""

import json
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.adversary.attack import Attack, Target
from tests.adversary.families import number_of
from tests.adversary.rounds import Round
from tests.adversary.wire import Answer

SURE_STALL_SECONDS = 0.5
"""A stall of that length is a finding by itself; a shorter one only if it happens again."""
_SLOW = "health took too long"
_LATE = "a visitor waited for long"
JUDGED_BY_TIME = frozenset({_SLOW, _LATE})
"""Findings that only a quiet machine can show."""
_STARVED_SECONDS = 60
_STARVED_REFUSALS = 10
_IDLE_CORES = 0.3
_DOOR_SECONDS = 5.0
_MORE_OF_DELAY = 5
"""An answer may be later by this many times the delay of the control."""
_ALLOWED_FAULTS = {503, 507}
_SAID = (
    "reload refused",
    "lexicon kept as it was",
    "request ended: limits.request_cpu_seconds",
    "Worker (pid:",  # gunicorn's, about workers that end; those are counted separately
)
"""Beginnings of log lines that are allowed as errors under attack."""


@dataclass
class Finding:
    """A violation of an invariant."""

    what: str
    detail: str
    attacks: list[Attack]
    """The attack that caused it, or those that were under way."""
    count: int = 1


@dataclass
class Deeds:
    """An attack and when it was under way (monotonic seconds)."""

    attack: Attack
    begun: float
    ended: float | None = None


@dataclass
class Stall:
    """A health check that took too long, and its possible causes."""

    left: float
    sure: float
    at: float
    detail: str
    suspects: list[Attack]


@dataclass
class Referee:
    """Watches one round."""

    round_: Round
    target: Target
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    deeds: deque[Deeds] = field(default_factory=lambda: deque(maxlen=400))
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    """The answers to attacks, by family."""
    honest: Counter[str] = field(default_factory=Counter)
    stalls: list[Stall] = field(default_factory=list)
    """Stalls that have not been judged."""
    unconfirmed: list[Stall] = field(default_factory=list)
    checks: int = 0
    took_ms: Counter[int] = field(default_factory=Counter)
    """The number of health checks for each duration in milliseconds."""
    left_ms: Counter[int] = field(default_factory=Counter)
    """The same, without the delays of the machine."""
    slowest: float = 0.0
    delay: float = 0.0
    """The longest delay of the control by the machine."""
    memory: int = 0
    descriptors: int = 0
    seen: set[int] = field(default_factory=set)
    vanished: dict[int, list[Attack]] = field(default_factory=dict)
    """Workers that no longer exist, and the attacks that were under way at their end."""
    drained: set[int] = field(default_factory=set)
    ended_by_watchdog: int = 0
    ending: bool = False
    """True once the server has been told to end."""
    last: dict[str, Any] = field(default_factory=dict)
    """The probe's last report."""
    _cpu: deque[tuple[float, float]] = field(default_factory=deque)
    """Times, with the processor seconds of all workers up to each."""
    _cpu_of: dict[str, float] = field(default_factory=dict)
    _last_sound: float = field(default_factory=time.monotonic)
    _refusals: int = 0

    # --- findings --------------------------------------------------------------------------------

    def find(self, what: str, detail: str, attacks: Iterable[Attack] = ()) -> None:
        """Add a finding; of equal kinds, keep the first and the number."""
        some = list(attacks)
        key = (what, some[0].kind if len(some) == 1 else "")
        if known := self.findings.get(key):
            known.count += 1
        else:
            self.findings[key] = Finding(what, detail, some)

    def under_way(self, begun: float, ended: float) -> list[Attack]:
        """Return the attacks that were under way at some time from ``begun`` to ``ended``."""
        return [
            deed.attack
            for deed in self.deeds
            if deed.begun <= ended and (deed.ended is None or deed.ended >= begun - 0.2)
        ]

    # --- attacks ---------------------------------------------------------------------------------

    def take_answers(self, deed: Deeds, answers: Iterable[Answer]) -> None:
        """Judge the answers to an attack; a worker that was ended meanwhile need not answer."""
        attack = deed.attack
        counts = self.statuses.setdefault(attack.family, Counter())
        ended = any(when >= deed.begun for when in self.target.killed.values())
        for answer in answers:
            if self.ending and answer.status is None:
                continue  # the server may have ended
            status = str(answer.status) if answer.status else answer.trouble or "none"
            counts[status] += 1
            complaint = answer.complaint()
            if complaint and not self.ending and not (ended and answer.status is None):
                self.find(complaint, answer.head[:300].decode("latin-1"), [attack])

    # --- the log ---------------------------------------------------------------------------------

    def take_log(self, line: str) -> None:
        """Judge a line of the log."""
        try:
            said = json.loads(line)
            message, level = said["message"], said["level"]
        except (ValueError, KeyError, TypeError):
            self.find("a line of the log that is none", line[:300], self._now())
            return
        process = said.get("process")
        if message == "worker ready":
            self.target.ready.add(process)
        elif message == "draining":
            self.drained.add(process)
        elif message == "request" and said.get("status", 0) >= 500:
            if said["status"] not in _ALLOWED_FAULTS:
                self.find(f"status {said['status']} in the log", line[:500], self._told_of(said))
        elif level in {"error", "critical"}:
            self.ended_by_watchdog += message.startswith("request ended")
            if not message.startswith(_SAID):
                what = f"the log says: {message[:80]}"
                self.find(what, _with_exception(said), self._told_of(said))

    def _told_of(self, said: dict[str, Any]) -> list[Attack]:
        """Return the attack whose request is in a line, or all that are under way."""
        number = number_of(said.get("request_id"))
        told = [deed.attack for deed in self.deeds if deed.attack.number == number]
        return told[-1:] or self._now()

    def _now(self) -> list[Attack]:
        now = time.monotonic()
        return self.under_way(now - 1, now)

    # --- the probe -------------------------------------------------------------------------------

    def take_probe(self, said: dict[str, Any]) -> None:
        """Judge a report of the probe."""
        event = said["event"]
        if event == "stall":
            self._take_stall(said)
        elif event == "closed" and not self.ending:
            if said["seconds"] > 1 or "refused" in said["reason"]:
                self.find("the operations port took no connection", json.dumps(said), self._now())
        elif event == "second":
            self._take_second(said)

    def _take_stall(self, said: dict[str, Any]) -> None:
        begun, ended = said["at"], said["at"] + said["seconds"]
        held = any(start <= ended and end >= begun for start, end in self.target.stopped)
        if self.ending or held or said["worker"] not in self.target.ready:
            # the next report counts it, although no client could have expected an answer
            for counts, place in zip((self.took_ms, self.left_ms), said["counted"], strict=True):
                counts[place] -= 1
            self.checks -= 1
            return
        stall = Stall(
            said["left"], said["sure"], begun, json.dumps(said), self.under_way(begun, ended)
        )
        self.stalls.append(stall)

    def _take_second(self, said: dict[str, Any]) -> None:
        self.last = said
        self.checks += said["checks"]
        for counts, told in ((self.took_ms, said["took_ms"]), (self.left_ms, said["left_ms"])):
            for milliseconds, count in told.items():
                counts[int(milliseconds)] += count
        self.delay = max(self.delay, said["control"])
        self.memory = max([self.memory, *said["memory"].values()])
        self.descriptors = max([self.descriptors, *said["descriptors"].values()])
        workers = set(said["workers"])
        now = said["at"]
        for gone in set() if self.ending else self.seen - workers - self.vanished.keys():
            self.vanished[gone] = self.under_way(now - 1.5, now)
        self.seen |= workers
        used = sum(
            max(0.0, seconds - self._cpu_of.get(worker, 0.0))
            for worker, seconds in said["cpu"].items()
        )
        self._cpu_of = said["cpu"]
        self._cpu.append((now, (self._cpu[-1][1] if self._cpu else 0.0) + used))
        while self._cpu[0][0] < now - _STARVED_SECONDS - 2:
            self._cpu.popleft()
        if max(said["memory"].values(), default=0) > self.round_.memory_bytes:
            most = max(said["memory"].values()) >> 20
            self.find(
                f"more than {self.round_.memory_bytes >> 20} MiB in a worker",
                f"{most} MiB",
                self.under_way(now - 2, now),
            )

    def convict(self, stall: Stall, culprits: list[Attack]) -> None:
        """Judge a stall by its suspects that have delayed the worker again when repeated."""
        if culprits or stall.sure >= SURE_STALL_SECONDS:
            self.slowest = max(self.slowest, stall.left)
            self.find(_SLOW, stall.detail, culprits or stall.suspects)
        else:
            self.unconfirmed.append(stall)

    def convicted(self, stall: Stall) -> list[Attack]:
        """Return the suspects whose kind is known to delay workers."""
        known = {kind for what, kind in self.findings if what == _SLOW and kind}
        return [attack for attack in stall.suspects if attack.kind in known]

    # --- other clients ---------------------------------------------------------------------------

    def take_honest(self, said: dict[str, Any]) -> None:
        """Judge the result of a well-behaved client."""
        outcome, now = said["outcome"], said["at"] + said["seconds"]
        if self.ending and outcome == "refused":
            return
        stream = said["errand"] in {"stream", "paced"}
        self.honest[f"{'stream' if stream else 'visit'} {outcome}"] += 1
        suspects = self.under_way(said["at"], now)
        if outcome == "told to come back":
            self._refused(said, suspects)
        elif outcome == "whole":
            if stream:
                self._last_sound, self._refusals = now, 0
            elif said["first"] > _DOOR_SECONDS + _MORE_OF_DELAY * self.delay:
                self.find(_LATE, json.dumps(said), suspects)
        elif not self._excused(said):
            self.find(f"another caller's {said['errand']}: {outcome}", json.dumps(said), suspects)

    def _excused(self, said: dict[str, Any]) -> bool:
        """Return whether the adversary has ended the worker that served it, or might have."""
        if said["outcome"] not in {"cut", "hung"}:
            return False
        worker = said.get("worker")
        return worker in self.target.killed if worker else bool(self.target.killed)

    def _refused(self, said: dict[str, Any], suspects: list[Attack]) -> None:
        self._refusals += 1
        now = said["at"]
        if now - self._last_sound < _STARVED_SECONDS or self._refusals < _STARVED_REFUSALS:
            return
        (then, before), (later, after) = self._cpu[0], self._cpu[-1]
        seconds = later - then
        if seconds > _STARVED_SECONDS / 2 and (after - before) / seconds < _IDLE_CORES:
            self.find("others are told to come back while the machine idles", str(said), suspects)

    # --- the end ---------------------------------------------------------------------------------

    @property
    def lost(self) -> list[int]:
        """The workers that have ended unexpectedly, without processes that only try voices."""
        gone = self.vanished.keys() & self.target.ready - self.target.killed.keys()
        explained = self.drained if self.target.reloads else set()
        return sorted(gone - explained)


def _with_exception(said: dict[str, Any]) -> str:
    """Return a line of the log with the end of its exception, which names the cause."""
    exception = str(said.get("exception") or "")[-1500:]
    rest = {name: value for name, value in said.items() if name != "exception"}
    return "\n".join([json.dumps(rest)[:500], *exception.splitlines()[-9:]])
