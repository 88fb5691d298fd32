"""Exercises: signs of school books that copying damaged, or that only the subject explains.

Superscripts are lost when a page is copied (``1270C`` for 127 °C, ``16,62.105``), a point may
multiply or separate decimals, and a letter in italics becomes a plain one (``tốc độ n``). The
steps run first of those that read numbers. They write the sign that is meant, and later steps
read it.
"""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.rules import Rule, Step, Where, after, before
from vits_tts.text.patterns import lazily

_ELEMENT: Final = "Fe|Cu|Al|Mg|Zn|Na|Ca|Ba|Ag|Pb|Cl|Br|Mn|Cr|Ni|Sn|Hg|Si|Li"
_HEATED: Final = lazily(r"(?:nhiệt độ|nóng|nung|đun|lạnh|sôi|nguội|tan chảy|°c|\bt\d? ?=)")
_EXERCISE: Final = lazily(
    r"\d{1,3}:\s?(?:cho|tính|biết|tìm|giải|một|hai|trong|nếu|theo|giá trị|khối lượng|chọn|hãy|để"
    r"|sắp|từ|thực hiện|dung dịch|hỗn hợp|hàm số|khi|viết|xét|có|với|gọi)\s"
)
_ASKED: Final = lazily(r"[^.!?\n]{0,100}\?")
_MOLAR: Final = lazily(r"(?:nồng độ|dung dịch|\bdd\b|\bcm\b|mol\b|naoh|hcl|h2so4|h₂so₄|≈|=)")
_OPTION_A: Final = lazily(r"(?:^|[\s*(\]?:.])a\s?[.)]")
_PHYSICAL: Final = lazily(
    r"(?:dao động|vận tốc|gia tốc|biên độ|li độ|chu kỳ|chu kì|tần số|điện|bán kính|quỹ đạo|góc"
    r"|diện tích|chiều cao"
    r"|thể tích|khoảng cách|độ lớn|trục|chóp|lăng trụ|tam giác|hình|đoạn|cạnh|lò xo|con lắc"
    r"|sóng|\bt ?=|\bx ?=)"
)
_VALUE: Final = lazily(r"(?:=|bằng|là|khoảng|đoạn|quay|cao|cạnh|li độ|tích|kính|độ|và|hoặc|\() ?$")


class Exercises:
    """Restores the signs of exercises."""

    @staticmethod
    def alleles() -> Step:
        """Return the step for ``0,6 aa``, before repeated letters are taken for a slip."""
        return Rule(
            r"(?<=\d\ )(?P<allele>[a-z])(?P=allele)(?!\w)",
            lambda match: (
                " ".join([f"{spelled(match['allele'])} nhỏ"] * 2)
                if re.search(r"kiểu gen|quần thể|alen", match.string.lower())
                and re.search(r"[A-Z][A-Za-z] ?[:,+] ?[\d.,%]+ $", match.string[: match.start()])
                else None
            ),
            needs=":,+",
        )

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: answers and orders, then numbers, letters and signs."""
        return (
            Rule(
                r"(?<=[\s*\]])(?P<letter>[b-dB-D])(?P<mark>[.)])(?=\s?[^\s\w.])",
                self.option,
                needs=".)",
            ),
            Rule(
                r"(?:^|(?<=\"))(?P<letter>[QC])(?=\d{1,3}:\ ?[A-ZĐÀ-Ỹ\"“])",
                question,
                glued=True,
                needs="QC",
            ),
            Rule(
                r"(?<![\w.,/-])\d{1,2}(?:\ ?[-–]\ ?\d{1,2}){3,9}(?![\w/]|[.,]\d|\ ?[-–])",
                self.order,
                needs="-–",
            ),
            Where(r"[–°^︿∠]|[=<>≤≥;(]\ ?-\ \d", *self._angles()),
            Where(":", *self._named()),
            Where("[23]|=", *self._lost_powers()),
            Where(r"\.\(", *self._products()),
            Where(r"\d\ \d{3}|\ \.\ ", *self._spaced()),
            Where(r"\d", *self._decimals(), *self._powers()),
            *self._letters(),
            *self._signs(),
        )

    @staticmethod
    def _spaced() -> tuple[Step, ...]:
        """Return the rules for thousands with spaces, and for points as signs of products."""
        return (
            Rule(
                r"(?<![\w.,/:+-])(?<!\d\ )(?<!\b1\ :\ )"
                r"[1-9]\d{0,2}(?:\ \d{3}){1,3}(?![\w/]|[.,]\d|\ \d)",
                lambda match: (
                    match[0].replace(" ", "")
                    if _AMOUNT_NEXT.match(match.string, match.end())
                    or _COUNTING.search(before(match)[-_NEAR:] + " # " + after(match)[:_NEAR])
                    else None
                ),
                glued=True,
            ),
            Rule(
                r"(?:(?<=[\d)])|(?<=\ [a-z]))\ \.\ (?=[\d(√]|[a-z](?![^\W_]))",
                lambda match: (
                    " nhân "
                    if re.search("[=<>≤≥⇔⇒]", before(match)[-_NEAR:] + after(match)[:_NEAR])
                    else None
                ),
                glued=True,
                needs=".",
            ),
        )

    @staticmethod
    def _named() -> tuple[Step, ...]:
        """Return the rule for the name of a line or a sphere before its equation."""
        return (
            Rule(
                r"(?:^|(?<=[\s(:;,.]))(?P<name>[A-Z∆Δ]['’]?|[d∆Δ]['’]?\d?|\([A-Z]\d?\)):"
                r"(?=[-−–]?\d{0,4}[xyzt](?:[\d²³^+−–-]|\ ?[-+−–=])[^=\n]{0,60}=)",
                lambda match: f"{match['name']}: ",
                glued=True,
            ),
        )

    @staticmethod
    def _products() -> tuple[Step, ...]:
        """Return the rule for points that multiply brackets: ``5x.(x2 – 5)``."""
        return (
            Rule(
                r"(?<![\w.])(?P<factor>\d{0,3}[a-z](?:\^?\d)?|\d{1,3})\."
                r"(?=\(\d{0,3}[a-z][^()\n]{0,20}[-+–−][^()\n]{1,20}\))",
                lambda match: f"{match['factor']}·",
                glued=True,
            ),
        )

    @staticmethod
    def _lost_powers() -> tuple[Step, ...]:
        """Return the rules for powers that lost their places in copying (``ax2 + bx``)."""
        return (
            Rule(
                r"(?<![\w.^])(?P<factor>\d{0,3})(?P<base>[xyab])(?P<power>[2-6])"
                r"(?=\ ?[-+–−]\ ?[\d(a-z]|\.?\(\d{0,3}[a-z]|\ ?=|\))",
                power,
                glued=True,
                needs="+-–−=()",
            ),
            Rule(
                r"(?<![\w.^])(?P<factor>\d{0,4}|[a-n]|\d,\d)(?P<base>[xyzt]|(?<!\d)[mn])"
                r"(?:(?P<power>[23])(?=\ ?[-+–]\ ?(?:\d{0,4}|[a-n]|\d[a-n])(?P=base)(?![\w^]))"
                r"|(?P<higher>[34])(?=\ ?[-+–]\ ?(?:\d{0,4}|[a-m])(?P=base)[23](?!\w)))",
                lambda match: (
                    f"{match['factor']}{match['base']}^{match['power'] or match['higher']}"
                ),
                glued=True,
                needs="+-–",
            ),
            Rule(
                r"(?<![\w.^])\d{0,3}(?P<base>[a-cxyz])2"
                r"(?:\ ?[-+–=]\ ?\d{0,3}(?!(?P=base))[a-cxyz]2){1,3}(?!\w)",
                lambda match: re.sub(r"(?<=[a-z])2(?!\d)", "^2", match[0]),
                glued=True,
                needs="+-–=",
            ),
            Rule(
                r"(?<!\w)[A-Z]{2}2(?:\ ?[-+–=]\ ?(?:\d\.?)?[A-Z]{2}2){1,3}(?!\w)",
                sides,
                needs="+-–=",
            ),
            Rule(
                r"(?P<base>\((?:\d?[a-z])\ ?[-+–]\ ?(?:\d{1,2}|\d?[a-z])\))(?P<power>[23])(?![\w^]"
                r"|[.,]\d)",
                lambda match: f"{match['base']}^{match['power']}",
                glued=True,
                needs="(",
            ),
            Rule(
                r"(?<![\w.=+*/·-])(?<![=+*/·-]\ )[A-Z]{2}(?:\ ?=\ ?[A-Z]{2}){1,3}"
                r"(?=[,;.)]?(?:\s|$))(?!\ [-+–*/·:=])",
                lambda match: " bằng ".join(map(spelled, re.split(" ?= ?", match[0]))),
                needs="=",
            ),
        )

    @staticmethod
    def _angles() -> tuple[Step, ...]:
        """Return the rules for a long dash as minus, and for angles with a hat (``ABC^``)."""
        return (
            Rule(
                r"(?:(?<=[=<>≤≥≠≈⇔⇒∈(\[{])|(?<=[=<>≤≥≠≈⇔⇒]\ )|(?<=\d;)|(?<=\d;\ ))"
                r"(?:[-–]\ (?=\d)|–(?=[\d√∞α-ω]|[a-z](?![^\W\d_])|(?:sin|cos|tan|cot)(?!\w)))",
                "-",
                glued=True,
                needs="-–",
            ),
            Rule(
                r"(?:(?<==)|(?<==\ ))\d{1,3}°(?:\ ?[-–]\ ?\d{1,3}(?:[.,]\d{1,2})?°){1,4}"
                r"|(?<![\w.,])\d{1,3}°(?:\ ?[-–]\ ?\d{1,3}(?:[.,]\d{1,2})?°){1,4}(?=\ ?=)",
                lambda match: re.sub(" ?[-–] ?", " trừ ", match[0]),
                needs="-–",
            ),
            Rule(
                r"(?P<front>(?<=[\w°)])\ ?[-+–]\ ?)?(?P<said>(?<!\w)[Gg]óc\ )?"
                rf"(?:∠\ ?(?P<name>{_ANGLE})|{_HATTED}(?P<hatted>{_ANGLE})[\^︿](?![\w{{(^]))"
                r"(?P<back>\ ?[-+–]\ ?(?=[\d(∠]|[A-Z]{1,3}\d?[\^︿]))?",
                angle,
                needs="^︿∠",
            ),
        )

    def _decimals(self) -> tuple[Step, ...]:
        """Return the rules for points of decimals, which later steps would take for others."""
        return (
            Rule(
                r"(?P<open>[\[(]-?)(?P<first>\d{1,3}\.\d{1,3}),\ ?(?P<last>-?\d{1,3}\.\d{1,3})"
                r"(?=[\])])",
                lambda match: "{}{}; {}".format(
                    match["open"],
                    match["first"].replace(".", ","),
                    match["last"].replace(".", ","),
                ),
                glued=True,
            ),
            Rule(
                r"(?<![\w.,])Q(?P<part>[123])(?=\ ?=\ ?\d[\d.,]{0,9}(?P<share>\ ?%)?)",
                quarter,
                needs="=",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d{1,3})\.(?P<part>\d{1,4})(?=\ ?mol(?!\w))",
                lambda match: f"{match['whole']},{match['part']}",
                glued=True,
                needs="l",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d)\.(?P<part>\d{1,3})(?=\ ?M(?!\w))",
                lambda match: (
                    f"{match['whole']},{match['part']}"
                    if match["whole"] == "0" or cues.about(match, "science")
                    else None
                ),
                glued=True,
                needs="M",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d{1,2})\.(?P<part>\d{3})"
                r"(?=\ (?:lít|l|L|ml)\ (?:khí|hỗn\ hợp|CO|CO2|H2|O2|SO2|N2|NO|NO2|Cl2|NH3|CH4"
                r"|\(?đkt?c)(?!\w))",
                lambda match: f"{match['whole']},{match['part']}",
                glued=True,
                needs="lL",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d{1,3})\.(?P<part>\d{1,2})(?=\ :\ \d[\d.,]*\ =)",
                lambda match: f"{match['whole']},{match['part']}",
                glued=True,
                needs=":",
            ),
        )

    def _powers(self) -> tuple[Step, ...]:
        """Return the rules for lost superscripts, products and differences."""
        return (
            Rule(
                r"(?<![\w.,])(?P<number>\d{1,2},\d{1,4})\.10(?P<power>[-−–]?\d{1,2})"
                r"(?![\w,.]?\d|%)",
                lambda match: f"{match['number']} × 10^{match['power'].translate(_MINUS)}",
                needs=",",
            ),
            Rule(
                r"(?<![\w.,])(?P<first>\d{1,3},\d{1,4})\.(?P<second>\d{1,3})(?=%|\ ?=)",
                lambda match: f"{match['first']} × {match['second']}",
                needs=",",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d)\.(?P<part>\d{2,4})(?=\ ?[x×·.*]\ ?10(?:[⁰-⁹⁻²³¹]|\^"
                r"|\ mũ))",
                lambda match: f"{match['whole']},{match['part']}",
                glued=True,
                needs="x×·.*",
            ),
            Rule(
                r"(?<![\w.,])(?P<degrees>[1-9]\d{0,2})0C(?=[\s.,;:)]|$)",
                lambda match: (
                    f"{match['degrees']}°C"
                    if _HEATED.search(before(match) + after(match))
                    else None
                ),
                needs="C",
            ),
            Rule(
                r"(?<==\ )(?P<number>\d[\d.,]{0,6})\ [-–]\ (?=(?:số|tổng|khối|hiệu)\ )",
                lambda match: f"{match['number']} trừ ",
                glued=True,
                needs="=",
            ),
            Rule(r"(?<=\d[nxyk])\ [-–−](?=\d(?![\w.,]))", " trừ ", glued=True, needs="-–−"),
            Rule(
                r"(?<=[=(]\ )(?P<first>[A-Z]{1,2})\ [-–]\ (?P<last>[A-Z]{1,2})(?=\ =)",
                lambda match: f"{spelled(match['first'])} trừ {spelled(match['last'])}",
                needs="-–",
            ),
            Rule(
                r"(?<!\w)(?P<above>\d{0,2}(?:[a-zA-Z]))/(?P<below>[2-9]|1[026])(?![\w/.,]\w|\w|/)",
                self.part,
                needs="/",
            ),
            Rule(
                r"(?<=\d)M(?=[\s.,;)]|$)",
                lambda match: (
                    " mờ" if _MOLAR.search(before(match)) and cues.about(match, "science") else None
                ),
                needs="M",
            ),
        )

    @staticmethod
    def _letters() -> tuple[Step, ...]:
        """Return the rules for single letters that are quantities."""
        return (
            Rule(
                rf"(?<![\w.])(?P<of>[mnM])_?(?=(?:{_ELEMENT})(?:\ ?[=:+]|\ (?:pư|phản|dư|trong"
                rf"|ban|đã|tham)))",
                lambda match: f"{spelled(match['of'])} ",
                needs="mnM",
            ),
            Rule(
                r"(?<!\w)n(?=O\ ?=)|(?<!\w)n(?=(?:este|axit|ancol|khí|muối)\ )"
                r"|(?<!\w)n(?=OH[⁻-]?\ ?=)|(?<!\w)n(?=H[⁺+]\ ?=)",
                "nờ ",
                needs="n",
            ),
            Rule(
                r"(?<!\w)Cu(?=\ ?=\ ?\d|\ (?:thu|sinh|bám|tạo|đã\ phản))",
                "xê u",
                needs="C",
            ),
            Rule(r"(?<!\w)m(?=\ ?=\ ?m?[a-z\d])", "mờ", needs="="),
            Rule(r"(?<=[=+]\ )m(?=[a-zà-ỹđ]{2,6}\ ?[+=])", "mờ ", needs="=+"),
            Rule(
                r"(?<=[\s(])(?P<letter>[npmkN])"
                r"(?=\ (?:cặp\ cực|cực\ (?:nam|bắc)|vòng\ ?/\ ?(?:giây|phút|s)|vòng\ dây))",
                lambda match: spelled(match["letter"]),
                needs="npmkN",
            ),
            Rule(
                r"(?<=[^\W\d]\ vòng)\ ?/\ ?(?=(?:giây|phút|s)(?!\w))",
                " trên ",
                glued=True,
                needs="/",
            ),
            Rule(r"(?<![\w-])[AUGTX]{6,60}(?![\w-])", sequence, needs="AUGTX"),
        )

    @staticmethod
    def _signs() -> tuple[Step, ...]:
        """Return the rules for signs and units."""
        return (
            Rule(
                r"(?<![\w/])mol/[lL](?!\w)",
                lambda match: None if re.search(r"[\d)] ?$", before(match)) else "mon trên lít",
                needs="/",
            ),
            Rule(r"(?<=π)(?=rad/s)", " ", glued=True, needs="π"),
            Rule(
                r"(?<![\w.,])(?P<number>\d{1,2})!(?=\?(?:\s|$))",
                lambda match: (
                    f"{match['number']} giai thừa"
                    if re.search(
                        r"(?:giai thừa|tính|=|bằng|của|giá trị)[^.;]{0,16}$", before(match)
                    )
                    else None
                ),
                needs="!",
            ),
            Rule(r"(?<=[A-Z]{2})(?<![A-Z]{3})//(?=[A-Z]{2}(?!\w))", " // ", glued=True, needs="/"),
            Rule(r"(?<=\d)\ g(?=\ =)", " gam", needs="g"),
            Rule(r"(?<=/\(2)g(?=\))", " giê", needs="/"),
            Rule(
                r"(?<=\d)K(?=[\s.,;)]|$)",
                lambda match: (
                    " ken vin"
                    if re.search(r"(?:nguồn (?:nóng|lạnh)|nhiệt độ)[^.;]{0,32}$", before(match))
                    else None
                ),
                needs="K",
            ),
            Rule(
                r"(?<=\d)(?P<atom>[HNOC])(?=,?\ (?:[=+→]|và\ |\d?[A-Z](?!\w)|ở\ ))",
                lambda match: (
                    f" {spelled(match['atom'])}"
                    if re.search(
                        r"nguyên t[ửố]|cân bằng|phương trình|\bvế\b", before(match) + after(match)
                    )
                    else None
                ),
                needs="HNOC",
            ),
            Rule(r"(?<=\ N)m(?=[²2]/kg[²2])", ".m", glued=True, needs="/"),
            Rule(
                r"(?<=\d)\ ?\((?P<unit>N/c?m[23²³]|kg/m[3³]|g/cm[3³]|N/m|J/kg\.K)\)",
                lambda match: f" {match['unit']}",
                glued=True,
                needs="(",
            ),
        )

    @staticmethod
    def option(match: re.Match[str]) -> str | None:
        """Read the letters of ``a. x > 1 b. x < 1``, which stand before formulae."""
        low = max(match.string.rfind("\n", 0, match.start()) + 1, match.start() - _FAR)
        if not _OPTION_A.search(match.string[low : match.start()].lower()):
            return None
        return f"{spelled(match['letter'].upper())},"

    @staticmethod
    def order(match: re.Match[str]) -> str | None:
        """Read ``3 – 4 – 2 – 1``, the order of steps. Formations and keys have their own steps."""
        numbers = re.findall(r"\d+", match[0])
        if " " not in match[0] or any(len(number) > 1 and number[0] == "0" for number in numbers):
            return None
        return ", ".join(numbers)

    @staticmethod
    def part(match: re.Match[str]) -> str | None:
        """Read ``R/2`` and ``3a/2``, and neither ``lớp A/2`` nor a key of a room."""
        front = before(match)
        if not _VALUE.search(front) and not re.match(r"\s?[=+]", after(match)):
            return None
        if not _PHYSICAL.search(front) or not (
            match["above"][-1].islower() or match["above"][-1] in "RABL"
        ):
            return None
        number, letter = match["above"][:-1], match["above"][-1]
        return f"{number} {spelled(letter)} trên {match['below']}".strip()


def question(match: re.Match[str]) -> str | None:
    """Read ``Q27:`` and ``C7:`` before a question; a C before any other one is a letter."""
    rest = after(match).lower()
    asks = _EXERCISE.match(rest) or (match["letter"] == "Q" and _ASKED.match(rest))
    return "Câu " if asks else None


def sequence(match: re.Match[str]) -> str:
    """Read the letters of a sequence of nucleotides: ``AUGXXG``."""
    return spelled(match[0])


_NEAR: Final = 60
_COUNTING: Final = lazily(
    r"[=<>×≤≥≈]|chữ số|làm tròn|(?i:đáp số)|phép (?:tính|cộng|trừ|nhân|chia)|[Hh]ỏi |viết số"
    r"|(?:các|hai|ba|bốn|dãy|những|đọc) số|[Ss]ố (?:liền|bé|lớn|lẻ|chẵn|dư|bị|hạng|chia|trừ|\d)"
    r"|[Ss]ố\s+#"
    r"|hàng (?:trăm|chục|nghìn|đơn|triệu)|\d [+:] #"
)
"""Words and signs of exercises in counting near a number, whose place is marked by ``#``."""
_AMOUNT_NEXT: Final = lazily(
    r"\ (?:đồng|kg|km|gam|lít|tấn|tạ|yến|mét|người|học sinh|[cdm]?m[²³23]?)(?!\w)"
)


def quarter(match: re.Match[str]) -> str | None:
    """Read ``Q1 = 5`` of an exercise as a quartile, and ``Q1 = 5%`` as a quarter of a year."""
    if _QUARTILE.search(before(match)):
        return f"{spelled('Q')} {match['part']}"
    return f"quý {match['part']}" if match["share"] else None


_QUARTILE: Final = lazily(r"phân vị|trung vị|mẫu số liệu|dãy số liệu|điện tích|nhiệt lượng")


def power(match: re.Match[str]) -> str | None:
    """Restore the power of ``5x2 – 3`` in an exercise about terms, which has no ``x1``."""
    around = match.string[max(0, match.start() - _FAR) : match.end() + _FAR]
    if not _TERMS.search(before(match)[-_FAR:]) or re.search(rf"{match['base']}[1₁]", around):
        return None
    return f"{match['factor']}{match['base']}^{match['power']}"


_TERMS: Final = lazily(
    r"(?i:biểu thức|đa thức|đơn thức|nhân tử|rút gọn|thu gọn|hằng đẳng thức|hàm số|bất phương trình"
    r"|phép (?:nhân|chia|tính))"
)


def sides(match: re.Match[str]) -> str | None:
    """Return squares of the sides of a triangle with their marks: ``AB2 + AC2 = BC2``."""
    names = re.findall("[A-Z]{2}", match[0])
    if not _OXIDES.isdisjoint(names) or len(set("".join(names))) > len(names) + 1:
        return None
    said = re.sub("([A-Z]{2})2", lambda side: f" {spelled(side[1])} bình phương ", match[0])
    return re.sub("[-+–=]", lambda sign: f" {_OPERATORS[sign[0]]} ", said)


_OPERATORS: Final = {"+": "cộng", "-": "trừ", "–": "trừ", "=": "bằng"}
_OXIDES: Final = frozenset("CO SO NO PO HO MO KO".split())


def angle(match: re.Match[str]) -> str | None:
    """Read an angle that is marked by a hat or a sign, with the operators beside it."""
    name = match["name"] or match["hatted"]
    alone = match["hatted"] and not (match["front"] or match["back"] or match["said"])
    if alone and not _BESIDE_ANGLE.match(match.string, match.end()):
        return None
    front = f"{_OPERATORS[match['front'].strip()]} " if match["front"] else ""
    back = f"{_OPERATORS[match['back'].strip()]} " if match["back"] else ""
    digit = f" {name[-1]}" if name[-1].isdecimal() else ""
    said = (match["said"] or "góc ").lower()
    return f" {front}{said}{spelled(name.rstrip('0123456789'))}{digit} {back}"


_ANGLE: Final = r"[A-Za-z]{1,3}\d?(?![^\W_])"
_HATTED: Final = r"(?:(?<![^\W_])|(?<=sin)|(?<=cos)|(?<=tan)|(?<=cot))"
_BESIDE_ANGLE: Final = lazily(
    r"\s?[-+–=<>≤≥≠°⇒⇔;:)]|,\s|\s?\.(?!\w)|$"
    r"|\s(?:và|là|của|chung|bằng|nhọn|tù|vuông|nên|ta|có|đối|\()"
)
_FAR: Final = 300
"""Characters before a letter of an answer in which the first answer begins."""
_MINUS: Final = str.maketrans("−–", "--")
