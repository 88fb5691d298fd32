"""Run the command line as users do, in a process of its own, or quickly in that of the tests."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

from tests.support.logs import log_restored
from tests.support.server import clean_environment
from vits_tts.cli import main


def command(*arguments: str) -> list[str]:
    """Return the command that starts `vits-tts` with arguments."""
    return [sys.executable, "-m", "vits_tts", *arguments]


def run(
    folder: Path, *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `vits-tts` in a folder."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env={**clean_environment(), **environment},
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def run_here(
    folder: Path, *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `vits-tts` in a folder, in this process: quickly, and with its lines counted."""
    with (
        contextlib.ExitStack() as stack,
        mock.patch.dict(os.environ, {**clean_environment(), **environment}, clear=True),
        mock.patch.object(sys, "argv", ["vits-tts", *arguments]),
    ):
        given, out, errors = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        stack.enter_context(contextlib.chdir(folder))
        for name, file in (("stdin", given), ("stdout", out), ("stderr", errors)):
            text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
            stack.callback(text.detach)  # the file closes itself
            stack.enter_context(mock.patch.object(sys, name, text))
        stack.enter_context(log_restored())
        stack.callback(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        with pytest.raises(SystemExit) as end:
            main()
        for file in (out, errors):
            file.seek(0)
        status = end.value.code
        assert isinstance(status, int)
        return subprocess.CompletedProcess(arguments, status, out.read(), errors.read())


class Ended(NamedTuple):
    """The exit status and output of one of several commands."""

    status: int
    stdout: str
    stderr: str


def run_several(folder: Path, *commands: list[str]) -> list[Ended]:
    """Run one command after another in this process."""
    done = [run_here(folder, *command) for command in commands]
    return [Ended(each.returncode, each.stdout.decode(), each.stderr.decode()) for each in done]
