"""Reading of DOCX: paragraphs with their headings, as they are read on the page."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element

from vits_tts.archives import BadArchive, ZipArchive
from vits_tts.books import markup
from vits_tts.books.book import BadBook, Block, Book, by_headings

_BYTES: Final = 128 * 1024**2
_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING: Final = re.compile(r"(?i)(title|heading ([1-6]))")
_CONTENTS: Final = re.compile(r"(?i)toc( heading|\s*[1-9])")
_COMPOUND_FILE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""The first bytes of a document with a password, and of the older format DOC."""
_UNSPOKEN: Final = frozenset({"Fallback", "moveFrom", "del", "pPrChange", "rPrChange", "rt"})
"""A second form of the same drawing, text that was moved away or deleted, and notes on the reading
of the characters below them."""
_SIGNS: Final = {"br": " ", "tab": " ", "cr": " ", "noBreakHyphen": "-"}


def read(path: Path) -> Book:
    """Return the book of a DOCX, whose paragraphs of the styles "Heading …" begin chapters.

    Raises:
        BadBook: it is broken, encrypted or too large.

    """
    with path.open("rb") as file:
        if file.read(len(_COMPOUND_FILE)) == _COMPOUND_FILE:
            raise BadBook("it has a password, or is a .doc: save it as .docx without a password")
    try:
        archive = ZipArchive(path)
        document = markup.xml(archive.read("word/document.xml", _BYTES), "document.xml")
        styles = _styles(archive)
        facts = _core(archive)
    except BadArchive as error:
        raise BadBook(str(error)) from None
    title, chapters = by_headings(list(_blocks(document, styles)), facts.get("title") or path.stem)
    return Book(title, tuple(chapters), author=facts.get("creator", ""))


@dataclass(slots=True)
class _Paragraph:
    style: str = ""
    pieces: list[str] = field(default_factory=list)


def _blocks(document: Element, styles: Mapping[str, str]) -> Iterator[Block]:
    """Yield the paragraphs that have text; ``styles`` are the names of the styles by their ids."""
    for paragraph in _paragraphs(document):
        name = styles.get(paragraph.style, "")
        text = " ".join("".join(paragraph.pieces).split())
        if text and not _CONTENTS.fullmatch(name):
            yield Block(text, _level(name))


def _paragraphs(document: Element) -> list[_Paragraph]:
    """Return all paragraphs in their order.

    A paragraph may contain others, those of a text box: each has its own text alone.
    """
    found: list[_Paragraph] = []
    waiting: list[tuple[Element, _Paragraph]] = [(document, _Paragraph())]
    while waiting:
        element, paragraph = waiting.pop()
        if element.tag in _UNSPOKEN or _is_hidden(element):
            continue
        if element.tag == "p":
            paragraph = _Paragraph()
            found.append(paragraph)
        elif element.tag == "pStyle":
            paragraph.style = element.get(f"{_W}val", "")
        elif element.tag == "t":
            paragraph.pieces.append(element.text or "")
        elif element.tag in _SIGNS:
            paragraph.pieces.append(_SIGNS[element.tag])
        waiting.extend((child, paragraph) for child in reversed(element))
    return found


def _is_hidden(element: Element) -> bool:
    """Return whether a run has the property that hides its text."""
    hides = element.find("rPr/vanish") if element.tag == "r" else None
    return hides is not None and hides.get(f"{_W}val", "true") not in {"false", "0", "off"}


def _level(style: str) -> int:
    """Return the level of a heading by the name of its style; a title has level 1, text 0."""
    found = _HEADING.fullmatch(style)
    if not found:
        return 0
    return int(found[2]) + 1 if found[2] else 1


def _styles(archive: ZipArchive) -> dict[str, str]:
    """Return the names of the styles by their ids."""
    if "word/styles.xml" not in archive.members:
        return {}
    root = markup.xml(archive.read("word/styles.xml", _BYTES), "styles.xml")
    return {
        style.get(f"{_W}styleId", ""): next((e.get(f"{_W}val", "") for e in style.iter("name")), "")
        for style in root.iter("style")
    }


def _core(archive: ZipArchive) -> dict[str, str]:
    """Return the document's own facts, such as ``title`` and ``creator``."""
    if "docProps/core.xml" not in archive.members:
        return {}
    root = markup.xml(archive.read("docProps/core.xml", _BYTES), "core.xml")
    return {str(e.tag): " ".join((e.text or "").split()) for e in root}
