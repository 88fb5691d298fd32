"""Logging with loguru, as JSON lines or as text; records of other libraries are routed to it.

A thread of each process writes the lines (``log_writer``), so that a slow disk or a stalled reader
of stdout does not block the event loop. With ``enqueue``, loguru would do the same, but pickles
every record through a pipe, which costs more than all the rest.

The line of each request bypasses loguru, whose work for a line takes five times as long as writing
it.

One record is always one line: characters that are not printable are written as escapes.
"""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from loguru import logger

from vits_tts.config import Logging
from vits_tts.errors import ConfigError
from vits_tts.telemetry import log_writer
from vits_tts.telemetry.log_writer import Target, Writer
from vits_tts.telemetry.printable import printable, printable_json

if TYPE_CHECKING:
    from loguru import FormatFunction, Record, RecordException

SHOWN_CHARS: Final = 100
"""Characters of a text that its log line shows at most."""
_NEVER: Final = sys.maxsize
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode
_ROUTED = ("gunicorn.error", "gunicorn.access", "tornado.access", "tornado.general")


def configure(settings: Logging, stream: TextIO | None, level: str | None = None) -> None:
    """Write this process's logs to ``stream`` and to the file of the settings, if they name one.

    ``level`` overrides that of the settings. Another call replaces the earlier configuration.

    Raises:
        ConfigError: The file cannot be written; the earlier configuration stays.

    """
    level = (level or settings.level).upper()
    line = _json if settings.format == "json" else _text
    targets = [*_stream_targets(stream), *_file_targets(settings)]
    before = {writer.target: writer for writer in _straight.writers}
    writers = [before.pop(t) if t in before else Writer(t) for t in targets]
    logger.remove()
    logger.enable("vits_tts")
    for writer in writers:
        writer.note = _note(line, writer.target.name)
        # No `diagnose`: it logs the values of variables, which may be users' texts or secrets.
        logger.add(writer.write, level=level, format=_formatted(line), diagnose=False, catch=True)
    _straight.level, _straight.line = logger.level(level).no, line
    _straight.writers = writers
    _route_standard_logging(level)
    log_writer.end(before.values())


def say(level: str, message: str, fields: Mapping[str, object]) -> None:
    """Write a line without loguru, in the same format; for messages that are very frequent."""
    if _straight.level == _NEVER:
        logger.bind(**fields).log(level, message)
        return
    if logger.level(level).no < _straight.level:
        return
    line = _straight.line(_now(), level, message, fields, os.getpid())
    for writer in _straight.writers:
        writer.write(line)


def take_dropped() -> dict[str, int]:
    """Return the number of lines dropped by each target since the last call."""
    return {writer.target.name: writer.take_dropped() for writer in _straight.writers}


def shown_text(text: str, settings: Logging) -> dict[str, str]:
    """Return the first 100 characters of a text as a log field, if ``logging.log_text`` is on."""
    return {"text": text[:SHOWN_CHARS]} if settings.log_text else {}


class _ToLoguru(logging.Handler):
    """Passes records of the standard library's ``logging`` to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record to loguru with its level and name."""
        level = record.levelname if record.levelname in logging.getLevelNamesMapping() else "INFO"
        bound = logger.bind(logger=record.name)
        # Tornado's messages about malformed requests quote them, and so may contain secrets.
        quotes = record.name == "tornado.general" and record.levelno <= logging.INFO
        message = str(record.msg) if quotes else record.getMessage()
        bound.opt(exception=record.exc_info).log(level, "{}", message)


def _route_standard_logging(level: str) -> None:
    logging.basicConfig(handlers=[_ToLoguru()], level=level, force=True)
    for name in _ROUTED:
        routed = logging.getLogger(name)
        routed.handlers.clear()
        routed.propagate = True


def _stream_targets(stream: TextIO | None) -> list[Target]:
    return [log_writer.stream_target("stdout", stream)] if stream else []


def _file_targets(settings: Logging) -> list[Target]:
    """Return the log file of the settings as a list, which is empty if they name none.

    Raises:
        ConfigError: The file cannot be written.

    """
    if settings.file is None:
        return []
    # Imported here: a process that writes no file does not need portalocker.
    from vits_tts.telemetry.rotation import RotatingFile  # noqa: PLC0415

    file = RotatingFile(settings.file, int(settings.file_max_bytes), settings.file_count)
    try:
        file.check()
    except OSError as error:
        raise ConfigError(
            f"logging.file: {settings.file}: cannot be written: {error.strerror}"
        ) from None
    return [file]


# --- lines ---------------------------------------------------------------------------------------


class _Shape(Protocol):
    """Returns a line with its line end; ``ms`` is in milliseconds since the epoch."""

    def __call__(
        self,
        ms: int,
        level: str,
        message: str,
        fields: Mapping[str, object],
        process: int,
        failure: "RecordException | None" = None,
    ) -> str: ...


def _json(
    ms: int,
    level: str,
    message: str,
    fields: Mapping[str, object],
    process: int,
    failure: "RecordException | None" = None,
) -> str:
    second, offset = _second(ms // 1000)
    shown = f"{second}.{ms % 1000:03}{offset}"
    line = {"time": shown, "level": level.lower(), "message": message, **fields}
    if failure:
        line["exception"] = "".join(traceback.format_exception(*failure))
    line["process"] = process
    return f"{printable_json(_encode(line))}\n"


def _text(
    ms: int,
    level: str,
    message: str,
    fields: Mapping[str, object],
    process: int,
    failure: "RecordException | None" = None,
) -> str:
    del process
    shown = f"{_second(ms // 1000)[0].replace('T', ' ')}.{ms % 1000:03}"
    said = "".join(f" {key}={value}" for key, value in fields.items())
    line = printable(f"{shown} {level:<7} {message}{said}")
    return "\n".join([line, *_told(failure), ""])


def _now() -> int:
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=16)
def _second(second: int) -> tuple[str, str]:
    """Return the local date and time of a second since the epoch, and its offset from UTC.

    The result is cached, because it takes a third as long as the rest of a line.
    """
    shown = datetime.fromtimestamp(second, UTC).astimezone().isoformat()
    length = len("2026-01-31T23:59:59")
    return shown[:length], shown[length:]


def _told(failure: "RecordException | None") -> list[str]:
    """Return the lines of a traceback; the message of an exception is always one line."""
    if failure is None:
        return []
    parts = traceback.format_exception(*failure)
    # Only parts that begin with white space (places in code, separators) may have several lines.
    return [
        printable(line)
        for part in parts
        for line in (part.splitlines() if part[:1].isspace() else [part.rstrip("\n")])
    ]


def _formatted(line: _Shape) -> "FormatFunction":
    """Return the format function for loguru that produces the lines of ``line``."""

    def formatted(record: "Record") -> str:
        fields = {key: value for key, value in record["extra"].items() if not key.startswith("_")}
        record["extra"]["_line"] = line(
            round(record["time"].timestamp() * 1e6) // 1000,
            record["level"].name,
            record["message"],
            fields,
            record["process"].id,
            record["exception"],
        )
        return "{extra[_line]}"

    return formatted


def _note(line: _Shape, target: str) -> Callable[[int], str]:
    """Return a function that returns the line for a number of dropped lines."""

    def note(count: int) -> str:
        return line(_now(), "WARNING", f"{count} lines dropped", {"log": target}, os.getpid())

    return note


class _Straight:
    """The writers and the format of lines that bypass loguru, from level ``level`` up."""

    level: int = _NEVER
    line: _Shape = staticmethod(_json)
    writers: Sequence[Writer] = ()


_straight: Final = _Straight()
