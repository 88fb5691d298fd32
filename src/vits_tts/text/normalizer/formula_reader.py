r"""Recursive descent over the symbols of a formula, from LaTeX or plain text to words."""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer.formula_words import (
    ACCENTS,
    BOUNDED,
    COMMANDS,
    FUNCTIONS,
    GREEK,
    GROUPS,
    RELATIONS,
    SIGNS,
    SUPERSCRIPTS,
)
from vits_tts.text.normalizer.unit_table import UNITS
from vits_tts.text.numbers import Numbers, parts
from vits_tts.text.patterns import lazily

_TOKEN: Final = lazily(
    r"\\[A-Za-z]+|\\.|\d+(?:[.,]\d+)*|[A-Za-z]|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+|[^\W\d_]|\s+|.", re.DOTALL
)
_PRODUCT: Final = lazily(r"\s?[\d(\[]")
_WORDS: Final = lazily(r"(?:cộng|trừ|nhân|chia|bằng|hơn|trên|phần)\b")
_DEEPEST: Final = 80
"""Maximum depth of operands inside operands. Deeper ones are not read."""
_DIRECT_UNIT: Final = lazily(
    r"(?P<space>[\s~]?)(?P<unit>cm|mm|dm|km/h|km|nm|kg|g/mol|kHz|MHz|Hz|m/s|cm/s|rad/s|V/m|N/m|kV|kW|mA|kPa|kJ)"
    r"(?P<raised>\^[23])?(?=\s*(?:$|[,.;)]|\\[,;)]))"
)
"""Units of several letters that end a formula, such as ``$ 10cm $``, without a command."""
_TRENDS: Final = {"uparrow": "tăng", "downarrow": "giảm"}
_DECIMAL_UNIT: Final = lazily(r"\s?(?P<unit>[msNJ])(?=\s*$)")
"""A unit of one letter, which after a decimal at the end of a formula is no variable."""
_CONDITION: Final = lazily(r"P\s?(?:\\left)?\([^()|]{1,40}$")
_CONDITION_END: Final = lazily(r"[^()|]{1,40}\)")


class FormulaReader:
    """Reads the symbols of one formula, once from left to right."""

    def __init__(self, formula: str, numbers: Numbers, *, plain: bool) -> None:  # noqa: D107
        self._symbols: list[str] = [symbol for symbol in _TOKEN.findall(formula) if symbol != "\\!"]
        self._numbers = numbers
        self._plain = plain
        self._at = 0
        self._depth = 0

    def everything(self) -> str:
        """Return the whole formula in words, even if its brackets are unbalanced."""
        said = self._until(())
        while self._at < len(self._symbols):
            self._at += 1
            said = f"{said} {self._until(())}"
        return said

    def _peek(self) -> str:
        return self._symbols[self._at] if self._at < len(self._symbols) else ""

    def _skip_space(self) -> None:
        while self._peek().isspace() or self._peek() in _BLANK:
            self._at += 1

    def _until(self, ends: tuple[str, ...]) -> str:
        """Return the words up to one of the closing symbols ``ends``, which is not consumed."""
        words: list[str] = []
        operand = False  # whether an operator may follow
        while self._at < len(self._symbols):
            symbol = self._peek()
            if symbol in ends:
                break
            said, operand = self._next(operand=operand)
            if said:
                words.append(said)
        return " ".join(words)

    def _next(self, *, operand: bool) -> tuple[str, bool]:  # noqa: PLR0911
        """Return the next element in words, and whether it is an operand."""
        symbol = self._peek()
        if symbol.isspace() or symbol in _BLANK:
            self._at += 1
            return "", operand
        if symbol in {"-", "−", "–"}:
            self._at += 1
            return ("trừ" if operand else "âm"), False
        label = symbol == ":" and not (self._at and self._symbols[self._at - 1].isspace())
        if symbol == "." and self._plain and operand and self._multiplies():
            self._at += 1
            return "nhân", False
        if symbol == "!" and self._differs():
            self._at += 2
            return "khác", False
        if symbol in {",", ";", "&", "\\\\", "."} or (
            label and "".join(self._symbols[self._at + 1 : self._at + 2]).isspace()
        ):
            self._at += 1
            return ",", False
        if symbol in {"|", "\\mid"} and operand and self._given():
            self._at += 1
            return "với điều kiện", False
        if symbol in {"+", "<", ">", "=", ":", "/"} or symbol in RELATIONS:
            return self._sign(symbol, operand=operand), False
        if self._plain and symbol in "xX" and self._times():
            self._at += 1
            return "nhân", False
        if operand and symbol.isdecimal() and self._after_letter():
            return self._postfixed(self._atom()), True
        return self._postfixed(self._atom()), True

    def _differs(self) -> bool:
        """Return whether the ``!`` and the next sign mean unequal; ``6!= 720`` is a factorial."""
        around = "".join(self._symbols[max(0, self._at - 1) : self._at + 2])
        return re.fullmatch(r"\D!=", around) is not None

    def _multiplies(self) -> bool:
        """Return whether the point between two operands, as in ``m.g``, is a product."""
        around = "".join(self._symbols[self._at - 1 : self._at + 2])
        return re.fullmatch(r"\S*[\w)²³]\.[\w(√]\S*", around) is not None

    def _given(self) -> bool:
        """Return whether the bar is that of a conditional probability, ``P(A|B)``."""
        front, back = "".join(self._symbols[: self._at]), "".join(self._symbols[self._at + 1 :])
        return bool(_CONDITION.search(front) and _CONDITION_END.match(back))

    def _after_letter(self) -> bool:
        return self._at > 0 and self._symbols[self._at - 1].isalpha()

    def _times(self) -> bool:
        """Return whether an x between two spaces is a multiplication sign."""
        before, after = self._symbols[: self._at], self._symbols[self._at + 1 :]
        left = "".join(before[-2:])
        return bool(re.search(r"[\da-wyz)\]%]\s$", left) and _PRODUCT.match("".join(after[:2])))

    def _sign(self, symbol: str, *, operand: bool) -> str:
        self._at += 1
        if symbol == "+" and self._peek() == "+":
            self._at += 1
            return "cộng cộng"
        if symbol == "=" and self._peek() == ">":
            self._at += 1
            return "suy ra"
        if symbol in "<>" and self._peek() == "=":
            self._at += 1
            return f"{RELATIONS[symbol]} hoặc bằng"
        if symbol == "+" and not operand:
            return "cộng" if not self._plain else "dương"
        return RELATIONS[symbol]

    def _atom(self) -> str:
        """Return one operand in words, or nothing if it is nested too deeply."""
        symbol = self._peek()
        self._at += 1
        self._depth += 1
        said = self._operand(symbol) if self._depth <= _DEEPEST else ""
        self._depth -= 1
        return said

    def _operand(self, symbol: str) -> str:  # noqa: C901, PLR0911
        """Return the operand that begins with ``symbol``, which is consumed, in words."""
        if symbol[0].isdecimal():
            return self._number(symbol)
        if symbol in FUNCTIONS:
            return self._function(symbol)
        if symbol[0] == "\\":
            return self._command(symbol)
        if symbol == "{":
            return self._group("}")
        if symbol in GROUPS:
            return self._bracket(symbol)
        if symbol == "|":
            return f"trị tuyệt đối của {self._group('|')}"
        if symbol in {"√", "∛"}:
            self._skip_space()
            root = "căn bậc hai của" if symbol == "√" else "căn bậc ba của"
            return f"{root} {self._postfixed(self._atom())}" if self._peek() else root
        if symbol in SIGNS or symbol in GREEK:
            return SIGNS.get(symbol) or GREEK[symbol]
        if symbol[0] in SUPERSCRIPTS:
            return self._superscript(symbol)
        if symbol.isascii() and symbol.isalpha():
            return self._name(symbol)
        return symbol if symbol.isalpha() else ""

    def _name(self, letter: str) -> str:
        """Return the name of a letter, or of a function that is written in letters (sin)."""
        word = letter
        while self._peek().isascii() and self._peek().isalpha() and len(word) < 4:  # noqa: PLR2004
            word += self._peek()
            self._at += 1
            if f"\\{word.lower()}" in FUNCTIONS:
                return self._function(f"\\{word.lower()}")
        self._at -= len(word) - 1
        return spelled(letter)

    def _number(self, symbol: str) -> str:
        if fraction := self._simple_fraction(symbol):
            return fraction
        factors = symbol.split(".")
        product = self._plain and len(factors) > 1 and "," in symbol
        if product and not all(re.match(r"\d{3}(?!\d)", factor) for factor in factors[1:]):
            return " nhân ".join(self._numbers.read(factor) for factor in factors)  # 2.9,8
        marks = symbol.count(",") + symbol.count(".")
        whole, _, decimals = parts(symbol) if marks <= 1 else (symbol, "", "")
        if not decimals and not whole.isdecimal():
            return ", ".join(self._numbers.whole(part) for part in re.findall(r"\d+", symbol))
        said = self._numbers.whole(whole)
        number = f"{said} phẩy {self._numbers.decimals(decimals)}" if decimals else said
        return f"{number} {unit}" if (unit := self._unit()) else number

    def _simple_fraction(self, symbol: str) -> str:
        """Return ``2/3`` in words and consume its denominator.

        Return an empty string if the denominator is not a whole number.
        """
        ahead = "".join(self._symbols[self._at : self._at + 4])
        found = re.match(r"\s?/\s?(\d{1,4})(?![\d.,]*\d|\s?[a-zA-Z(\\^{])", ahead + ".")
        if (
            not found
            or not symbol.isdecimal()
            or (self._at > 1 and self._symbols[self._at - 2] == "/")
        ):
            return ""
        while self._peek() != found[1]:
            self._at += 1
        self._at += 1
        below = "tư" if found[1] == "4" else self._numbers.whole(found[1])
        return f"{self._numbers.whole(symbol)} phần {below}"

    def _unit(self) -> str:  # noqa: PLR0911
        r"""Return the unit that follows as ``\\mathrm{~kg}`` or ``{~kg}``, and skip it."""
        ahead = "".join(self._symbols[self._at : self._at + 12])
        spaced = re.match(r"\\[,;: ]\s*(?P<unit>[A-Za-zμ]{1,3})(?![A-Za-z^_])", ahead)
        if spaced and not self._plain and spaced["unit"] in UNITS:
            self._skip(len(spaced[0]))
            return UNITS[spaced["unit"]]
        found = re.match(
            r"[\s~]*(?P<open>\()?(?:\\(?:mathrm|text|mbox|rm)\s*)?\{[\s~]*(?:\\mathrm\{)?(?P<unit>[A-Za-zμ°Ω]{1,5}(?:/[a-z]{1,3})?)[\s.]*\}+(?:\s*/\s*\{(?P<per>[a-z]{1,3})\})?",
            ahead,
        )
        bare = re.fullmatch(r"\s+(s|m|kg|cm|Hz|m/s|cm/s)[\s.]*", "".join(self._symbols[self._at :]))
        if bare and not self._plain:
            self._at = len(self._symbols)
            return " trên ".join(UNITS[part] for part in bare[1].split("/"))
        direct = _DIRECT_UNIT.match(ahead)
        decimal = _DECIMAL_UNIT.match(ahead) if re.search("[.,]", self._before()) else None
        if decimal and not self._plain:
            self._skip(len(decimal[0]))
            return UNITS[decimal["unit"]]
        if direct and not self._plain:
            self._skip(len(direct["unit"]) + len(direct["raised"] or "") + len(direct["space"]))
            said = " trên ".join(UNITS[part] for part in direct["unit"].split("/"))
            powers = {"2": " bình phương", "3": " lập phương"}
            return said + (powers[direct["raised"][-1]] if direct["raised"] else "")
        if not found or ("~" not in found[0] and "\\" not in found[0] and not found["open"]):
            return ""
        if found["open"] and not ahead[found.end() :].startswith(")"):
            return ""
        top, _, rate = found["unit"].partition("/")
        rate = rate or found["per"] or ""
        if top not in UNITS or (rate and rate not in UNITS):
            return ""
        self._skip(len(found[0]) + bool(found["open"]))
        return f"{UNITS[top]} trên {UNITS[rate]}" if rate else UNITS[top]

    def _before(self) -> str:
        """Return the symbol that was consumed last."""
        return self._symbols[self._at - 1]

    def _skip(self, length: int) -> None:
        """Consume the symbols of ``length`` characters."""
        while length > 0 and self._at < len(self._symbols):
            length -= len(self._symbols[self._at])
            self._at += 1

    def _superscript(self, symbol: str) -> str:
        digits = "".join(SUPERSCRIPTS[sign] for sign in symbol)
        return _power(digits, self._numbers)

    def _group(self, end: str) -> str:
        """Return the words up to a closing symbol, and consume the symbol."""
        said = self._until((end,))
        if self._peek() == end:
            self._at += 1
        return said

    def _bracket(self, opening: str) -> str:
        called = self._at > 1 and self._symbols[self._at - 2] in _CALLED
        said = self._group(GROUPS[opening])
        if called or not _WORDS.search(said) or "," in said or opening == "[":
            return said
        return f"mở ngoặc {said} đóng ngoặc"

    def _argument(self) -> str:
        """Return the argument of a command: a group or one symbol."""
        self._skip_space()
        return self._atom() if self._peek() else ""

    def _command(self, symbol: str) -> str:  # noqa: C901, PLR0911
        name = symbol[1:].rstrip("*")
        if name in {"frac", "dfrac", "tfrac", "cfrac"}:
            return _fraction(self._argument(), self._argument())
        if name == "sqrt":
            return self._root()
        if name in BOUNDED:
            return self._bounded(BOUNDED[name])
        if name in ACCENTS:
            inner = self._argument()
            before, after = ACCENTS[name]
            return f"{before} {inner} {after}".strip()
        if name in {"begin", "end", "color", "label", "tag", "vspace", "hspace"}:
            self._skip_argument()
            if name == "begin" and self._peek() == "{":
                self._skip_argument()  # the column specification of an array
            return ","
        if name in {"text", "mbox", "textbf", "textit"}:
            return self._text()
        if name in {"left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr"}:
            if self._peek() == ".":
                self._at += 1
            return ""
        if name in _TRENDS and re.fullmatch("[TVpPtvIURWE]", self._symbols[self._at - 2]):
            return _TRENDS[name]  # of a quantity; after a formula it is a gas or a precipitate
        return COMMANDS.get(name, GREEK.get(symbol, ""))

    def _skip_argument(self) -> None:
        if self._peek() == "{":
            while self._peek() not in {"}", ""}:
                self._at += 1
            self._at += 1

    def _text(self) -> str:
        if self._peek() != "{":
            return ""
        start = self._at + 1
        self._skip_argument()
        return "".join(self._symbols[start : self._at - 1]).replace("~", " ")

    def _root(self) -> str:
        degree = "hai"
        if self._peek() == "[":
            self._at += 1
            degree = self._group("]")
        return f"căn bậc {degree} của {self._argument()}"

    def _function(self, symbol: str) -> str:
        name = FUNCTIONS[symbol]
        if self._peek() == "_" and symbol in {"\\log", "\\lg"}:
            self._at += 1
            return f"{name} cơ số {self._argument()} của"
        return name

    def _bounded(self, name: str) -> str:
        """Return an integral, sum or limit with its bounds."""
        low = high = ""
        for _ in range(2):
            self._skip_space()
            if self._peek() == "\\limits":
                self._at += 1
            if self._peek() == "_":
                self._at += 1
                low = self._argument()
            elif self._peek() == "^":
                self._at += 1
                high = self._argument()
        if name == "lim":
            return f"lim khi {low}," if low else "lim"
        start = f" từ {low}" if low and high else f" {low}" * bool(low)
        end = f" đến {high}" if high else ""
        return f"{name}{start}{end} của"

    def _postfixed(self, said: str) -> str:
        """Return an operand with its powers, indices and primes."""
        low = ""
        while self._at < len(self._symbols):
            symbol = self._peek()
            if symbol == "_":
                self._at += 1
                low = self._argument()
                said = f"{said} {low}"
            elif symbol == "^":
                self._at += 1
                said = self._raised(said, low)
            elif symbol in {"'", "’", "′"}:
                self._at += 1
                said = f"{said} phẩy"
            elif symbol == "!" and said and not self._differs():
                self._at += 1
                said = f"{said} giai thừa"
            elif symbol in {"%", "\\%"}:
                self._at += 1
                said = f"{said} phần trăm"
            elif symbol[0] in SUPERSCRIPTS:
                self._at += 1
                said = f"{said} {self._superscript(symbol)}"
            else:
                break
        return said

    def _raised(self, said: str, low: str) -> str:  # noqa: PLR0911
        self._skip_space()
        if self._peek() in {"\\prime", "'"}:
            self._at += 1
            return f"{said} phẩy"
        if self._peek() in {"\\circ", "∘", "o"}:
            self._at += 1
            return f"{said} độ"
        start = self._at
        if self._peek() in {"-", "−", "+"}:  # as in 2^-1 and Cl^-
            sign = self._peek()
            self._at += 1
            after = self._peek()
            if after.isalnum():
                return f"{said} mũ {'âm' if sign != '+' else ''} {self._atom()}"
            return f"{said} {'trừ' if sign != '+' else 'cộng'}"
        power = self._argument()
        written = "".join(self._symbols[start : self._at]).strip("{} ")
        charge = re.fullmatch(r"(\d?)\s?([-+])", written)
        if charge:
            count = self._numbers.whole(charge[1]) if charge[1] else ""
            return f"{said} {count} {'cộng' if charge[2] == '+' else 'trừ'}"
        if written in {"\\prime", "\\prime\\prime"}:
            return f"{said} phẩy"
        if written == "\\circ":
            return f"{said} độ"
        chosen = (
            {"xê": "tổ hợp", "a": "chỉnh hợp"}.get(said.removesuffix(f" {low}")) if low else None
        )
        if chosen and not self._plain:
            return f"{chosen} chập {power} của {low}"
        named = {"2": "bình phương", "3": "lập phương"}.get(written)
        return f"{said} {named or f'mũ {power}'}"


_BLANK: Final = frozenset(
    [  # noqa: RUF005
        "~",
        "\\,",
        "\\;",
        "\\:",
        "\\ ",
        "\\quad",
        "\\qquad",
        "\\displaystyle",
        "\\limits",
        "\\rm",
        "\\it",
    ]
    + [
        "\\mathrm",
        "\\mathbf",
        "\\mathbb",
        "\\mathcal",
        "\\operatorname",
        "\\boldsymbol",
        "\\ce",
        "$",
    ]
)
_CALLED: Final = frozenset("fghFGHPup")


def _power(digits: str, numbers: Numbers) -> str:
    if digits in {"2", "3"}:
        return {"2": "bình phương", "3": "lập phương"}[digits]
    sign = "âm " if digits[0] == "-" else ""
    rest = digits.strip("-+")
    if not rest:
        return {"-": "trừ", "+": "cộng"}.get(digits[0], "")
    return f"mũ {sign}{numbers.whole(rest) if rest.isdecimal() else spelled(rest)}"


def _fraction(above: str, below: str) -> str:
    """Return a fraction: ``phần`` between plain numbers, ``trên`` between other terms."""
    if {*above.split(), *below.split()} <= _COUNTING:
        return f"{above} phần {'tư' if below == 'bốn' else below}"
    joint = "tất cả trên" if _WORDS.search(above) else "trên"
    return f"{above} {joint} {below}"


_COUNTING: Final = frozenset(
    "không một hai ba bốn tư năm sáu bảy tám chín mười mươi mốt lăm linh lẻ trăm nghìn ngàn "
    "triệu tỷ".split()
)
