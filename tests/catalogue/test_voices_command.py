"""`vits-tts voices`: the output for users of installing and removing."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run_here
from tests.support.server import clean_environment
from tests.support.supplier import Fault, Supplier, supplying
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE
from vits_tts.voice.installed import EMBEDDED_FOLDER

_NAME = "vi_VN-vivos-x_low"
_PAGE = Path(__file__).parent.parent.parent / "docs" / "VOICES.md"


@pytest.fixture
def supplier(tmp_path: Path) -> Iterator[Supplier]:
    """Run a catalogue in the settings with a voice that is not for commercial use."""
    with supplying() as running:
        running.offer(install_pair(tmp_path / "origin", _NAME), _NAME, "CC BY-NC 4.0")
        catalogue = {"urls": [running.url], "attempts": 1, "stall_seconds": 5}
        settings = {"voice": {"catalogue": catalogue, "pieces_folder": "pieces"}}
        (tmp_path / "config.yaml").write_text(json.dumps(settings))
        yield running


def run_on_a_terminal(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run `vits-tts` where stderr is a terminal; return its status, stdout and stderr."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "vits_tts", *arguments],
        cwd=folder,
        env={**clean_environment(), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    shown = b""
    try:
        while block := os.read(master, 4096):
            shown += block
    except OSError:  # the terminal's other end is closed
        pass
    os.close(master)
    printed, _ = process.communicate(timeout=60)
    return process.returncode, printed, shown.decode()


def test_from_the_catalogue_and_away(tmp_path: Path, supplier: Supplier) -> None:
    """The commands of docs/VOICES.md work: find a voice, show it, install it, remove it."""
    block = _PAGE.read_text(encoding="utf-8").partition("```sh\n")[2].partition("```")[0]
    commands = [line.partition("#")[0].split()[1:] for line in block.splitlines()]
    _, available, info, install, remove = commands  # `list` has a test of its own
    catalogue = supplier.catalogue
    catalogue[_NAME]["quality"] = "\x1b[31mx_low"  # control characters must not reach the terminal
    supplier.say(catalogue)
    size = r"vi_VN, \x1b[31mx_low, 0.0 MB, 2 speakers"
    listed = run_here(tmp_path, *available)
    assert listed.stdout.decode() == f"  {_NAME}  {size}, licence: CC BY-NC 4.0\n"
    (row,) = json.loads(run_here(tmp_path, *available, "--json").stdout)
    assert row["commercial"] is False
    told = run_here(tmp_path, *info).stdout.decode()
    assert "speakers: lan, minh\n" in told
    assert re.search(r"^size: \d+\.\d MB$", told, re.MULTILINE)
    installed = run_here(tmp_path, *install)
    assert installed.returncode == 0
    assert installed.stdout.decode() == f"{_NAME}: installed, licence: CC BY-NC 4.0\n"
    advice = f"vits-tts: voice {_NAME}: its licence forbids commercial use"
    assert installed.stderr.decode().startswith(advice)
    assert run_here(tmp_path, *remove, stdin=b"n\n").returncode == 130
    assert (tmp_path / "voices" / f"{_NAME}.onnx").exists()
    assert run_here(tmp_path, *remove, stdin=b"y\n").stdout.decode() == f"{_NAME}: removed\n"
    assert list((tmp_path / "voices").iterdir()) == []


def test_mistakes_with_voices(tmp_path: Path, supplier: Supplier) -> None:
    """An error is one line and status 2, and leaves no file with a voice's name."""
    supplier.fail(f"vi/vi_VN/{_NAME}/{_NAME}.onnx", Fault(sent=10))
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "mine.onnx").write_bytes(b"mine")
    supplier.offer(install_pair(tmp_path / "other", "mine"), "mine")
    for name, complaint in [
        (_NAME, "the connection broke off"),
        ("mine", "another one is installed; --force replaces it"),
        ("", "should not be empty"),
    ]:
        done = run_here(tmp_path, "voices", "install", name)
        assert (done.returncode, done.stdout) == (2, b"")
        (line,) = done.stderr.decode().splitlines()
        assert complaint in line
    assert {path.name for path in (tmp_path / "voices").glob("*.onnx")} == {"mine.onnx"}


def test_the_name_of_a_bundled_voice(tmp_path: Path) -> None:
    """Another voice takes the name of a bundled one only with ``--force``, until it is removed."""
    model = install_pair(tmp_path / "other", "mine")
    install = ("voices", "install", str(model), "--name", EMBEDDED_COMMERCIAL_VOICE)
    done = run_here(tmp_path, *install)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"another one is installed; --force replaces it" in done.stderr
    assert run_here(tmp_path, *install, "--force").returncode == 0
    listed = json.loads(run_here(tmp_path, "voices", "list", "--json").stdout)
    rates = {voice["name"]: voice["sample_rate"] for voice in listed}
    assert rates[EMBEDDED_COMMERCIAL_VOICE] == 8000
    remove = ("voices", "remove", EMBEDDED_COMMERCIAL_VOICE, "--yes")
    assert run_here(tmp_path, *remove).returncode == 0
    assert b"comes with the program" in run_here(tmp_path, *remove).stderr
    bundled = EMBEDDED_FOLDER / f"{EMBEDDED_COMMERCIAL_VOICE}.onnx"
    same = run_here(tmp_path, "voices", "install", str(bundled)).stdout.decode()
    assert same.startswith(f"{EMBEDDED_COMMERCIAL_VOICE}: is installed already, licence: GPL-3.0")


@pytest.mark.usefixtures("supplier")
def test_installing_on_a_terminal(tmp_path: Path) -> None:
    """A terminal shows a progress bar, and the advice about the licence."""
    status, printed, shown = run_on_a_terminal(tmp_path, "voices", "install", _NAME)
    assert status == 0
    assert printed == f"{_NAME}: installed, licence: CC BY-NC 4.0\n"
    assert "100%" in shown
    assert f"vits-tts: voice {_NAME}: its licence forbids commercial use" in shown
