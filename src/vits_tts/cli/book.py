"""The command ``book``, which turns a book into an audiobook."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from vits_tts.cli.options import Examples, gathered
from vits_tts.cli.progress import progress
from vits_tts.cli.speaking import LocalVoice, local_voice_options
from vits_tts.errors import ConfigError
from vits_tts.file_lock import LockFailed, lock
from vits_tts.telemetry.printable import printable

if TYPE_CHECKING:
    from vits_tts.api import Speech
    from vits_tts.books.book import Book
    from vits_tts.books.recording import Track

Writer: TypeAlias = "Callable[[Path, Book, list[Track], float], None]"

_LOUDNESS = -19.0
_PARAGRAPH_PAUSE = 0.6


@dataclass(frozen=True, slots=True)
class _Asked:
    """The values of the options for the book and its sound; None if not given."""

    skip_front_matter: bool
    title: str | None
    author: str | None
    cover: Path | None
    loudness: float
    no_loudness: bool
    bit_rate: int
    only_list: bool

    def applied(self, book: "Book") -> "Book":
        """Return the book without front matter if so asked, and with the given facts.

        Raises:
            ConfigError: the cover is not a JPEG or PNG, or all chapters are front matter.

        """
        picture = self.cover.read_bytes() if self.cover else book.cover
        if picture and not picture.startswith((b"\xff\xd8", b"\x89PNG")):
            raise ConfigError(f"{self.cover}: should be a JPEG or PNG")
        kept = [one for one in book.chapters if not (self.skip_front_matter and one.front)]
        if not kept:
            raise ConfigError("all its chapters are front matter: leave out --skip-front-matter")
        return replace(
            book,
            title=self.title or book.title,
            author=self.author or book.author,
            cover=picture,
            chapters=tuple(kept),
        )


_OPTIONS = (
    click.option(
        "--skip-front-matter", is_flag=True, help="Leave out contents, copyright, preface."
    ),
    click.option("--title", help="Title in the tags; default: the book's own."),
    click.option("--author", help="Author in the tags; default: the book's own."),
    click.option(
        "--cover",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Cover, a JPEG or PNG; default: the book's own.",
    ),
    click.option(
        "--loudness",
        type=click.FloatRange(-40, -10),
        default=_LOUDNESS,
        show_default=True,
        help="Loudness of the whole book in LUFS.",
    ),
    click.option("--no-loudness", is_flag=True, help="Keep the voice's own loudness."),
    click.option(
        "--bit-rate",
        type=click.IntRange(16_000, 320_000),
        default=64_000,
        show_default=True,
        help="Bits per second.",
    ),
    click.option("--list", "only_list", is_flag=True, help="Only list the chapters."),
)


@click.command(
    cls=Examples,
    examples=(
        "vits-tts book story.epub -o story.m4b",
        "vits-tts book story.docx -o story.m4b --author 'Nam Cao' --cover cover.jpg",
        "vits-tts book story.txt -o story/ --skip-front-matter",
        "vits-tts book story.md -o read-along.epub",
    ),
)
@click.argument(
    "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE|FOLDER",
    help=".m4b, .epub (read-along), or a folder for MP3 files and a playlist.",
)
@gathered("asked", _Asked, _OPTIONS)
@local_voice_options
def book(
    source: Path,
    output: str,
    asked: _Asked,
    voice: LocalVoice,
) -> None:
    """Make an audiobook of FILE, an .epub, .docx, .md or .txt.

    Run the same command again to continue an interrupted run: paragraphs that were synthesised are
    kept beside the output until it is complete.
    """
    _check_extra()
    from vits_tts.books import audiobook, documents

    target = Path(output)
    write = _writer(target, asked.bit_rate)
    told = asked.applied(documents.read(source))
    if asked.only_list:
        for chapter in told.chapters:
            click.echo(printable(chapter.title))
        return
    work = target.with_name(f".{target.name}.parts")
    with voice.opened() as speech, _alone(work):
        made = _recorded(told, work, speech, voice)
        gain = audiobook.leveled(made, None if asked.no_loudness else asked.loudness)
        write(target, told, made, gain)
    shutil.rmtree(work, ignore_errors=True)
    seconds = sum(track.seconds for track in made)
    click.echo(printable(f"{target}: {len(made)} chapters, {seconds / 60:.1f} minutes"))


def _check_extra() -> None:
    """Check that the libraries of the extra ``books`` are installed.

    Raises:
        ConfigError: one is not installed.

    """
    names = ("av", "defusedxml", "markdown_it", "mdit_py_plugins", "mutagen")
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)} is missing: pip install 'vits-tts-vietnamese[books]'"
        )


def _writer(target: Path, bit_rate: int) -> Writer:
    """Return the function that writes an audiobook to ``target``: an M4B, an EPUB or a folder.

    Raises:
        ConfigError: the target is none of these.

    """
    from vits_tts.books import audiobook, read_along

    kinds = {
        ".m4b": audiobook.write_m4b,
        ".epub": read_along.write,
        "": audiobook.write_mp3s,
    }
    kind = kinds.get("" if target.is_dir() else target.suffix.lower())
    if kind is None:
        raise ConfigError(f"{target}: should end with .m4b or .epub, or be a folder")
    return partial(kind, bit_rate=bit_rate)


def _recorded(book: "Book", work: Path, speech: "Speech", voice: LocalVoice) -> "list[Track]":
    """Return the chapters as sound, with a progress bar.

    Raises:
        ConfigError: there is nothing to say.

    """
    from vits_tts.books.recording import Recordings, Voicing, tracks

    voicing = Voicing(speech, voice.speed, voice.speaker)
    chars = sum(len(text) for text in {b.text for c in book.chapters for b in c.blocks})
    with progress(chars, "speaking") as done:
        made = tracks(book, Recordings(work, voicing), done, _PARAGRAPH_PAUSE)
    if not made:
        shutil.rmtree(work, ignore_errors=True)  # nothing in it is worth to be kept
        raise ConfigError("the book has nothing to say")
    return made


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Hold the lock of a book's folder inside the block.

    Raises:
        ConfigError: another run is making the same file.

    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("ab") as file:
        try:
            lock(file)
        except LockFailed:
            raise ConfigError(f"{work}: another run is making this book") from None
        yield
