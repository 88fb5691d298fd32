"""Attack servers for a time and print a table of the results; see ``scripts/adversary``."""

import argparse
import contextlib
import os
import resource
import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.adversary import report
from tests.adversary.families import FAMILIES
from tests.adversary.game import Plan, play
from tests.adversary.rounds import ROUNDS

_HOUR = 3600.0
_ROUND_SECONDS = 300.0


def main() -> int:
    """Run the rounds and return the exit status: 1 if there is any finding."""
    options = _options()
    many_connections()
    print(f"seed {options.seed}", file=sys.stderr)
    folder = Path(options.folder or tempfile.mkdtemp(prefix="adversary-"))
    if (folder / "round-1").exists():
        sys.exit(f"{folder}: holds another run already")
    folder.mkdir(parents=True, exist_ok=True)
    title = f"scripts/adversary --seconds {options.seconds:g} --seed {options.seed}"
    summary = report.Summary(Path(options.summary or folder / "summary.md"), title)
    say(f"what it comes to so far: {summary.path}")
    names = [options.round] if options.round else list(ROUNDS)
    count = max(1, round(options.seconds / _ROUND_SECONDS / len(names))) * len(names)
    for turn in range(1 if options.number else count):
        name = names[turn % len(names)]
        plan = Plan(
            options.seed + turn // len(names),
            options.seconds / count,
            options.attackers,
            options.number,
            options.only,
            say=say,
            progress=partial(summary.progress, name),
        )
        say(f"round {turn + 1} of {count}: {ROUNDS[name].name}, seed {plan.seed}")
        outcome = play(ROUNDS[name], plan, folder / f"round-{turn + 1}")
        summary.end_round(name, outcome)
        report.write_findings(name, plan, outcome, folder / f"round-{turn + 1}", say)
    print(summary.text())
    return int(any(outcome.referee.findings for _, outcome in summary.outcomes))


def say(line: str) -> None:
    """Print a line for the user."""
    print(line, file=sys.stderr, flush=True)


def many_connections() -> None:
    """Raise this process's limit of open connections to the maximum."""
    with contextlib.suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/adversary", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=_HOUR, help="for how long; an hour")
    add("--seed", type=int, default=None, help="determines all attacks; random")
    add("--attackers", "--workers", type=int, default=6, help="how many attack at the same time; 6")
    add("--round", choices=list(ROUNDS), help="only servers of this sort")
    add("--only", choices=list(FAMILIES), help="only attacks of this family")
    add("--number", type=int, nargs="+", help="only these attacks of the seed, one by one")
    add("--summary", help="where the tables are written as it goes; summary.md in the folder")
    add("--folder", help="where servers and findings are kept; a new one for temporary files")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = int.from_bytes(os.urandom(4))
    return options


if __name__ == "__main__":
    sys.exit(main())
