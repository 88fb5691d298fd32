"""The texts of a batch: files split into lines, paragraphs or chapters, or whole files."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from vits_tts.books.headings import HEADING
from vits_tts.cli.options import gathered, mended
from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from vits_tts.audio.formats import Encoding

F = TypeVar("F", bound=Callable[..., Any])

_LINE_END: Final = re.compile(r"\r\n?")
_EMPTY_LINE: Final = re.compile(r"\n[^\S\n]*\n\s*")


@dataclass(frozen=True, slots=True)
class Unit:
    """A text that becomes one audio file: part ``part`` of the text file, starting at ``line``."""

    text: str
    path: Path
    part: int
    line: int

    @property
    def place(self) -> str:
        """The place of the text, as ``path:line``."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Item:
    """A unit with its number in the batch, from 1, and the name of its audio file."""

    index: int
    unit: Unit
    name: str


@dataclass(frozen=True, slots=True)
class Texts:
    """The values of ``FILE...``, ``--by`` and ``--name``."""

    files: Sequence[Path]
    by: str
    name: str | None

    def items(self, encoding: "Encoding") -> list[Item]:
        """Return all texts in order, each with a file name that has the encoding's suffix.

        Raises:
            OSError: A text file cannot be read.
            ConfigError: A file name is not valid, or two are the same.

        """
        from vits_tts.audio.formats import FORMATS

        suffix = FORMATS[encoding.format].suffixes[0]
        units = [unit for path in self.files for unit in read(path, self.by)]
        items = [
            Item(index, unit, f"{self._stem(index, unit)}{suffix}")
            for index, unit in enumerate(units, 1)
        ]
        taken: dict[str, Item] = {}
        for item in items:
            other = taken.setdefault(item.name.casefold(), item)
            if other is not item:
                places = f"{other.unit.place} and {item.unit.place}"
                raise ConfigError(f"--name: {places} would both be {item.name}; add {{index}}")
        return items

    def _stem(self, index: int, unit: Unit) -> str:
        template = self.name or ("{stem}" if self.by == "file" else "{index:05}")
        try:
            name = template.format(index=index, stem=unit.path.stem, part=unit.part)
        except (KeyError, IndexError, ValueError, AttributeError):
            known = "{index}, {stem} and {part}"
            raise ConfigError(f"--name: {template!r:.80} may contain only {known}") from None
        if not name or name != Path(name).name or name.startswith(".") or "\0" in name:
            raise ConfigError(f"--name: {name!r:.80} is not a valid file name")
        return name


def texts_options(command: F) -> F:
    """Add these options to a command, which receives them as the argument ``texts``."""
    return gathered("texts", Texts, _OPTIONS)(command)


def read(path: Path, by: str) -> list[Unit]:
    """Return the units of a file, split by the function ``WAYS[by]``; empty ones are left out.

    Bytes that are not UTF-8 become U+FFFD, with a warning on stderr.

    Raises:
        OSError: The file cannot be read.

    """
    text = _LINE_END.sub("\n", mended(path.read_bytes(), str(path)))
    units: list[Unit] = []
    line = 1
    done = 0
    for start, end in _between(text, WAYS[by](text)):
        part = text[start:end]
        begin = start + len(part) - len(part.lstrip())
        if not part.strip():
            continue
        line += text.count("\n", done, begin)
        done = begin
        units.append(Unit(part.strip(), path, len(units) + 1, line))
    return units


def _between(text: str, cuts: Iterator[int]) -> Iterator[tuple[int, int]]:
    return pairwise([0, *cuts, len(text)])


def _lines(text: str) -> Iterator[int]:
    return (found.end() for found in re.finditer("\n", text))


def _paragraphs(text: str) -> Iterator[int]:
    """Yield the offset of each paragraph after the first; empty lines separate paragraphs."""
    return (found.end() for found in _EMPTY_LINE.finditer(text))


def _chapters(text: str) -> Iterator[int]:
    return (found.start() for found in HEADING.finditer(text))


def _files(_: str) -> Iterator[int]:
    return iter(())


def _natural(text: str) -> Iterator[int]:
    """Yield the offsets of paragraphs if the text has empty lines, else those of lines."""
    return _paragraphs(text) if _EMPTY_LINE.search(text.strip()) else _lines(text)


WAYS: Final[Mapping[str, Callable[[str], Iterator[int]]]] = {
    "auto": _natural,
    "line": _lines,
    "paragraph": _paragraphs,
    "chapter": _chapters,
    "file": _files,
}
"""The functions that yield the offsets at which a text is split, by the value of ``--by``."""

_OPTIONS: Final = (
    click.argument(
        "files",
        nargs=-1,
        required=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE...",
    ),
    click.option(
        "--by",
        type=click.Choice(list(WAYS)),
        default="auto",
        help="Unit of one audio file. The default, auto, is paragraph if the text has empty lines, "
        "else line.",
    ),
    click.option(
        "--name",
        metavar="TEMPLATE",
        help="Names of the audio files without suffix, from {index}, {stem} (of the text file) and "
        "{part} (in that file). Default: {index:05}, or {stem} with --by file.",
    ),
)
