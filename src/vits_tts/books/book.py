"""A book: chapters of paragraphs to be spoken, and facts for its tags."""

import re
from dataclasses import dataclass, field
from typing import Final

_FRONT_TITLES: Final = re.compile(
    r"(?i)^\W*(?:mục lục|lời (?:nói đầu|giới thiệu|tựa|ngỏ|cảm ơn|đề tặng|nhà xuất bản)|tựa|"
    r"bản quyền|bìa|trang (?:bìa|tên)|thông tin (?:sách|xuất bản)|đề tặng|contents|"
    r"table of contents|copyright|cover|title page|dedication|acknowledge?ments|foreword|preface|"
    r"about the author)\W*$"
)
_TITLE_CHARS: Final = 120
PICTURES: Final = (b"\xff\xd8", b"\x89PNG")
"""The first bytes of the formats that a cover may have: JPEG and PNG."""


class BadBook(Exception):
    """The book cannot be read; the message completes one of the form "FILE: …"."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or heading (``level`` 1 to 6; 0 is a paragraph), and the ids of its element."""

    text: str
    level: int = 0
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: its title and its blocks with the heading; ``front`` if it is front matter."""

    title: str
    blocks: tuple[Block, ...]
    front: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """A book: its chapters, and facts for its tags. ``cover`` is a JPEG or PNG."""

    title: str
    chapters: tuple[Chapter, ...]
    author: str = ""
    language: str = "vi"
    cover: bytes | None = field(default=None, repr=False)


def titled(text: str) -> str:
    """Return a heading as a title of at most 120 characters."""
    text = " ".join(text.split())
    return text if len(text) <= _TITLE_CHARS else f"{text[: _TITLE_CHARS - 1]}…"


def is_front(title: str) -> bool:
    """Return whether a chapter of this title is front matter, such as a table of contents."""
    return bool(_FRONT_TITLES.match(title))


def by_headings(blocks: list[Block], title: str) -> tuple[str, list[Chapter]]:
    """Return the title and the chapters of a document whose headings begin chapters.

    Chapters begin at the highest level of headings that occurs more than once. One heading above it
    at the beginning is the title of the book, and part of the first chapter, whose name it is only
    if text follows it.
    """
    levels = [block.level for block in blocks if block.level]
    several = [level for level in sorted(set(levels)) if levels.count(level) > 1]
    level = several[0] if several else min(levels, default=0)
    if blocks and 0 < blocks[0].level < level:
        title = titled(blocks[0].text)
    chapters: list[Chapter] = []
    part: list[Block] = []
    name, named = "", False
    for block in [*blocks, None]:
        if block is None or (0 < block.level <= level and _has_text(part)):
            if part:
                chapters.append(Chapter(name or title, tuple(part), is_front(name)))
            part, name, named = [], "", False
        if block is not None:
            if block.level and (not name or (block.level == level and not named)):
                name, named = titled(block.text), block.level == level
            part.append(block)
    return title, chapters


def _has_text(blocks: list[Block]) -> bool:
    """Return whether there is text besides headings, so that the next one begins a chapter."""
    return any(not block.level for block in blocks)
