"""Normalizer: a chain of small steps from written text to spoken text.

A step takes a :class:`Text` and returns one, so the chain is a tuple, and a new step is a new line
in it. A step leaves digits and symbols that it does not know for later steps. Words are never read
again, so normalising a normalised text changes nothing.
"""

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from vits_tts.errors import (
    EncodingInvalid,
    TextControlCharacters,
    TextEmpty,
    TextTooLong,
    TextUnspeakable,
)
from vits_tts.text.aligned import Text
from vits_tts.text.letters import CUT, HELD
from vits_tts.text.normalizer import (
    abbreviations,
    characters,
    exchanged_tones,
    foreign,
    hidden_words,
    lexicon,
    markup,
    orthography,
    slips,
    telex,
)
from vits_tts.text.normalizer.addresses import Addresses
from vits_tts.text.normalizer.adverts import Adverts
from vits_tts.text.normalizer.chain import Chain
from vits_tts.text.normalizer.chat import Chat
from vits_tts.text.normalizer.chemistry import Chemistry
from vits_tts.text.normalizer.compounds import Compounds
from vits_tts.text.normalizer.dates import Dates
from vits_tts.text.normalizer.emoji import Emoji
from vits_tts.text.normalizer.emoji import steps as emoji_steps
from vits_tts.text.normalizer.english import English
from vits_tts.text.normalizer.exercises import Exercises
from vits_tts.text.normalizer.formula import Formula
from vits_tts.text.normalizer.identifiers import Identifiers
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.listings import Listings
from vits_tts.text.normalizer.notation import Notation
from vits_tts.text.normalizer.quantities import Quantities
from vits_tts.text.normalizer.restore import Restore, RestoreMarks
from vits_tts.text.normalizer.roman import Roman
from vits_tts.text.normalizer.rules import Step, Where
from vits_tts.text.normalizer.symbols import Symbols
from vits_tts.text.normalizer.times import Times
from vits_tts.text.normalizer.units import Units
from vits_tts.text.normalizer.urls import Urls
from vits_tts.text.numbers import Region, of_region
from vits_tts.text.patterns import lazily
from vits_tts.text.thoughts import without as without_thoughts

CONTROLS: Final = r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
"""Control characters other than white space, for a character set in a regular expression."""
_CONTROL: Final = lazily(f"[{CONTROLS}]")
_SURROGATE: Final = lazily("[\ud800-\udfff]")
_NO_WORDS: Final = Lexicon()
USUAL: Final = (
    "Xin chào các bạn, hôm nay trời đẹp.",
    "Lúc 8h30 ngày 12/3/2025, giá xăng tăng 1.250 đồng/lít, tức 5,2%.",
    "Liên hệ chị Mai (TP.HCM), ĐT 0912 345 678, phòng 3A, để nhận email và voucher.",
    'Ngày họp 4/5: "GDP quý 3 tăng 7%", cao nhất từ 2011 - 2024, với 120 người.',
    "Số 12/5 đường 3/2, Q.1: phòng 25m2, 5tr5/tháng, cách chợ 2 km, 10 phút đi xe, 3h chiều T7.",
    "Trận đấu 2-1, chương IV, iPhone 15 Pro 256GB giá 20k - 30k USD, mã AB12, 37°C, 8,5/10 điểm.",
)
"""Lines with words, numbers, dates, ranges, abbreviations, quotations, units and foreign words.

The rules of such texts are compiled with them. Rules that these lines do not need wait for others.
"""
_LONG: Final = 1000
"""Minimum length of a text for which ``check`` is called between steps.

A shorter text is finished before it could be cancelled.
"""


class Normalizer:
    """Turns written text into spoken text, as one region reads it."""

    def __init__(
        self,
        region: Region = "north",
        emoji: Emoji = "drop",
        lexicons: tuple[Path, ...] = (),
        restore_marks: RestoreMarks = "safe",
    ) -> None:
        """Build the chain of steps.

        Args:
            region: The region whose words are used.
            emoji: Whether emoji are removed or read.
            lexicons: Files of users, which ``refresh`` reads again if they have changed.
            restore_marks: Whether tone marks are restored in lines without any.

        Raises:
            ConfigError: a lexicon cannot be used.

        """
        self._chain = _chain(region, emoji, restore_marks)
        self._users = lexicon.opened(lexicons)

    def __call__(
        self,
        written: str | Text,
        words: Lexicon = _NO_WORDS,
        max_chars: int = sys.maxsize,
        check: Callable[[], None] | None = None,
    ) -> Text:
        """Return the spoken form of a text. The same input always gives the same result.

        Args:
            written: Any string, or a text that was put together from parts of a source. Only the
                latter may have :data:`HELD` and :data:`CUT`, which stay where they are.
            words: A lexicon that takes precedence over all others.
            max_chars: Maximum length of the result.
            check: Called between the steps of a long text; it may raise to cancel the reading.

        Raises:
            TextTooLong: the result would have more than ``max_chars`` characters.

        """
        if isinstance(written, str):
            if HELD in written or CUT in written:
                written = written.replace(HELD, " ").replace(CUT, " ")
            text = Text(written, limit=max_chars)
        else:
            text = replace(written, limit=max_chars)
        ask = check if len(text.spoken) >= _LONG else None
        return self._chain(text, (words, *self._users), ask)

    @property
    def edition(self) -> tuple[int, ...]:
        """The versions of the users' lexicons. A stored reading is valid only for one value."""
        return tuple(words.edition for words in self._users)

    @property
    def refreshable(self) -> bool:
        """True if there are lexicons of users, which may change."""
        return bool(self._users)

    def refresh(self) -> None:
        """Read the users' lexicons again that have changed; call this in one thread at a time."""
        for words in self._users:
            words.refresh()


@cache
def _chain(region: Region, emoji: Emoji, restore_marks: RestoreMarks) -> Chain:
    return Chain(_cleaning(region, emoji), _reading(region, restore_marks))


@cache
def _cleaning(region: Region, emoji: Emoji) -> tuple[Step, ...]:
    """Return the steps before the lexicons of users."""
    return (
        without_thoughts,  # before anything can hide a tag
        Where(r"\\", *characters.ESCAPED),
        Where(r"[\\$]", *Formula(of_region(region)).latex()),
        Where(r"[^\n -~À-ÏÑ-ïñ-ưẠ-ỹ“”–]|\ \ |[ÂÊÔ]\ ?=", *characters.STEPS),
        Where(r"[<>&*_~`#|=\[\]•+-]", *markup.STEPS),
        Where(r"[^\n -~À-ỹ]|[:;=<^T]", *emoji_steps(emoji)),
    )


@cache
def _reading(region: Region, restore_marks: RestoreMarks) -> tuple[Step, ...]:
    """Return the steps of reading. Comments give the reason where the order matters."""
    numbers = of_region(region)
    known = abbreviations.load()
    words = lexicon.built_in()
    notation = Notation(numbers)
    codes, symbols = Identifiers(numbers, known, words), Symbols(numbers)
    return (
        *orthography.UNWRAPPED,
        *orthography.SPANS,
        telex.step(words.knows),
        Restore(restore_marks),  # before addresses are read, whose words have marks
        *([] if restore_marks == "off" else [exchanged_tones.step(words.knows)]),
        Where(r"[./]", *hidden_words.steps()),  # before addresses, of which t.ù has the form
        Where(r"[.@#/]", *Urls(words).steps()),
        Exercises.alleles(),
        *slips.steps(words.knows),
        *Exercises().steps(),
        *Adverts(numbers).steps(),
        Where(r"\d", *codes.documents()),  # 15/2023/NĐ-CP, whose parts look like a date
        *codes.routes(),
        Where(r"\d[-−]", Compounds(numbers).step()),
        Where(r"\d", *codes.steps()),  # 0912-345-678, which looks like a range
        *notation.points(),
        *Addresses(numbers, region).steps(),  # số 12/3, which looks like a fraction
        Where(r"[A-Z]", *Chemistry(numbers).steps()),
        *known.sides(),
        *notation.steps(),
        *Formula(numbers).plain(),  # 5/6 - 1/3 = 1/2, which looks like two dates
        Where(r"\d", *Times(numbers).steps(), *Dates(numbers).steps()),
        Where(r"\d", *codes.versions()),  # 2.0.1, after dates such as 2.9
        Where(  # a word of such letters, maybe with the letter of a grade, or a g for "giọt"
            r"[IVXLCDM](?<!\w.)[IVXLCDMivxlcdm]{0,15}(?:[abcgAB]|(?!\w))|\ [ivxlcdm]{1,12}\b",
            *Roman(numbers).steps(),
        ),
        *Chat(numbers).steps(),
        *known.steps(),
        English(words.knows),
        words,
        # 3-3tr5, before single units
        Where(r"\d[a-zA-Zđ]|\bx\d|\d ?/ ?[pnxtckKmMs]", *Listings(numbers).steps()),
        *Units(numbers).steps(),
        Where(r"[^\w\s]|[xXØøΦφ²³¹⁰⁴-⁹]", *symbols.arithmetic()),
        Where(r"\d", *codes.mixed()),
        Where(r"[\d½-¾⅓-⅞]", *Quantities(numbers).steps()),
        *symbols.steps(),
        *known.initials(),
        *orthography.ELLIPSES,  # needs the capitals that begin sentences
        *foreign.STEPS,
        *orthography.SPELLING,
        *orthography.PUNCTUATION,
        *orthography.SPACES,
    )


def check(text: str, max_chars: int) -> None:
    """Refuse a text that cannot be spoken.

    Raises:
        EncodingInvalid: the text has half a surrogate pair, which no encoding can represent.
        TextTooLong: it has more than ``max_chars`` characters.
        TextEmpty: it is empty or only white space.
        TextControlCharacters: it has control characters other than white space.
        TextUnspeakable: it has no letter and no digit.

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
