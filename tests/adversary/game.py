"""A round from its start to its end: the attacks, and the referee that watches them."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.adversary import families, rounds
from tests.adversary.attack import Attack, Complaint, Target
from tests.adversary.probe import STALL_SECONDS
from tests.adversary.processes import cpu_seconds, descriptors, private_bytes
from tests.adversary.referee import Deeds, Referee, Stall
from tests.adversary.rounds import Round

_ROOT = Path(__file__).parent.parent.parent
_LAST_WORDS_SECONDS = 3.0
"""How long attacks continue before and after the server is told to end."""
_QUIET_SECONDS = 15.0
"""How long work without a listener may take to end."""
_IDLE_CORES = 0.25
_IDLE_DESCRIPTORS = 200
_SLACK_SECONDS = 10
"""The master's time for a worker beyond its grace period, and some seconds for a busy machine."""
_AGAIN_SECONDS = 10
"""How long an attack may take that is repeated because health was late."""
_PROGRESS_SECONDS = 5
_RUINED_BYTES = 3 << 30
"""A worker with this much memory is ended before the machine is in trouble."""


@dataclass
class Plan:
    """The options of a run."""

    seed: int
    seconds: float
    attackers: int = 6
    numbers: list[int] | None = None
    """Run only these attacks, one after the other, instead of as many as possible in the time."""
    only: str | None = None
    """Run only this family."""
    again_seconds: float = 120
    """How long all repeated attacks may take together."""
    say: Callable[[str], None] = field(default=lambda _: None)
    progress: Callable[["RoundOutcome"], None] = field(default=lambda _: None)
    """Called every few seconds with the results of the round so far."""


@dataclass
class AtRest:
    """The state of the workers after all clients had left: their sum, or the largest one."""

    cores: float
    memory: int
    descriptors: int


@dataclass
class RoundOutcome:
    """The results of a round, possibly while it runs."""

    referee: Referee
    attacks: int
    seconds: float
    """Seconds since its start."""
    seconds_to_end: float | None = None
    """Seconds from SIGTERM to the end of the server; None before that."""
    status: int | None = None
    after: AtRest | None = None


def play(round_: Round, plan: Plan, folder: Path) -> RoundOutcome:
    """Run a round in a folder of its own."""
    with rounds.started(round_, folder) as target:
        errands = rounds.write_errands(round_, target)
        return asyncio.run(_Game(round_, plan, target, errands).run())


class _Game:
    def __init__(self, round_: Round, plan: Plan, target: Target, errands: Path) -> None:
        self._round = round_
        self._plan = plan
        self._target = target
        self._errands = errands
        self._referee = Referee(round_, target)
        self._numbers: Iterator[int] = itertools.count()
        self._alone = asyncio.Lock()
        self._may_go_on = asyncio.Event()
        self._busy = 0
        self._nobody_busy = asyncio.Event()
        self._made = 0
        self._begun = time.monotonic()

    async def run(self) -> RoundOutcome:
        plan, referee = self._plan, self._referee
        async with self._watching():
            await self._target.settled()
            async with self._honest():
                if plan.numbers is not None:
                    await self._one_by_one(plan.numbers)
                else:
                    await self._attack_for(plan.seconds)
            await self._judge_stalls()
            after = await self._look_at_rest()
            async with self._honest():
                seconds, status = await self._end()
        for worker in referee.lost:
            said = self._said_of(worker)
            referee.find("a worker was lost", f"process {worker}{said}", referee.vanished[worker])
        for left in rounds.left_behind(self._target):
            referee.find("left behind", left)
        outcome = self._so_far()
        outcome.seconds_to_end, outcome.status, outcome.after = seconds, status, after
        return outcome

    def _so_far(self) -> RoundOutcome:
        return RoundOutcome(self._referee, self._made, time.monotonic() - self._begun)

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            self._plan.progress(self._so_far())

    def _said_of(self, worker: int) -> str:
        """Return the log lines about a worker's end."""
        lines = [line for line in self._target.server.lines() if f"pid:{worker})" in str(line)]
        return "".join(f"; {line['message']}" for line in lines[-1:])

    # --- attacks ---------------------------------------------------------------------------------

    async def _one_by_one(self, numbers: list[int]) -> None:
        """Run some attacks, each by itself, and print the cost of each."""
        for number in numbers:
            attack = self._attack(number)
            workers = self._target.workers()
            before = sum(map(cpu_seconds, workers))
            begun = time.monotonic()
            await self._make(attack)
            await asyncio.sleep(1)
            self._plan.say(
                f"{number} {attack.family}: {attack.kind}: "
                f"{time.monotonic() - begun - 1:.1f} s, "
                f"{sum(map(cpu_seconds, workers)) - before:.1f} s of work, "
                f"{max(map(private_bytes, self._target.workers())) >> 20} MiB"
            )

    async def _attack_for(self, seconds: float) -> None:
        """Attack with all attackers; attacks that run at the end of the time are cancelled."""
        self._may_go_on.set()
        attackers = [asyncio.create_task(self._attacker()) for _ in range(self._plan.attackers)]
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                await asyncio.sleep(0.5)
                if any(task.done() for task in attackers):
                    break
                if self._target.server.process.poll() is not None:
                    self._referee.find("the server has ended", "", self._referee._now())
                    break
                if len(self._referee.stalls) > self._plan.attackers:
                    await self._judge_stalls()
        finally:
            await _ended(attackers)

    async def _attacker(self) -> None:
        for number in self._numbers:
            await self._may_go_on.wait()
            await self._make(self._attack(number))

    def _attack(self, number: int) -> Attack:
        return families.attack(self._plan.seed, number, self._round.facts, self._plan.only)

    async def _make(self, attack: Attack) -> None:
        if attack.alone:
            async with self._alone:
                await self._act(attack)
        else:
            await self._act(attack)

    async def _act(self, attack: Attack) -> None:
        deed = Deeds(attack, time.monotonic())
        self._referee.deeds.append(deed)
        self._made += 1
        self._busy += 1
        self._nobody_busy.clear()
        try:
            answers = await attack.run(self._target)
        except Complaint as complaint:
            if not self._referee.ending:
                self._referee.find(str(complaint), attack.kind, [attack])
        else:
            self._referee.take_answers(deed, answers)
        finally:
            self._busy -= 1
            if not self._busy:
                self._nobody_busy.set()
            deed.ended = time.monotonic()

    # --- stalls ----------------------------------------------------------------------------------

    async def _judge_stalls(self) -> None:
        """Repeat the attacks that were under way at a stall, while no others are running."""
        stalls, self._referee.stalls = self._referee.stalls, []
        if not stalls:
            return
        self._may_go_on.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nobody_busy.wait(), _AGAIN_SECONDS)
        for stall in sorted(stalls, key=lambda stall: -stall.left):
            known = self._referee.convicted(stall)
            self._referee.convict(stall, known or await self._culprits(stall))
        self._may_go_on.set()

    async def _culprits(self, stall: Stall) -> list[Attack]:
        """Return the suspects that delay a worker again, each by itself, or else together."""
        found = [suspect for suspect in stall.suspects if await self._again([suspect])]
        together = len(stall.suspects) > 1 and not found
        return stall.suspects if together and await self._again(stall.suspects) else found

    async def _again(self, attacks: list[Attack]) -> bool:
        """Repeat attacks, and return whether health was late."""
        if self._plan.again_seconds <= 0:
            return False
        begun = time.monotonic()
        self._referee.stalls.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(_AGAIN_SECONDS, self._plan.again_seconds)):
                await asyncio.gather(*(self._make(attack) for attack in attacks))
        await asyncio.sleep(0.5)
        self._plan.again_seconds -= time.monotonic() - begun
        again = any(stall.sure >= STALL_SECONDS for stall in self._referee.stalls)
        self._referee.stalls.clear()
        return again

    # --- the end ---------------------------------------------------------------------------------

    async def _look_at_rest(self) -> AtRest:
        """Return the state of the workers once no client needs them."""
        await self._target.settled()
        deadline = time.monotonic() + _QUIET_SECONDS
        cores = 1e9
        while cores > _IDLE_CORES and time.monotonic() < deadline:
            workers = self._target.workers()
            before = sum(map(cpu_seconds, workers))
            await asyncio.sleep(2)
            cores = (sum(map(cpu_seconds, workers)) - before) / 2
        workers = self._target.workers()
        after = AtRest(
            cores,
            max(map(private_bytes, workers), default=0),
            max(map(descriptors, workers), default=0),
        )
        if cores > _IDLE_CORES:
            self._referee.find("still at work when all have left", f"{cores:.2f} cores")
        if after.memory > self._round.idle_bytes:
            self._referee.find("memory kept when all have left", f"{after.memory >> 20} MiB")
        if after.descriptors > _IDLE_DESCRIPTORS:
            self._referee.find("descriptors kept when all have left", f"{after.descriptors}")
        return after

    async def _end(self) -> tuple[float, int | None]:
        """Tell the server to end, under attack; return the seconds it took and its status."""
        process = self._target.server.process
        attackers = [asyncio.create_task(self._attacker()) for _ in range(self._plan.attackers)]
        await asyncio.sleep(_LAST_WORDS_SECONDS if self._plan.numbers is None else 0)
        self._referee.ending = True
        begun = time.monotonic()
        process.terminate()
        limit = self._round.grace_seconds + _SLACK_SECONDS
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, limit + 30)
        took = time.monotonic() - begun
        await _ended(attackers)
        if took > limit:
            self._referee.find("it did not end in time", f"{took:.1f} s, of {limit:g}")
        if process.poll() is None:
            process.kill()
            process.wait()
        elif process.returncode:
            self._referee.find(f"it ended with status {process.returncode}", "")
        return took, process.poll()

    # --- observers --------------------------------------------------------------------------------

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        """Run the probe and the reader of the log meanwhile."""
        target = self._target
        log = asyncio.create_task(self._follow_log())
        progress = asyncio.create_task(self._tell_progress())
        arguments = [str(target.server.process.pid), str(target.operations[1])]
        try:
            async with self._told("tests.adversary.probe", *arguments, take=self._take_probe):
                yield
        finally:
            await asyncio.sleep(1)  # lets the last lines arrive
            await _ended([log, progress])

    def _take_probe(self, said: dict[str, Any]) -> None:
        self._referee.take_probe(said)
        for worker, size in said.get("memory", {}).items():
            if size > _RUINED_BYTES:
                self._target.killed[int(worker)] = time.monotonic()
                with suppress(ProcessLookupError):
                    os.kill(int(worker), signal.SIGKILL)

    @asynccontextmanager
    async def _honest(self) -> AsyncIterator[None]:
        """Run well-behaved clients meanwhile; they read their current answer to its end."""
        name = "tests.adversary.honest"
        async with self._told(name, str(self._errands), take=self._referee.take_honest):
            yield

    @asynccontextmanager
    async def _told(
        self, module: str, *arguments: str, take: Callable[[dict[str, Any]], None]
    ) -> AsyncIterator[None]:
        """Run a process that reports lines until its input ends."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        output = process.stdout

        async def listen() -> None:
            async for line in output:
                take(json.loads(line))

        listening = asyncio.create_task(listen())
        try:
            yield
        finally:
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 200)
            await listening

    async def _follow_log(self) -> None:
        with self._target.server.log.open(encoding="utf-8", errors="replace", newline="\n") as log:
            rest = ""
            while True:
                rest += log.read()
                *lines, rest = rest.split("\n")
                for line in lines:
                    if line:
                        self._referee.take_log(line)
                await asyncio.sleep(0.3)


async def _ended(tasks: list["asyncio.Task[None]"]) -> None:
    """Cancel tasks and wait for them; raise the error of a failed one."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
