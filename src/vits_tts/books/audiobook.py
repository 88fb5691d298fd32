"""Audiobooks in files: M4B with chapters, and a folder of MP3 with a playlist."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from vits_tts.audio import writing
from vits_tts.audio.gain import Amplifier
from vits_tts.audio.loudness import LoudnessMeter
from vits_tts.audio.loudness import gain as gain_for
from vits_tts.audio.whole_file import write_whole
from vits_tts.books.book import Book
from vits_tts.errors import ConfigError
from vits_tts.types import Pcm, Samples

if TYPE_CHECKING:
    import av

_RATE_OF_CHAPTERS: Final = 1000
PLAYLIST: Final = "playlist.m3u8"
_LEFT: Final = re.compile(r"\.[0-9a-f]{32}\.part|\.\d{3}\.part\.mp3")
"""Names of unfinished files of this program."""


class Chaptered(Protocol):
    """A chapter as sound, such as a ``recording.Track``."""

    @property
    def title(self) -> str:
        """The title of the chapter, as players show it."""

    @property
    def samples(self) -> int:
        """The length in samples."""

    @property
    def sample_rate(self) -> int:
        """The sample rate in hertz."""

    @property
    def seconds(self) -> float:
        """The length in seconds."""

    def windows(self) -> Iterator[Samples]:
        """Yield the samples in order."""


def leveled(tracks: Sequence[Chaptered], wanted: float | None) -> float:
    """Return the gain that brings a whole book to a loudness in LUFS; 1 without a target.

    Raises:
        OSError: the sound cannot be read.

    """
    if wanted is None or not tracks:
        return 1.0
    meter = LoudnessMeter(tracks[0].sample_rate)
    for track in tracks:
        for samples in track.windows():
            meter.add(samples)
    return 1.0 if meter.lufs is None else gain_for([meter], meter.lufs, wanted)


def write_m4b(
    path: Path, book: Book, tracks: Sequence[Chaptered], gain: float, bit_rate: int
) -> None:
    """Write an M4B: AAC with chapter marks, tags and cover. It gets its name when complete.

    Raises:
        ConfigError: the extra ``books`` is not installed.
        OSError: it cannot be written.

    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        _encode(unfinished, tracks, gain, bit_rate)
        _tag_m4b(unfinished, book)
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def write_mp3s(
    folder: Path, book: Book, tracks: Sequence[Chaptered], gain: float, bit_rate: int | None
) -> None:
    """Write an MP3 for each chapter, with tags and cover, and a playlist of them.

    Raises:
        OSError: a file cannot be written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if _LEFT.fullmatch(path.name):  # by a run that was killed
            path.unlink(missing_ok=True)
    lines = ["#EXTM3U", f"#PLAYLIST:{_line(book.title)}"]
    for number, track in enumerate(tracks, 1):
        path = folder / f"{number:03} {_file_name(track.title)}.mp3"
        unfinished = folder / f".{number:03}.part.mp3"
        encoding = writing.encoding(unfinished, "mp3", None, bit_rate, track.sample_rate)
        with writing.file(unfinished, encoding, track.sample_rate) as sink:
            for samples in amplified_samples([track], gain):
                sink.write(Pcm(samples, track.sample_rate))
            sink.finish()
        _tag_mp3(unfinished, book, track.title, number, len(tracks))
        unfinished.replace(path)
        lines += [f"#EXTINF:{round(track.seconds)},{_line(track.title)}", path.name]
    if book.cover:
        suffix = "png" if book.cover.startswith(b"\x89PNG") else "jpg"
        write_whole(folder / f"cover.{suffix}", [book.cover])
    write_whole(folder / PLAYLIST, ["\n".join([*lines, ""]).encode()])


def _encode(path: Path, tracks: Sequence[Chaptered], gain: float, bit_rate: int) -> None:
    """Write the sound and the chapter marks of an M4B.

    Raises:
        ConfigError: PyAV is not installed.
        OSError: it cannot be written.

    """
    try:
        import av  # noqa: PLC0415  # an optional dependency
    except ImportError:
        raise ConfigError("M4B needs: pip install 'vits-tts-vietnamese[books]'") from None
    rate = tracks[0].sample_rate
    try:
        options = {"movflags": "+faststart"}
        with av.open(str(path), "w", format="ipod", options=options) as container:
            stream = container.add_stream("aac", rate=rate, layout="mono")
            stream.bit_rate = bit_rate
            container.set_chapters(list(_chapters(tracks)))
            given = 0
            for samples in amplified_samples(tracks, gain):
                frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
                frame.sample_rate, frame.pts = rate, given
                given += len(samples)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:  # some are not an OSError
        raise OSError(error.errno, error.strerror, str(path)) from error


def amplified_samples(tracks: Sequence[Chaptered], gain: float) -> Iterator[Samples]:
    """Yield the sound of tracks, one after the other, times ``gain``."""
    for track in tracks:
        amplifier = Amplifier(gain, track.sample_rate)
        for samples in chain(map(amplifier.push, track.windows()), _rest(amplifier)):
            if len(samples):
                yield np.ascontiguousarray(samples)


def _rest(amplifier: Amplifier) -> Iterator[Samples]:
    yield amplifier.end()


def _chapters(tracks: Sequence[Chaptered]) -> "Iterator[av.container.core.Chapter]":
    at = 0
    for number, track in enumerate(tracks):
        ends = at + track.samples
        yield {
            "id": number,
            "start": round(at * _RATE_OF_CHAPTERS / track.sample_rate),
            "end": round(ends * _RATE_OF_CHAPTERS / track.sample_rate),
            "time_base": Fraction(1, _RATE_OF_CHAPTERS),
            "metadata": {"title": track.title},
        }
        at = ends


def _tag_m4b(path: Path, book: Book) -> None:
    from mutagen.mp4 import MP4, MP4Cover  # noqa: PLC0415  # an optional dependency

    tags: Any = MP4(path)
    tags["\xa9nam"] = tags["\xa9alb"] = book.title
    tags["\xa9gen"] = "Audiobook"
    tags["stik"] = [2]  # the kind of media: an audiobook
    if book.author:
        tags["\xa9ART"] = tags["aART"] = book.author
    if book.cover:
        png = book.cover.startswith(b"\x89PNG")
        kind = MP4Cover.FORMAT_PNG if png else MP4Cover.FORMAT_JPEG
        tags["covr"] = [MP4Cover(book.cover, imageformat=kind)]
    tags.save()


def _tag_mp3(path: Path, book: Book, title: str, number: int, count: int) -> None:
    from mutagen import id3  # noqa: PLC0415  # an optional dependency

    tags: Any = id3.ID3()
    tags.add(id3.TIT2(text=title))
    tags.add(id3.TALB(text=book.title))
    tags.add(id3.TRCK(text=f"{number}/{count}"))
    tags.add(id3.TCON(text="Audiobook"))
    if book.author:
        tags.add(id3.TPE1(text=book.author))
    if book.cover:
        mime = "image/png" if book.cover.startswith(b"\x89PNG") else "image/jpeg"
        tags.add(id3.APIC(mime=mime, type=3, data=book.cover))
    tags.save(path)


def _file_name(title: str) -> str:
    """Return a title as part of a file's name that every system allows."""
    name = re.sub(r'[\x00-\x1f\\/:*?"<>|]+', " ", title)
    return " ".join(name.split())[:80].rstrip(". ") or "…"


def _line(text: str) -> str:
    return " ".join(text.split())
