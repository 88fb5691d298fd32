"""Run the command line as users do, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support.server import clean_environment


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


class Ended(NamedTuple):
    """The exit status and output of one of several commands."""

    status: int
    stdout: str
    stderr: str


_SEVERAL = """
import contextlib, io, json, sys
from vits_tts.cli import main
for arguments in json.load(sys.stdin):
    sys.argv[1:] = arguments
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    print(json.dumps([status, out.getvalue(), err.getvalue()]))
"""


def run_several(folder: Path, *commands: list[str]) -> list[Ended]:
    """Run one command after another in one process, which imports the modules once."""
    done = subprocess.run(
        [sys.executable, "-c", _SEVERAL],
        cwd=folder,
        env=clean_environment(),
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Ended(*json.loads(line)) for line in done.stdout.splitlines()]
