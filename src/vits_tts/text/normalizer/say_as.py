"""Readings that the SSML element ``say-as`` requests by name, where context is not enough.

Each reading takes a written text and returns its words, or raises ValueError with the reason why
the text is not of its kind. Texts that do not fit are refused, not guessed.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from vits_tts.text.letters import NAMES, spelled
from vits_tts.text.normalizer import say_as_times
from vits_tts.text.normalizer.roman import value_of
from vits_tts.text.normalizer.unit_table import MONEY, UNITS
from vits_tts.text.numbers import NUMBER, Region, of_region, parts
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

Spoken: TypeAlias = Callable[[str], str]
"""Returns the spoken form of a text by the usual rules."""

_ALIASES: Final = {
    "number": "cardinal",
    "digit": "digits",
    "number_digit": "digits",
    "spell-out": "characters",
    "spell": "characters",
    "letters": "characters",
    "phone": "telephone",
    "money": "currency",
}
"""Names that other services have for the same readings."""

KINDS: Final = (
    *("cardinal", "ordinal", "digits", "characters", "verbatim", "date", "time", "duration"),
    *("telephone", "currency", "unit", "fraction", "score", "address", "name", "roman"),
)
MAX_CHARS: Final = 300

_DASHES: Final = str.maketrans("–—−‑", "----")
_COMPATIBLE: Final = lazily(r"[\uff01-\uff5e\u2160-\u217f]+")
"""Wide letters and digits, and Roman numerals of one character."""
_SIGNS: Final = {
    ".": "chấm", ",": "phẩy", ":": "hai chấm", ";": "chấm phẩy", "!": "chấm than",
    "?": "chấm hỏi", "@": "a còng", "#": "thăng", "*": "sao", "+": "cộng", "-": "gạch ngang",
    "_": "gạch dưới", "/": "gạch chéo", "\\": "gạch chéo ngược", "&": "và", "%": "phần trăm",
    "=": "bằng", "<": "nhỏ hơn", ">": "lớn hơn", "(": "mở ngoặc", ")": "đóng ngoặc",
    "[": "mở ngoặc vuông", "]": "đóng ngoặc vuông", "{": "mở ngoặc nhọn", "}": "đóng ngoặc nhọn",
    '"': "ngoặc kép", "'": "nháy đơn", "$": "đô la", "€": "ơ rô", "₫": "đồng", "~": "ngã",
    "^": "mũ", "|": "gạch đứng", "°": "độ", "“": "ngoặc kép", "”": "ngoặc kép", "„": "ngoặc kép",
    "«": "ngoặc kép", "»": "ngoặc kép", "‘": "nháy đơn", "’": "nháy đơn", "…": "ba chấm",
    "£": "bảng anh", "¥": "yên", "×": "nhân", "÷": "chia", "→": "mũi tên", "•": "chấm tròn",
}  # fmt: skip
_TONES: Final = {
    "\u0300": "huyền", "\u0301": "sắc", "\u0309": "hỏi", "\u0303": "ngã", "\u0323": "nặng",
}  # fmt: skip
"""The names of the tones by their combining marks."""
_VOWELS: Final = "AĂÂEÊIOÔƠUƯY"
_NUMBER: Final = lazily(rf"(?P<sign>[+-]?)\ ?(?P<number>{NUMBER})", re.VERBOSE)
_SPACED_NUMBER: Final = lazily(r"[+-]?\ ?[1-9]\d{0,2}\ \d{3}(?:,\d{1,12})?")
_ORDINAL: Final = lazily(r"(\d{1,9}|[1-9]\d{0,2}(?:\.\d{3}){1,2})(?:st|nd|rd|th)?")
_FRACTION: Final = lazily(
    r"(?P<sign>-?)(?:(?P<whole>\d{1,9})[ +])?(?P<a>\d{1,9})\s?[/⁄]\s?(?P<b>\d{1,9})"
)
_MEASURE: Final = lazily(
    rf"""(?:(?P<fraction>-?(?:\d{{1,9}}[\ +])?\d{{1,9}}\s?[/⁄]\s?\d{{1,9}})
    |(?P<number>[+-]?\ ?{NUMBER})(?:\ ?-\ ?(?P<last>{NUMBER}))?)?
    \s*(?P<unit>(?!['’]\s?\d)[^\d\s/⁄+-].*)""",
    re.VERBOSE,
)
_SYMBOLS: Final = {"A": "am pe", "K": "ken vin", "B": "bai", "b": "bít"}
"""Units of one letter that in other texts are names of letters, or amounts."""
_POINTS: Final = r"\d{1,4}(?:\s?[-:]\s?\d{1,4}){1,4}"
_SCORE: Final = lazily(rf"{_POINTS}(?:(?:[,;]\s?|\s){_POINTS}){{0,9}}")
_PHONE: Final = lazily(r"\(?\+?[\d\s().*#-]{2,40}")
_KEYS: Final = {"+": "cộng", "*": "sao", "#": "thăng"}
_CURRENCY: Final = lazily(
    rf"""(?P<sign>[+-]?)\ ?(?P<before>[^\s\d.,+-]{{1,4}}?)?\ ?(?P<minus>-?)(?P<number>{NUMBER})
    (?:\ ?(?P<scale>(?:trăm\ )?(?:nghìn|ngàn|triệu|t[ỷỉ]|tr|k)(?:\ t[ỷỉ])?(?:\ rưỡi)?)(?![^\W_]))?
    \ ?(?P<after>[^\d\s.,-]{{1,12}}(?:\ [^\d\s.,-]{{1,8}}){{0,2}})?""",
    re.VERBOSE | re.IGNORECASE,
)
_SHORT_SCALES: Final = {"tr": "triệu", "k": "nghìn"}
_CURRENCIES: Final = {name: said.lower() for name, said in MONEY.items() if name not in "%‰"} | {
    "hào": "hào", "xu": "xu", "tệ": "tệ", "bảng": "bảng", "đô": "đô", "đô mỹ": "đô mỹ",
    "euro": "ơ rô", "euros": "ơ rô", "dollar": "đô la", "dollars": "đô la", "yen": "yên",
}  # fmt: skip
"""Names of currencies, as they are written, and their words."""
_SPOKEN_CURRENCIES: Final = frozenset(_CURRENCIES.values())
_CODE: Final = lazily(r"[A-Z]{3}")
_ROMAN: Final = lazily(r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_HOUSE: Final = lazily(r"(?i:\d{1,4}[A-ZĐ]?(?:/\d{1,4}[A-ZĐ]?)*(?:-\d{1,4}[A-ZĐ]?)?)(?![\w/])")
_SHORT_HOUSE: Final = lazily(r"(?i:SN)[. ]{0,2}(?=\d)")
_SHORT_NAMES: Final = {"Ng": "Nguyễn"}


def is_kind(name: str) -> bool:
    """Return whether there is a reading of this name."""
    return _ALIASES.get(name, name) in KINDS


class SayAsReader:
    """Reads texts whose kind is given, such as a date, with the words of one region."""

    def __init__(self, region: Region, spoken: Spoken) -> None:
        """Keep the words for numbers; ``spoken`` reads words and units by the usual rules."""
        self._numbers = of_region(region)
        self._slash = "xẹt" if region == "south" else "trên"
        self._spoken = spoken
        self._plainly: Mapping[str, Callable[[str], str]] = {
            "cardinal": self._cardinal,
            "ordinal": self._ordinal,
            "digits": self._digits,
            "characters": self._characters,
            "verbatim": self._characters,
            "time": lambda text: say_as_times.time_of_day(self._numbers, text),
            "telephone": self._telephone,
            "unit": self._unit,
            "fraction": self._fraction,
            "score": self._score,
            "address": self._address,
            "name": self._name,
            "roman": self._roman,
        }

    def words(self, kind: str, form: str | None, written: str) -> str:
        """Return the words of ``written``, read as ``kind``, in the format ``form`` if it has one.

        Raises:
            KeyError: there is no such kind.
            ValueError: the text is not of this kind.

        """
        kind = _ALIASES.get(kind, kind)
        text = " ".join(_plain(written).translate(_DASHES).split())
        if kind not in KINDS:
            raise KeyError(kind)
        if len(text) > MAX_CHARS:
            raise ValueError(f"it has up to {MAX_CHARS} characters")
        if said := self._said(kind, form, text).strip():
            return said
        raise ValueError("it has no words")

    def _said(self, kind: str, form: str | None, text: str) -> str:
        if kind == "date":
            return say_as_times.calendar_date(self._numbers, text, form)
        if kind == "duration":
            return say_as_times.duration(self._numbers, text, form)
        if kind == "currency":
            return self._currency(text, form)
        return self._plainly[kind](text)

    def _cardinal(self, text: str) -> str:
        if _SPACED_NUMBER.fullmatch(text):
            text = "".join(text.split())
        found = _NUMBER.fullmatch(text)
        if not found:
            raise ValueError("write a number: 1.250 or 3,5")
        whole, mark, decimals = parts(found["number"])
        words = self._numbers.whole(whole)
        if decimals:
            words += f" {'chấm' if mark == '.' else 'phẩy'} {self._numbers.decimals(decimals)}"
        return {"-": "âm ", "+": "cộng "}.get(found["sign"], "") + words

    def _ordinal(self, text: str) -> str:
        number = _ORDINAL.fullmatch(text)
        if not number and (roman := _ROMAN.fullmatch(text)):
            return f"thứ {self._numbers.ordinal(str(value_of(roman[0])))}"
        if not number:
            raise ValueError("write a whole number: 1")
        return f"thứ {self._numbers.ordinal(number[1].replace('.', ''))}"

    def _digits(self, text: str) -> str:
        if not re.fullmatch(r"[\d\s.,/-]*", text) or not re.search(r"\d", text):
            raise ValueError("write only digits")
        return self._numbers.digits(text)

    def _characters(self, text: str) -> str:
        words = []
        for sign in unicodedata.normalize("NFC", text):
            if sign.isspace():
                continue
            name = NAMES.get(sign.upper()) or _SIGNS.get(sign)
            other = self._numbers.digits if sign.isdecimal() else _letter
            words.append(name or other(sign))
        if not all(words) or not words:
            raise ValueError("one of its characters has no name; use sub")
        return " ".join(words)

    def _telephone(self, text: str) -> str:
        """Read the digits one by one, and the keys of codes such as ``*101#``."""
        digits = sum(map(str.isdecimal, text))
        shortest = 1 if "*" in text or "#" in text else 2
        if not _PHONE.fullmatch(text) or not shortest <= digits <= 20:  # noqa: PLR2004
            raise ValueError("write 2 to 20 digits, with spaces, points or dashes")
        said = (_KEYS.get(key) or self._numbers.digits(key) for key in text)
        return " ".join(filter(None, said))

    def _currency(self, text: str, form: str | None) -> str:
        found = _CURRENCY.fullmatch(text)
        if not found or (found["sign"] and found["minus"]):
            raise ValueError("write an amount: 42,50 USD")
        code = (form or "").upper()
        if form and not _CODE.fullmatch(code):
            raise ValueError("format is the code of a currency, such as USD")
        names = filter(None, (code, found["after"], found["before"]))
        units = [self._money(name.strip()) for name in names] or ["đồng"]
        if any(not one.startswith(units[-1]) and not units[-1].startswith(one) for one in units):
            raise ValueError("it names two currencies")
        amount = self._cardinal(found["number"]).replace(" chấm ", " phẩy ")
        first, *more = (found["scale"] or "").lower().split() or [""]
        scale = [_SHORT_SCALES.get(first, first), *more]
        sign = {"-": "âm", "+": "cộng"}.get(found["sign"] or found["minus"], "")
        return " ".join(filter(None, (sign, amount, *scale, units[0])))

    def _money(self, name: str) -> str:
        """Return the words of a currency, or of a price such as ``USD/tháng``.

        Raises:
            ValueError: it is not known.

        """
        currency, _, each = name.partition("/")
        said = _CURRENCIES.get(currency) or _CURRENCIES.get(currency.upper())
        if not said and currency.lower() in (*_CURRENCIES, *_SPOKEN_CURRENCIES):
            said = _CURRENCIES.get(currency.lower(), currency.lower())
        if not said:
            raise ValueError(f"the currency {currency:.20} is not known; use sub")
        if not each:
            return said
        # With a large number, because "5đ" may be a mark at school.
        price = self._spoken(f"5.000 {said}/{each}").removeprefix("năm nghìn ")
        if not price.startswith(said):
            raise ValueError(f"the price {name:.20} is not known; use sub")
        return price

    def _unit(self, text: str) -> str:
        found = _MEASURE.fullmatch(_with_slashes(text))
        if not found:
            raise ValueError("write a number and a unit: 5 km/h")
        said = self._of_unit(found["unit"].strip())
        if found["fraction"]:
            return f"{self._fraction(found['fraction'])} {said}"
        if not found["number"]:
            return said
        number = self._cardinal(found["number"])
        if found["last"]:
            number += f" đến {self._cardinal(found['last'])}"
        return f"{number.replace(' chấm ', ' phẩy ')} {said}"

    def _of_unit(self, unit: str) -> str:
        """Return the words of a unit.

        Raises:
            ValueError: it is not known.

        """
        unit = re.sub(r"\^([23])(?!\d)", lambda power: "²³"[int(power[1]) - 2], unit)
        known = _SYMBOLS.get(unit) or ("" if "/" in unit else UNITS.get(unit.replace("µ", "μ")))
        if known:
            return known.lower()
        said = self._spoken(f"5 {unit}")
        glued = self._spoken(f"5{unit}")
        said = next((way for way in (said, glued) if way.startswith("năm ")), "")
        said = said.removeprefix("năm ")
        if not said or (_is_foreign(unit) and said == self._spoken(unit)):
            raise ValueError(f"the unit {unit!r:.20} is not known; use sub")
        return said

    def _fraction(self, text: str) -> str:
        found = _FRACTION.fullmatch(_with_slashes(text))
        if not found or not int(found["b"]):
            raise ValueError("write a fraction: 3/4 or 1 1/2")
        below = int(found["b"])
        under = "tư" if below == 4 else self._numbers.cardinal(below)  # noqa: PLR2004
        said = f"{self._numbers.whole(found['a'])} phần {under}"
        if found["whole"]:
            said = f"{self._numbers.whole(found['whole'])} và {said}"
        return f"âm {said}" if found["sign"] else said

    def _score(self, text: str) -> str:
        if not _SCORE.fullmatch(text):
            raise ValueError("write a score: 2-1")
        sets = re.findall(_POINTS, text)
        return ", ".join(self._points(re.findall(r"\d+", points)) for points in sets)

    def _points(self, points: Sequence[str]) -> str:
        """Return the words of a score; a pause follows ten or a hundred, as in 10-9 or 100-98."""
        said = [self._numbers.whole(number) for number in points]
        pauses = ["," * (int(number) > 0 and int(number) % 10 == 0) for number in points[:-1]]
        return " ".join(map("".join, zip(said, [*pauses, ""], strict=True)))

    def _address(self, text: str) -> str:
        """Read house numbers by their parts, the rest by the usual rules."""
        text = _SHORT_HOUSE.sub("số nhà ", text, 1)
        house = _HOUSE.match(text) or re.match(rf"(?:[Ss]ố(?: nhà)? )({_HOUSE.pattern})", text)
        if not house:
            return self._spoken(text)
        number = house[1] if house.lastindex else house[0]
        lead = text[: house.end() - len(number)]
        said = " đến ".join(map(self._house, number.split("-")))
        rest = text[house.end() :]
        pause = "," if rest.startswith(",") else ""
        rest = self._spoken(rest.strip(" ,"))
        return " ".join(filter(None, (lead.strip().lower(), said + pause * bool(rest), rest)))

    def _house(self, number: str) -> str:
        """Return the words of a house number such as ``12/3A``."""
        fields = re.findall(r"(\d+)([^\W\d]?)", number)
        return f" {self._slash} ".join(
            " ".join(filter(None, (self._numbers.whole(digits), spelled(letter))))
            for digits, letter in fields
        )

    def _name(self, text: str) -> str:
        """Read a personal name word by word: an initial by its name, a regnal number as such.

        Letters of a numeral that are a syllable are a name if all of the name is in capitals.
        """
        words = re.findall(r"[^\s.,]+", text)
        if not any(map(str.isalpha, "".join(words))):
            raise ValueError("a name has letters")
        said = []
        for place, word in enumerate(words):
            letters = word.strip("()'\"“”")
            if len(letters) == 1 and letters.isalpha():
                said.append(spelled(letters))
            elif place and _is_regnal(letters, text):
                said.append(f"đệ {self._numbers.ordinal(str(value_of(letters)))}")
            else:
                said.append(self._spoken(_SHORT_NAMES.get(letters, letters)))
        return " ".join(said)

    def _roman(self, text: str) -> str:
        if not _ROMAN.fullmatch(text.upper()):
            raise ValueError("write a Roman numeral: XIV")
        return self._numbers.cardinal(value_of(text.upper()))


def _plain(written: str) -> str:
    """Return a text with composed letters, and without invisible and wide characters."""
    composed = unicodedata.normalize("NFC", written)
    visible = "".join(sign for sign in composed if unicodedata.category(sign) != "Cf")
    return _COMPATIBLE.sub(lambda wide: unicodedata.normalize("NFKC", wide[0]), visible)


def _with_slashes(text: str) -> str:
    """Return a text with ``1⁄2`` in place of ``½``; a whole number before it stays apart."""
    apart = re.sub(r"(?<=\d)(?=[¼-¾⅐-⅞↉])", " ", text.replace("∕", "/"))
    return re.sub("[¼-¾⅐-⅞↉]", lambda sign: unicodedata.normalize("NFKC", sign[0]), apart)


def _is_regnal(word: str, name: str) -> bool:
    """Return whether a word of a name is a number such as II, and not a syllable in capitals."""
    if len(word) < 2 or set(word) - set("IVXL") or not _ROMAN.fullmatch(word):  # noqa: PLR2004
        return False
    return not (name.isupper() and is_syllable(word.lower()))


def _is_foreign(unit: str) -> bool:
    """Return whether a unit is a word of Latin letters, neither a known unit nor Vietnamese."""
    known = unit in UNITS or unit.lower() in UNITS or is_syllable(unit.lower())
    return unit.isascii() and unit.isalpha() and not known


def _letter(sign: str) -> str:
    """Return the name of a letter, and that of its tone: ấ is "ớ sắc"."""
    parts = unicodedata.normalize("NFD", sign)
    tone = next(filter(None, map(_TONES.get, parts)), "")
    letter = unicodedata.normalize("NFC", "".join(part for part in parts if part not in _TONES))
    return f"{spelled(letter)} {tone}" if tone and letter.upper() in _VOWELS else spelled(sign)
