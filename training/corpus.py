"""Read a folder of recordings with their texts, and name each fault with its file and line.

``metadata.csv`` has a line ``id|text`` for each recording, as LJSpeech has it. The text may be in
another column, which is found by :func:`text_column`. The recording is ``wavs/ID.wav`` (or
``.flac``, ``.mp3``), or lies beside ``metadata.csv``.
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
_IDS = ("id", "file", "file_name", "filename", "path", "name", "wav", "audio")
_TEXTS = ("text", "transcript", "transcription", "sentence", "normalized_text", "syllable")


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


@dataclass(frozen=True)
class Row:
    """A line of ``metadata.csv``. ``place`` names it in error messages."""

    columns: list[str]
    place: str


@dataclass(frozen=True)
class Table:
    """The lines of ``metadata.csv``, those that are no UTF-8, and the text's column from 0."""

    rows: list[Row]
    problems: list[str]
    text: int


def table(folder: Path, text_column: int | None = None) -> Table:
    """Read ``metadata.csv``; ``text_column`` is counted from 1, and found if it is not given.

    Raises:
        CorpusError: there is no such file.

    """
    metadata = folder / METADATA
    try:
        content = metadata.read_bytes()
    except OSError as error:
        wanted = "it should have a line id|text for each recording"
        raise CorpusError([f"{metadata}: {error.strerror}; {wanted}"]) from None
    rows, problems = [], []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        place = f"{metadata}, line {number}"
        if not line.strip():
            continue
        try:
            columns = unicodedata.normalize("NFC", line.decode("utf-8")).split("|")
        except UnicodeDecodeError as error:
            problems.append(f"{place}: not UTF-8 (byte {error.start + 1})")
            continue
        rows.append(Row([column.strip() for column in columns], place))
    names = [name.lower() for name in rows[0].columns] if rows else []
    if names and names[0] in _IDS and any(name in _TEXTS for name in names):
        found = next(i for i, name in enumerate(names) if name in _TEXTS)
        rows = rows[1:]
    else:
        found = _text_column([row.columns for row in rows])
    return Table(rows, problems, text_column - 1 if text_column else found)


def _text_column(rows: list[list[str]]) -> int:
    """Return the text's column from 0: the one with most different texts.

    Of columns that differ by less than a tenth in that, as LJSpeech's two texts do, it is the
    first. Numbers are no texts.
    """
    width = min((len(row) for row in rows), default=0)
    texts = [
        len({row[i] for row in rows if any(letter.isalpha() for letter in row[i])})
        for i in range(1, width)
    ]
    if max(texts, default=0) < 2:
        return 1
    return 1 + next(i for i, count in enumerate(texts) if count >= 0.9 * max(texts))


def read(folder: Path, text_column: int | None = None) -> list[Recording]:
    """Return all recordings of a folder, in the order of ``metadata.csv``.

    Raises:
        CorpusError: there are none, or some lines cannot be used.

    """
    found: dict[str, Recording] = {}
    lines = table(folder, text_column)
    problems = list(lines.problems)
    for row in lines.rows:
        try:
            recording = _recording(folder, row, lines.text)
        except ValueError as error:
            problems.append(f"{row.place}: {error}")
            continue
        if recording.name in found:
            first = found[recording.name].place.rpartition(" ")[2]
            problems.append(f"{row.place}: {recording.name!r} is already on line {first}")
        found.setdefault(recording.name, recording)
    if not found and not problems:
        problems = [f"{folder / METADATA}: it has no line id|text"]
    if problems:
        raise CorpusError(problems)
    return list(found.values())


def _recording(folder: Path, row: Row, text_column: int) -> Recording:
    """Return the recording of a line of ``metadata.csv``.

    Raises:
        ValueError: the line cannot be used.

    """
    if len(row.columns) < 2:
        raise ValueError("should be id|text")
    if text_column >= len(row.columns):
        raise ValueError(f"has no column {text_column + 1}, where the text should be")
    name, text = row.columns[0], row.columns[text_column]
    if not name or name.startswith(".") or not name.isprintable() or set(name) & set("/\\:"):
        raise ValueError(f"{name!r:.60} cannot be an id: it should be the name of a file")
    if not any(character.isalnum() for character in text):
        raise ValueError(f"{name!r} has no text")
    return Recording(name, text, _file(folder, name), row.place)


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
