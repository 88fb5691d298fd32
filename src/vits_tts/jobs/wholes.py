"""The file of a whole document, put together from the files of its items.

These functions block for a time that grows with the sound: call them in threads.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from vits_tts.audio import writing
from vits_tts.audio.formats import CONTAINERS, Encoding
from vits_tts.books.book import Book
from vits_tts.books.cues import Cue
from vits_tts.books.dubbing import Fit, Limits, arranged
from vits_tts.jobs.model import CueSpec, Document, ItemResult, ItemState
from vits_tts.types import Pcm, Samples, silence

PART_FORMAT: Final = "flac"
"""The format of parts: lossless, so that the whole is encoded once."""
_BLOCK: Final = 64 * 1024

Locate = Callable[[str], Path]
"""Returns the path of the file of a part, by its hash."""


class Stopped(Exception):
    """The process ends, or the job was cancelled."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A part with sound: its path, its length in samples and the silence after it in seconds."""

    path: Path
    samples: int
    pause: float


@dataclass(frozen=True, slots=True)
class _Chapter:
    """A chapter of a book, as ``audiobook.Chaptered``."""

    title: str
    sample_rate: int
    parts: Sequence[_Spoken]
    going_on: Callable[[], None]

    @property
    def samples(self) -> int:
        """The length in samples."""
        pauses = (len(silence(part.pause, self.sample_rate).samples) for part in self.parts)
        return sum(part.samples for part in self.parts) + sum(pauses)

    @property
    def seconds(self) -> float:
        """The length in seconds."""
        return self.samples / self.sample_rate

    def windows(self) -> Iterator[Samples]:
        """Yield the samples in order."""
        for part in self.parts:
            for block in soundfile.blocks(part.path, _BLOCK, dtype="int16"):
                self.going_on()
                yield block
            if part.pause:
                yield silence(part.pause, self.sample_rate).samples


def name(document: Document, items: Sequence[ItemState]) -> str:
    """Return the hash of the file of a document, from everything that its sound depends on."""
    parts = []
    for item in items:
        result = item.result or ItemResult(hash="", format="", seconds=0.0)
        cue = item.spec.get("cue")
        begins = cue["begins"] if cue else None
        parts.append([result["hash"], item.spec.get("pause"), begins])
    facts: dict[str, object] = {**document}
    if cover := document.get("cover"):
        facts["cover"] = hashlib.sha256(cover).hexdigest()
    told = json.dumps([facts, parts], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:40]


def write(
    path: Path,
    document: Document,
    items: Sequence[ItemState],
    locate: Locate,
    going_on: Callable[[], None],
) -> float:
    """Write the file of a document, and return how long it plays in seconds.

    ``going_on`` is called from time to time; it raises an exception to end the work.

    Raises:
        ConfigError: a library is missing.
        OSError: a part cannot be read, or the file cannot be written.
        Stopped: raised by ``going_on``.

    """
    try:
        return _write(path, document, items, locate, going_on)
    except soundfile.SoundFileError as error:
        raise OSError(f"a part cannot be read: {error}") from error


def _write(
    path: Path,
    document: Document,
    items: Sequence[ItemState],
    locate: Locate,
    going_on: Callable[[], None],
) -> float:
    spoken = [_spoken(item, locate) for item in items]
    rate = int(soundfile.info(next(part.path for part in spoken if part)).samplerate)
    if document["format"] in CONTAINERS:
        from vits_tts.books import audiobook  # noqa: PLC0415  # its libraries are optional

        chapters = list(_chapters(document, spoken, rate, going_on))
        author, cover = document["author"], document.get("cover")
        book = Book(document["title"], (), author=author, cover=cover)
        audiobook.write_m4b(path, book, chapters, 1.0, document["bit_rate"] or 0)
        return sum(chapter.seconds for chapter in chapters)
    if document["seconds"] is not None:
        sound = _track(document["seconds"], items, locate, rate, going_on)
    else:
        sound = _Chapter("", rate, [part for part in spoken if part], going_on).windows()
    encoding = Encoding(document["format"], document["sample_rate"], document["bit_rate"])
    samples = 0
    with writing.file(path, encoding, rate) as sink:
        for window in sound:
            if len(window):
                samples += len(window)
                sink.write(Pcm(window, rate))
        sink.finish()
    return samples / rate


def _spoken(item: ItemState, locate: Locate) -> _Spoken | None:
    """Return the sound of a part; None if it has none."""
    if item.result is None or not item.result["hash"]:
        return None
    path = locate(item.result["hash"])
    return _Spoken(path, soundfile.info(path).frames, item.spec.get("pause", 0.0))


def _chapters(
    document: Document,
    spoken: Sequence[_Spoken | None],
    rate: int,
    going_on: Callable[[], None],
) -> Iterator[_Chapter]:
    """Yield the chapters that have sound."""
    at = 0
    for title, count in document["chapters"]:
        parts = [part for part in spoken[at : at + count] if part]
        at += count
        if parts:
            yield _Chapter(title, rate, parts, going_on)


def _track(
    seconds: float,
    items: Sequence[ItemState],
    locate: Locate,
    rate: int,
    going_on: Callable[[], None],
) -> Iterator[Samples]:
    """Return the sound of a track for subtitles."""
    paths: dict[int, Path] = {}
    fits = []
    for item in items:
        cue, result = item.spec.get("cue"), item.result
        if cue is None or result is None or not result["hash"]:
            continue
        fit = result["fit"]
        paths[cue["number"]] = locate(result["hash"])
        fits.append(
            Fit(_cue(cue, item.spec["text"]), fit["outcome"], fit["rate"], fit["seconds"], 0.0)
        )

    def say(fit: Fit) -> Samples:
        going_on()
        samples, _ = soundfile.read(paths[fit.cue.number], dtype="int16")
        return np.asarray(samples, np.int16)

    return arranged(fits, say, rate, seconds, lambda _: None)


def cue_of(spec: CueSpec, text: str) -> tuple[Cue, float, Limits]:
    """Return a subtitle, the seconds that it may last, and the limits of its rate."""
    limits = Limits(spec["slowest"], spec["fastest"], spec["usual"], spec["fill"])
    return _cue(spec, text), spec["room"], limits


def _cue(spec: CueSpec, text: str) -> Cue:
    return Cue(spec["number"], spec["line"], spec["begins"], spec["ends"], text)
