"""`vits-tts say`: into files and pipes, from the loudspeaker, and broken off."""

import os
import pty
import signal
import subprocess
import threading
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

from tests.support.cli import command, run
from tests.support.server import clean_environment, until
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.audio import wav
from vits_tts.cli.players import Playback
from vits_tts.errors import ConfigError, VitsTtsError
from vits_tts.types import Pcm
from vits_tts.voice.pieces import default_folder

RATE = 8000
LOUD = Pcm(np.full(800, 9000, np.int16), RATE)


def player(folder: Path, name: str, script: str) -> Path:
    """Put a program into a folder that is all of the PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{script}\n")
    program.chmod(0o755)
    return folder


def heard(playback: Playback, windows: int) -> None:
    """Play so many windows to the end."""
    for _ in range(windows):
        playback.write(LOUD)
    playback.finish()


def test_nothing_is_kept_or_told_about_the_user(tmp_path: Path) -> None:
    """Speaking leaves nothing in the home: onnxruntime keeps there what it wants to report."""
    home = tmp_path / "home"
    home.mkdir()
    done = run(
        tmp_path,
        *("say", "Xin chào.", "-o", "a.wav"),
        HOME=str(home),
        XDG_CACHE_HOME="",
        CI="",
        VITS_TTS__VOICE__PIECES_FOLDER=str(default_folder()),
    )
    assert done.returncode == 0, done.stderr
    assert list(home.rglob("*")) == []


def test_file_lexicon_and_format(tmp_path: Path) -> None:
    """A text file, read as a lexicon says, becomes what the name's ending stands for."""
    install_pair(tmp_path / "voices")
    (tmp_path / "words.yaml").write_text("Zyx: nam\n")
    (tmp_path / "text.txt").write_text("\ufeffZyx", encoding="utf-8")
    text = ("--file", "text.txt", "--voice", "pair", "--lexicon", "words.yaml")
    done = run(tmp_path, "say", *text, "--sample-rate", "16000", "-o", "a.flac")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    samples, rate = soundfile.read(tmp_path / "a.flac")
    assert (len(samples), rate) == (1800, 16000)


def test_progress_and_a_break(tmp_path: Path) -> None:
    """A long text shows on a terminal how far it is; Ctrl-C leaves nothing behind, status 130."""
    install_pair(tmp_path / "voices")
    (tmp_path / "long.txt").write_text("nam nam nam nam. " * 20_000)
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        command("say", "--voice", "pair", "--file", "long.txt", "-o", "long.wav"),
        cwd=tmp_path,
        env=clean_environment(),
        stderr=end,
    )
    os.close(end)
    seen = bytearray()
    threading.Thread(target=_watch, args=(terminal, seen), daemon=True).start()
    until(lambda: b"saying" in seen and b"1%" in seen, "progress", lambda: repr(bytes(seen)))
    assert list(tmp_path.glob(".*.part"))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert {path.name for path in tmp_path.iterdir()} == {"voices", "long.txt"}
    assert b"Traceback" not in seen


def test_no_sound_on_a_terminal(tmp_path: Path) -> None:
    """Nobody's terminal is filled with samples."""
    terminal, end = pty.openpty()
    asked = command("say", "nam", "-o", "-")
    done = subprocess.run(
        asked,
        cwd=tmp_path,
        env=clean_environment(),
        stdout=end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(end)
    seen = bytearray()
    _watch(terminal, seen)
    assert (done.returncode, bytes(seen)) == (2, b"")
    assert b"stdout is a terminal" in done.stderr


def _watch(terminal: int, seen: bytearray) -> None:
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        try:
            while data := stream.read(1000):
                seen.extend(data)
        except OSError:  # the other end is closed
            return


def test_play_and_keep(tmp_path: Path) -> None:
    """The player gets the samples on stdin, which are kept as well."""
    install_pair(tmp_path / "voices")
    script = f'cat >"{tmp_path}/heard"; echo "$@" >"{tmp_path}/how"'
    path = player(tmp_path / "bin", "paplay", script)
    done = run(tmp_path, "say", "nam", "--voice", "pair", "--play", "-o", "a.wav", PATH=str(path))
    assert (done.returncode, done.stderr) == (0, b"")
    heard = np.frombuffer((tmp_path / "heard").read_bytes(), "<i2")
    assert np.array_equal(heard, decode((tmp_path / "a.wav").read_bytes()).samples * 32768)
    assert "--rate=8000" in (tmp_path / "how").read_text()


def test_a_player_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A player that reads no stdin gets a file, which is gone afterwards."""
    script = f'cp "$1" "{tmp_path}/heard"; echo "$1" >"{tmp_path}/it"'
    path = player(tmp_path / "bin", "afplay", script)
    monkeypatch.setenv("PATH", str(path))
    with Playback(RATE) as playback:
        playback.write(LOUD)
        playback.write(LOUD)
        playback.finish()
    assert len(decode((tmp_path / "heard").read_bytes()).samples) == 1600
    assert not Path((tmp_path / "it").read_text().strip()).exists()


def play(playback: Playback, times: int) -> None:
    """Play the same again and again, to the end."""
    for _ in range(times):
        playback.write(LOUD)
    playback.finish()


def test_players_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a player complains of is told; where there is none, what was looked for."""
    for reads in ("cat >/dev/null", "exec <&-"):
        path = player(tmp_path / "bin", "aplay", f"{reads}; echo no card >&2; exit 1")
        monkeypatch.setenv("PATH", str(path))
        with Playback(RATE) as playback, pytest.raises(VitsTtsError, match="aplay: no card"):
            heard(playback, 100)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="none of paplay, aplay, ffplay, mpv, pw-play, afplay"):
        Playback(RATE)


def test_a_player_that_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who ends the player has heard enough, which is no error; the speech ends there too."""
    path = player(tmp_path / "bin", "ffplay", f'head -c 44 >"{tmp_path}/head"')
    monkeypatch.setenv("PATH", str(path))
    with Playback(RATE) as playback, pytest.raises(click.exceptions.Exit) as ended:
        heard(playback, 1000)
    assert ended.value.exit_code == 0
    assert (tmp_path / "head").read_bytes() == wav.header(RATE)


def test_a_player_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who leaves in the middle stops the player."""
    path = player(tmp_path / "bin", "mpv", f'echo $$ >"{tmp_path}/id"; exec sleep 1000')
    monkeypatch.setenv("PATH", str(path))
    with Playback(RATE) as playback:
        playback.write(LOUD)
        number = until(lambda: (tmp_path / "id").exists() and (tmp_path / "id").read_text(), "it")
    assert not Path(f"/proc/{str(number).strip()}").exists()
