"""Signals during streams."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Row, Starter
from tests.support.load import VERY_LONG, Caller, Listener
from tests.support.server import Server, Settings, serving
from tests.support.sound import decode
from tests.support.voices import install_pair

_LISTENERS = 4


def settings(folder: Path, **server: object) -> Settings:
    """Return settings of two workers that wait for listeners which do not read on."""
    install_pair(folder / "server" / "voices")
    return {
        "server": {"workers": 2, "graceful_timeout": 120, **server},
        "voice": {"name": "pair"},
        "cache": {"memory": {"max_bytes": 0}},
        "limits": {"slow_client_seconds": 120},
    }


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of these settings, whose workers come and go."""
    folder = tmp_path_factory.mktemp("lasting")
    with serving(folder / "server", settings(folder)) as server:
        server.wait_for("worker ready", count=2)
        yield server


def whole(listeners: list[Listener]) -> int:
    """Return how many listeners got complete streams."""
    for listener in listeners:
        listener.release()
    for listener in listeners:
        listener.join(90)
    longest = max(len(listener.sound) for listener in listeners)
    return sum(
        listener.problem is None
        and decode(listener.sound, streamed=True).seconds > 5
        and len(listener.sound) > 0.8 * longest
        for listener in listeners
    )


def test_sigterm(start: Starter, tmp_path: Path, row: Row) -> None:
    """SIGTERM: every stream under way is complete, and the server ends with status 0."""
    with start(settings(tmp_path)) as server:
        listeners = [Listener(server, VERY_LONG, held=True) for _ in range(_LISTENERS)]
        for listener in listeners:
            assert listener.first.wait(60)
        begun = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        assert whole(listeners) == _LISTENERS
        assert server.process.wait(30) == 0
        seconds = time.monotonic() - begun
    row(
        f"SIGTERM while {_LISTENERS} streams are under way",
        f"{_LISTENERS} of {_LISTENERS} are complete; exit status 0 after {seconds:.1f} s",
    )


def test_sigkill(lasting: Server, row: Row) -> None:
    """SIGKILL: only the worker's own streams are lost, and another worker takes its place."""
    server = lasting
    listeners = [Listener(server, VERY_LONG, held=True) for _ in range(_LISTENERS)]
    for listener in listeners:
        assert listener.first.wait(60)
    before = server.workers()
    killed = before[0]
    os.kill(killed, signal.SIGKILL)
    begun = time.monotonic()

    def replaced() -> bool:
        return len(set(server.workers()) - {killed}) == len(before)

    server.wait_until(replaced, "another worker")
    (successor,) = set(server.workers()) - set(before)
    server.wait_for("voice loaded", process=successor)
    seconds = time.monotonic() - begun
    server.wait_for("worker ready", count=3)
    kept = whole(listeners)
    if kept:  # exactly as many as the workers say they have completed
        assert len(server.wait_for("request", count=kept, route="stream", status=200)) == kept
    for _ in range(5):
        assert httpx.get(f"{server.url}/tts?text=xin", timeout=60).status_code == 200
    row(
        f"SIGKILL of one of 2 workers, {_LISTENERS} streams under way",
        f"{_LISTENERS - kept} cut (those of the killed worker), {kept} complete; a new worker "
        f"speaks after {seconds:.1f} s",
    )


def test_sighup(lasting: Server, row: Row) -> None:
    """SIGHUP: all workers are replaced under load; no stream is cut and no request fails."""
    server = lasting
    server.forget()
    before = set(server.workers())
    listeners = [Listener(server, VERY_LONG, held=True) for _ in range(2)]
    callers = [Caller(server.url) for _ in range(3)]
    for listener in listeners:
        assert listener.first.wait(60)
    begun = time.monotonic()
    os.kill(server.process.pid, signal.SIGHUP)
    server.wait_for("worker ready", count=2)
    seconds = time.monotonic() - begun
    assert whole(listeners) == len(listeners)
    server.wait_until(lambda: not before & set(server.workers()), "the old workers' end")
    for caller in callers:
        caller.stop()
    assert [problem for caller in callers for problem in caller.problems] == []
    answered = sum(caller.answered for caller in callers)
    refused = sum(caller.refused for caller in callers)
    assert answered > 0
    row(
        f"SIGHUP while {len(listeners)} streams are under way and further requests come",
        f"{len(listeners)} of {len(listeners)} are complete; {answered} further requests complete, "
        f"{refused} refused, 0 failed; two new workers able after {seconds:.1f} s",
    )
