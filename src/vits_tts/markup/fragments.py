"""SSML inside ordinary text, without ``<speak>``: a plan of the text with the elements it has.

The text between the tags is read like any plain text: line ends have their usual effect, and other
tags are those of HTML. Elements are those of :mod:`vits_tts.markup.ssml`, with the same rules and
errors.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import ClassVar, Final, TypeAlias
from xml.parsers import expat

from vits_tts.markup import tags
from vits_tts.markup.inline import seconds, spelled
from vits_tts.markup.pieces import Holder
from vits_tts.markup.plan import MAX_PAUSES, TOO_LONG, Plan, Segment
from vits_tts.markup.ssml import EMPTY, TEXT_ONLY, Parser
from vits_tts.text import pause_marks
from vits_tts.text.pause_marks import MARK, Span, SpanKind

_REFERENCE: Final = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_POSSIBLE: Final = re.compile(r"[<\[&]")
_ENDS_SENTENCE: Final = re.compile(
    r"[.!?…。！？][\"'”’»)\]*_`~]{0,8}\s{0,8}(?:</[a-z][\w:.-]{0,40}\s{0,8}>\s{0,8}){1,32}\Z"
)
_ELEMENT: Final = re.compile(r"<(break|prosody|voice|p|s)[\s/>]")

_Part: TypeAlias = tuple[int, Callable[[], None]]
"""The end of a part of a text that is not text, and how to read it."""


def parse(text: str, *, lenient: bool = False, inline: bool = True) -> Plan | None:
    """Return the plan of a text, or None if it has no markup.

    Args:
        text: The text, in which every element is closed.
        lenient: Whether unknown elements and attributes are ignored.
        inline: Whether other marks of pauses have an effect, such as ``[pause 0.5s]``.

    Raises:
        MarkupInvalid: an element is broken or not closed, or stands where it may not.
        MarkupUnsupported: it asks for something that this server cannot do.

    """
    if "<" not in text and "[" not in text:
        return None
    return _FragmentParser(text, lenient=lenient, inline=inline).found()


def spans(text: str, start: int = 0, *, inline: bool = True) -> Iterator[Span]:
    """Yield the places of all markup in a text that :func:`parse` accepts, from ``start`` on."""
    holder = Holder()
    place = start
    for passage in (*holder.add(text[start:]), *holder.flush()):
        end = place + len(passage.text)
        if passage.kind == "element":
            yield Span(place, end, _kind(passage.text))
        elif inline:
            for found in pause_marks.spans(passage.text):
                yield Span(place + found.start, place + found.end, found.kind)
        place = end


def _kind(element: str) -> SpanKind:
    found = _ELEMENT.match(element)
    if found is None:
        return "word"
    if found[1] == "break":
        return "pause"
    return "end" if _ENDS_SENTENCE.search(element[-200:]) else "way"


class _FragmentParser(Parser):
    """Reads one text. Expat reads only the tags and references, one after another."""

    _line_ends_count: ClassVar[bool] = True

    def __init__(self, text: str, *, lenient: bool, inline: bool) -> None:
        super().__init__(text, lenient=lenient)
        self._inline = inline
        self._tokens = dict(tags.tokens(text))
        self._char = 0
        self._marked = False
        self._feed("<speak>")

    def found(self) -> Plan | None:
        """Return the plan, or None if the text has no markup."""
        done = 0
        for possible in _POSSIBLE.finditer(self._source):
            start = possible.start()
            if start < done or not (part := self._part(start)):
                continue
            self._say(done, start)
            self._char = start
            self._marked = True
            done, read = part
            read()
        self._say(done, len(self._source))
        if len(self._open) > 1:
            element = self._open[-1]
            self._invalid(f"<{element.name:.40}>", "it is not closed", element.start)
        return Plan(self._source, self._shown(), tuple(self._segments)) if self._marked else None

    def _here(self) -> int:
        return self._char

    def _say(self, start: int, end: int) -> None:
        """Add text of the source."""
        if start < end:
            self._char = start
            self._text(self._source[start:end])

    def _part(self, start: int) -> _Part | None:
        """Return the part that begins at ``start``; None if that is text."""
        token = self._tokens.get(start)
        if self._inline and self._open[-1].name not in TEXT_ONLY:
            mark = MARK.match(self._source, start)
            if mark and not (token and token.end > mark.end()):
                return mark.end(), partial(self._mark, mark)
        inside = len(self._open) > 1
        if token and token.kind == "thought":
            if inside:
                self._char = start
                self._invalid(token.name, "it may not stand inside an element")
            return None
        if token:
            return token.end, partial(self._token, token)
        found = _REFERENCE.match(self._source, start) if inside else None
        return (found.end(), partial(self._feed, found[0])) if found else None

    def _mark(self, mark: re.Match[str]) -> None:
        if mark["spell"]:
            self._spell(mark)
            return
        pause = seconds(mark)
        self._pauses += pause
        if self._pauses > MAX_PAUSES:
            self._invalid(mark[0], TOO_LONG)
        if not self._skipped:
            self._add(Segment("", mark.start(), mark.end(), pause=pause))

    def _spell(self, mark: re.Match[str]) -> None:
        if not self._skipped:
            segment = spelled(mark)
            self._visible.append((segment.start, segment.end, segment.text))
            way = self._open[-1].way
            self._add(replace(segment, voice=way.voice, rate=way.rate, volume=way.volume))

    def _token(self, token: tags.Token) -> None:
        tag = self._source[self._char : token.end]
        if token.kind == "comment":
            self._space(self._char)
        elif token.kind == "tag":
            self._tag(tag, token)
        elif token.name == "!doctype":
            self._doctype()
        else:
            shown = f"<{token.name}>" if token.name else tag[:20].split()[0]
            self._invalid(f"{shown:.40}", "a tag or comment is broken, or has no end")

    def _tag(self, tag: str, token: tags.Token) -> None:
        name, inner = f"</{token.name:.40}>", self._open[-1].name
        if token.closes and len(self._open) == 1:
            self._invalid(name, "no such element is open")
        if token.closes and token.name != inner:
            self._invalid(name, f"close <{inner:.40}> first")
        if token.name in EMPTY and not token.closes:  # its slash or closing tag may be missing
            self._feed(tag if tag.endswith("/>") else _emptied(tag))
        else:
            self._feed(tag)

    def _feed(self, markup: str) -> None:
        try:
            self._expat.Parse(markup, False)  # typeshed accepts only positional arguments
        except expat.ExpatError as error:
            self._fail_xml(error)


def _emptied(tag: str) -> str:
    """Return ``<break …>`` or ``<break …></break>`` as ``<break …/>``."""
    closing = tag.rfind("</")
    return (tag if closing < 0 else tag[:closing].rstrip()).removesuffix(">") + "/>"
