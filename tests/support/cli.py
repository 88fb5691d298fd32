"""The command line as users have it: in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.support.server import clean_environment


def command(*arguments: str) -> list[str]:
    """Return how `vits-tts` is started with arguments."""
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
