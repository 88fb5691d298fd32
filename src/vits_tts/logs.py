"""Logging: loguru alone, as JSON lines or for people, with everybody else's logs routed in.

Each process configures itself once, after the fork: lines are written by a thread of the process's
own, so that neither a slow disk nor a stalled reader of stdout holds up the event loop, and no lock
is shared with a process that may be killed while it holds it (loguru's ``enqueue`` would share
nothing either, but pickles every record through a pipe, which costs more than all the rest).

The one line that comes with every request goes straight to the writers: all that loguru gathers for
a line took five times as long as writing it.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, TextIO

from loguru import logger

from vits_tts.config import Logging
from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from loguru import Record

_TEXT_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSS} {level: <7} {message}{extra[_fields]}\n{exception}"
_LOGGED_TEXT_CHARS = 100
_FORK_PATIENCE_SECONDS: Final = 1.0
_GATHERING_SECONDS: Final = 0.01
_AT_ONCE: Final = 64
_NEVER: Final = sys.maxsize
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode
_ROUTED = ("gunicorn.error", "gunicorn.access", "tornado.access", "tornado.general")


def configure(settings: Logging, stream: TextIO | None, level: str | None = None) -> None:
    """Send this process's logs to ``stream`` and, where the settings name one, to a file.

    ``level`` overrides the settings'. Calling it again replaces what was configured before.

    Raises:
        ConfigError: the file cannot be written.

    """
    level = (level or settings.level).upper()
    line = _json_line if settings.format == "json" else _text_line
    logger.remove()
    logger.enable("vits_tts")
    writers = [_Writer(stream.writelines, stream.flush)] if stream else []
    if settings.file:
        writers.append(_file_writer(settings.file, settings))
    _straight.level = logger.level(level).no if settings.format == "json" else _NEVER
    _straight.writers = writers
    for writer in writers:
        # No `diagnose`: it prints the values of variables, which may be users' texts or secrets.
        logger.add(writer, level=level, format=line, diagnose=False, catch=True)
    _route_standard_logging(level)


def say(level: str, message: str, fields: Mapping[str, object]) -> None:
    """Write a line of this process's own as loguru would, for what is said very often."""
    if _straight.level == _NEVER:
        logger.bind(**fields).log(level, message)
        return
    if logger.level(level).no < _straight.level:
        return
    line = _json(datetime.now().astimezone(), level, message, fields, os.getpid())
    for writer in _straight.writers:
        writer.write(f"{line}\n")


class _Writer:
    """A sink for loguru that hands lines to a thread of its own; ends when loguru stops it.

    Lines that come in a hurry are written together, a moment later: waking the thread for each
    would cost the event loop more than all the rest of the line.

    A process is not forked in the middle of a line: the child would find the stream locked for ever
    by a thread that it does not have, or say again what lies in its buffer. Where nobody takes the
    lines, the fork does not wait for long.
    """

    def __init__(
        self, write: Callable[[Sequence[str]], object], flush: Callable[[], object]
    ) -> None:
        self._write = write
        self._flush = flush
        self._lines: deque[str] = deque()
        self._bell: SimpleQueue[bool] = SimpleQueue()  # unlike an Event, it survives a fork
        self._rung = False
        self._writing = threading.Lock()
        self._paused = False
        _writers.add(self)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line; returns at once."""
        self._lines.append(line)
        if not self._rung:
            self._rung = True
            self._bell.put(True)

    def stop(self) -> None:
        """Write what was taken, and end."""
        self._bell.put(False)
        self._thread.join()

    def _run(self) -> None:
        serving = True
        while serving and self._bell.get():
            self._write_all()
            with contextlib.suppress(Empty):  # meanwhile lines only pile up
                serving = self._bell.get(timeout=_GATHERING_SECONDS)
            self._rung = False
            self._write_all()
        self._write_all()

    def _write_all(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), _AT_ONCE))]
            # When nobody reads, or the disk is full, lines are lost, not the server.
            with self._writing, contextlib.suppress(OSError, ValueError):
                self._write(lines)
                self._flush()

    def pause(self) -> None:
        """Let no line be half written."""
        self._paused = self._writing.acquire(timeout=_FORK_PATIENCE_SECONDS)

    def resume(self) -> None:
        """Go on, in the parent or in the child."""
        if self._paused:
            self._paused = False
            self._writing.release()


def _pause_all() -> None:
    for writer in _writers:
        writer.pause()


def _resume_all() -> None:
    for writer in _writers:
        writer.resume()


class _Straight:
    """Where lines go that pass loguru by: those of JSON, from ``level`` up."""

    level: int = _NEVER
    writers: Sequence[_Writer] = ()


_straight: Final = _Straight()
_writers: Final["weakref.WeakSet[_Writer]"] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_pause_all, after_in_parent=_resume_all, after_in_child=_resume_all)


def _file_writer(path: Path, settings: Logging) -> _Writer:
    """Return a sink whose file, and whose rotation, several workers may share."""
    # Only here: it brings redis along, and whoever writes no file need not wait for that.
    from vits_tts.rotation import RotatingFile  # noqa: PLC0415

    handler = RotatingFile(
        str(path),
        maxBytes=int(settings.file_max_bytes),
        backupCount=settings.file_count,
        encoding="utf-8",
    )
    handler.terminator = ""  # our lines end themselves
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
    except OSError as error:
        raise ConfigError(f"logging.file: {path}: cannot be written: {error.strerror}") from None

    def write(lines: Sequence[str]) -> None:
        for line in lines:
            handler.emit(logging.makeLogRecord({"msg": line}))

    return _Writer(write, handler.flush)


def shown_text(text: str, settings: Logging) -> dict[str, str]:
    """Return the text as a field of a log line, cut short, or nothing if texts are private."""
    return {"text": text[:_LOGGED_TEXT_CHARS]} if settings.log_text else {}


class _ToLoguru(logging.Handler):
    """Hands records of the standard library's ``logging`` to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass the record on under its own level and name."""
        level = record.levelname if record.levelname in logging.getLevelNamesMapping() else "INFO"
        bound = logger.bind(logger=record.name)
        # What tornado says of malformed requests quotes them: secrets and texts may be in there.
        quotes = record.name == "tornado.general" and record.levelno <= logging.INFO
        message = str(record.msg) if quotes else record.getMessage()
        bound.opt(exception=record.exc_info).log(level, "{}", message)


def _route_standard_logging(level: str) -> None:
    logging.basicConfig(handlers=[_ToLoguru()], level=level, force=True)
    for name in _ROUTED:
        routed = logging.getLogger(name)
        routed.handlers.clear()
        routed.propagate = True


def _json_line(record: "Record") -> str:
    extra = {key: value for key, value in record["extra"].items() if not key.startswith("_")}
    if error := record["exception"]:
        extra["exception"] = "".join(traceback.format_exception(*error))
    name, process = record["level"].name, record["process"].id
    record["extra"]["_line"] = _json(record["time"], name, record["message"], extra, process)
    return "{extra[_line]}\n"


def _json(
    time: datetime, level: str, message: str, fields: Mapping[str, object], process: int
) -> str:
    shown = time.isoformat(timespec="milliseconds")
    head = {"time": shown, "level": level.lower(), "message": message}
    return _encode({**head, **fields, "process": process})


def _text_line(record: "Record") -> str:
    fields = {key: value for key, value in record["extra"].items() if not key.startswith("_")}
    record["extra"]["_fields"] = "".join(f" {key}={value}" for key, value in fields.items())
    return _TEXT_FORMAT
