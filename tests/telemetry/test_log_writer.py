"""Log lines on their way to a pipe, a stream or a rotating file, in the process of the tests."""

import fcntl
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import portalocker
import pytest
from loguru import logger

from tests.support.logs import log_restored
from tests.support.server import until
from vits_tts.config import Logging
from vits_tts.errors import ConfigError
from vits_tts.telemetry import log_writer, logging
from vits_tts.telemetry.log_writer import Descriptor, Stream, Writer
from vits_tts.telemetry.rotation import RotatingFile

PIPE_BYTES = 4096
LINE = f"{'x' * 99}\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the ends of a small pipe: that of the reader and that of the writer."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield reader, writer
    os.close(writer)
    os.close(reader)


def text_of(reader: int) -> str:
    """Return the text that is in a pipe now."""
    os.set_blocking(reader, False)
    try:
        return os.read(reader, 1_000_000).decode()
    except BlockingIOError:
        return ""


def test_lines_come_whole_and_in_order(pipe: tuple[int, int]) -> None:
    """A thread writes each line; the end waits for those that are queued."""
    reader, end = pipe
    writer = Writer(Descriptor("stdout", end))
    for number in range(20):
        writer.write(f"{number}\n")
    log_writer.end([writer])
    assert text_of(reader).splitlines() == list(map(str, range(20)))
    writer.write("late\n")
    assert (text_of(reader), writer.take_dropped(), writer.take_dropped()) == ("", 1, 0)


@pytest.mark.slow
def test_a_pipe_that_is_full(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging goes on while no process reads; later one line says how many lines are missing."""
    monkeypatch.setattr(log_writer, "_MOST_WAITING_CHARS", 2000)
    reader, end = pipe
    writer = Writer(Descriptor("stdout", end), "{} lines dropped\n".format)
    for _ in range(200):
        writer.write(LINE)
    dropped = writer.take_dropped()
    assert dropped > 100
    found = text_of(reader)
    log_writer.end([writer])  # there is room now
    found += text_of(reader)
    lines = found.splitlines(keepends=True)
    assert lines.count(LINE) == 200 - dropped
    notes = [line for line in lines if line != LINE]
    assert sum(int(note.partition(" ")[0]) for note in notes) in {0, dropped}


def test_a_pipe_without_a_reader() -> None:
    """A broken pipe costs lines only, and they are counted."""
    reader, end = os.pipe()
    os.close(reader)
    writer = Writer(Descriptor("stdout", end))
    writer.write(LINE)
    log_writer.end([writer])
    os.close(end)
    assert writer.take_dropped() == 1


def test_a_stream_without_a_descriptor() -> None:
    """A stream in memory gets the lines too."""
    stream = io.StringIO()
    target = log_writer.stream_target("stdout", stream)
    assert target == Stream("stdout", stream) != Stream("stdout", io.StringIO())
    writer = Writer(target)
    writer.write(LINE)
    log_writer.end([writer])
    assert stream.getvalue() == LINE


def test_the_settings_of_a_log(tmp_path: Path) -> None:
    """All sources go to the file as JSON or text from the level up; an exception is one line."""
    path = tmp_path / "logs" / "server.log"
    with log_restored():
        logging.configure(Logging(file=path, level="info"), None)
        logger.bind(status=200).info("request\nforged")
        logger.debug("hidden")
        logging.say("INFO", "frequent", {"bytes": 5})
        logging.say("DEBUG", "hidden", {})
        sys.modules["logging"].getLogger("tornado.access").warning("from %s", "tornado")
        try:
            _ = 1 // 0
        except ZeroDivisionError:
            logger.exception("broken")
        with pytest.raises(ConfigError, match=r"logging.file: .* cannot be written"):
            logging.configure(Logging(file=path / "x"), None)
        logger.info("the earlier settings stay")
        assert logging.take_dropped() == {"file": 0}
        logging.configure(Logging(file=path, format="text", file_count=5), None)
        logger.bind(status=200).info("as text")
    *lines, text = path.read_text().splitlines()
    found = [json.loads(line) for line in lines]
    messages = [line["message"] for line in found]
    assert messages == [
        "request\nforged",
        "frequent",
        "from tornado",
        "broken",
        "the earlier settings stay",
    ]
    expected = {"status": 200, "level": "info", "process": os.getpid()}
    assert expected.items() <= found[0].items()
    assert found[1]["bytes"] == 5
    assert "ZeroDivisionError" in found[3]["exception"]
    assert text.endswith(" INFO    as text status=200")


def test_a_file_rotates(tmp_path: Path) -> None:
    """A file that would exceed its size gets a number; the oldest is overwritten."""
    path = tmp_path / "a" / "server.log"
    file = RotatingFile(path, 250, 2)
    file.check()
    for number in range(9):
        line = f"{number}{LINE[1:]}".encode()
        assert file.write(line) == len(line)
    kept = {each.name: each.read_text()[0] for each in path.parent.glob("server.log*")}
    assert kept == {"server.log": "8", "server.log.1": "6", "server.log.2": "4"}
    assert file == RotatingFile(path, 250, 2) != RotatingFile(path, 250, 3)


def test_a_file_that_another_process_writes(tmp_path: Path) -> None:
    """Nothing is written, and nothing waits, while another process has the lock of the file."""
    path = tmp_path / "server.log"
    file = RotatingFile(path, 1000, 1)
    with (tmp_path / ".__server.lock").open("ab") as other:
        portalocker.lock(other, portalocker.LOCK_EX)
        assert file.write(b"a\n") == 0
        file.wait(0)
        writer = Writer(file)
        writer.write("b\n")
    until(path.exists, "the line")
    log_writer.end([writer])
    assert path.read_text() == "b\n"
