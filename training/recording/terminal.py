"""The recorder in a terminal, by the package sounddevice, or the programs parec and arecord."""

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any, Final

import numpy as np
import soundfile

from training.recording.levels import Samples, clipped, decibels
from training.recording.takes import LONGEST, RATE, Recording, Refused

_PROGRAMS: Final = {
    "parec": ["parec", "--raw", "--format=s16le", f"--rate={RATE}", "--channels=1"],
    "arecord": ["arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", str(RATE), "-c", "1"],
}
_PLAYERS: Final = (["paplay"], ["aplay", "-q"], ["afplay"])
_BLOCK: Final = RATE // 10  # samples: the level is shown ten times a second
_BAR: Final = 40  # characters for 60 dB
_HELP: Final = (
    "Enter: record, Enter again: stop. Then: k keep, l listen, Enter repeat, s skip, q end."
)


class NoMicrophone(Exception):
    """Raised if nothing can record, with the reason."""


class Microphone:
    """One take under way: started at once, and read in a thread until it is stopped."""

    def __init__(self, show: Callable[[Samples], None]) -> None:
        """Start to record; ``show`` gets each block of samples.

        Raises:
            NoMicrophone: there is nothing to record with.

        """
        self._show = show
        self._blocks: list[Samples] = []
        self._length = 0
        self._stream: Any = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        device = _sounddevice()
        if device is not None:
            try:
                self._stream = device.InputStream(
                    samplerate=RATE, channels=1, dtype="float32", callback=self._called
                )
                self._stream.start()
            except device.PortAudioError as error:
                raise NoMicrophone(f"the microphone cannot be used: {error}") from error
            return
        command = next((line for name, line in _PROGRAMS.items() if shutil.which(name)), None)
        if command is None:
            raise NoMicrophone(
                "to record here, install the Python package sounddevice, or arecord (alsa-utils), "
                "or parec (pulseaudio-utils); without --terminal the browser records"
            )
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603
        self._thread = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._thread.start()

    def stop(self) -> Samples:
        """End the take and return its samples, [N] from -1 to 1.

        Raises:
            NoMicrophone: the program that records has failed.

        """
        if self._stream is not None:
            self._stream.stop()
            self._stream.close()
        if self._process and self._thread:
            failed = self._process.poll()
            self._process.terminate()
            self._thread.join()
            self._process.wait()
            if failed:
                raise NoMicrophone("the program that records has failed: is there a microphone?")
        return np.concatenate([*self._blocks, np.zeros(0, np.float32)])[: LONGEST * RATE]

    def _called(self, samples: Samples, *_: Any) -> None:
        self._take(samples[:, 0].copy())

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while content := pipe.read(_BLOCK * 2):
                whole = content[: len(content) // 2 * 2]
                self._take(np.frombuffer(whole, "<i2").astype(np.float32) / np.float32(32_768))

    def _take(self, samples: Samples) -> None:
        if self._length < LONGEST * RATE:  # the rest is read and dropped
            self._blocks.append(samples)
            self._length += len(samples)
        self._show(samples)


def run(recording: Recording) -> int:
    """Record the sentences without a chosen take, one after the other; return the exit status."""
    _write(_HELP + "\n")
    try:
        for number, prompt in enumerate(recording.state(), 1):
            if not prompt["kept"]:
                _write(f"\n{number} of {len(recording.prompts)}\n\n  {prompt['text']}\n")
                if prompt["reading"]:
                    _write(f"  ({prompt['reading']})\n")
                if not _prompt(recording, prompt["id"]):
                    return 0
    except NoMicrophone as error:
        sys.stderr.write(f"record: {error}\n")
        return 1
    except (EOFError, KeyboardInterrupt):
        _write("\n")
    return 0


def _prompt(recording: Recording, name: str) -> bool:
    """Record takes of one sentence until one is kept or skipped; return False to end."""
    take: int | None = None
    while True:
        answer = input("> ").strip().lower()
        if answer == "q":
            return False
        if answer == "s":
            return True
        if answer == "k" and take is not None:
            recording.keep(name, take)
            return True
        if answer == "l" and take is not None:
            _play(recording.sound(name, take))
        elif answer:
            _write(_HELP + "\n")
        else:
            take = _record(recording, name) or take


def _record(recording: Recording, name: str) -> int | None:
    """Record a take, show its measures and faults, and return its number; None if refused."""
    microphone = Microphone(_show_level)
    try:
        input()
    finally:
        samples = microphone.stop()
    try:
        result = recording.add(name, samples, RATE)
    except Refused as error:
        _write(f"{error}\n")
        return None
    levels = result["levels"]
    _write(
        f"\nTake {result['take']}: {result['verdict']}. Speech {levels['speech']} dB, noise "
        f"{levels['noise']} dB, peak {levels['peak']} dB, clipped {levels['clipped']}, "
        f"{levels['seconds']} s\n"
    )
    for reason in result["reasons"]:
        _write(f"  {reason['en']}\n  {reason['vi']}\n")
    number: int = result["take"]
    return number


def _show_level(samples: Samples) -> None:
    level = decibels(float(np.square(samples).mean()))
    bar = "#" * max(0, round(_BAR * (1 + level / 60)))
    word = "CLIPPED" if clipped(samples) else ""
    _write(f"\r{bar:<{_BAR}} {level:4.0f} dB {word:<7}")


def _play(content: bytes) -> None:
    """Play a WAV file."""
    device = _sounddevice()
    if device is not None:
        samples, rate = soundfile.read(BytesIO(content), dtype="float32")
        device.play(samples, rate, blocking=True)
        return
    command = next((line for line in _PLAYERS if shutil.which(line[0])), None)
    if command is None:
        _write("to listen here, install sounddevice, paplay or aplay\n")
        return
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(content)
        file.flush()
        subprocess.run([*command, file.name], check=False)  # noqa: S603  # a constant


def _sounddevice() -> Any:
    """Return the package sounddevice, or None where it or its library is missing."""
    try:
        import sounddevice  # noqa: PLC0415  # optional
    except (ImportError, OSError):
        return None
    return sounddevice


def _write(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()
