"""Results as Markdown tables, and as findings that can be repeated."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.adversary.game import Plan, RoundOutcome

_MOST_SHOWN = 5
_MEBIBYTE = 1 << 20
_SHARES = (0.5, 0.99, 0.999, 1.0)

Outcomes = Sequence[tuple[str, RoundOutcome]]


@dataclass
class Summary:
    """A file with the results of all rounds so far, the present one included.

    An interrupted run so leaves its results; the file is replaced as a whole.
    """

    path: Path
    title: str
    """The options of the run."""
    outcomes: list[tuple[str, RoundOutcome]] = field(default_factory=list)
    """The rounds that are over."""

    def end_round(self, name: str, outcome: RoundOutcome) -> None:
        """Add a round that is over."""
        self.outcomes.append((name, outcome))
        self._write(self.outcomes, "")

    def progress(self, name: str, outcome: RoundOutcome) -> None:
        """Write the results while a round is under way."""
        self._write([*self.outcomes, (name, outcome)], " (under way, or broken off)")

    def text(self) -> str:
        """Return the tables of all rounds that are over."""
        return table(self.outcomes)

    def _write(self, outcomes: Outcomes, state: str) -> None:
        minutes = sum(outcome.seconds for _, outcome in outcomes) / 60
        head = f"`{self.title}`: {len(outcomes)} rounds, {minutes:.0f} minutes{state}"
        part = self.path.with_suffix(".part")
        found = "".join(f"\n- {line}" for line in _found(outcomes))
        part.write_text(f"{head}\n\n{table(outcomes)}\n{found}\n", encoding="utf-8")
        part.replace(self.path)


def write_findings(
    name: str, plan: Plan, outcome: RoundOutcome, folder: Path, say: Callable[[str], None]
) -> None:
    """Print the findings, and save the exact inputs in files beside the server's log.

    Delays that did not come again are saved too, for a search for their cause.
    """
    delays = [
        f"{stall.detail} {[f'{attack.number} {attack.kind}' for attack in stall.suspects]}\n"
        for stall in outcome.referee.unconfirmed
    ]
    (folder / "unconfirmed.txt").write_text("".join(delays), encoding="utf-8")
    for place, finding in enumerate(outcome.referee.findings.values(), 1):
        numbers = " ".join(str(attack.number) for attack in finding.attacks)
        path = folder / f"finding-{place}.txt"
        lines = [finding.what, finding.detail, f"seen {finding.count} times", ""]
        for attack in finding.attacks:
            lines += [f"attack {attack.number}, {attack.family}: {attack.kind}", attack.exact, ""]
        path.write_text("\n".join(lines), encoding="utf-8", errors="backslashreplace")
        say(f"FINDING: {finding.what} ({finding.count} times): {finding.detail[:400]}")
        for attack in finding.attacks[:_MOST_SHOWN]:
            say(f"  {attack.family}: {attack.kind}: {attack.exact[:120]}")
        say(f"  all of it: {path}")
        if numbers:
            only = f" --only '{plan.only}'" if plan.only else ""
            options = f"--round {name} --seed {plan.seed}{only} --number {numbers}"
            say(f"  again: scripts/adversary {options}")


def _found(outcomes: Outcomes) -> Iterator[str]:
    """Yield a line for each finding so far, with the attacks that were being made."""
    for name, outcome in outcomes:
        for finding in outcome.referee.findings.values():
            numbers = " ".join(str(attack.number) for attack in finding.attacks)
            detail = " ".join(finding.detail[:300].split())
            yield f"{name}: {finding.what} ({finding.count} times): {detail}; attacks {numbers}"


def table(outcomes: Outcomes) -> str:
    """Return the summary of some rounds: requests, answers, and the state of the server."""
    lines = ["| attacks | connections | answers | findings |", "|---|---|---|---|"]
    statuses: dict[str, Counter[str]] = {}
    for _, outcome in outcomes:
        for family, counts in outcome.referee.statuses.items():
            statuses.setdefault(family, Counter()).update(counts)
    for family, counts in sorted(statuses.items()):
        shares = ", ".join(f"{count} × {status}" for status, count in sorted(counts.items()))
        found = sum(
            any(attack.family == family for attack in finding.attacks)
            for _, outcome in outcomes
            for finding in outcome.referee.findings.values()
        )
        lines.append(f"| {family} | {counts.total() or ''} | {shares or 'none'} | {found} |")
    return "\n".join([*lines, "", *_invariants(outcomes)])


def _invariants(outcomes: Outcomes) -> list[str]:
    referees = [outcome.referee for _, outcome in outcomes]
    killed = sum(len(referee.target.killed) for referee in referees)
    lost = sum(len(referee.lost) for referee in referees)
    memory = max((referee.memory for referee in referees), default=0) // _MEBIBYTE
    ends = [outcome.seconds_to_end for _, outcome in outcomes if outcome.seconds_to_end is not None]
    ended = f"at most {max(ends):.1f} s" if ends else "not yet"
    grace = max((referee.round_.grace_seconds for referee in referees), default=0)
    descriptors = max((referee.descriptors for referee in referees), default=0)
    rows = [
        ("attacks", f"{sum(outcome.attacks for _, outcome in outcomes)} in {len(outcomes)} rounds"),
        ("health", _health(outcomes)),
        ("workers", f"{lost} lost; {killed} ended by the adversary"),
        ("memory of a worker", f"at most {memory} MiB{_at_rest(outcomes)}"),
        ("descriptors of a worker", f"at most {descriptors}"),
        ("streams of others", _others(outcomes, "stream")),
        ("other requests of others", _others(outcomes, "visit")),
        ("requests ended by the watchdog", str(sum(r.ended_by_watchdog for r in referees))),
        ("end after SIGTERM under attack", f"{ended}, of {grace:g} s"),
        ("findings", str(sum(len(referee.findings) for referee in referees))),
    ]
    lines = ["| invariant | |", "|---|---|"]
    return [*lines, *(f"| {name} | {value} |" for name, value in rows)]


def _at_rest(outcomes: Outcomes) -> str:
    idle = [outcome.after.memory for _, outcome in outcomes if outcome.after]
    return f", {max(idle) // _MEBIBYTE} MiB when all had left" if idle else ""


def _health(outcomes: Outcomes) -> str:
    """Return the duration of health checks, as clients see it and without the machine's delays."""
    took: Counter[int] = Counter()
    own: Counter[int] = Counter()
    for _, outcome in outcomes:
        took.update(outcome.referee.took_ms)
        own.update(outcome.referee.left_ms)
    unconfirmed = sum(len(outcome.referee.unconfirmed) for _, outcome in outcomes)
    delay = max((outcome.referee.delay for _, outcome in outcomes), default=0) * 1000
    return (
        f"{took.total()} checks; median, 99 %, 99.9 %, slowest: {_percentiles(took)} ms, of which "
        f"the workers' own {_percentiles(own)} ms (an idle process was delayed by up to "
        f"{delay:.0f} ms); {unconfirmed} over 100 ms that did not come again"
    )


def _percentiles(counts: Counter[int]) -> str:
    """Return the median, two percentiles and the maximum of counted values."""
    found = []
    for share in _SHARES:
        seen = 0
        for milliseconds, count in sorted(counts.items()):
            seen += count
            if seen >= share * counts.total():
                found.append(str(milliseconds))
                break
    return ", ".join(found)


def _others(outcomes: Outcomes, what: str) -> str:
    """Return the results of well-behaved clients; every sample of their streams was compared."""
    counts: Counter[str] = Counter()
    for _, outcome in outcomes:
        counts.update(outcome.referee.honest)
    shares = [
        f"{count} × {outcome.removeprefix(what).strip()}"
        for outcome, count in sorted(counts.items())
        if outcome.startswith(what)
    ]
    return ", ".join(shares) or "none"
