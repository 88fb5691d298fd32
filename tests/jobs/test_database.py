"""A queue in PostgreSQL that several machines share, and that goes away."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import LockNotAvailable

from tests.jobs.test_jobs import ended, items, job, submit
from tests.support.cli import command
from tests.support.postgresql import Database, database
from tests.support.server import Server, Settings, clean_environment, serving, until
from tests.support.voices import install_pair
from vits_tts.jobs import presence
from vits_tts.jobs.presence import DatabasePresence
from vits_tts.jobs.queue import limited

SCALER = Path(__file__).parent.parent.parent / "deploy/kubernetes/jobs/scaler.yaml"
_SOME = 12
_LONG = " ".join(f"Đây là câu số {number} của một bài rất dài." for number in range(100))
"""A text by which as many items take long enough for two machines to take part."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Database]:
    """Run a database."""
    with database() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all machines."""
    return tmp_path_factory.mktemp("database")


def settings(postgres: Database, folder: Path) -> Settings:
    """Return the settings of a machine that shares the queue and the results with others."""
    return {
        "voice": {"name": "pair"},
        "jobs": {"url": postgres.url, "folder": str(folder / "shared")},
    }


@pytest.fixture(scope="module")
def server(postgres: Database, folder: Path) -> Iterator[Server]:
    """Run a server on the first machine."""
    install_pair(folder / "first/voices")
    with serving(folder / "first", settings(postgres, folder)) as found:
        yield found


@contextmanager
def working(folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `vits-tts work` with the settings in a folder, for a while."""
    with (folder / "work.jsonl").open("ab") as log:
        process = subprocess.Popen(
            command("work"), cwd=folder, env=clean_environment(), stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def degraded(server: Server) -> str | None:
    """Return which part of a server fails."""
    found: str | None = httpx.get(f"{server.url}/readyz", timeout=60).json().get("degraded")
    return found


def made(server: Server) -> int:
    """Return how many items a server has made."""
    lines = server.metrics().splitlines()
    name = 'vits_tts_job_items_total{outcome="succeeded"} '
    return sum(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://vits:a%40b@database/vits",
        "postgresql://vits@a:5432,b:5433/vits?target_session_attrs=read-write&connect_timeout=1",
        "postgresql:///vits?host=/var/run/postgresql",
        "postgresql://database/vits?",
        "postgresql://vits:a#b?c@database/vits?sslmode=require",
        "postgresql://database/vits?application_name=",
    ],
)
def test_limits_of_time_change_nothing_else(url: str) -> None:
    """A URL keeps its meaning, also with several hosts, the path of a socket or a raw password."""
    given, found = conninfo_to_dict(url), conninfo_to_dict(limited(url))
    assert given.items() <= found.items()
    assert found["tcp_user_timeout"] == "10000"


def test_a_machine_that_is_cut_off(postgres: Database) -> None:
    """The database looks whether a silent machine is there, and so ends its lock within seconds.

    Nothing here can cut a connection without telling its other end, so this reads the settings.
    """
    presence = DatabasePresence(postgres.url)
    presence.hold()
    try:
        names = ("idle", "interval", "count")
        found = [presence._connection.execute(f"SHOW tcp_keepalives_{name}") for name in names]
        idle, interval, count = (int(each.fetchone()[0]) for each in found)
        assert 0 < idle + interval * count <= 30
    finally:
        presence.release()


def test_one_machine_at_a_time(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines wait for each other where one at a time may be, but not for good."""
    monkeypatch.setattr(presence, "_ALONE_SECONDS", 60.0)
    first, second = (DatabasePresence(postgres.url) for _ in range(2))
    first.hold()
    second.hold()
    entered = threading.Event()

    def enter() -> None:
        with second.alone():
            entered.set()

    thread = threading.Thread(target=enter)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    try:
        with first.alone():
            thread.start()
            until(lambda: postgres.ask(waiting)[0][0] == 1, "a machine that waits")
            assert not entered.is_set()
        thread.join()
        assert entered.is_set()
        monkeypatch.setattr(presence, "_ALONE_SECONDS", 0.001)
        third = DatabasePresence(postgres.url)
        third.hold()
        with first.alone(), third.alone():
            pass
        third.release()
    finally:
        first.release()
        second.release()


def test_locks_after_a_restart_tell_nothing(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For some seconds after the database or a connection was lost, no machine counts as dead."""
    mine, other = (DatabasePresence(postgres.url) for _ in range(2))
    mine.hold()
    try:
        monkeypatch.setattr(presence, "_SETTLING_SECONDS", 0.0)
        assert mine.is_dead(other.executor)  # it has no lock
        other.hold()
        assert not mine.is_dead(other.executor)
        other.release()
        until(lambda: mine.is_dead(other.executor), "the end of the other connection")
        postgres.ask(f"SELECT pg_terminate_backend({mine._connection.info.backend_pid})")
        mine.hold()
        monkeypatch.setattr(presence, "_SETTLING_SECONDS", 3600.0)
        assert not mine.is_dead(other.executor)
    finally:
        mine.release()
        other.release()


def test_a_connection_that_breaks_meanwhile(postgres: Database) -> None:
    """A block that one machine at a time is in ends in order, though its connection was lost."""
    presence = DatabasePresence(postgres.url)
    presence.hold()
    with presence.alone():
        presence.release()  # as another thread does which finds it broken
    presence.hold()
    with presence.alone():
        pass
    presence.release()


def test_a_lost_connection_that_the_database_keeps(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose earlier connection still has its lock takes it as soon as it is free."""
    lost, other = DatabasePresence(postgres.url), DatabasePresence(postgres.url)
    lost.hold()
    other.hold()
    monkeypatch.setattr(presence, "_ALONE_SECONDS", 0.001)
    mine = DatabasePresence(postgres.url)
    mine.executor = lost.executor
    with pytest.raises(LockNotAvailable):
        mine.hold()
    lost.release()

    def held() -> bool:
        with suppress(LockNotAvailable):  # until the database has ended the connection
            mine.hold()
            return True
        return False

    until(held, "the lock")
    assert not other.is_dead(mine.executor)
    mine.release()
    until(lambda: other.is_dead(mine.executor), "the end of the lock")
    other.release()


def test_another_machine_takes_over(server: Server, postgres: Database, folder: Path) -> None:
    """A machine that dies leaves its items to the others."""
    second = folder / "second"
    install_pair(second / "voices")
    with serving(second, settings(postgres, folder)) as other:
        begun = submit(other, *(f"Câu số {number}. {_LONG}" for number in range(_SOME)))["id"]
        other.wait_until(
            lambda: job(other, begun)["counts"]["succeeded"] > made(server),
            "an item of the second machine",
        )
        for process in (other.process.pid, *other.workers()):
            os.kill(process, signal.SIGKILL)
    assert ended(server, begun)["counts"]["succeeded"] == _SOME
    for item in items(server, begun):
        assert httpx.get(item["audio_url"], timeout=60).content[:4] == b"RIFF"
    assert 0 < made(server) < _SOME


def waiting(postgres: Database) -> int:
    """Return the number of items by which the workers of a cluster are scaled."""
    manifest = yaml.safe_load(SCALER.read_text(encoding="utf-8"))
    (trigger,) = manifest["spec"]["triggers"]
    return int(postgres.ask(trigger["metadata"]["query"])[0][0])


def test_a_machine_without_http(server: Server, postgres: Database, folder: Path) -> None:
    """`vits-tts work` makes items of a server's jobs, and returns the others at its end."""
    second = folder / "second"
    with working(second) as process:
        until(lambda: b"the queue is open" in (second / "work.jsonl").read_bytes(), "a worker")
        earlier = made(server)
        begun = submit(server, *(f"Bài số {number}. {_LONG}" for number in range(_SOME)))["id"]
        until(lambda: waiting(postgres), "items that wait")
        until(
            lambda: job(server, begun)["counts"]["succeeded"] > made(server) - earlier,
            "an item of the other process",
        )
        process.terminate()
        assert process.wait(60) == 0
    assert ended(server, begun)["counts"]["succeeded"] == _SOME
    assert waiting(postgres) == 0


def test_the_database_goes_away(server: Server, postgres: Database) -> None:
    """Callers get 503, speech continues, readiness reports it, no item is lost or made twice."""
    earlier = made(server)
    begun = submit(server, *(f"Đoạn số {number}. {_LONG}" for number in range(_SOME)))["id"]
    server.wait_until(lambda: made(server) > earlier, "an item")
    postgres.stop()
    for path in ("/v1/jobs", f"/v1/jobs/{begun}"):
        answer = httpx.get(f"{server.url}{path}", timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "jobs_unavailable")
        assert answer.headers["Retry-After"]
    body = {"items": [{"text": "Một."}]}
    assert httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60).status_code == 503
    assert degraded(server) == "job_queue"
    said = httpx.post(f"{server.url}/tts", json={"text": "Vẫn nói."}, timeout=60)
    assert said.status_code == 200
    postgres.start()
    server.wait_until(lambda: degraded(server) is None, "the queue again")
    assert ended(server, begun)["counts"]["succeeded"] == _SOME
    assert made(server) - earlier == _SOME


def test_the_log_of_an_outage_is_short(server: Server) -> None:
    """An unreachable database is not logged several times a second, nor with texts."""
    text = server.log.read_text(encoding="utf-8")
    assert "breaker open" in text
    assert text.count("Exception reloading queue items") <= 1
    assert "Đoạn số" not in text


def test_a_frozen_database(postgres: Database, folder: Path) -> None:
    """A database that accepts connections and never answers holds neither callers nor the end."""
    third = folder / "third"
    install_pair(third / "voices")
    limits = settings(postgres, folder)
    limits["jobs"]["queue_timeout_seconds"] = 2
    with serving(third, limits) as server:
        path = f"{server.url}/v1/jobs"
        server.wait_until(lambda: httpx.get(path, timeout=60).status_code == 200, "the queue")
        with postgres.frozen():
            assert httpx.get(path, timeout=60).status_code == 503
            assert degraded(server) == "job_queue"
            assert server.stop() == 0


def test_without_a_database(folder: Path, postgres: Database) -> None:
    """A server starts without its database, reports that, and takes jobs once it answers.

    The other part that fails, the accounts of use, is named beside it.
    """
    postgres.stop()
    fourth = folder / "fourth"
    install_pair(fourth / "voices")
    blocked = fourth / "usage"
    blocked.write_text("a file in place of the folder", encoding="utf-8")
    with serving(fourth, settings(postgres, folder)) as server:
        assert httpx.post(f"{server.url}/tts", json={"text": "Một."}, timeout=60).is_success
        server.wait_until(lambda: degraded(server) == "usage, job_queue", "degraded")
        blocked.unlink()
        postgres.start()
        server.wait_until(lambda: degraded(server) is None, "the queue")
        assert ended(server, submit(server, "Có rồi.")["id"])["status"] == "succeeded"
