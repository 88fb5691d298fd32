"""Audio players of the system; most of them receive the speech while it is synthesised."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import click

from vits_tts.audio import wav
from vits_tts.errors import ConfigError, VitsTtsError
from vits_tts.types import Pcm


@dataclass(frozen=True, slots=True)
class Player:
    """A program that plays sound, and its arguments for each kind of input."""

    program: str
    raw: Callable[[int], list[str]] | None = None
    """Returns the arguments for samples on stdin (16-bit mono, little-endian), given their rate."""
    wav: list[str] | None = None
    """The arguments for WAV on stdin."""
    file: Callable[[str], list[str]] = lambda path: [path]
    """Returns the arguments for a WAV file, for players that cannot read stdin."""


PLAYERS: Final = (
    Player("paplay", lambda rate: ["--raw", "--format=s16le", "--channels=1", f"--rate={rate}"]),
    Player("aplay", lambda rate: ["-q", "-t", "raw", "-f", "S16_LE", "-c", "1", "-r", str(rate)]),
    Player("ffplay", wav=["-nodisp", "-autoexit", "-loglevel", "error", "-f", "wav", "-i", "-"]),
    Player("mpv", wav=["--no-terminal", "--no-video", "-"]),
    Player("pw-play"),  # not every version reads stdin
    Player("afplay"),
)
_WINDOWS: Final = (
    Player(
        "powershell",
        file=lambda path: [
            "-NoProfile",
            "-Command",
            "(New-Object Media.SoundPlayer '{}').PlaySync()".format(path.replace("'", "''")),
        ],
    ),
)


def find() -> "tuple[str, Player]":
    """Return the path of the first installed player, and the player.

    Raises:
        ConfigError: No player is installed; the message lists the supported ones.

    """
    players = _WINDOWS if sys.platform == "win32" else PLAYERS
    for player in players:
        if path := shutil.which(player.program):
            return path, player
    names = ", ".join(player.program for player in players)
    raise ConfigError(f"--play finds no player: none of {names} is installed")


class Playback:
    """A running player. Leaving the ``with`` block stops it."""

    def __init__(self, sample_rate: int) -> None:
        """Start the first installed player, if it reads stdin; ``sample_rate`` is in hertz.

        Raises:
            ConfigError: No player is installed.

        """
        self._path, self._player = find()
        self._sample_rate = sample_rate
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in __exit__
        self._folder = tempfile.TemporaryDirectory()
        self._process: subprocess.Popen[bytes] | None = None
        self._samples: list[bytes] = []
        if self._player.raw:
            self._process = self._started(self._player.raw(sample_rate), subprocess.PIPE)
        elif self._player.wav:
            self._process = self._started(self._player.wav, subprocess.PIPE)
            self._pipe(wav.header(sample_rate))

    def __enter__(self) -> Self:
        """Return the object; the end of the block stops the player."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the player and delete temporary files."""
        if process := self._process:
            process.kill()
            process.wait()
            with contextlib.suppress(OSError):  # unwritten samples
                if process.stdin:
                    process.stdin.close()
        self._complaints.close()
        self._folder.cleanup()

    def write(self, pcm: Pcm) -> None:
        """Send samples to the player, or keep them for a player that reads a file.

        Raises:
            VitsTtsError: The player failed.
            Exit: The user closed the player.

        """
        data = pcm.samples.tobytes()
        if self._process is None:
            self._samples.append(data)
        else:
            self._pipe(data)

    def finish(self) -> None:
        """Wait until the player has played everything.

        Raises:
            VitsTtsError: The player failed.

        """
        if self._process is None:
            path = Path(self._folder.name) / "speech.wav"
            data = b"".join(self._samples)
            path.write_bytes(wav.header(self._sample_rate, len(data)) + data)
            self._process = self._started(self._player.file(str(path)), subprocess.DEVNULL)
        elif self._process.stdin:
            with contextlib.suppress(OSError):  # the exit status of the player is reported instead
                self._process.stdin.close()
        self._wait()

    def _pipe(self, data: bytes) -> None:
        pipe = self._process.stdin if self._process else None
        try:
            if pipe:
                pipe.write(data)
                pipe.flush()
        except OSError:
            self._wait()
            raise click.exceptions.Exit(0) from None

    def _started(self, arguments: list[str], stdin: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # a player of the table, with its arguments
            [self._path, *arguments],
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
        )

    def _wait(self) -> None:
        process: Any = self._process
        if status := process.wait():
            self._complaints.seek(0)
            said = self._complaints.read(500).decode("utf-8", "replace").split("\n")[0].strip()
            raise VitsTtsError(f"{self._player.program}: {said or f'exit status {status}'}")
