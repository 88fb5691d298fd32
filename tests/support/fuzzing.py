"""Requests that schemathesis makes from a server's own description."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent.parent
_COMMAND = [sys.executable, "-m", "schemathesis.cli", "--config-file"]


def fuzzed(url: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis against a server, with the settings file beside this one."""
    return subprocess.run(
        [
            *_COMMAND,
            "tests/support/schemathesis.toml",
            "run",
            "--no-color",
            *options,
            f"{url}/openapi.json",
        ],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
