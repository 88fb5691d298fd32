"""Test whether the reading of a text stays the same for every continuation.

The text is read again with continuations that make some rule look back over its end (``_probes``).
Many sentences need no such test: no rule matches in a sentence of ordinary words. Only the
restoration of tone marks could change it, and that is tested alone.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from vits_tts.errors import MarkupUnsupported
from vits_tts.text import pause_marks
from vits_tts.text.aligned import Text
from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.restore import Restore
from vits_tts.text.normalizer.rules import CONTEXT
from vits_tts.text.patterns import lazily
from vits_tts.text.pause_marks import Span
from vits_tts.text.split import Reading, in_quotation
from vits_tts.text.syllables import is_syllable

WORD: Final = lazily(r"\w+")
_MARKED: Final = lazily(r"[À-ỹ]")

_OPENING: Final = lazily(r"[\"“«'‘*_~`(\[{<|\\$=]")
"""Characters that may open a span, whose end depends on later characters."""
_ENDS_OF_SPANS: Final = (
    'xong” và" rồi» nhé** anh_ em~~ này== kia` đó) kìa] thôi}. Hết --> rồi </script> nhé </style>.'
)
_UNMARKED: Final = "toi khong biet duoc nua roi, hom nay cung the."
_PROBES: Final = (
    "thế thôi nhé, có 25 người ngày 5/6.",  # the sentence continues
    f"Hồ Chí Minh đã đến. {_UNMARKED}",  # a name: TP. is a city, A. is an initial
)
"""Continuations to test: if none of them changes the reading of a text, no other one does."""
_CHAT: Final = "m hoi t ko, dc ko nha."
"""A continuation that marks the line as chat; needed where letters may be people (``e để``)."""
_SHORTENED: Final = lazily(r"(?<!\w)(?:[a-z]|[bcdđghklmnpqrstvx]{2,4})(?!\w)")
_PROBE_OF_NUMBERS: Final = "25 người đến."  # here tr. means a page
_PROBE_OF_CAPITALS: Final = "UBND TỈNH ĐỒNG NAI."
_PROBE_OF_FORMULAS: Final = "= 5 + 3 = 8."
_PROBE_OF_FACTORIALS: Final = "- 3 = 2."  # a formula may continue behind 5!
_PROBE_OF_TABLES: Final = "| --- | --- |\n| 1 | 2 |"

_CLOSED: Final = lazily(r"“[^“”\n]*”|\([^()\n]*\)|\"[^\"\n]*\"")
_LAST: Final = lazily(
    rf"(?:(?:[{SMALLS}]{{2,7}}/)?(?P<word>[{CAPITALS}{SMALLS}][{SMALLS}]{{1,6}}|[^\W\d_a-z{CAPITALS}])|\S*\d\S*?)(?P<end>[.!?,;:]|$)"
)
_NEXT: Final = lazily(rf" ?[{CAPITALS}{SMALLS}][{SMALLS}]{{1,6}} ")
_CAPITALS: Final = lazily(rf"[{CAPITALS}](?![{SMALLS}])")
_NEAR: Final = 24
"""Characters before a word in capitals whose reading may depend on that word."""
_OPERAND: Final = lazily(r"\d|[^\w\s.,;:?]|(?<!\w)\w(?!\w)")
"""A character that a formula may have before the operator with which a continuation begins."""
_ORDINARY_WORDS: Final = lazily(
    rf"\s*(?:(?:[{CAPITALS}{SMALLS}][{SMALLS}]{{0,6}}|\d[\d.,/:%-]{{0,12}})[,;:.!?]?\ )*"
    rf"[{SMALLS}]{{2,7}}[,;:.!?]\ "
)
_DIGIT: Final = lazily(r"\d")
_FAR: Final = CONTEXT + 8
"""Beyond this many characters and the length of a word, text does not affect a number before it."""
_RESTORE: Final = Restore()
_SUBJECT: Final = lazily(r"\d(?:[đTvV])(?!\w)|(?<!\w)(?:[PpKV]\.?\s?[A-Z\d]|[CcHQ]\.?\s?\d)")
_NUMBERED: Final = lazily(r"\s\d{1,2}[.!?…][\"”’»)]{0,4}\s{0,8}\Z")
"""The end of a sentence whose subject continues after it, such as the number of an item."""
_UNENDED: Final = lazily(r"[^\s.!?:;]\s{0,8}\n\s{0,8}\Z")
"""The end of a line inside a sentence, which is joined with a next line in small letters."""
_CONCEALED: Final = lazily(r"\s{0,8}[<\[]")
"""The beginning of a tag or link, behind which the first letter of the line comes."""
_LETTERS: Final = lazily(r"[^\W\d_]+")
_REMEMBERED: Final = 4


class Settled:
    """Reads texts, and finds whether their readings are final."""

    def __init__(
        self,
        read: Callable[[str], Reading],
        spans: Callable[[str, int], Iterable[Span]] = pause_marks.spans,
    ) -> None:
        """Read with ``read``; ``spans`` returns the places of the markup in a text."""
        self._read = read
        self._spans = spans
        self._readings: dict[str, Reading] = {}

    def reading(self, text: str) -> Reading:
        """Return the reading of a text; the last few are remembered."""
        found = self._readings.pop(text, None)
        self._readings[text] = found = found or self._read(text)
        if len(self._readings) > _REMEMBERED:
            del self._readings[next(iter(self._readings))]
        return found

    def sentences(self, before: str, said: int, word: str = "") -> bool:
        """Return True if no text after ``before`` and ``word`` changes the sentences of ``before``.

        The sentences of its first ``said`` characters are known to be final.
        """
        try:
            text = self.reading(before + word).text
            if in_quotation(text.spoken) or self._in_quotation(before + word, text):
                return False
            if _UNENDED.search(before) and _CONCEALED.match(word):
                return False
            if _NUMBERED.search(before) and _depends_on_subject(before[said:]):
                return False
            if not word and _is_ordinary(before, said, text):
                return True
            expected = _sentences(self.reading(before))
            return all(
                _sentences(self._read(f"{before}{word}{probe}"))[: len(expected)] == expected
                for probe in _probes(before, word)
            )
        except MarkupUnsupported:  # a continuation would leave a pause out
            return False

    def _in_quotation(self, before: str, text: Text) -> bool:
        """Return whether a quotation whose first mark was in markup is open at the end."""
        last = max((one.end for one in self._spans(before, 0) if one.kind != "word"), default=0)
        return bool(last) and in_quotation(text.spoken[text.spoken_place(last) :])

    def ordinary(self, before: str, said: int) -> bool:
        """Return True if ``before`` has only words that no rule reads, from ``said`` on."""
        try:
            return _is_ordinary(before, said, self.reading(before).text)
        except MarkupUnsupported:
            return False

    def words(self, before: str, said: int) -> bool:
        """Return True if no text after ``before`` changes its words, from ``said`` on."""
        try:
            text = self.reading(before).text
            if _is_ordinary(before, said, text):
                return True
            if _depends_on_subject(before[said:]):
                return False
            expected = WORD.findall(text.spoken)
            return all(
                WORD.findall(self._read(before + probe).text.spoken)[: len(expected)] == expected
                for probe in _probes(before)
            )
        except MarkupUnsupported:
            return False


def _sentences(reading: Reading) -> list[str]:
    return [sentence.text for sentence in reading.sentences]


def _depends_on_subject(unsaid: str) -> bool:
    """Return whether the meaning of an abbreviation may depend on later words of the sentence."""
    forms = cues.subjects().readings
    return _SUBJECT.search(unsaid) is not None or any(
        word in forms for word in _LETTERS.findall(unsaid)
    )


def _is_ordinary(before: str, said: int, text: Text) -> bool:
    """Return whether the end of a text, from ``said`` on, has only words that no rule matches.

    They are syllables that are read as they are written, some of them with tone marks. A later word
    without marks may cause the marks of earlier ones to be restored; the neighbours decide.
    """
    unsaid = before[said:]
    if not _ORDINARY_WORDS.fullmatch(unsaid) or _DIGIT.search(unsaid, max(0, len(unsaid) - _FAR)):
        return False
    if _SHORTENED.search(unsaid):
        return False
    small = unsaid.strip().lower()
    end = small[-_FAR:].partition(" ")[2] if _DIGIT.search(small) else small
    return (
        text.spoken.endswith(end)
        and _MARKED.search(small) is not None
        and all(word.isdecimal() or is_syllable(word) for word in WORD.findall(small))
        and not any(
            change.start < len(unsaid) for change in _RESTORE(Text(unsaid + _UNMARKED)).changes
        )
    )


def _probes(before: str, word: str = "") -> Iterator[str]:
    """Yield the continuations of ``before`` and ``word`` that may change the reading of before."""
    stripped = before.rstrip()
    line = stripped[stripped.rfind("\n") + 1 :]
    first, *others = _PROBES
    yield f"{first} {_ENDS_OF_SPANS}" if _OPENING.search(_CLOSED.sub("", before)) else first
    yield from others
    if not _MARKED.search(line):
        yield _UNMARKED
    if _SHORTENED.search(line):
        yield _CHAT
    last = _LAST.fullmatch(line, max(line.rfind(mark) for mark in " \t") + 1)
    if last and not last["end"] and not before.endswith("\n"):
        last = None
    final = (last["word"] or "") if last else ""
    number = last is not None and not final
    known = number or is_syllable(final.lower())
    if (known and final.islower()) or _NEXT.fullmatch(word):
        return
    # Those that most often change a reading come first, since the first change decides.
    if not known or number:
        yield from _formulas(stripped)
    if not number:
        yield _PROBE_OF_NUMBERS
    if not known or _CAPITALS.search(stripped, max(0, len(stripped) - _NEAR)):
        yield _PROBE_OF_CAPITALS
    if "|" in line:
        yield _PROBE_OF_TABLES


def _formulas(before: str) -> Iterator[str]:
    """Yield the ends of formulas that may have begun at the end of ``before``."""
    if _OPERAND.search(before, max(0, len(before) - CONTEXT)):
        yield _PROBE_OF_FORMULAS
    if "!" in before[-4:]:
        yield _PROBE_OF_FACTORIALS
