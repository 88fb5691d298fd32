"""The commands `jobs` and `work`, in processes of their own."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.jobs.test_jobs import LONG, QUICK, ended, job, submit, unfinished
from tests.support.cli import command, run
from tests.support.server import Server, clean_environment, serving, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that takes jobs."""
    with serving(tmp_path_factory.mktemp("jobs")) as found:
        yield found


def jobs(server: Server, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `vits-tts jobs` against a server."""
    done = run(folder, "jobs", *arguments, "--url", server.url)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_list_show_watch(server: Server, tmp_path: Path) -> None:
    """The commands show a job, its items, the file of a document, and its end."""
    assert jobs(server, tmp_path, "list") == (0, "", "vits-tts: there are no jobs\n")
    begun = submit(server, "Một câu.", "Hai câu.")["id"]
    status, out, err = jobs(server, tmp_path, "watch", begun)
    assert (status, err) == (0, "")
    assert f"{begun}  succeeded  2/2 items" in out
    assert begun in jobs(server, tmp_path, "list")[1]
    lines = jobs(server, tmp_path, "show", begun)[1].splitlines()
    assert lines[1].startswith("0  succeeded  http")
    body = {"text": "Một câu.", "format": "mp3"}
    book = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60).json()["id"]
    assert ended(server, book)["status"] == "succeeded"
    *_, last = jobs(server, tmp_path, "show", book)[1].splitlines()
    assert last == f"result  succeeded  {server.url}/v1/jobs/{book}/result.mp3"


def test_all_jobs_are_listed(tmp_path: Path) -> None:
    """More jobs than one answer of the server has are listed, each once."""
    with serving(tmp_path) as server:
        begun = {submit(server, "Một câu.")["id"] for _ in range(105)}
        _, out, _ = jobs(server, tmp_path, "list")
    lines = out.splitlines()
    assert len(lines) == 105
    assert {line.split()[0] for line in lines} == begun


def test_cancel_and_retry(server: Server, tmp_path: Path) -> None:
    """A cancelled job has failed for `watch`; a retry finishes it."""
    begun = submit(server, *[f"{LONG} {number}" for number in range(5)])["id"]
    status, out, _ = jobs(server, tmp_path, "cancel", begun)
    assert status == 0
    assert "cancelled" in out
    assert jobs(server, tmp_path, "watch", begun)[0] == 1
    assert jobs(server, tmp_path, "retry", begun)[0] == 0
    assert job(server, begun)["counts"]["cancelled"] == 0
    jobs(server, tmp_path, "cancel", begun)


def test_unknown_job(server: Server, tmp_path: Path) -> None:
    """An unknown job is an error in one line."""
    status, _, err = jobs(server, tmp_path, "show", "job-1")
    assert status == 2
    assert "there is no such job" in err
    assert len(err.splitlines()) == 1


def test_work_finishes_what_a_dead_server_began(tmp_path: Path) -> None:
    """A worker without HTTP continues the queue of a server that was killed."""
    with serving(tmp_path, QUICK) as first:
        begun = submit(first, LONG, "Một câu.")["id"]
        until(lambda: unfinished(tmp_path) >= 3, "three sentences", first.explain)
        for process in [first.process.pid, *first.workers()]:
            os.kill(process, signal.SIGKILL)
    worker = subprocess.Popen(
        command("work"), cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL
    )
    try:
        done = tmp_path / "jobs/files"
        until(lambda: len(list(done.glob("*.wav"))) == 2, "both files")
    finally:
        worker.terminate()
        assert worker.wait(60) == 0
    with serving(tmp_path, pair=True) as second:
        assert ended(second, begun)["counts"]["succeeded"] == 2
