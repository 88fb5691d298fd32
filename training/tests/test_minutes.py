"""Tests of the comparison of voices that learn from more and fewer minutes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.support.server import until
from training import __main__ as programs
from training import corpus, minutes
from training.tests import folders

TINY = ("--config", "tiny", "--limit", "1", "--jobs", "1")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make recordings, of which one is held out."""
    path = tmp_path_factory.mktemp("minutes")
    folders.make(path / "recordings")
    (path / "recordings" / corpus.HELD_OUT).write_text("a4\n")
    return path


def seconds(recordings: list[corpus.Recording]) -> float:
    """Return how long recordings are together."""
    return float(sum(soundfile.info(str(one.path)).duration for one in recordings))


def test_larger_draws_contain_smaller_ones(root: Path) -> None:
    """A draw has the minutes that were asked for and no recording too many."""
    recordings = corpus.read(root / "recordings")
    few, more = (minutes.draw(recordings, wanted, seed=1) for wanted in (0.05, 0.1))
    assert few == more[: len(few)]
    assert len(few) < len(more) < len(recordings)
    assert seconds(few[:-1]) < 3 <= seconds(few)
    assert minutes.draw(recordings, 60, seed=1) != recordings
    assert len(minutes.draw(recordings, 60, seed=1)) == len(recordings)


def test_voices_are_compared(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each voice has a column with what it learnt from, its cost, and its figures."""
    command = ["minutes", str(root / "recordings"), "--work", str(root / "work"), *TINY]
    command += ["--minutes", "0.17", "0.22", "--prosody-from", str(root / "recordings")]
    assert programs.main(command) == 0
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    rows = {cells[0]: cells[1:] for cells in lines[2:]}
    assert lines[0] == ["recordings", "0.17", "0.22", "0.17+"]
    few, more, lent = map(float, rows["minutes of sound"][1:])
    assert 0 < few == lent < more
    assert all(float(cell) > 0 for cell in rows["minutes of one core"][1:])
    assert all(1 <= float(cell) <= 5 for cell in rows["P.808"])
    assert rows["pitch error cents"][0] == "0.00"


def test_it_goes_on_where_it_was_stopped(root: Path) -> None:
    """On SIGTERM the training under way keeps its state, and no other begins."""
    work = root / "stopped"
    command = [sys.executable, "-m", "training.minutes", str(root / "recordings"), *TINY]
    command += ["--work", str(work), "--minutes", "0.17", "0.22", "--steps", "1000000"]
    log = work / "0.17" / "log"
    with subprocess.Popen(command) as process:  # noqa: S603  # this program
        until(lambda: log.exists() and "parameters" in log.read_text(), "the first training")
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 75
    assert "repeat the same command" in log.read_text()
    assert (work / "0.17" / "prosody" / "last.pt").exists()
    assert not (work / "0.22").exists()
