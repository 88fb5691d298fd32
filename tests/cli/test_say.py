"""`vits-tts say`: into files and pipes, from the loudspeaker, and interrupted."""

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

from tests.support.cli import command, run, run_here, run_several
from tests.support.dictionaries import make_dictionary
from tests.support.server import clean_environment, until
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.audio import wav
from vits_tts.cli.players import Playback
from vits_tts.dictionaries.rules import Rule
from vits_tts.errors import ConfigError, VitsTtsError
from vits_tts.inference.compiled import default_folder
from vits_tts.types import Pcm

RATE = 8000
LOUD = Pcm(np.full(800, 9000, np.int16), RATE)


def player(folder: Path, name: str, script: str) -> Path:
    """Install a program in a folder that becomes the whole PATH."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\nPATH={os.environ['PATH']}\n{script}\n")
    program.chmod(0o755)
    return folder


def heard(playback: Playback, windows: int) -> None:
    """Play this many windows to the end."""
    for _ in range(windows):
        playback.write(LOUD)
    playback.finish()


@pytest.mark.slow
def test_ssml(tmp_path: Path) -> None:
    """`--ssml` reads a file as SSML, to the sample; broken SSML is an error with its place."""
    install_pair(tmp_path / "voices")
    voice = ("--voice", "pair", "-o")
    (tmp_path / "story.ssml").write_text('<!-- x -->\n<speak>nam<break time="1s"/>nam</speak>')
    done = run_here(tmp_path, "say", "--file", "story.ssml", "--ssml", *voice, "story.wav")
    assert done.returncode == 0, done.stderr
    plain = run_here(tmp_path, "say", "nam", *voice, "plain.wav")
    assert plain.returncode == 0, plain.stderr
    story, one = (soundfile.read(tmp_path / f"{name}.wav")[0] for name in ("story", "plain"))
    assert np.array_equal(story, np.concatenate([one, np.zeros(RATE), one]))
    done = run_here(tmp_path, "say", "nam <b", "--ssml", *voice, "broken.wav")
    assert done.returncode != 0
    assert b"line 1, column" in done.stderr
    assert not (tmp_path / "broken.wav").exists()


@pytest.mark.parametrize(
    "arguments",
    [("say", "Xin chào các bạn.", "-o", "-"), ("config", "--reference"), ("normalize",)],
)
def test_a_reader_that_has_enough(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`vits-tts … | head` succeeds: status 0, and nothing on stderr."""
    closed, stdout = os.pipe()
    os.close(closed)
    with os.fdopen(stdout, "wb") as pipe:
        done = subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=clean_environment(),
            input="Ngày 1/2.\n".encode(),
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_another_pipe_that_breaks_is_a_failure(tmp_path: Path) -> None:
    """A player that ends early is an error: only the reader of stdout may close its pipe."""
    folder = player(tmp_path / "bin", "ffplay", "exit 3")
    text = "Xin chào các bạn. " * 40
    done = run(tmp_path, "say", text, "--play", PATH=str(folder))
    assert done.returncode == 2
    assert done.stderr


def test_nothing_is_kept_or_told_about_the_user(tmp_path: Path) -> None:
    """Speaking leaves no file in the home, where onnxruntime keeps data for its reports."""
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
    """A text file is read with the lexicon; the suffix of the output selects the format."""
    install_pair(tmp_path / "voices")
    (tmp_path / "words.yaml").write_text("Zyx: nam\n")
    (tmp_path / "text.txt").write_text("\ufeffZyx", encoding="utf-8")
    text = ("--file", "text.txt", "--voice", "pair", "--lexicon", "words.yaml")
    done = run_here(tmp_path, "say", *text, "--sample-rate", "16000", "-o", "a.flac")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    samples, rate = soundfile.read(tmp_path / "a.flac")
    assert (len(samples), rate) == (1800, 16000)


def test_a_dictionary(tmp_path: Path) -> None:
    """`--dictionary` takes one of the folder by name, for `say` and for `batch`."""
    install_pair(tmp_path / "voices")
    make_dictionary(tmp_path / "dictionaries", "brands", Rule("Zyx", alias="nam"))
    (tmp_path / "lines.txt").write_text("Zyx\n")
    how = ("--voice", "pair", "--dictionary", "brands")
    said, saved, unknown = run_several(
        tmp_path,
        ["say", "Zyx", *how, "-o", "a.wav"],
        ["batch", "lines.txt", *how, "-o", "sounds", "--name", "b"],
        ["say", "Zyx", *how, "--dictionary", "none", "-o", "c.wav"],
    )
    streamed = run_here(tmp_path, "say", "--stream", *how, "-o", "d.wav", stdin=b"Zyx")
    assert streamed.returncode == 0, streamed.stderr
    assert len(soundfile.read(tmp_path / "d.wav")[0]) == 900
    for done, name in ((said, "a.wav"), (saved, "sounds/b.wav")):
        assert done.status == 0, done.stderr
        assert len(soundfile.read(tmp_path / name)[0]) == 900
    assert unknown.status != 0
    assert "there is no dictionary 'none'" in unknown.stderr


def test_progress_and_a_break(tmp_path: Path) -> None:
    """A long text shows its progress on a terminal; Ctrl-C leaves no file, with status 130."""
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
    until(lambda: b"speaking" in seen and b"1%" in seen, "progress", lambda: repr(bytes(seen)))
    assert list(tmp_path.glob(".*.part"))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert {path.name for path in tmp_path.iterdir()} == {"voices", "long.txt"}
    assert b"Traceback" not in seen


def test_no_sound_on_a_terminal(tmp_path: Path) -> None:
    """Samples are not written to a terminal."""
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
    """The player gets the samples on stdin, and they are saved as well."""
    install_pair(tmp_path / "voices")
    script = f'cat >"{tmp_path}/heard"; echo "$@" >"{tmp_path}/how"'
    path = player(tmp_path / "bin", "paplay", script)
    done = run(tmp_path, "say", "nam", "--voice", "pair", "--play", "-o", "a.wav", PATH=str(path))
    assert (done.returncode, done.stderr) == (0, b"")
    heard = np.frombuffer((tmp_path / "heard").read_bytes(), "<i2")
    assert np.array_equal(heard, decode((tmp_path / "a.wav").read_bytes()).samples * 32768)
    assert "--rate=8000" in (tmp_path / "how").read_text()


def test_a_player_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A player that does not read stdin gets a file, which is deleted afterwards."""
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
    """Play the same sound repeatedly, to the end."""
    for _ in range(times):
        playback.write(LOUD)
    playback.finish()


def test_players_that_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A player's error is shown; without a player, the names that were tried are shown."""
    for reads in ("cat >/dev/null", "exec <&-"):
        path = player(tmp_path / "bin", "aplay", f"{reads}; echo no card >&2; exit 1")
        monkeypatch.setenv("PATH", str(path))
        with Playback(RATE) as playback, pytest.raises(VitsTtsError, match="aplay: no card"):
            heard(playback, 100)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="none of paplay, aplay, ffplay, mpv, pw-play, afplay"):
        Playback(RATE)


def test_a_player_that_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the user closes the player, the speech ends too, without an error."""
    path = player(tmp_path / "bin", "ffplay", f'head -c 44 >"{tmp_path}/head"')
    monkeypatch.setenv("PATH", str(path))
    with Playback(RATE) as playback, pytest.raises(click.exceptions.Exit) as ended:
        heard(playback, 1000)
    assert ended.value.exit_code == 0
    assert (tmp_path / "head").read_bytes() == wav.header(RATE)


def test_a_player_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that leaves in the middle stops the player."""
    path = player(tmp_path / "bin", "mpv", f'echo $$ >"{tmp_path}/id"; exec sleep 1000')
    monkeypatch.setenv("PATH", str(path))
    with Playback(RATE) as playback:
        playback.write(LOUD)
        number = until(lambda: (tmp_path / "id").exists() and (tmp_path / "id").read_text(), "it")
    assert not Path(f"/proc/{str(number).strip()}").exists()


def test_a_pipe_is_spoken_while_its_text_arrives(tmp_path: Path) -> None:
    """The first sentence is heard while the pipe is open, and letters may be cut in two."""
    install_pair(tmp_path / "voices")
    first, rest = "Nam đi. Lan v", "ề. ".encode()
    with subprocess.Popen(
        command("say", "--stream", "--voice", "pair", "-o", "-"),
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(first.encode() + rest[:1])
        process.stdin.flush()
        heard = process.stdout.read(wav.HEADER_BYTES + 600)
        assert any(heard[wav.HEADER_BYTES :])
        process.stdin.write(rest[1:])
        process.stdin.close()
        heard += process.stdout.read()
    assert process.returncode == 0
    whole = run(tmp_path, "say", f"{first}ề.", "--voice", "pair", "-o", "-").stdout
    samples = np.frombuffer(heard[wav.HEADER_BYTES :], np.int16)
    expected = np.frombuffer(whole[wav.HEADER_BYTES :], np.int16)
    np.testing.assert_array_equal(samples[samples != 0], expected[expected != 0])


@pytest.mark.parametrize(
    "arguments", [("Xin chào",), ("--url", "http://127.0.0.1:1"), ("--file", "a.txt")]
)
def test_a_stream_reads_stdin_alone(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Other sources of the text are errors of usage."""
    (tmp_path / "a.txt").write_text("a")
    done = run_here(tmp_path, "say", "--stream", *arguments, "-o", "-", stdin=b"Nam.")
    assert done.returncode == 2
    assert b"--stream" in done.stderr


@pytest.mark.slow
def test_a_stream_of_ssml(tmp_path: Path) -> None:
    """With `--ssml` it is spoken as the whole document is; broken SSML is an error."""
    install_pair(tmp_path / "voices")
    text = 'Nam <sub alias="năm">5</sub>. <prosody rate="slow">Ba.</prosody><break time="0.1s"/>'
    (tmp_path / "whole.ssml").write_text(f"<speak>{text}</speak>", encoding="utf-8")
    voice = ("--ssml", "--voice", "pair", "-o", "-")
    whole = run_here(tmp_path, "say", "--file", "whole.ssml", *voice)
    stream = run_here(tmp_path, "say", "--stream", *voice, stdin=text.encode())
    assert (whole.returncode, stream.returncode) == (0, 0), stream.stderr
    assert whole.stdout[wav.HEADER_BYTES :] == stream.stdout[wav.HEADER_BYTES :]
    broken = run_here(tmp_path, "say", "--stream", *voice, stdin=b"Nam <prosody rate='slow'>ba.")
    assert broken.returncode != 0
    assert b"<prosody> at line 1, column 5: it is not closed" in broken.stderr


def test_a_stream_that_is_not_utf8(tmp_path: Path) -> None:
    """It ends with an error that names the reason."""
    install_pair(tmp_path / "voices")
    stdin = b"Nam \xff\xff"
    done = run_here(tmp_path, "say", "--stream", "--voice", "pair", "-o", "a.wav", stdin=stdin)
    assert done.returncode == 2
    assert b"UTF-8" in done.stderr
    assert not (tmp_path / "a.wav").exists()
