"""Texts of a batch: files cut into lines, paragraphs or chapters, or taken whole."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from vits_tts.cli.options import decoded, gathered
from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from vits_tts.audio.formats import Encoding

F = TypeVar("F", bound=Callable[..., Any])

_LINE_END: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_EMPTY_LINE: Final = re.compile(r"\n[^\S\n]*\n\s*")
_HEADING: Final = re.compile(
    r"^(?=[ \t]*(?:#{1,3}[ \t]+\S|(?:chương|phần|hồi|quyển|chapter|part)[ \t]+(?:\d+|[ivxlc]+|"
    r"thứ|một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười|mở|kết|one|two|three|four|five|six|seven|"
    r"eight|nine|ten)\b))",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A text that becomes a file of its own: the ``part``-th of a file, at a line of it."""

    text: str
    path: Path
    part: int
    line: int

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Item:
    """A unit, its number in the batch, from 1 on, and the name of the file that it becomes."""

    index: int
    unit: Unit
    name: str


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a batch, as they were asked for."""

    files: Sequence[Path]
    by: str
    name: str | None

    def items(self, encoding: "Encoding") -> list[Item]:
        """Return all of them in order, with names of files of an encoding.

        Raises:
            OSError: a file cannot be read.
            ConfigError: it is not UTF-8, a name cannot be used, or two are the same.

        """
        from vits_tts.audio.writing import SUFFIXES

        suffix = next(end for end, name in SUFFIXES.items() if name == encoding.format)
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
            raise ConfigError(f"--name: {template!r:.80} may hold {known} only") from None
        if not name or name != Path(name).name or name.startswith(".") or "\0" in name:
            raise ConfigError(f"--name: {name!r:.80} is no name of a file")
        return name


def texts_options(command: F) -> F:
    """Give a command the options that make ``Texts``, which it gets as ``texts``."""
    return gathered("texts", Texts, _OPTIONS)(command)


def read(path: Path, by: str) -> list[Unit]:
    """Return the units of a file, cut as one of ``WAYS`` says; what is empty is left out.

    Raises:
        OSError: it cannot be read.
        ConfigError: it is not UTF-8.

    """
    text = _LINE_END.sub("\n", decoded(path.read_bytes(), str(path)))
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
    """Yield where paragraphs begin, which an empty line stands before."""
    return (found.end() for found in _EMPTY_LINE.finditer(text))


def _chapters(text: str) -> Iterator[int]:
    return (found.start() for found in _HEADING.finditer(text))


def _files(_: str) -> Iterator[int]:
    return iter(())


def _natural(text: str) -> Iterator[int]:
    """Yield the paragraphs of a text that has them, else the lines."""
    return _paragraphs(text) if _EMPTY_LINE.search(text.strip()) else _lines(text)


WAYS: Final[Mapping[str, Callable[[str], Iterator[int]]]] = {
    "auto": _natural,
    "line": _lines,
    "paragraph": _paragraphs,
    "chapter": _chapters,
    "file": _files,
}
"""Where a text may be cut, by name."""

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
        help="What becomes a file of sound; auto, the default: paragraphs where empty lines part "
        "them, else lines.",
    ),
    click.option(
        "--name",
        metavar="TEMPLATE",
        help="Names of the files, without their endings, of {index}, {stem} (of the text's file) "
        "and {part} (in it); else {index:05}, or {stem} with --by file.",
    ),
)
