"""A minute of attacks on two kinds of servers; `scripts/adversary` attacks for an hour.

The attacks follow from a seed, which is printed and can be chosen by ``ADVERSARY_SEED``. Each
finding is printed with the command that repeats it.

Times are judged so that a slow or busy machine does not matter. A separate process
(:mod:`tests.adversary.probe`) measures health and, at the same moments, the control: an idle
process that only answers. From the time of a check it subtracts how long the worker's event loop
waited for a core, which the kernel counts, and how late the control was meanwhile.

More than 100 ms of the rest are a finding if the same attacks, repeated by themselves, cause them
again. They are a finding at once if they are more than 500 ms in which no thread of the worker
waited for a core. The test prints such findings. It fails only because of the others, since a test
of the whole suite must not depend on the time that something takes; `scripts/adversary` fails
because of all.
"""

import os
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.adversary import families, report
from tests.adversary.__main__ import many_connections
from tests.adversary.game import Plan, RoundOutcome, play
from tests.adversary.referee import JUDGED_BY_TIME
from tests.adversary.rounds import OPEN, ROUNDS

_SEED = int(os.environ.get("ADVERSARY_SEED", "20"))
_SECONDS = 12.0
_AGAIN_SECONDS = 20.0
_SOME = 300


@pytest.mark.skipif(sys.platform != "linux", reason="what processes do is read from /proc")
@pytest.mark.parametrize("name", ["open", "keys"])
def test_attacks(name: str, tmp_path: Path) -> None:
    """No attack ends a server or a stream of another client; a finding says how to repeat it."""
    many_connections()
    summary = report.Summary(tmp_path / "summary.md", f"{name}, seed {_SEED}")
    states: list[str] = []

    def progress(outcome: RoundOutcome) -> None:
        summary.progress(name, outcome)
        states.append(summary.path.read_text())

    plan = Plan(_SEED, _SECONDS, again_seconds=_AGAIN_SECONDS, say=print, progress=progress)
    print(f"seed {_SEED}")
    outcome = play(ROUNDS[name], plan, tmp_path / "round")
    summary.end_round(name, outcome)
    report.write_findings(name, plan, outcome, tmp_path, print)
    print(summary.text())
    found = {finding.what for finding in outcome.referee.findings.values()}
    assert found <= JUDGED_BY_TIME
    assert outcome.referee.honest["stream whole"]
    assert outcome.referee.checks == outcome.referee.took_ms.total() > 0
    assert all("broken off" in state for state in states)
    assert states
    assert "broken off" not in summary.path.read_text()
    assert summary.text() in summary.path.read_text()


def test_an_attack_follows_from_its_number() -> None:
    """The same seed and number make the same attack, byte for byte; others make others."""
    make = partial(families.attack, _SEED)
    made = [make(number, OPEN.facts) for number in range(_SOME)]
    again = [make(number, OPEN.facts) for number in range(_SOME)]
    assert [attack.exact for attack in made] == [attack.exact for attack in again]
    assert {attack.family for attack in made} == set(families.FAMILIES)
    assert len({attack.exact for attack in made}) > _SOME * 0.8
