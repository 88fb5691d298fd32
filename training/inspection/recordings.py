"""Read a folder of recordings: ``metadata.csv`` and the audio files it names."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from training import corpus
from training.corpus import SUFFIXES

LONGEST = 60.0
"""Seconds. Longer clips are not read: no sentence lasts as long, and training needs sentences."""


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
    path = folder / corpus.METADATA
    try:
        table = corpus.table(folder, text_column)
    except corpus.CorpusError as error:
        raise FolderError(str(error)) from error
    if table.problems:
        raise FolderError(table.problems[0])
    if not table.rows:
        raise FolderError(f"{path} has no lines")
    files = _files(folder)
    recordings = []
    for row in table.rows:
        if table.text >= len(row.columns):
            raise FolderError(f"{row.place}: no column {table.text + 1}; want 'id|text'")
        name = row.columns[0]
        name = Path(name).stem if name.lower().endswith(SUFFIXES) else name
        recordings.append(Recording(name, row.columns[table.text], files.get(name)))
    names = [recording.name for recording in recordings]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FolderError(f"{path}: {twice!r} is there twice")
    return Folder(recordings, sorted(files.keys() - set(names)), table.text + 1)


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
