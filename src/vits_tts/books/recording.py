"""The sound of a book, paragraph by paragraph, kept on disk so that work can be resumed.

A paragraph is stored under a digest of everything that its sound depends on. A run that was killed
loses only the paragraphs under way, and a changed book is only synthesised where it changed.
"""

import errno
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from vits_tts.api import Speech
from vits_tts.audio.whole_file import write_whole
from vits_tts.books.book import Book
from vits_tts.cores import available_cores
from vits_tts.errors import TextEmpty, TextUnspeakable
from vits_tts.types import Samples

_VERSION: Final = 2
_HEADING_PAUSE: Final = 0.9
_CHAPTER_PAUSE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a paragraph: its place in the text, and its start and end in seconds."""

    start: int
    end: int
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A paragraph that was synthesised: the path of its samples, and the times of its words."""

    path: Path
    samples: int
    words: tuple[Word, ...]

    def read(self) -> Samples:
        """Return the samples.

        Raises:
            OSError: they cannot be read.

        """
        if not self.samples:
            return np.zeros(0, np.int16)
        try:
            with self.path.open("rb") as file, np.load(file) as stored:
                samples: Samples = stored["samples"]
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise OSError(errno.EIO, f"damaged: {error}", str(self.path)) from error
        return samples


@dataclass(frozen=True, slots=True)
class Voicing:
    """The voice of a recording, and how it speaks."""

    speech: Speech
    speed: str | float | None = None
    speaker: str | None = None


class Recordings:
    """The paragraphs in a folder."""

    def __init__(self, folder: Path, voicing: Voicing) -> None:
        """Keep paragraphs in ``folder``, spoken as ``voicing`` says."""
        self._folder = folder
        self._voicing = voicing
        self.sample_rate = voicing.speech.voice.sample_rate

    def spoken(self, text: str) -> Spoken:
        """Return a paragraph, from the folder or synthesised now; it has no sound if it is silent.

        Raises:
            OSError: it cannot be written.
            VitsTtsError: it cannot be synthesised.

        """
        path = self._folder / f"{self._digest(text)}.npz"
        if (known := _known(path)) is not None:
            return known
        words: tuple[Word, ...] = ()
        samples: Samples = np.zeros(0, np.int16)
        voicing = self._voicing
        try:
            said, sentences = voicing.speech.timed(
                text, speed=voicing.speed, speaker=voicing.speaker
            )
        except (TextEmpty, TextUnspeakable):
            pass
        else:
            samples = said.samples
            words = tuple(
                Word(word.start, word.end, word.start_seconds, word.end_seconds)
                for sentence in sentences
                for word in sentence.words
            )
        return _stored(path, samples, words)

    def all(self, texts: Sequence[str], done: Callable[[int], None]) -> dict[str, Spoken]:
        """Return all paragraphs by their text; ``done`` is called with the characters so far.

        Raises:
            OSError: one cannot be written.
            VitsTtsError: one cannot be synthesised.

        """
        self._folder.mkdir(parents=True, exist_ok=True)
        found: dict[str, Spoken] = {}
        chars = 0
        distinct = list(dict.fromkeys(texts))
        with ThreadPoolExecutor(available_cores() + 1) as threads:
            try:
                for text, spoken in zip(distinct, threads.map(self.spoken, distinct), strict=True):
                    found[text] = spoken
                    chars += len(text)
                    done(chars)
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return found

    def _digest(self, text: str) -> str:
        """Return a digest of everything that the sound and the words' places depend on.

        Raises:
            VitsTtsError: the text cannot be read.

        """
        voicing = self._voicing
        try:
            fingerprint = voicing.speech.fingerprint(
                text, speed=voicing.speed, speaker=voicing.speaker
            )
        except (TextEmpty, TextUnspeakable):
            fingerprint = "silent"
        return hashlib.sha256(json.dumps([_VERSION, text, fingerprint]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Part:
    """A paragraph on the time line of a chapter: the text, its start in seconds, its sound."""

    text: str
    level: int
    begins: float
    spoken: Spoken


@dataclass(frozen=True, slots=True)
class Track:
    """A chapter as sound: its title, its parts in order and its length in samples."""

    title: str
    parts: tuple[Part, ...]
    samples: int
    sample_rate: int

    @property
    def seconds(self) -> float:
        """The duration in seconds, with the silence at the end."""
        return self.samples / self.sample_rate

    def windows(self) -> Iterator[Samples]:
        """Yield the samples of the chapter in order."""
        at = 0
        for part in self.parts:
            begins = round(part.begins * self.sample_rate)
            if begins > at:
                yield np.zeros(begins - at, np.int16)
            samples = part.spoken.read()
            yield samples
            at = begins + len(samples)
        yield np.zeros(self.samples - at, np.int16)


def tracks(
    book: Book, recordings: Recordings, done: Callable[[int], None], pause: float
) -> list[Track]:
    """Return the chapters of a book as sound; chapters with nothing to say are left out.

    ``pause`` is the silence between paragraphs in seconds.

    Raises:
        OSError: the sound cannot be written.
        VitsTtsError: it cannot be synthesised.

    """
    texts = [block.text for chapter in book.chapters for block in chapter.blocks]
    spoken = recordings.all(texts, done)
    rate = recordings.sample_rate
    made = []
    for chapter in book.chapters:
        at = 0
        parts = []
        for block in chapter.blocks:
            sound = spoken[block.text]
            parts.append(Part(block.text, block.level, at / rate, sound))
            if sound.samples:
                at += sound.samples + round((_HEADING_PAUSE if block.level else pause) * rate)
        if at:
            made.append(Track(chapter.title, tuple(parts), at + round(_CHAPTER_PAUSE * rate), rate))
    return made


def _known(path: Path) -> Spoken | None:
    """Return a stored paragraph; None if it is not there or damaged."""
    try:
        with path.open("rb") as file, np.load(file) as stored:
            told = json.loads(str(stored["told"]))
        words = tuple(Word(*word) for word in told["words"])
        return Spoken(path, int(told["samples"]), words)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _stored(path: Path, samples: Samples, words: Sequence[Word]) -> Spoken:
    """Store a paragraph and return it.

    Raises:
        OSError: it cannot be written.

    """
    told = {"samples": len(samples), "words": [astuple(word) for word in words]}
    written = io.BytesIO()
    np.savez(written, samples=samples, told=np.array(json.dumps(told)))
    write_whole(path, [written.getvalue()])
    return Spoken(path, len(samples), tuple(words))
