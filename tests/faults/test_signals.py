"""Signals while listeners are being served."""

import os
import signal
import time
from pathlib import Path

import httpx

from tests.conftest import Row, Starter
from tests.support.load import Caller, Listener
from tests.support.server import Settings
from tests.support.sound import decode
from tests.support.voices import install_joe, install_pair

_LISTENERS = 4
_TEXT = " ".join(f"Đây là câu thứ {number} của một bài đọc." for number in range(6))


def settings(folder: Path, **server: object) -> Settings:
    """Return settings with a voice of real cost."""
    install_joe(folder / "server" / "voices")
    install_pair(folder / "server" / "voices")
    return {
        "server": {"workers": 2, **server},
        "voice": {"name": "joe", "others": ["pair"], "threads": 1},
        "cache": {"memory": {"max_bytes": 0}},
    }


def whole(listeners: list[Listener]) -> int:
    """Return how many heard all of it."""
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
    """Every stream that had begun is whole, and the server ends with status 0."""
    with start(settings(tmp_path, graceful_timeout=60)) as server:
        listeners = [Listener(server, _TEXT) for _ in range(_LISTENERS)]
        for listener in listeners:
            assert listener.first.wait(60)
        begun = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        assert whole(listeners) == _LISTENERS
        assert server.process.wait(30) == 0
        seconds = time.monotonic() - begun
    row(
        f"SIGTERM while {_LISTENERS} streams are under way",
        f"{_LISTENERS} of {_LISTENERS} whole, exit status 0, ended after {seconds:.1f} s",
    )


def test_sigkill(start: Starter, tmp_path: Path, row: Row) -> None:
    """Only the killed worker's own streams are lost, and another worker takes its place."""
    with start(settings(tmp_path)) as server:
        listeners = [Listener(server, _TEXT) for _ in range(_LISTENERS)]
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
        kept = whole(listeners)
        if kept:  # as many as the workers say they have served to the end, no more and no fewer
            assert len(server.wait_for("request", count=kept, route="stream", status=200)) == kept
        for _ in range(5):
            assert httpx.get(f"{server.url}/tts?text=xin", timeout=60).status_code == 200
    row(
        f"SIGKILL of one of 2 workers, {_LISTENERS} streams under way",
        f"{_LISTENERS - kept} cut (its own), {kept} whole, another worker can speak after "
        f"{seconds:.1f} s",
    )


def test_sighup(start: Starter, tmp_path: Path, row: Row) -> None:
    """All workers are replaced under load; no stream is cut and no request fails."""
    with start(settings(tmp_path)) as server:
        before = set(server.workers())
        # No more than two cores can serve in time: whoever is refused for that proves nothing.
        listeners = [Listener(server, _TEXT) for _ in range(2)]
        callers = [Caller(server.url) for _ in range(3)]
        for listener in listeners:
            assert listener.first.wait(60)
        begun = time.monotonic()
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_until(lambda: not before & set(server.workers()), "new workers")
        seconds = time.monotonic() - begun
        assert whole(listeners) == len(listeners)
        for caller in callers:
            caller.stop()
        assert [problem for caller in callers for problem in caller.problems] == []
        answered = sum(caller.answered for caller in callers)
        refused = sum(caller.refused for caller in callers)
        assert answered > 0
    row(
        f"SIGHUP while {len(listeners)} streams are under way and others ask",
        f"{len(listeners)} of {len(listeners)} whole; {answered} further requests whole, "
        f"{refused} told to come back, 0 failed; "
        f"all workers replaced after {seconds:.1f} s",
    )
