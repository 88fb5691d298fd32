"""`vits-tts voices`: what people see of installing and removing."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import clean_environment
from tests.support.supplier import Fault, Supplier, supplying
from tests.support.voices import install_pair
from tests.test_cli import run

_NAME = "vi_VN-pair-x_low"


@pytest.fixture
def supplier(tmp_path: Path) -> Iterator[Supplier]:
    """A catalogue with a voice that is not for commercial use, which the settings name."""
    with supplying() as running:
        running.offer(install_pair(tmp_path / "origin", _NAME), _NAME, "CC BY-NC 4.0")
        catalogue = {"urls": [running.url], "attempts": 1, "stall_seconds": 5}
        settings = {"voice": {"catalogue": catalogue, "pieces_folder": "pieces"}}
        (tmp_path / "config.yaml").write_text(json.dumps(settings))
        yield running


def test_from_the_catalogue_to_speech(tmp_path: Path, supplier: Supplier) -> None:
    """A voice is found, looked at, installed, listed, heard and removed."""
    offered = "vi_VN, x_low, 16000 Hz, 0.0 MB, 2 speakers, licence: CC BY-NC 4.0\n"
    listed = run(tmp_path, "voices", "list", "--available", "--language", "vi")
    assert (listed.stdout.decode(), listed.stderr) == (f"  {_NAME}  {offered}", b"")
    installed = run(tmp_path, "voices", "install", _NAME)
    assert installed.returncode == 0
    assert installed.stdout.decode() == f"{_NAME}: installed, licence: CC BY-NC 4.0\n"
    warning = f"vits-tts: voice {_NAME}: its licence forbids commercial use\n"
    assert installed.stderr.decode() == warning  # no bar where there is no terminal
    again = run(tmp_path, "voices", "install", f"old-{_NAME}")
    assert b"is installed already" in again.stdout
    supplier.requests.clear()
    info = json.loads(run(tmp_path, "voices", "info", _NAME, "--json").stdout)
    assert (info["installed"], info["licence"]) == (True, "CC BY-NC 4.0")
    said = run(
        tmp_path,
        *("say", "nam", "--voice", _NAME, "--speaker", "minh", "-o", "x.wav"),
        VITS_TTS__VOICE__OTHERS=_NAME,
    )
    assert said.returncode == 0, said.stderr
    asked = run(tmp_path, "voices", "remove", _NAME)  # nobody says yes
    assert asked.returncode == 130
    assert (tmp_path / "voices" / f"{_NAME}.onnx").exists()
    assert run(tmp_path, "voices", "remove", _NAME, "--yes").returncode == 0
    assert list((tmp_path / "voices").iterdir()) == []
    assert not supplier.requests  # what is installed needs no catalogue


def test_mistakes_with_voices(tmp_path: Path, supplier: Supplier) -> None:
    """What goes wrong is one line and status 2, and nothing of it bears a voice's name."""
    path = f"vi/vi_VN/{_NAME}/{_NAME}.onnx"
    supplier.fail(path, Fault(sent=10))
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "mine.onnx").write_bytes(b"mine")
    supplier.offer(install_pair(tmp_path / "other", "mine"), "mine")
    for arguments, complaint in [
        (("install", "vi_VN-pair-x_lo"), f"has no voice 'vi_VN-pair-x_lo'; did you mean {_NAME}?"),
        (("install", _NAME), "the connection broke off"),
        (("install", "mine"), "another one is installed; --force replaces it"),
        (("remove", "vi_VN-vais1000-compact", "--yes"), "comes with the program"),
    ]:
        done = run(tmp_path, "voices", *arguments)
        assert done.returncode == 2, arguments
        (line,) = done.stderr.decode().splitlines()
        assert complaint in line
    assert {path.name for path in (tmp_path / "voices").glob("*.onnx")} == {"mine.onnx"}


def test_a_bar_on_a_terminal(tmp_path: Path, supplier: Supplier) -> None:
    """Somebody who watches sees how far it is."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "vits_tts", "voices", "install", _NAME],
        cwd=tmp_path,
        env={**clean_environment(), "TERM": "xterm"},
        stderr=terminal,
        stdout=subprocess.DEVNULL,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += (block := os.read(master, 4096))
        except OSError:  # the terminal's other end is closed
            break
        if not block:
            break
    os.close(master)
    assert process.wait(30) == 0
    assert b"100%" in shown
    assert supplier.requests
