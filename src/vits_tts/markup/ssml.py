"""SSML, read into a plan (https://www.w3.org/TR/speech-synthesis11/).

Expat reads the XML. Document types, and with them entities and external references, are refused
before they are read; depth and number of elements are bounded. The time is linear in the length of
the document. Anything that is not understood is an error: no word is guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import ClassVar, Final, NoReturn
from xml.parsers import expat

from vits_tts.errors import MarkupInvalid, MarkupUnsupported
from vits_tts.markup import values
from vits_tts.markup.plan import (
    MAX_PAUSE,
    MAX_PAUSES,
    TOO_LONG,
    Pause,
    Phonemes,
    Plan,
    SayAs,
    Segment,
    place,
    shown,
)
from vits_tts.text import thoughts
from vits_tts.text.normalizer.say_as import is_kind

MAX_DEPTH: Final = 32
MAX_ELEMENTS: Final = 10_000
_ALIAS_CHARS: Final = 1000

ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "speak": frozenset({"version"}),
    "p": frozenset(),
    "s": frozenset(),
    "break": frozenset({"time", "strength"}),
    "prosody": frozenset({"rate", "volume"}),
    "voice": frozenset({"name"}),
    "sub": frozenset({"alias"}),
    "phoneme": frozenset({"alphabet", "ph"}),
    "say-as": frozenset({"interpret-as", "format", "detail", "language"}),
    "mark": frozenset({"name"}),
    "bookmark": frozenset({"mark"}),
    "lang": frozenset({"onlangfailure"}),
    "w": frozenset({"role"}),
    "token": frozenset({"role"}),
}
"""Elements and their attributes, besides those that XML itself defines.

``bookmark`` is Azure's name of ``mark``, ``token`` the newer name of ``w``.
"""

_NEEDED: Final[Mapping[str, str]] = {
    "voice": "name",
    "sub": "alias",
    "phoneme": "ph",
    "say-as": "interpret-as",
    "mark": "name",
    "bookmark": "mark",
    "lang": "xml:lang",
}
_OF_XML: Final = re.compile(r"xmlns(?::.*)?|xml:.*|xsi:.*")
_LANGUAGE: Final = re.compile(r"(?i)(?:vi|en)(?:-.*)?")

TEXT_ONLY: Final = frozenset({"sub", "phoneme", "say-as"})
EMPTY: Final = frozenset({"break", "mark", "bookmark"})
_WORDS: Final = frozenset({"w", "token", "lang"})
_NESTED: Final[Mapping[str, frozenset[str]]] = {
    "p": frozenset({"p", "s"}),
    "s": frozenset({"s"}),
}
"""Elements that may not stand inside certain others."""
_PAUSES: Final[Mapping[str, Pause]] = {"p": "paragraph", "s": "sentence"}

_ADVICE: Final[Mapping[str, str]] = {
    "audio": "recorded sound cannot be mixed in",
    "emphasis": "these voices have no stress to change; prosody has rate and volume",
    "lexicon": "give words and their readings in the parameter lexicon, or use sub",
    "lookup": "give words and their readings in the parameter lexicon, or use sub",
    "meta": "leave it out",
    "metadata": "leave it out",
    "desc": "it belongs to audio, which does not exist here",
    "pitch": "these voices have no pitch to change; prosody has rate and volume",
    "contour": "these voices have no pitch to change; prosody has rate and volume",
    "range": "these voices have no pitch to change; prosody has rate and volume",
    "duration": "use rate",
    "gender": "a voice is chosen by its name, see /voices",
    "age": "a voice is chosen by its name, see /voices",
    "variant": "a voice is chosen by its name, see /voices",
    "languages": "a voice is chosen by its name, see /voices",
}
_SILENT: Final = frozenset({"desc", "metadata", "script", "style", *thoughts.NAMES.split("|")})
"""Unknown elements whose content is not speech; they are left out with their content."""

_ALPHABETS: Final = {
    "ipa": "ipa",
    "x-voice": "x-voice",
    "x-espeak": "x-voice",
    "x-piper": "x-voice",
}

_NO_ROOT: Final = "an SSML document begins with <speak>"
_AMPERSAND: Final = re.compile("&(?:amp|#[0-9]+|#x[0-9a-fA-F]+);")
_WHITE_SPACE: Final = str.maketrans("\t\r\n\x85\u2028\u2029", "      ")


@dataclass(frozen=True, slots=True)
class _Way:
    """The voice, rate and volume in which the content of an element is said."""

    voice: str | None = None
    rate: float = 1.0
    volume: float = 1.0


@dataclass(frozen=True, slots=True)
class _Open:
    """An element that has begun: its name, attributes, place and way of speech."""

    name: str
    attributes: Mapping[str, str]
    start: int
    way: _Way
    ignored: bool = False


def parse(document: str, *, lenient: bool = False) -> Plan:
    """Return the plan of an SSML document.

    With ``lenient``, unknown elements and attributes are ignored; words on both sides of such a
    tag stay apart.

    Raises:
        MarkupInvalid: it is not well-formed, or breaks a rule of SSML.
        MarkupUnsupported: it has an element, attribute or value that has no effect here.

    """
    return Parser(document, lenient=lenient).plan()


class Parser:
    """Reads one document."""

    _line_ends_count: ClassVar[bool] = False

    def __init__(self, document: str, *, lenient: bool) -> None:
        """Prepare to read ``document``."""
        self._source = document
        self._lenient = lenient
        begin = len(document) - len(document.lstrip("\ufeff \t\r\n"))
        self._data = document[begin:].encode()
        self._byte, self._char = 0, begin
        self._open: list[_Open] = []
        self._elements = 0
        self._skipped = 0
        """How many elements are open whose content is left out."""
        self._held: list[Segment] = []
        """The text inside an element that holds only text."""
        self._segments: list[Segment] = []
        self._visible: list[tuple[int, int, str]] = []
        """Texts of the document, with the places where they are written."""
        self._pauses = 0.0
        self._expat = expat.ParserCreate("utf-8")
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.StartDoctypeDeclHandler = self._doctype

    def plan(self) -> Plan:
        """Return the plan of the document; errors are those of :func:`parse`."""
        try:
            self._expat.Parse(self._data, True)  # typeshed accepts only positional arguments
        except expat.ExpatError as error:
            self._char = self._place(self._expat.ErrorByteIndex)
            self._fail_xml(error)
        return Plan(self._source, self._shown(), tuple(self._segments))

    # --- places and errors -----------------------------------------------------------------------

    def _place(self, byte: int) -> int:
        """Return the index of the character at a byte.

        The bytes of successive calls never decrease, so all calls together take linear time.
        """
        if byte > self._byte:
            self._char += len(self._data[self._byte : byte].decode(errors="replace"))
            self._byte = byte
        return self._char

    def _here(self) -> int:
        return self._place(self._expat.CurrentByteIndex)

    def _invalid(self, what: str, advice: str, at: int | None = None) -> NoReturn:
        raise MarkupInvalid(self._message(what, advice, at), field="text")

    def _unsupported(self, what: str, advice: str) -> NoReturn:
        raise MarkupUnsupported(self._message(what, advice, None), field="text")

    def _message(self, what: str, advice: str, at: int | None) -> str:
        where = place(self._source, self._here() if at is None else at)
        return f"SSML: {what} at {where}: {advice}"

    def _fail_xml(self, error: expat.ExpatError) -> NoReturn:
        told = expat.errors.messages[error.code] if error.code else str(error)
        codes = expat.errors.codes
        inside = f"<{self._open[-1].name}>" if self._open else "the document"
        advice = {
            codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "write the character itself; XML has "
            "only &amp; &lt; &gt; &quot; &apos; and numbers",
            codes[expat.errors.XML_ERROR_TAG_MISMATCH]: f"close {inside} first",
            codes[expat.errors.XML_ERROR_NO_ELEMENTS]: "close every element, the last is </speak>",
            codes[expat.errors.XML_ERROR_SYNTAX]: _NO_ROOT,
            codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]: "nothing may follow </speak>",
            codes[expat.errors.XML_ERROR_INVALID_TOKEN]: "write & as &amp; and < as &lt;",
            codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN]: "a tag or comment is not closed",
        }.get(error.code, "this is not well-formed XML")
        if not self._elements and error.code in {
            codes[expat.errors.XML_ERROR_INVALID_TOKEN],
            codes[expat.errors.XML_ERROR_NO_ELEMENTS],
        }:
            advice = _NO_ROOT
        raise MarkupInvalid(
            f"SSML: {inside} at {place(self._source, self._char)}: {told}: {advice}", field="text"
        )

    # --- what expat calls ------------------------------------------------------------------------

    def _doctype(self, *_: object) -> None:
        self._invalid("<!DOCTYPE>", "document types and entities are not read; leave it out")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        start = self._here()
        self._elements += 1
        outer = self._open[-1] if self._open else None
        if self._elements > MAX_ELEMENTS:
            self._invalid(f"<{name:.40}>", f"a document has up to {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            self._invalid(f"<{name:.40}>", f"elements are nested up to {MAX_DEPTH} deep")
        if outer is None and name != "speak":
            self._invalid(f"<{name:.40}>", _NO_ROOT)
        way = outer.way if outer else _Way()
        element = _Open(name, attributes, start, way)
        if self._skipped or not self._known(element, outer):
            self._skipped += bool(self._skipped or name in _SILENT)
            self._open.append(replace(element, ignored=True))
            self._space(start)
            return
        self._check_attributes(element)
        self._open.append(replace(element, way=self._way(element)))
        if name in _PAUSES:
            self._add(Segment("", start, start, pause=_PAUSES[name]))
        elif name in _WORDS:
            self._space(start)

    def _known(self, element: _Open, outer: _Open | None) -> bool:
        """Return whether an element is SSML that has an effect here; False if it is ignored.

        Raises:
            MarkupInvalid: it may not stand here.
            MarkupUnsupported: it is unknown, and the settings are strict.

        """
        name = element.name
        shown = f"<{name:.40}>"
        by_kind = name == "voice" and element.attributes and "name" not in element.attributes
        if self._lenient and (name not in ATTRIBUTES or by_kind):
            return False
        if name not in ATTRIBUTES:
            if name in _ADVICE:
                self._unsupported(shown, _ADVICE[name])
            near = get_close_matches(name[:40], ATTRIBUTES, 1)
            advice = f"did you mean <{near[0]}>" if near else f"there is {', '.join(ATTRIBUTES)}"
            self._unsupported(shown, f"there is no such element; {advice}")
        if outer is None:
            return True
        outer = self._container()
        if name == "speak":
            self._invalid(shown, "it may only be the outermost element")
        if outer.name in TEXT_ONLY:
            self._invalid(shown, f"<{outer.name}> holds only text")
        if outer.name in EMPTY:
            self._invalid(shown, f"<{outer.name}> is empty: <{outer.name}/>")
        forbidden = _NESTED.get(name, frozenset())
        if any(other.name in forbidden for other in self._open):
            self._invalid(shown, f"it may not stand inside {' or '.join(sorted(forbidden))}")
        return True

    def _container(self) -> _Open:
        """Return the innermost open element that is not ignored, else the outermost one."""
        return next((each for each in reversed(self._open) if not each.ignored), self._open[0])

    def _check_attributes(self, element: _Open) -> None:
        name, allowed = element.name, ATTRIBUTES[element.name]
        needed = _NEEDED.get(name)
        if needed and not element.attributes.get(needed, "").strip():
            self._invalid(f"<{name}>", f'it needs the attribute {needed}: <{name} {needed}="…">')
        language = element.attributes.get("xml:lang", "")
        if language and not _LANGUAGE.fullmatch(language) and not self._lenient:
            self._unsupported(
                f"<{name}> with xml:lang {language[:20]!r}", "languages here are vi and en"
            )
        for attribute in element.attributes:
            if attribute in allowed or _OF_XML.fullmatch(attribute) or self._lenient:
                continue
            advice = _ADVICE.get(attribute)
            near = get_close_matches(attribute[:40], allowed, 1)
            advice = advice or (f"did you mean {near[0]}" if near else "it has no such attribute")
            self._unsupported(f"{attribute[:40]} of <{name}>", advice)

    def _way(self, element: _Open) -> _Way:
        given, way = element.attributes, element.way
        if element.name == "voice":
            return replace(way, voice=given["name"].strip())
        if element.name != "prosody":
            return way
        try:
            if "rate" in given:
                way = replace(way, rate=values.rate(given["rate"].strip(), way.rate))
            if "volume" in given:
                way = replace(way, volume=values.volume(given["volume"].strip(), way.volume))
        except ValueError as error:
            self._invalid("<prosody>", str(error))
        return way

    def _end(self, name: str) -> None:
        end = self._here()
        element = self._open.pop()
        if element.ignored:
            self._skipped = max(0, self._skipped - 1)
            self._space(end)
        elif name in _PAUSES:
            self._add(Segment("", end, end, pause=_PAUSES[name]))
        elif name in _WORDS:
            self._space(end)
        elif name == "break":
            self._break(element)
        elif name in EMPTY:
            said = element.attributes[_NEEDED[name]].strip()
            self._add(Segment("", element.start, element.start, mark=said))
        elif name in TEXT_ONLY:
            self._hold(element, end)

    def _break(self, element: _Open) -> None:
        given = element.attributes
        pause = values.USUAL_BREAK
        try:
            if "strength" in given:
                pause = values.strength(given["strength"].strip())
            if "time" in given:
                pause = values.seconds(given["time"].strip())
        except ValueError as error:
            self._invalid("<break>", str(error), element.start)
        self._pauses += pause
        if pause > MAX_PAUSE:
            self._invalid("<break>", f"a pause lasts up to {MAX_PAUSE:g} s", element.start)
        if self._pauses > MAX_PAUSES:
            self._invalid("<break>", TOO_LONG, element.start)
        self._add(Segment("", element.start, element.start, pause=pause))

    def _hold(self, element: _Open, end: int) -> None:
        """Add the single segment of an element that may contain only text."""
        given, held = element.attributes, self._held
        self._held = []
        text = "".join(part.text for part in held).strip()
        start, stop = (held[0].start, held[-1].end) if text else (element.start, end)
        segment = self._segment(text, start, stop, element.way)
        if element.name == "sub":
            alias = given["alias"].translate(_WHITE_SPACE)
            if len(alias) > _ALIAS_CHARS:
                self._invalid("<sub>", f"alias has up to {_ALIAS_CHARS} characters", element.start)
            self._add(replace(segment, text=" ", end=start))
            self._add(replace(segment, text=alias.strip()))
            self._add(replace(segment, text=" ", start=stop))
        elif element.name == "phoneme":
            alphabet = _ALPHABETS.get(given.get("alphabet", "ipa").strip().lower())
            if alphabet is None and self._lenient:
                self._add(segment)
                return
            if alphabet is None:
                self._unsupported("<phoneme>", f"alphabet is {', '.join(_ALPHABETS)}")
            symbols = Phonemes(given["ph"].strip(), "ipa" if alphabet == "ipa" else "x-voice")
            self._add(replace(segment, phonemes=symbols))
        elif text:
            form = given.get("format", "").strip() or given.get("detail", "").strip()
            kind = given["interpret-as"].strip().lower()
            if self._lenient and not is_kind(kind):
                self._add(segment)
            else:
                self._add(replace(segment, say_as=SayAs(kind, form or None)))
        else:
            self._invalid("<say-as>", "it has no text", element.start)

    def _text(self, data: str) -> None:
        start = self._here()
        if self._skipped:
            return
        end = start + len(data)
        if self._source[start:end] != data or (
            data == "&" and _AMPERSAND.match(self._source, start)
        ):  # a reference, or a line end of two characters
            end = self._reference_end(start)
        outer = self._container()
        if outer.name in EMPTY:
            if data.strip():
                self._invalid("text", f"<{outer.name}> is empty: <{outer.name}/>")
            return
        self._visible.append((start, end, data))
        held = outer.name in TEXT_ONLY
        if held or not self._line_ends_count:
            data = data.translate(_WHITE_SPACE)
        segment = self._segment(data, start, end, outer.way)
        if held:
            self._held.append(segment)
        else:
            self._add(segment)

    def _reference_end(self, start: int) -> int:
        if self._source[start] == "&":
            return self._source.index(";", start) + 1
        return start + (2 if self._source.startswith("\r\n", start) else 1)

    # --- the plan --------------------------------------------------------------------------------

    def _segment(self, text: str, start: int, end: int, way: _Way) -> Segment:
        return Segment(text, start, end, way.voice, way.rate, way.volume)

    def _add(self, segment: Segment) -> None:
        self._segments.append(segment)

    def _space(self, at: int) -> None:
        """Keep the words before and after a tag apart."""
        if not self._skipped and self._open:
            self._add(self._segment(" ", at, at, self._open[-1].way))

    def _shown(self) -> str:
        return shown(self._source, self._visible)
