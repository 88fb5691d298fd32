"""Completion, by the shells themselves."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import run
from tests.support.server import clean_environment
from tests.support.voices import install_pair

COMPLETE = """
eval "$(vits-tts completion bash)"
for line in "say --voice pa" "say --format m" "bat" "completion "; do
    COMP_WORDS=(vits-tts $line); [[ $line == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMPREPLY=()
    _vits_tts_completion vits-tts
    echo "$line: ${COMPREPLY[*]}"
done
"""


def test_bash(tmp_path: Path) -> None:
    """Bash, given what `completion bash` prints, completes voices, formats, commands and shells."""
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
        "say --voice pa: pair",
        "say --format m: mp3 mulaw",
        "bat: batch",
        "completion : bash zsh fish",
    ], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(tmp_path: Path, shell: str) -> None:
    """What is printed for them is theirs; where they are installed, they find no fault with it."""
    done = run(tmp_path, "completion", shell)
    assert done.returncode == 0
    assert b"_VITS_TTS_COMPLETE=" + shell.encode() + b"_complete" in done.stdout
    if program := shutil.which(shell):
        script = tmp_path / "script"
        script.write_bytes(done.stdout)
        line = f"{shlex.quote(program)} -n {shlex.quote(str(script))}"
        subprocess.run(["bash", "-c", line], check=True)
