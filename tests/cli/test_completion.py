"""Completion, run by the shells themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.cli import run_several
from tests.support.server import clean_environment
from tests.support.voices import install_pair

COMPLETE = """
eval "$(vits-tts completion bash)"
for line in "batch --voice pa" "say --format m"; do
    COMP_WORDS=(vits-tts $line)
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    _vits_tts_completion vits-tts
    echo "$line: ${COMPREPLY[*]}"
done
"""


def test_bash(tmp_path: Path) -> None:
    """Bash completes voices and formats with the output of `completion bash`."""
    install_pair(tmp_path / "voices")
    environment = clean_environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", COMPLETE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "batch --voice pa: pair",
        "say --format m: mp3 mulaw",
    ], done.stderr


def test_other_shells(tmp_path: Path) -> None:
    """The output for other shells has their form and, where they are installed, is valid."""
    shells = ("zsh", "fish")
    printed = run_several(tmp_path, *(["completion", shell] for shell in shells))
    for shell, done in zip(shells, printed, strict=True):
        assert done.status == 0
        assert f"_VITS_TTS_COMPLETE={shell}_complete" in done.stdout
        if program := shutil.which(shell):
            subprocess.run([program, "-n"], input=done.stdout, text=True, check=True)
