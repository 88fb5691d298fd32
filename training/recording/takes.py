"""The folder of a recording: all takes, the chosen ones, and ``metadata.csv``.

::

    FOLDER/takes/001-1.wav   every take, numbered by prompt
    FOLDER/wavs/001.wav      the chosen take of a prompt
    FOLDER/metadata.csv      id|text of the chosen takes, as in LJSpeech

A file is written beside its place and then moved there, so a crash leaves the old file or the new
one. The folder alone tells which takes there are, so recording goes on where it stopped.
"""

import os
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
import soxr

from training.prompts.coverage import length
from training.recording.levels import Samples, faults, measured, verdict
from vits_tts.file_lock import FileLocked, lock
from vits_tts.text.normalizer.pipeline import Normalizer

RATE: Final = 48_000  # samples a second in every file
RATES: Final = range(8_000, 192_001)  # of sound that comes in
LONGEST: Final = 60  # seconds of a take
MOST_TAKES: Final = 99  # of one prompt

_TAKE: Final = re.compile(r"(?P<name>[A-Za-z0-9_-]+)-(?P<number>[1-9][0-9]*)\.wav")


class Refused(Exception):
    """Raised for a request that is not fulfilled; ``code`` is stable, ``status`` is HTTP's."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        """Keep the code, the status, and the message for the reader."""
        super().__init__(message)
        self.code = code
        self.status = status


class Busy(Exception):
    """Raised if another recorder uses the folder."""


@dataclass(frozen=True)
class Prompt:
    """A sentence to read; ``spoken`` is how a server reads it, in words."""

    name: str
    text: str
    spoken: str

    @property
    def reading(self) -> str | None:
        """The sentence in words, if it is written otherwise: numbers, English words."""
        letters = re.compile(r"[\W_]+")
        same = letters.sub("", self.spoken.lower()) == letters.sub("", self.text.lower())
        return None if same else self.spoken


def prompts_of(texts: Mapping[str, str]) -> dict[str, Prompt]:
    """Return the prompts for texts by their ids, each with its reading."""
    normaliser = Normalizer()
    return {name: Prompt(name, text, normaliser(text).spoken) for name, text in texts.items()}


class Recording:
    """The takes of all prompts in one folder. Thread-safe; the methods touch the disk."""

    def __init__(self, folder: Path, prompts: Mapping[str, Prompt]) -> None:
        """Open or make the folder, for this process alone.

        Raises:
            Busy: another recorder uses the folder.
            OSError: the folder cannot be written.

        """
        self.folder = folder
        self.prompts = dict(prompts)
        self._takes = folder / "takes"
        self._wavs = folder / "wavs"
        self._metadata = folder / "metadata.csv"
        for path in (self._takes, self._wavs):
            path.mkdir(parents=True, exist_ok=True)
        self._lock_file = (self._takes / ".lock").open("w")
        try:
            lock(self._lock_file)
        except FileLocked as error:
            self._lock_file.close()
            raise Busy(f"another recorder uses {folder}") from error
        self._lock = threading.Lock()
        self._texts = self._read_metadata()
        self._counts = self._count_takes()

    def close(self) -> None:
        """Release the folder."""
        self._lock_file.close()

    def is_kept(self, name: str) -> bool:
        """Return whether a take of the prompt, with its present text, is chosen."""
        kept = self._texts.get(name) == _one_line(self.prompts[name].text)
        return kept and (self._wavs / f"{name}.wav").exists()

    def state(self) -> list[dict[str, Any]]:
        """Return each prompt with the number of its takes and whether one is chosen."""
        with self._lock:
            return [
                {
                    "id": prompt.name,
                    "text": prompt.text,
                    "reading": prompt.reading,
                    "takes": self._counts.get(prompt.name, 0),
                    "kept": self.is_kept(prompt.name),
                }
                for prompt in self.prompts.values()
            ]

    def kept_seconds(self) -> float:
        """Return the length of all chosen takes."""
        with self._lock:
            names = [name for name in self.prompts if self.is_kept(name)]
        files = [soundfile.info(self._wavs / f"{name}.wav") for name in names]
        return float(sum(file.duration for file in files))

    def add(self, name: str, samples: Samples, rate: int) -> dict[str, Any]:
        """Store a take of a prompt and return its number, measures, verdict and faults.

        Args:
            name: The id of a prompt.
            samples: One channel, [N] from -1 to 1.
            rate: Samples a second.

        Raises:
            Refused: the take cannot be stored.

        """
        if rate not in RATES:
            raise Refused("rate_invalid", f"the rate must be {RATES[0]} to {RATES[-1]} Hz")
        if not 0 < len(samples) <= LONGEST * rate:
            raise Refused("length_invalid", f"a take has sound, up to {LONGEST} seconds of it")
        if not np.isfinite(samples).all():
            raise Refused("samples_invalid", "the samples are not all numbers")
        levels = measured(samples, rate)  # before resampling, which moves peaks
        content = _wav(samples, rate)
        with self._lock:
            number = self._counts.get(name, 0) + 1
            if number > MOST_TAKES:
                raise Refused("too_many_takes", f"a sentence has up to {MOST_TAKES} takes", 409)
            _write(self._take(name, number), content)
            self._counts[name] = number
        reasons = faults(levels, length(self.prompts[name].spoken))
        return {
            "take": number,
            "levels": levels.as_json(),
            "verdict": verdict(reasons),
            "reasons": [reason.as_json() for reason in reasons],
        }

    def keep(self, name: str, number: int) -> None:
        """Choose a take of a prompt.

        Raises:
            Refused: there is no such take.

        """
        with self._lock:
            content = self._content(self._take(name, number))
            text = _one_line(self.prompts[name].text)
            if self._texts.get(name, text) != text:  # the old text must not stand for the new take
                del self._texts[name]
                self._write_metadata()
            _write(self._wavs / f"{name}.wav", content)
            if name not in self._texts:
                self._texts[name] = text
                self._write_metadata()

    def sound(self, name: str, number: int | None) -> bytes:
        """Return the WAV file of a take; without a number, of the chosen one.

        Raises:
            Refused: there is no such take.

        """
        path = self._wavs / f"{name}.wav" if number is None else self._take(name, number)
        return self._content(path)

    def _take(self, name: str, number: int) -> Path:
        return self._takes / f"{name}-{number}.wav"

    def _content(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise Refused("take_unknown", "there is no such take", 404) from None

    def _count_takes(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for path in self._takes.iterdir():
            if found := _TAKE.fullmatch(path.name):
                name = found["name"]
                counts[name] = max(counts.get(name, 0), int(found["number"]))
        return counts

    def _read_metadata(self) -> dict[str, str]:
        if not self._metadata.exists():
            return {}
        lines = self._metadata.read_text("utf-8-sig").splitlines()
        return {name: text for name, _, text in (line.partition("|") for line in lines) if name}

    def _write_metadata(self) -> None:
        own = [name for name in self.prompts if name in self._texts]
        others = [name for name in self._texts if name not in self.prompts]
        lines = [f"{name}|{self._texts[name]}\n" for name in [*own, *others]]
        _write(self._metadata, "".join(lines).encode())


def _one_line(text: str) -> str:
    """Return a text as ``metadata.csv`` can have it: a bar separates columns there."""
    return " ".join(text.replace("|", " ").split())


def _wav(samples: Samples, rate: int) -> bytes:
    """Return the samples as a WAV file of :data:`RATE`, one channel, 24 bits."""
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE, quality="VHQ")
    buffer = BytesIO()
    soundfile.write(buffer, np.clip(samples, -1, 1), RATE, format="WAV", subtype="PCM_24")
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
