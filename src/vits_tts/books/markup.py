"""Reading of XHTML and XML in books, which are not trusted."""

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from vits_tts.books.book import BadBook, Block

_SKIPPED: Final = frozenset("head script style svg math template rt rp audio video nav".split())
_BLOCKS: Final = frozenset(
    "address article aside blockquote body caption center dd div dl dt figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hr html li main ol p pre section table tbody td tfoot th thead "
    "tr ul".split()
)
_VOID: Final = frozenset("area base br col embed hr img input link meta source track wbr".split())
_NOTES: Final = frozenset("noteref footnote footnotes endnote endnotes rearnote pagebreak".split())
_HEADING: Final = re.compile(r"h([1-6])")
_DEPTH_AT_MOST: Final = 10_000


def xml(content: bytes, name: str) -> Element:
    """Return the root of an XML document; names of elements have no namespace.

    Raises:
        BadBook: it is not well-formed, or defines entities.

    """
    try:
        root: Element = ElementTree.fromstring(content)
    except DefusedXmlException:
        raise BadBook(f"{name}: it defines entities, which is not allowed here") from None
    except (ParseError, ValueError, LookupError) as error:
        raise BadBook(f"{name}: not well-formed: {error}") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root


def blocks(content: bytes) -> list[Block]:
    """Return the paragraphs and headings of a page of XHTML or HTML, well-formed or not."""
    reader = _Reader()
    reader.feed(content.decode(_encoding(content), "replace"))
    reader.close()
    reader.end_block()
    return reader.found


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a page of contents.

    ``part`` is the type of the list that it is in (``toc``, ``landmarks``), ``kind`` that of the
    page it leads to (``cover``, ``preface``); both are empty if they are not stated.
    """

    part: str
    kind: str
    target: str
    text: str


def links(content: bytes) -> list[Link]:
    """Return the links of a page of contents of EPUB 3, well-formed or not."""
    reader = _LinkReader()
    reader.feed(content.decode(_encoding(content), "replace"))
    reader.close()
    return reader.found


def _encoding(content: bytes) -> str:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    found = re.search(rb"""(?:encoding|charset)=["']?([\w-]{1,20})""", content[:1024])
    name = found[1].decode() if found else "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return "utf-8-sig" if name.lower() in {"utf-8", "utf8"} else name


class _Reader(HTMLParser):
    """Collects the blocks of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Block] = []
        self._text: list[str] = []
        self._ids: list[str] = []
        self._level = 0
        self._open: list[tuple[str, bool]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        values = {key: value or "" for key, value in attrs}
        if tag in _BLOCKS:
            self.end_block()
            heading = _HEADING.fullmatch(tag)
            self._level = int(heading[1]) if heading else self._level
        elif tag == "br":
            self._text.append("\n")
        if "id" in values:
            self._ids.append(values["id"])
        if tag in _VOID or len(self._open) > _DEPTH_AT_MOST:
            return
        kinds = set(f"{values.get('epub:type', '')} {values.get('role', '')}".split())
        note = any(kind.removeprefix("doc-") in _NOTES for kind in kinds)
        in_sup = tag == "a" and any(name == "sup" for name, _ in self._open)
        silent = tag in _SKIPPED or note or in_sup or "hidden" in values
        self._open.append((tag, silent))
        self._silent += silent

    def handle_endtag(self, tag: str) -> None:
        """End an element, and those inside it that were left open."""
        if all(name != tag for name, _ in self._open):
            return
        while self._open:
            name, silent = self._open.pop()
            self._silent -= silent
            if name == tag:
                break
        if tag in _BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        """Collect text."""
        if not self._silent:
            self._text.append(data)

    def end_block(self) -> None:
        """End the block that is being collected."""
        text = " ".join("".join(self._text).split())
        if text:
            self.found.append(Block(text, self._level, tuple(self._ids)))
            self._ids = []
        self._text = []
        self._level = 0


class _LinkReader(HTMLParser):
    """Collects the links inside the `nav` elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Link] = []
        self._parts: list[str] = []
        self._link: Link | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a list or a link."""
        values = {key: value or "" for key, value in attrs}
        kind = values.get("epub:type", "")
        if tag == "nav":
            self._parts.append(kind)
        elif tag == "a" and self._parts:
            self._end_link()
            self._link = Link(self._parts[-1], kind, values.get("href", ""), "")

    def handle_endtag(self, tag: str) -> None:
        """End a list or a link."""
        if tag in {"a", "nav"}:
            self._end_link()
        if tag == "nav" and self._parts:
            self._parts.pop()

    def handle_data(self, data: str) -> None:
        """Collect the text of a link."""
        if self._link:
            self._text.append(data)

    def _end_link(self) -> None:
        if self._link:
            self.found.append(replace(self._link, text="".join(self._text)))
        self._link, self._text = None, []
