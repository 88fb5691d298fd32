r"""Mathematical formulae, from LaTeX (``$\frac{1}{2}$``) and from plain text.

A formula is split into symbols and read from left to right by recursive descent: fractions, roots,
powers, indices, integrals with their bounds. The result has words only, so no later rule can read a
minus or a slash of it in another way.
"""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer import measures
from vits_tts.text.normalizer.formula_reader import FormulaReader
from vits_tts.text.normalizer.rules import Rule, Step, Where, apart, before
from vits_tts.text.normalizer.unit_table import UNITS
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily

_UNIT_CLOSES: Final = lazily(rf"\ ?(?:{measures.UNIT}|ki lô [a-z]+(?: trên [a-zà-ỹ]+)?)\)")
"""A unit, maybe in words already, and the bracket that closes before a formula's end."""
_UNIT_NEXT: Final = lazily(
    r"[.,]\d|[\w%°]|\s(?:[kcdm]?m|kg|m?g|m?l|s|h|N|J|k?W|V|A|Hz|Pa|mol|phút|giờ|đồng|đ|độ|triệu|nghìn|tỷ|lít|gam|tấn|%)(?!\w)"
)

_WORD_NEXT: Final = lazily(r"\s([^\W\d_]{2,4})(?!\w)")
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_AXES: Final = lazily(
    r"(?:\bmp|mặt phẳng|trục|tọa độ|toạ độ|góc|tia|hệ|không gian|đường tròn)\W{0,2}$"
)
_PLANE: Final = 3
"""Letters of a plane, such as Oxy, which may also be the start of a name."""


class Formula:
    """Reads formulae with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def latex(self) -> tuple[Step, ...]:
        """Return the steps for LaTeX. They run before Markdown, which also uses ``_`` and ``*``."""
        return (
            Rule(r"\$\$(?P<inner>[^$]{1,2000})\$\$", self.said, needs="$"),
            Rule(
                r"(?<![\\$\w])\$(?![\s\d.,]{1,20}\s?(?:[^\W\d_]{2}|-|–))(?P<inner>[^\s$][^$\n]{0,600}?)(?<!\s)\$(?![\d$])",
                self.inline,
                needs="$",
            ),
            Rule(
                r"(?<![\\$\w])\$(?=[^$\n]{0,600}[\\{^])(?P<inner>[^$\n]{1,600})\$(?![\d$])",
                self.inline,
                needs="$",
            ),
            Rule(r"\\\((?P<inner>[^\n]{1,600}?)\\\)", self.said, needs="\\"),
            Rule(r"\\\[(?P<inner>(?:[^\\]|\\(?!\]))++)\\\]", self.said, needs="\\"),
            Rule(
                r"\\(?:immini|choice(?:TF)?)(?![a-zA-Z])(?:\[[^\]\n]{0,30}\])?\s?\{?",
                " ",
                needs="\\",
            ),  # the layout of a question
            Rule(_BARE, self.bare, needs="\\"),
        )

    def plain(self) -> tuple[Step, ...]:
        """Return the steps for formulae in plain text. They run before dates and ranges."""
        return (
            Rule(
                r"(?<![\w.,])(?P<mantissa>\d{1,3}(?:[.,]\d{1,6})?)[eE](?P<exponent>[+-]?\d{1,3})(?!\w)",
                self.scientific,
                needs="eE",
            ),
            Rule(
                r"(?<!\w)O(?P<axes>xyz|xy|xz|yz|x|y|z)(?!\w)",
                lambda match: (
                    " ".join(spelled(axis) for axis in match[0])
                    if _AXES.search(before(match)) or len(match[0]) > _PLANE
                    else None
                ),
                needs="O",
            ),
            Rule(
                r"(?<!\w)[a-z]O[a-z](?!\w)",
                lambda match: " ".join(map(spelled, match[0])),
                needs="O",
            ),  # an angle, xOy
            Rule(
                r"(?<!\w)(?P<letter>[a-zA-Z])!(?=\s[^\W\d_]|\s?[=/+*])", self.factorial, needs="!"
            ),
            Rule(
                r"(?<!\w)(?P<function>[fgh])(?P<primes>['’]{1,2})\ ?\("
                r"(?P<argument>[^()\n]{1,16})\)(?!\s?[=<>≤≥])",
                lambda match: (
                    f"{spelled(match['function'])}{' phẩy' * len(match['primes'])} "
                    f"{self.read(match['argument'], plain=True)}"
                ),
                needs="'’",
            ),
            Rule(
                r"(?:(?<=rị\ của\ )|(?<=ính\ )|(?<=hức\ )|(?<=return\ )|(?<=ổng\ )|(?<=iệu\ ))"
                r"(?P<a>[A-Za-z])\ ?(?P<sign>[-–+])\ ?(?P<b>[A-Za-z])(?!\w)",
                self.pair,
                needs="-–+",
            ),
            Where(
                r"[=<>≤≥≠√∛|^²³∆Δ±∫∈∉]"
                r"|(?<![^\W\d_])(?:log|ln|lg|sin|cos|tan|cot)(?:[_\d(xyzα-ω]|\ [\dxyzα-ω])"
                r"|\d[nxyz]\s[-+]\s\d",
                Rule(
                    r"(?<!\w)(?P<function>[fghFGuvwz])\ ?"
                    r"\((?P<arguments>[a-z](?:,\ ?[a-z]){1,3})\)",
                    lambda match: (
                        f"{spelled(match['function'])} "
                        + ", ".join(map(spelled, re.findall("[a-z]", match["arguments"])))
                    ),
                    needs=",",
                ),
                Rule(
                    r"(?<![\w.,])(?P<mantissa>\d{1,3}(?:,\d{1,4})?)\ ?[.·×]\ ?10"
                    r"\ [−–-](?P<exponent>\d{1,2})"
                    r"(?=\ ?(?:[μnm]?[CFHJNTVW]|kg|Wb|rad|Hz|m/s)(?!\w))",
                    lambda match: f"{match['mantissa']}·10⁻" + match["exponent"].translate(_RAISED),
                    glued=True,
                    needs="−–-",
                ),  # copied text, in which the exponent is no longer raised
                Rule(_RUN, self.run),
            ),
        )

    def inline(self, match: re.Match[str]) -> str | None:
        """Read the text between two dollars, unless it is Vietnamese prose about money."""
        inner = match["inner"]
        prose = re.sub(r"\\(?:text|mathrm|mbox)\s?\{[^{}]*\}", "", inner)
        if re.search(r"(?<![\\A-Za-z])[^\W\d_]{3,}\s[^\W\d_]{2,}|[À-ÖØ-öø-ỹ]{2}", prose):
            return None
        return self.said(match)

    def said(self, match: re.Match[str]) -> str:
        """Read a formula between its delimiters."""
        return f" {self.read(match['inner'])} "

    def bare(self, match: re.Match[str]) -> str | None:
        """Read LaTeX without delimiters."""
        if not re.search(r"\\[A-Za-z]{2}", match[0]):
            return None
        if re.fullmatch(r"\s*\\(?:right|Right|long|Long)?(?:right)?arrow\s*", match[0]):
            return ", "
        body = match[0].rstrip(" .,;:")
        return f"{self.read(body)}{match[0][len(body) :]}"

    def scientific(self, match: re.Match[str]) -> str:
        """Read ``1.6e-19``."""
        exponent = match["exponent"].lstrip("+")
        sign = "âm " if exponent[0] == "-" else ""
        mantissa = self._numbers.read(match["mantissa"], "phẩy")
        return f"{mantissa} nhân mười mũ {sign}{self._numbers.whole(exponent.lstrip('-'))}"

    def factorial(self, match: re.Match[str]) -> str:
        """Read ``n!``."""
        return f"{spelled(match['letter'])} giai thừa"

    def pair(self, match: re.Match[str]) -> str:
        """Read ``giá trị của M-m``."""
        sign = "cộng" if match["sign"] == "+" else "trừ"
        return f"{spelled(match['a'])} {sign} {spelled(match['b'])}"

    def run(self, match: re.Match[str]) -> str | None:
        """Read a run of operands and signs in plain text if it can only be a formula."""
        body = match[0].strip(" ,.;:")
        if not _certain(body):
            return None
        while body.count("(") > body.count(")") and body.rfind("(") > max(0, body.rfind(")")):
            body = body[: body.rfind("(")].rstrip(" ,.;:")  # the bracket holds other text
        if not _certain(body):
            return None
        start = match.start() + match[0].index(body)
        body = body[: _measured(match.string, start, body)]
        opened = body[:1] == "(" and ")" not in body
        if opened and _UNIT_CLOSES.match(match.string, start + len(body)):
            start += len(body) - len(body[1:].lstrip())
            body = body[1:].lstrip()  # the unit and the other bracket follow: (M = 44 g/mol)
        end = start + len(body)
        tail = ""
        kept = re.search(r"\d[\d.,]*$", body)
        if kept and (
            _UNIT_NEXT.match(match.string, end)
            or measures.measure(match.string, end)
            or ((word := _WORD_NEXT.match(match.string, end)) and word[1] in UNITS)
        ):
            # as in 5 cm: a later rule reads the number with its unit
            body, tail = body[: kept.start()], kept[0]
        said = _algebra_of_units(body) or self.read(body, plain=True)
        lead = match[0][: match[0].index(body[:1])] if body else ""
        rest = match[0][len(lead) + len(body) + len(tail) :]
        joined = apart(match.string, start, end, f"{said} {tail}".strip())
        return f"{lead}{joined}{rest}"

    def read(self, formula: str, *, plain: bool = False) -> str:
        """Return a formula in words."""
        words = FormulaReader(formula, self._numbers, plain=plain).everything()
        return re.sub(r"\s*,[\s,]*", ", ", " ".join(words.split())).strip(" ,")


def _algebra_of_units(body: str) -> str:
    """Return the words of ``(m/s²)·m = m²/s²``, or nothing if it has other letters than units."""
    parts = _UNIT_PART.findall(body)
    written = "".join(parts).replace(" ", "")
    rate = re.search(r"[mg]/|/\(?[ms]", body)
    if "=" not in body or not rate or written != body.replace(" ", ""):
        return ""
    words = (_UNIT_SIGNS[part] if part in _UNIT_SIGNS else measures.named(part) for part in parts)
    return " ".join(filter(None, words))


_UNIT_PART: Final = lazily(rf"(?<![A-Za-z]){measures.UNIT}|[/·=()]|\ ")
_UNIT_SIGNS: Final = {"/": "trên", "·": "nhân", "=": "bằng", "(": "", ")": "", " ": ""}


def _measured(string: str, start: int, body: str) -> int:
    """Return the length of a run up to its first number with a unit, which ends the formula."""
    for value in _VALUE.finditer(body):
        unit = measures.measure(string, start + value.end())
        if unit and not _GOES_ON.match(string, unit.end):
            return value.end()
    return len(body)


_MEASURE: Final = lazily(rf"(?:\d[\d.,]*\s?)?{measures.UNIT}")
_VALUE: Final = lazily(r"(?<![\w^_])(?<![\w)]\.)(?:\d+(?:[.,]\d+)*|π²?(?=\ ))")
_GOES_ON: Final = lazily(
    r"\s?[-+−*×·^/_!'²³]\s?[\w(√]|\s?[=<>≤≥≠]|\(|[α-ω]"
    r"|\)\s?(?:[\d(²³^+*/-]|[A-Za-z](?![^\W\d_]))"
)
"""A sign after a letter that is a variable and no unit: ``2m + 1``, ``3s = 6``."""


def _certain(body: str) -> bool:  # noqa: C901, PLR0911
    """Return whether plain text is a formula: it has a relation or root, and several operands."""
    function = _FUNCTION.search(body)
    if function and re.search(r"[-+−*/_^=]|log", body):
        return len(re.findall(r"\d+(?:[.,]\d+)*|[A-Za-zΔ∆α-ω]+", body)) > 1
    if _LINEAR.fullmatch(body):
        return True
    if _PRICES.search(body):
        return False  # as in 25k = 275k
    if _BOUND.fullmatch(body):
        return False  # as in SL >10, an abbreviation
    if not re.search(r"[=<>≤≥≠√∛^²³∆Δ±|∫∈∉]", body):
        return False
    if re.search(r"[√∛]\s?[\d(a-zA-Z]|(?<![\w])\|[^|]{1,20}\|\s?[<>=≤≥]", body):
        return True
    if re.search(r"\d\s?[kdcm]?m[²³](?![\w(])", body) and not re.search(r"[a-zA-Z]\s?=", body):
        return False  # as in 2,5m² = 250dm²
    if _MEASURE.fullmatch(body):
        return False  # as in 5 m/s²
    if re.match(r"=\s?[\w(\[]", body) and re.search(r"[\d)\]%]\s?[x×+*/-]\s?[\d(\[]", body):
        return True  # follows a word, as in Điểm = [A] x 50%
    if re.match(r"\d[\d.,]*\s?(?:kg|cm|mm|km|dm|ml|ha|tr|mg|kw|cc)\s?=\s?\d", body, re.IGNORECASE):
        return False  # as in 1kg = 1000g
    if re.match(r"=\s?-?[\w(√]", body) and re.search(r"\s[-+−–]\s[A-Za-z(√]", body):
        return True  # follows a quantity of several letters, as in Wđ = E - E0
    operands = re.findall(r"\d+(?:[.,]\d+)*|[A-Za-zΔ∆α-ω]+", body)
    related = re.search(r"[\w)\]²³'|!%]\s?[=<>≤≥≠∈∉]{1,2}\s?[-+√∛(\[|]?\s?[\w(\[|√α-ωΔ∆]", body)
    signed = re.search(r"[\w)²³]\s?[-+−–*×/]\s?[\w(]", body)
    power = re.search(r"[\w)]\^[\w(-]|[a-zA-Z)][²³]", body)
    lettered = re.search(r"(?<![A-Za-z])[a-zA-ZΔ∆α-ω]", body)
    if related:
        return len(operands) > 1 and (lettered is not None or signed is not None)
    return bool(power and len(operands) > 1 and signed)


_PRICES: Final = lazily(r"\d{2}k\s?=\s?\d{2}")
_BOUND: Final = lazily(r"(?!AB|BC|AC|CD|MN|OA)[A-Z]{2,3}\s[<>]\s?\d[\d.,]*%?")
_LINEAR: Final = lazily(r"\d{1,3}[nxyz]\s[-+]\s\d{1,3}")
_FUNCTION: Final = lazily(r"(?<![^\W\d_])(?:sin|cos|tan|cot|log|ln|lg)(?=[\d\s(_^²³a-zα-ω√])")
_OPERAND: Final = (
    r"\d+(?:[.,]\d+)*(?![\d:])%?|(?<![^\W\d_])(?:(?:sin|cos|tan|cot|log|ln|lg)(?:[xyzα-ω]|[ab](?=\s?[-+=*/)²]))?|lim|max|min)"
    r"(?![^\W\d_²³⁴])"
    r"|(?<![^\W_a-zΔ∆α-ω²³⁴⁵⁶])[a-zA-Z](?![^\W_\d²³⁴⁵⁶ⁿα-ω])|(?<![^\W\d_])[abckmn][xyt](?=[\^²³]|\s?[-+)])|(?<=\d)[fgh](?=\([a-z]\))|(?<=\d)[a-z]{1,3}(?=\s?[-+=²³⁴⁵⁶ⁿ^)–−<>≤≥≠]|\s/\s)(?![^\W\d_]{2})"
    r"|(?<![^\W_])[A-Z]t(?!\w)|(?<=[α-ω])[a-zA-Z]{1,2}(?![^\W\d_])"
    r"|(?<![^\W_])(?!USD|VN[DĐ]|[KMGT]B|EUR|JPY|GBP|CNY|KRW|HP|PN)[A-Z]{2,3}(?=\s?[-+=<>≤≥²/)]|\.[A-Z]|$)|(?<=[A-Z]\.)[A-Z]{2,3}(?!\w)|[Δ∆α-ωπ]"
)
_SIGN: Final = r"(?:[-+−–*×·/:^=<>≤≥≠≈±√∛|()\[\]²³⁴⁵⁶ⁿ'!_∈∉∫∞⇔⇒∝]|(?<=[\w)²³])\.(?=[\w(√]))"
_RUN: Final = (
    r"(?<![\w.,%/:-])(?!(?:(?<=[a-z]\ )|(?<=[a-zA-Z]\d\ ))\+\ )"
    rf"(?:(?:{_OPERAND}|{_SIGN})\ ?){{3,120}}+"
)
_BARE: Final = (
    r"(?:(?:\\[A-Za-z]+|\\[^\w\s]|[{}()\[\]^_+=<>|/*,;:.!'&~×·≤≥≠−-]|\d+(?:[.,]\d+)*"
    r"|(?<![^\W\d_])[A-Za-z]{1,2}(?![^\W\d_]))[ \t]?){1,400}+"
)
