"""Read a folder of recordings with their texts, and name each fault with its file and line.

``metadata.csv`` has a line ``id|text`` for each recording, as LJSpeech has it; further columns are
ignored. The recording is ``wavs/ID.wav`` (or ``.flac``, ``.mp3``), or lies beside ``metadata.csv``.
"""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

METADATA, HELD_OUT = "metadata.csv", "heldout.txt"
SUFFIXES = (".wav", ".flac", ".mp3")
LONGEST = 30.0  # seconds
_SHOWN = 20
_SILENT = 1e-4  # of full scale


class CorpusError(Exception):
    """A folder of recordings cannot be used; there is one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems, each with its file and line."""
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        """Return the first problems and how many more there are."""
        more = len(self.problems) - _SHOWN
        rest = [f"and {more} more problems"] if more > 0 else []
        return "\n".join([*self.problems[:_SHOWN], *rest])


@dataclass(frozen=True)
class Recording:
    """A recording with its text. ``place`` names the line of its text in error messages."""

    name: str
    text: str
    path: Path
    place: str


def read(folder: Path) -> list[Recording]:
    """Return all recordings of a folder, in the order of ``metadata.csv``.

    Raises:
        CorpusError: there are none, or some lines cannot be used.

    """
    metadata = folder / METADATA
    try:
        content = metadata.read_bytes()
    except OSError as error:
        wanted = "it should have a line id|text for each recording"
        raise CorpusError([f"{metadata}: {error.strerror}; {wanted}"]) from None
    found: dict[str, Recording] = {}
    problems: list[str] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        place = f"{metadata}, line {number}"
        if not line.strip():
            continue
        try:
            recording = _recording(folder, line, place)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        if recording.name in found:
            first = found[recording.name].place.rpartition(" ")[2]
            problems.append(f"{place}: {recording.name!r} is already on line {first}")
        found.setdefault(recording.name, recording)
    if not found and not problems:
        problems = [f"{metadata}: it has no line id|text"]
    if problems:
        raise CorpusError(problems)
    return list(found.values())


def _recording(folder: Path, line: bytes, place: str) -> Recording:
    """Return the recording of a line of ``metadata.csv``.

    Raises:
        ValueError: the line cannot be used.

    """
    try:
        columns = unicodedata.normalize("NFC", line.decode("utf-8")).split("|")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start + 1})") from None
    if len(columns) < 2:
        raise ValueError("should be id|text")
    name, text = columns[0].strip(), columns[1].strip()
    if not name or name.startswith(".") or not name.isprintable() or set(name) & set("/\\:"):
        raise ValueError(f"{name!r:.60} cannot be an id: it should be the name of a file")
    if not any(character.isalnum() for character in text):
        raise ValueError(f"{name!r} has no text")
    return Recording(name, text, _file(folder, name), place)


def _file(folder: Path, name: str) -> Path:
    """Return the file of a recording.

    Raises:
        ValueError: there is none.

    """
    stem = name.removesuffix(Path(name).suffix) if name.endswith(SUFFIXES) else name
    for place in (folder / "wavs", folder):
        for suffix in SUFFIXES:
            path = place / f"{stem}{suffix}"
            if path.is_file():
                return path
    raise ValueError(f"there is no wavs/{stem}.wav, .flac or .mp3, nor one beside {METADATA}")


def sound(path: Path, sample_rate: int) -> np.ndarray:
    """Return a recording as one channel at ``sample_rate`` (float32, -1 to 1).

    Raises:
        ValueError: it cannot be decoded, is silent, or is too long.

    """
    try:
        seconds = soundfile.info(path).duration
        if seconds > LONGEST:
            raise ValueError(
                f"{path}: lasts {seconds:.0f} s; cut it at pauses into parts of at "
                f"most {LONGEST:.0f} s"
            )
        audio, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise ValueError(f"{path}: cannot be decoded: {_reason(error)}") from None
    mono: np.ndarray = audio.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise ValueError(f"{path}: has samples that are not numbers")
    if np.abs(mono).max(initial=0.0) < _SILENT:
        raise ValueError(f"{path}: is silent")
    if own_rate != sample_rate:
        mono = soxr.resample(mono, own_rate, sample_rate, quality="VHQ")
    return mono


def _reason(error: Exception) -> str:
    """Return the reason that libsndfile gives, without the path."""
    return str(getattr(error, "error_string", error)).strip().rstrip(".")


def rates(recordings: Iterable[Recording]) -> dict[int, int]:
    """Return how many recordings have each sample rate in Hz, without those that are broken."""
    found: dict[int, int] = {}
    for recording in recordings:
        try:
            rate = soundfile.info(recording.path).samplerate
        except (soundfile.LibsndfileError, OSError):
            continue
        found[rate] = found.get(rate, 0) + 1
    return dict(sorted(found.items()))


def held_out(folder: Path, recordings: list[Recording]) -> set[str]:
    """Return the ids of the recordings that only measure the voice and never train it.

    They are listed in ``heldout.txt``. Without that file they are one in twenty, at most fifty,
    spread evenly.

    Raises:
        CorpusError: the file names a recording that does not exist.

    """
    path, names = folder / HELD_OUT, [recording.name for recording in recordings]
    if not path.exists():
        count = min(50, max(1, len(names) // 20))
        return {names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count)}
    try:
        listed = path.read_text(encoding="utf-8").split()
    except UnicodeDecodeError:
        raise CorpusError([f"{path}: not UTF-8"]) from None
    unknown = sorted(set(listed) - set(names))
    if unknown:
        raise CorpusError([f"{path}: {METADATA} has no {name!r}" for name in unknown])
    return set(listed)


def fingerprint(recordings: list[Recording], held: set[str]) -> str:
    """Return a digest that changes with the texts, the files' sizes and the held-out recordings."""
    digest = hashlib.sha256()
    for one in recordings:
        row = (one.name, one.text, one.path.stat().st_size, one.name in held)
        digest.update(f"{row}\n".encode())
    return digest.hexdigest()[:32]
