"""Read a folder of recordings: ``metadata.csv`` and the audio files it names."""

import csv
import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

SUFFIXES = (".wav", ".flac", ".mp3")
LONGEST = 60.0
"""Seconds. Longer clips are not read: no sentence lasts as long, and training needs sentences."""
_IDS = ("id", "file", "file_name", "filename", "path", "name", "wav", "audio")
_TEXTS = ("text", "transcript", "transcription", "sentence", "normalized_text", "syllable")


class FolderError(ValueError):
    """The folder is not one of recordings with their texts."""


class Unreadable(ValueError):
    """An audio file that cannot be decoded, or is too long."""


@dataclass(frozen=True)
class Recording:
    """A line of ``metadata.csv``; ``path`` is None if no audio file has its name."""

    name: str
    text: str
    path: Path | None


@dataclass(frozen=True)
class Folder:
    """The recordings, in the order of the file, and audio files that no line names."""

    recordings: list[Recording]
    unnamed: list[str]
    text_column: int  # counted from 1


@dataclass(frozen=True)
class Audio:
    """One decoded file: ``samples`` [n], all channels mixed, full scale 1."""

    samples: np.ndarray
    rate: int
    channels: int
    digest: str


def read(folder: Path, text_column: int | None = None) -> Folder:
    """Read ``metadata.csv``; audio files lie in ``wavs/`` or beside it.

    Raises:
        FolderError: the file is missing, is not UTF-8, has no text, or names a clip twice.
    """
    path = folder / "metadata.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)
                if row
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FolderError(f"{path} cannot be read: {error}") from error
    head, rows = _head(rows)
    if not rows:
        raise FolderError(f"{path} has no lines")
    column = (text_column - 1) if text_column else _column(head, rows)
    for number, row in enumerate(rows, 1 + bool(head)):
        if column >= len(row):
            raise FolderError(f"{path}, line {number}: no column {column + 1}")
    files = _files(folder)
    recordings = []
    for row in rows:
        text = unicodedata.normalize("NFC", row[column])
        name = Path(row[0]).stem if row[0].lower().endswith(SUFFIXES) else row[0]
        recordings.append(Recording(name, text, files.get(name)))
    names = [recording.name for recording in recordings]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FolderError(f"{path}: {twice!r} is there twice")
    return Folder(recordings, sorted(files.keys() - set(names)), column + 1)


def _head(rows: list[list[str]]) -> tuple[list[str] | None, list[list[str]]]:
    """Return the line of column names in lower case, if there is one, and the lines below it."""
    first = [cell.lower() for cell in rows[0]] if rows else []
    if first and first[0] in _IDS and any(cell in _TEXTS for cell in first):
        return first, rows[1:]
    return None, rows


def _column(head: list[str] | None, rows: list[list[str]]) -> int:
    """Return the text's column from 0: by its name, or as the one with most different texts.

    Of columns that differ by less than a tenth in that, as LJSpeech's two texts do, it is the
    first. Numbers are no texts.
    """
    if head:
        return next(i for i, name in enumerate(head) if name in _TEXTS)
    width = min(len(row) for row in rows)
    if width < 2:
        raise FolderError("metadata.csv has lines without a text: want 'id|text'")
    texts = [
        len({row[i] for row in rows if any(c.isalpha() for c in row[i])}) for i in range(1, width)
    ]
    return 1 + next(i for i, count in enumerate(texts) if count >= 0.9 * max(texts))


def _files(folder: Path) -> dict[str, Path]:
    """Return the audio files by name without suffix. Links out of the folder do not count."""
    root = folder.resolve()
    files: dict[str, Path] = {}
    for place in (folder, folder / "wavs"):
        for path in sorted(place.iterdir()) if place.is_dir() else []:
            if path.suffix.lower() in SUFFIXES and path.resolve().is_relative_to(root):
                files[path.stem] = path
    return files


def sample(all_of_them: list[Recording], size: int | None) -> list[Recording]:
    """Return ``size`` recordings chosen at random, always the same, in their order."""
    if not size or size >= len(all_of_them):
        return all_of_them
    picked = np.random.default_rng(1).choice(len(all_of_them), size, replace=False)
    return [all_of_them[i] for i in sorted(picked)]


def decode(path: Path) -> Audio:
    """Decode one file.

    Raises:
        Unreadable: it is no audio, has no samples, or lasts longer than ``LONGEST`` seconds.
    """
    try:
        content = path.read_bytes()
        with soundfile.SoundFile(path) as file:
            if file.frames > LONGEST * file.samplerate:
                raise Unreadable(f"longer than {LONGEST:.0f} s")
            samples = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except (OSError, soundfile.LibsndfileError) as error:
        raise Unreadable(str(error)) from error
    if not len(samples) or not np.isfinite(samples).all():
        raise Unreadable("no samples")
    mono = samples.mean(axis=1, dtype=np.float64)
    return Audio(mono, rate, samples.shape[1], hashlib.sha256(content).hexdigest())
