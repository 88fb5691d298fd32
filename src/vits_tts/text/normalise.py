"""Normalising: a chain of small steps from what was written to what is said.

Every step takes a :class:`Text` and returns one, so the chain is a tuple and a new step is a new
line. Each step leaves digits and symbols that are not its own for the ones after it, and words
that have been said are never read again: normalising the result changes nothing.
"""

import re
import unicodedata
from pathlib import Path
from typing import Final

from vits_tts.errors import (
    EncodingInvalid,
    TextControlCharacters,
    TextEmpty,
    TextTooLong,
    TextUnspeakable,
)
from vits_tts.text import (
    abbreviations,
    characters,
    foreign,
    lexicon,
    markup,
    vietnamese,
)
from vits_tts.text.aligned import Text
from vits_tts.text.codes import Codes
from vits_tts.text.dates import Dates
from vits_tts.text.emoji import Emoji
from vits_tts.text.emoji import steps as emoji_steps
from vits_tts.text.lexicon import Lexicon
from vits_tts.text.measures import Measures
from vits_tts.text.numbers import Region, of_region
from vits_tts.text.places import Places
from vits_tts.text.quantities import Quantities
from vits_tts.text.roman import Roman
from vits_tts.text.rules import Step, Where
from vits_tts.text.symbols import Symbols
from vits_tts.text.times import Times
from vits_tts.text.web import Web

CONTROLS: Final = r"\x00-\x08\x0b\x0e-\x1f\x7f-\x9f"
"""Control characters other than white space, as a class of regular expressions has them."""
_CONTROL: Final = re.compile(f"[{CONTROLS}]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NO_WORDS: Final = Lexicon()


class Normaliser:
    """Turns what was written into what is said, the way one region reads."""

    def __init__(
        self, region: Region = "north", emoji: Emoji = "drop", lexicons: tuple[Path, ...] = ()
    ) -> None:
        """Build the chain; ``lexicons`` are users' files, watched for changes.

        Raises:
            ConfigError: a lexicon cannot be used.

        """
        self._clean = (
            Where(r"[^\n -~À-ÏÑ-ïñ-ưẠ-ỹ“”–]|  ", *characters.STEPS),
            Where(r"[<>&*_~`#|=\[\]•+-]", *markup.STEPS),
            Where(r"[^\n -~À-ỹ]|[:;=<^T]", *emoji_steps(emoji)),
        )
        self._users = lexicon.opened(lexicons)
        self._read = _chain(region)

    def __call__(self, written: str, words: Lexicon = _NO_WORDS) -> Text:
        """Return the text as it is to be said; ``words`` come before all other lexicons.

        It never raises, whatever the string, and the same string always reads the same.
        """
        text = Text(written)
        steps: tuple[Step, ...] = (*self._clean, words, *self._users, *self._read)
        for step in steps:
            text = step(text)
        return text

    @property
    def edition(self) -> tuple[int, ...]:
        """What changes when a lexicon does: who remembers a reading keeps it beside this."""
        return tuple(words.edition for words in self._users)


def _chain(region: Region) -> tuple[Step, ...]:
    """Return the steps of reading; each one's place is explained where it could be another."""
    numbers = of_region(region)
    known = abbreviations.load()
    words = lexicon.built_in()
    codes, symbols = Codes(numbers, known), Symbols(numbers)
    return (
        *vietnamese.UNWRAPPED,
        *vietnamese.SPANS,
        Where(r"[.@#/]", *Web(words).steps()),
        Where(r"\d", *codes.documents()),  # 15/2023/NĐ-CP before its parts look like a date
        Where(r"\d", *codes.steps()),  # 0912-345-678 before it looks like a range
        *Places(numbers, region).steps(),  # số 12/3 before it looks like a fraction
        Where(r"\d", *Times(numbers).steps(), *Dates(numbers).steps()),
        Where(r"\d", *codes.versions()),  # 2.0.1, which is no date
        Where(r"[IVXL]", *Roman(numbers).steps()),
        *known.steps(),
        words,
        *Measures(numbers).steps(),
        Where(r"[^\w\s]|x", *symbols.arithmetic()),
        Where(r"\d", *codes.mixed()),
        Where(r"[\d½-¾⅓-⅞]", *Quantities(numbers).steps()),
        *symbols.steps(),
        *known.initials(),
        *vietnamese.ELLIPSES,  # while capitals still say where sentences begin
        *foreign.STEPS,
        *vietnamese.SPELLING,
        *vietnamese.PUNCTUATION,
        *vietnamese.SPACES,
    )


def check(text: str, max_chars: int) -> None:
    """Refuse a text that nobody could say.

    Raises:
        EncodingInvalid: half a surrogate pair, which no encoding can carry.
        TextTooLong: more than ``max_chars`` characters.
        TextEmpty: nothing, or only white space.
        TextControlCharacters: control characters other than white space.
        TextUnspeakable: no letter and no digit.

    """
    if len(text) > max_chars:
        raise TextTooLong(
            f"the text has {len(text)} characters; {max_chars} are allowed", field="text"
        )
    if found := _SURROGATE.search(text):
        raise EncodingInvalid(f"the text is not valid Unicode at {found.start()}", field="text")
    if found := _CONTROL.search(text):
        raise TextControlCharacters(
            f"the text has a control character, U+{ord(found[0]):04X}, at {found.start()}",
            field="text",
        )
    if not text.strip():
        raise TextEmpty("the text is empty", field="text")
    if not any(unicodedata.category(character)[0] in "LN" for character in text):
        raise TextUnspeakable("the text has nothing to say: no letter and no digit", field="text")
