"""Logs: one JSON object a line for all sources, without users' texts by default."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.conftest import Starter
from tests.support.server import Server, Settings, clean_environment, serving

SAID = "Mật khẩu của tôi là hoa hồng"


def test_one_line_for_a_request(start: Starter) -> None:
    """The line of a request has its client, work, times and error, but never its text."""
    with start({"logging": {"level": "debug"}}) as server:
        for path in ("/tts", "/tts/stream", "/tts", "/nope"):
            httpx.get(f"{server.url}{path}", params={"text": SAID}, headers={"X-Request-ID": path})
        httpx.get(f"{server.url}/tts", params={"text": SAID, "speed": "x"})
        last = {"X-Request-ID": "last"}
        httpx.post(f"{server.url}/tts", content=f'{{"text": "{SAID}"', headers=last)
        server.wait_for("request", request_id="last")
        lines = server.lines("request")
        made, streamed, again, unknown = (
            next(line for line in lines if line["request_id"] == path)
            for path in ("/tts", "/tts/stream", "/tts", "/nope")
        )
        assert (made["route"], made["status"], made["sentences"]) == ("tts", 200, 1)
        assert made["audio_seconds"] > 0.5
        assert made["real_time_factor"] > 0
        assert 0 < made["first_byte_ms"] <= made["total_ms"]
        assert (streamed["cache_hits"], streamed["real_time_factor"]) == (1, None)
        assert streamed["bytes"] > 10_000
        assert again["status"] == 200
        assert unknown["status"] == 404
        refusals = {line["code"] for line in server.lines() if "code" in line}
        assert {"not_found", "speed_invalid", "json_invalid"} <= refusals
        tiers = {(line["message"], line["tier"]) for line in server.lines() if "tier" in line}
        assert tiers == {("cache miss", "memory"), ("cache hit", "memory")}
        everything = server.log.read_text(encoding="utf-8")
        assert all(json.loads(line) for line in everything.splitlines())
        assert SAID not in everything
        assert "hoa" not in everything
        assert "%E1%BA" not in everything
        assert "gunicorn.error" in everything


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that logs the texts of requests."""
    settings: Settings = {"logging": {"log_text": True}}
    with serving(tmp_path_factory.mktemp("telling"), settings, pair=True) as server:
        yield server


def test_text_if_it_is_wanted(telling: Server) -> None:
    """If configured, the text is logged, cut to 100 characters."""
    telling.forget()
    httpx.get(f"{telling.url}/tts", params={"text": SAID * 10}, timeout=60)
    assert telling.wait_for("request", route="tts")[0]["text"] == (SAID * 10)[:100]


def test_rotating_file(start: Starter) -> None:
    """All workers together write a log file, and rotate it at its size."""
    settings = {"file": "logs/x.log", "file_max_bytes": 4096, "file_count": 2}
    with start({"server": {"workers": 2}, "logging": settings}, pair=True) as server:
        for _ in range(60):
            httpx.get(f"{server.url}/voices")
        server.wait_for("request", 60)
    files = sorted((server.log.parent / "logs").glob("x.log*"))
    assert len(files) == 3
    for file in files:
        assert file.stat().st_size <= 4096 + 1024
        for line in file.read_text(encoding="utf-8").splitlines():
            assert json.loads(line)["level"]


def test_a_log_that_cannot_be_written_costs_lines_only(start: Starter) -> None:
    """If the file's disk is full, requests are answered, and stdout is not filled with errors."""
    with start({"logging": {"file": "/dev/full"}}, pair=True) as server:
        for _ in range(20):
            assert httpx.get(f"{server.url}/voices").status_code == 200
        server.wait_for("request", 20)
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


def test_forks_in_the_middle_of_a_line(tmp_path: Path) -> None:
    """A process that is forked in the middle of a line can log."""
    program = """
import gc, os, sys, threading
from pathlib import Path
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
from loguru import logger

gc.freeze()  # as in a server; else each child searches all of it for garbage at its end
settings = Logging(file=Path("x.log"), file_max_bytes=10**9)
logs.configure(settings, sys.stdout)
children = []
for number in range(20):
    logger.info("parent " + "x" * 400_000, number=number)
    threading.Event().wait(0.002)  # the thread that writes is somewhere in a line
    child = os.fork()
    if not child:
        logs.configure(settings, sys.stdout)
        logger.info("child", number=number)
        logger.remove()
        sys.exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
logger.remove()
"""
    command = [sys.executable, "-W", "ignore", "-c", program]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    for said in (run.stdout, (tmp_path / "x.log").read_text(encoding="utf-8")):
        assert said.count('"message": "child"') == 20
        assert said.count('"message": "parent') == 20


def test_malformed_requests_are_not_quoted(server: Server) -> None:
    """An unreadable header is not quoted, because it may be secret; the log names the error."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Key: s3cr3t\x00\x01\r\n\r\n")
        connection.recv(1000)
    httpx.get(f"{server.url}/healthz")
    assert "s3cr3t" not in server.log.read_text(encoding="utf-8")


def test_text_format_and_routing() -> None:
    """The text format has one readable line with fields; the standard library's logs come too."""
    program = """
import logging, sys
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
from loguru import logger
logs.configure(Logging(format="text", level="info"), sys.stdout)
logger.bind(voice="x").info("hello")
logging.getLogger("some.library").warning("care")
logging.getLogger("some.library").debug("hidden")
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("oh")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, third, *traceback = done.stdout.splitlines()
    assert first.endswith("INFO    hello voice=x")
    assert second.endswith("WARNING care logger=some.library")
    assert "hidden" not in done.stdout
    assert third.endswith("ERROR   oh")
    assert traceback[-1].startswith("ZeroDivisionError")


def test_the_line_of_requests_is_as_all_others() -> None:
    """Lines that bypass loguru look the same in either format, and respect the level."""
    program = """
import json, sys
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
from loguru import logger
fields = {"route": "tts", "status": 200, "key": None, "text": "Xin chào"}
for kind, level in (("json", "info"), ("text", "info"), ("json", "warning"), ("text", "warning")):
    logs.configure(Logging(format=kind, level=level), sys.stdout)
    logger.bind(**fields).log("INFO", "request")
    logs.say("INFO", "request", fields)
    logs.say("DEBUG", "hidden", {})
    logger.complete()
    logger.remove()
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=True
    )
    usual, straight, *texts = done.stdout.splitlines()
    first, second = json.loads(usual), json.loads(straight)
    assert list(first) == list(second)
    assert first | {"time": ""} == second | {"time": ""}
    times = [datetime.fromisoformat(line["time"]) for line in (first, second)]
    assert times[0] <= times[1]
    assert times[0].utcoffset() == times[1].utcoffset()
    assert [line.split(" ", 2)[2] for line in texts] == [
        "INFO    request route=tts status=200 key=None text=Xin chào"
    ] * 2


FORGED = (
    "a\n2026-11-29 00:00:00.000 INFO    forged\x1b[31m\u2028\u2029\x85\u202e\x9b\r\x00\x7fxin chào"
)


def test_lines_cannot_be_forged() -> None:
    """A record is one line without invisible characters, for any content and source."""
    program = f"""
import logging, sys
from vits_tts.telemetry import logging as logs
from vits_tts.config import Logging
from loguru import logger
forged = {FORGED!r}
logs.configure(Logging(format=sys.argv[1]), sys.stdout)
logger.bind(voice=forged, key=forged).info("message {{}}", forged)
logs.say("INFO", "request", {{"request_id": forged, "text": forged}})
logging.getLogger("some.library").warning("%s", forged)
try:
    raise OSError(forged)
except OSError:
    logger.exception("failed")
"""
    lines: dict[str, list[str]] = {}
    for kind in ("text", "json"):
        done = subprocess.run(
            [sys.executable, "-c", program, kind],
            env=clean_environment(),
            capture_output=True,
            check=True,
        )
        lines[kind] = done.stdout.decode().removesuffix("\n").split("\n")
        assert all(line.isprintable() for line in lines[kind])
    bound, said, routed, failed = map(json.loads, lines["json"])
    assert bound["message"] == f"message {FORGED}"
    assert bound["voice"] == bound["key"] == said["request_id"] == said["text"] == FORGED
    assert routed["message"] == FORGED
    assert FORGED in failed["exception"]
    assert len([line for line in lines["text"] if line.startswith("20")]) == 4
    assert sum("xin chào" in line for line in lines["text"]) == 4


def test_a_caller_forges_no_line(telling: Server) -> None:
    """A client cannot forge a line over HTTP with a text that is logged."""
    text = "một\n2026-11-29 00:00:00.000 INFO    forged\u2028hai\u202eba"
    telling.forget()
    httpx.get(f"{telling.url}/tts", params={"text": text})
    assert telling.wait_for("request", route="tts")[0]["text"] == text
    everything = telling.log.read_text(encoding="utf-8")
    assert all(line.isprintable() for line in everything.split("\n"))
