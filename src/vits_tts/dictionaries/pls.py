"""Pronunciation lexicons in XML, as the W3C describes them (PLS 1.0): reading and writing.

Expat reads the XML. Document types, and with them entities and external references, are refused
before they are read; depth and sizes are bounded.

PLS has no word for rules that ignore case or apply inside words. They have attributes of a
namespace of their own, which other programs ignore.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from vits_tts.dictionaries.rules import Rule
from vits_tts.errors import DictionaryInvalid

MEDIA_TYPE: Final = "application/pls+xml"
_NAMESPACE: Final = "http://www.w3.org/2005/01/pronunciation-lexicon"
_OWN_NAMESPACE: Final = "urn:vits-tts:dictionary"
_FLAGS: Final = {"case-sensitive": "case_sensitive", "word-boundaries": "word_boundaries"}
"""Attributes of ``<lexeme>`` in our namespace, with the fields of a rule."""
_ALPHABETS: Final = {"ipa": "ipa", "x-voice": "x-voice"}
_MAX_DEPTH: Final = 8
_MAX_TEXT: Final = 1000
_TEXTS: Final = frozenset({"grapheme", "alias", "phoneme"})


def read(data: bytes, max_rules: int) -> list[Rule]:
    """Return the rules of a PLS file: one for each grapheme.

    Of several aliases and phonemes it has the first with ``prefer="true"``, else the first.

    Raises:
        DictionaryInvalid: it is not such a file, or has more than ``max_rules`` rules.

    """
    return _Reader(max_rules).rules(data)


def written(rules: Iterable[Rule]) -> str:
    """Return rules as a PLS file."""
    lexemes = []
    flagged = False
    for rule in rules:
        if rule.alias is not None:
            said = f"<alias>{escape(rule.alias)}</alias>"
        else:
            alphabet = f" alphabet={quoteattr(rule.alphabet)}"
            said = f"<phoneme{alphabet}>{escape(rule.phonemes or '')}</phoneme>"
        flags = "".join(
            f' v:{name}="false"' for name, field in _FLAGS.items() if not getattr(rule, field)
        )
        grapheme = f"<grapheme>{escape(rule.string)}</grapheme>"
        lexemes.append(f"  <lexeme{flags}>\n    {grapheme}\n    {said}\n  </lexeme>\n")
        flagged = flagged or bool(flags)
    own = f' xmlns:v="{_OWN_NAMESPACE}"' if flagged else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<lexicon version="1.0" xmlns="{_NAMESPACE}"{own} alphabet="ipa" xml:lang="vi">\n'
        f"{''.join(lexemes)}</lexicon>\n"
    )


class _Reader:
    """Reads one file."""

    def __init__(self, max_rules: int) -> None:
        self._max_rules = max_rules
        self._open: list[str] = []
        self._alphabet = "ipa"
        self._rules: list[Rule] = []
        self._graphemes: list[str] = []
        self._said: dict[str, str] | None = None
        self._flags: dict[str, bool] = {}
        self._preferred = self._counts = False
        self._text = ""
        self._phoneme_alphabet = "ipa"
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def rules(self, data: bytes) -> list[Rule]:
        try:
            self._parser.Parse(data, True)  # typeshed accepts only positional arguments
        except expat.ExpatError as error:
            self._fail(expat.errors.messages.get(error.code, str(error)))
        except (ValueError, LookupError):
            self._fail("its encoding cannot be read; write UTF-8")
        return self._rules

    def _fail(self, reason: str) -> NoReturn:
        line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
        raise DictionaryInvalid(f"PLS, line {line}, column {column}: {reason}", field="file")

    def _doctype(self, *_: object) -> None:
        self._fail("document types and entities are not read; leave it out")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        if not self._open and name != "lexicon":
            self._fail("a pronunciation lexicon begins with <lexicon>")
        if len(self._open) >= _MAX_DEPTH:
            self._fail(f"elements are nested up to {_MAX_DEPTH} deep")
        self._open.append(name)
        self._text = ""
        if name == "lexicon":
            self._alphabet = attributes.get("alphabet", "ipa")
        elif name == "lexeme":
            self._graphemes, self._said = [], None
            self._flags = dict(self._flags_in(attributes))
            self._preferred = False
        elif name in {"alias", "phoneme"}:
            preferred = attributes.get("prefer") == "true" and not self._preferred
            self._counts = preferred or self._said is None
            self._preferred = self._preferred or preferred
            self._phoneme_alphabet = attributes.get("alphabet", self._alphabet)

    def _flags_in(self, attributes: dict[str, str]) -> Iterator[tuple[str, bool]]:
        for name, field in _FLAGS.items():
            value = attributes.get(f"{_OWN_NAMESPACE} {name}")
            if value not in {None, "true", "false"}:
                self._fail(f"{name} is true or false")
            if value:
                yield field, value == "true"

    def _characters(self, text: str) -> None:
        if self._open and self._open[-1] in _TEXTS:
            self._text += text
            if len(self._text) > _MAX_TEXT:
                self._fail(f"<{self._open[-1]}> has more than {_MAX_TEXT} characters")

    def _end(self, name: str) -> None:
        del name
        name = self._open.pop()
        text = " ".join(self._text.split())
        if name == "grapheme":
            self._graphemes.append(text)
        elif name == "alias" and self._counts:
            self._said = {"alias": text}
        elif name == "phoneme" and self._counts:
            if self._phoneme_alphabet not in _ALPHABETS:
                self._fail(f"alphabet {self._phoneme_alphabet!r:.40} is not ipa or x-voice")
            self._said = {"phonemes": text, "alphabet": self._phoneme_alphabet}
        elif name == "lexeme":
            if not self._graphemes or self._said is None:
                self._fail("a <lexeme> needs a <grapheme>, and an <alias> or a <phoneme>")
            given: dict[str, Any] = {**self._said, **self._flags}
            self._rules += (Rule(string, **given) for string in self._graphemes)
            if len(self._rules) > self._max_rules:
                self._fail(f"a dictionary has up to {self._max_rules} rules")
