"""Markup in a text that comes in pieces: an element is held back until it is complete.

The passages do not depend on how the text was cut into pieces, only on where it was flushed.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from vits_tts.markup import tags
from vits_tts.text.thoughts import Opening, closing_begun

_DOCUMENT: Final = re.compile(r"<!--|<!\[CDATA\[|<\?|</speak\s{0,8}>")
_DOCUMENT_BEGUN: Final = re.compile(r"<(?:!-?|!\[[CDATA]{0,5}|/?[a-z]{0,5}\s{0,8})?\Z")
_ENDS: Final = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}


class Passage(NamedTuple):
    """The next part of a text: ordinary ``text``, a whole ``element``, or a ``document`` of SSML.

    An element or document may be broken: then reading it raises an error.
    """

    kind: Literal["text", "element", "document"]
    text: str


class Holder:
    """Takes a text in pieces and returns it in passages, each without incomplete elements."""

    def __init__(self) -> None:
        """Start without text."""
        self._text = ""  # with the last character that was returned, which the next may depend on
        self._begin = 0  # index of its first character that was not returned
        self._at = 0  # index up to which markup was searched
        self._open: list[str] = []
        self._closer: str | None = None  # the end of the comment in a document
        self._document = False
        self._thought: Opening | None = None

    @property
    def held(self) -> int:
        """The number of characters that are held back."""
        return len(self._text) - self._begin

    def add(self, piece: str) -> Iterator[Passage]:
        """Add the next piece, and yield the passages that are complete now."""
        text, self._text = self._text, ""
        text += piece  # in place: nothing else refers to it
        self._text = text
        while passage := self._next(complete=False):
            yield passage

    def flush(self) -> Iterator[Passage]:
        """Yield the text that is held back; an element or tag that is open stays."""
        if self._open or self._document:
            return
        while passage := self._next(complete=True):
            yield passage

    def end(self) -> Iterator[Passage]:
        """Yield all that is held back: the text ends here."""
        yield from self.flush()
        if self.held:
            yield self._passage(len(self._text), "document" if self._document else "element")

    # --- looking for passages --------------------------------------------------------------------

    def _next(self, *, complete: bool) -> Passage | None:
        while self._at < len(self._text):
            if self._document:
                return self._document_passage()
            if self._thought:
                return self._thought_passage(self._thought, complete=complete)
            place = self._text.find("<", self._at)
            token = tags.token_at(self._text, place, complete=complete) if place >= 0 else None
            if token is None:
                self._at = len(self._text) if place < 0 else place + 1
                continue
            self._at = place
            if place > self._begin and not self._open:
                return self._passage(place)
            if token.kind == "begun" or (passage := self._token(place, token)):
                return None if token.kind == "begun" else passage
        if self.held and not self._open and not self._document:
            return self._passage(len(self._text))
        return None

    def _token(self, place: int, token: tags.Token) -> Passage | None:
        """Take a token; return the passage that it ends, if any."""
        inside = bool(self._open)
        if token.name == "speak" and token.opens and not inside:
            self._document, self._at = True, token.end
            return None
        if token.kind == "thought" and not inside:
            self._thought, self._at = Opening.at(self._text, place), token.end
            return self._passage(token.end)
        self._at = token.end
        broken = token.kind in {"refused", "thought"} or token.name == "speak"
        if token.opens:
            self._open.append(token.name)
        elif token.closes:
            broken = broken or not inside or self._open.pop() != token.name
        if broken:
            self._open.clear()
        return None if self._open else self._passage(token.end, "element")

    def _thought_passage(self, thought: Opening, *, complete: bool) -> Passage | None:
        """Return the next part of a thought; it is ordinary text, and has no markup."""
        end = thought.closing(self._text, self._begin)
        if end is not None or complete:
            self._thought = None
        if end is None:
            come = self._text[self._begin :]
            end = self._begin + (len(come) if complete else closing_begun(come))
        self._at = end
        return self._passage(end) if end > self._begin else None

    def _document_passage(self) -> Passage | None:
        """Return a document of SSML once it has ended."""
        while True:
            if self._closer:
                place = self._text.find(self._closer, self._at)
                if place < 0:
                    self._at = max(self._at, len(self._text) - len(self._closer) + 1)
                    return None
                self._at = place + len(self._closer)
                self._closer = None
            found = _DOCUMENT.search(self._text, self._at)
            if found is None:
                begun = _DOCUMENT_BEGUN.search(self._text, max(self._at, len(self._text) - 20))
                self._at = begun.start() if begun else len(self._text)
                return None
            self._at = found.end()
            if found[0] not in _ENDS:
                self._document = False
                return self._passage(found.end(), "document")
            self._closer = _ENDS[found[0]]

    def _passage(self, end: int, kind: Literal["text", "element", "document"] = "text") -> Passage:
        """Return the text that is held back, up to ``end``."""
        passage = Passage(kind, self._text[self._begin : end])
        self._text = self._text[end - 1 :]
        self._at -= end - 1
        self._begin = 1
        return passage
