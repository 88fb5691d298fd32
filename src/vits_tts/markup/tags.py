"""Tags of SSML inside ordinary text, and their beginnings in a text that is still being written."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from vits_tts.markup.ssml import ATTRIBUTES, EMPTY
from vits_tts.text import thoughts

NAMES: Final = frozenset(
    {*ATTRIBUTES, "audio", "desc", "emphasis", "lexicon", "lookup", "meta", "metadata"}
)
"""Elements of SSML, also those that have no effect here. All other tags are those of HTML."""
_PREFIXES: Final = ("amazon:", "google:", "mstts:")
"""Beginnings of the names of elements that other services have added."""

_NAMED: Final = r"[a-z][\w:.-]*+"
_ATTRIBUTE: Final = r"""\s++[^\s"'<>/=]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+')"""
_TAG: Final = re.compile(rf"<(?P<close>/?)(?P<name>{_NAMED})(?:{_ATTRIBUTE})*+\s*+(?P<empty>/?)>")
_BEGUN: Final = re.compile(
    rf"""<(?:
      {_NAMED}(?:{_ATTRIBUTE})*+\s*+
        (?:/|[^\s"'<>/=]++\s*+(?:=\s*+(?:"[^"<]*+|'[^'<]*+)?)?)?
      | /{_NAMED}\s*+
    )\Z""",
    re.VERBOSE,
)
_NAME: Final = re.compile(rf"</?(?P<name>{_NAMED})?")
_LONGEST_TAG: Final = 4000
_OPAQUE: Final = (("<!--", "-->"), ("<?xml", "?>"))
"""Beginning and end of comments and declarations."""
_DOCTYPE: Final = "<!doctype"
_CLOSING: Final = {name: re.compile(rf"\s{{0,8}}</{name}\s{{0,8}}>") for name in EMPTY}
_CLOSING_BEGUN: Final = {
    name: re.compile(
        r"\s{0,8}(?:"
        + "|".join(f"</{name}"[:length] for length in range(1, len(name) + 2))
        + rf"|</{name}\s{{0,8}})?\Z"
    )
    for name in EMPTY
}


class Token(NamedTuple):
    """A part of a text that is not text. It ends at ``end``.

    A ``tag`` has its name, and may open or close an element. A ``comment`` has no effect.
    ``refused`` is a document type, or text that begins like a tag but is not one. ``begun`` has no
    end yet.
    """

    kind: Literal["tag", "comment", "thought", "refused", "begun"]
    end: int
    name: str = ""
    opens: bool = False
    closes: bool = False


def token_at(text: str, start: int, *, complete: bool) -> Token | None:
    """Return the token that begins with the ``<`` at ``start``, or None if it is text.

    If the text is not ``complete``, everything is ``begun`` that could become a token.
    """
    if token := _declaration_at(text, start, complete=complete):
        return token
    if thought := thoughts.Opening.at(text, start):
        return Token("thought", thought.end, thought.tag)
    if not complete and thoughts.begun(text) == start:
        return Token("begun", len(text))
    return _tag_at(text, start, complete=complete)


def _declaration_at(text: str, start: int, *, complete: bool) -> Token | None:
    """Return the comment, declaration or document type at ``start``."""
    rest = text[start : start + len(_DOCTYPE)].lower()
    if rest == _DOCTYPE:
        return Token("refused", start + len(rest), rest[1:])
    for beginning, end in _OPAQUE:
        if rest.startswith(beginning):
            place = text.find(end, start + len(beginning))
            return Token("comment", place + len(end)) if place >= 0 else Token("begun", len(text))
        if not complete and beginning.startswith(rest):
            return Token("begun", len(text))
    return Token("begun", len(text)) if not complete and _DOCTYPE.startswith(rest) else None


def _tag_at(text: str, start: int, *, complete: bool) -> Token | None:
    """Return the tag at ``start``, as :func:`token_at` does."""
    named = _NAME.match(text, start)
    name = (named["name"] or "") if named else ""
    after = named.end() if named else start
    if after == len(text):
        if not complete and any(one.startswith(name) for one in (*NAMES, *_PREFIXES)):
            return Token("begun", after)
        # one letter may be a variable: x <p
        return Token("begun", after) if _is_name(name) and len(name) > 1 else None
    if not _is_name(name) or text[after] not in "/> \t\r\n":
        return None
    if (found := _TAG.match(text, start)) and found.end() - start <= _LONGEST_TAG:
        return _tag(found, complete=complete)
    if len(text) - start <= _LONGEST_TAG and _BEGUN.match(text, start):
        # one letter may be a variable: x <p and y
        return None if complete and len(name) == 1 else Token("begun", len(text))
    return None if len(name) == 1 else Token("refused", after, name)


def _tag(found: re.Match[str], *, complete: bool) -> Token:
    """Return a whole tag; that of an empty element may lack its slash, as in ``<break>``."""
    text, name, end = found.string, found["name"], found.end()
    closes = bool(found["close"])
    opens = not closes and not found["empty"]
    if opens and name in EMPTY:
        if closing := _CLOSING[name].match(text, end):
            end = closing.end()
        elif not complete and _CLOSING_BEGUN[name].match(text, end):
            return Token("begun", len(text))
        opens = False
    return Token("tag", end, name, opens=opens, closes=closes)


def _is_name(name: str) -> bool:
    return name in NAMES or name.startswith(_PREFIXES)


def tokens(text: str, start: int = 0) -> Iterator[tuple[int, Token]]:
    """Yield the tokens of a complete text with their places; those in a thought are left out."""
    place = text.find("<", start)
    while place >= 0:
        end = place + 1
        if token := token_at(text, place, complete=True):
            yield place, token
            end = token.end
            if token.kind == "thought":
                opening = thoughts.Opening.at(text, place)
                end = (opening and opening.closing(text, end)) or len(text)
        place = text.find("<", end)
