"""Notation of school books that surrounds formulae: points, limits, products and powers of ten."""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer import abbreviations, measures
from vits_tts.text.normalizer.rules import Rule, Step, Where, after, before
from vits_tts.text.numbers import NUMBER, Numbers
from vits_tts.text.patterns import lazily

_SIGNS: Final = (
    r"[\d=<>≤≥∆Δ△∠⊥⟂∥~∽∼∈{|\\/·⋅+*^%'’(→]|ính\ bằng|ơn\ vị|[Vv]ectơ|CMR|[Cc]mr|\w\.[A-Z]{3}"
    r"|(?:sin|cos|tan|cot)[A-Z]|\b(?:tg|hbh|hcn|hv|tđ|đt|đtròn)\ [A-Z(]|\ --[a-z]"
)
"""The signs of which a line with such notation has at least one."""
_ARTICLE: Final = lazily(
    r"(?:điều|khoản|mục|điểm|chương|phụ lục|câu|bài|hình|bảng|trang|số|nhóm|lớp|tổ) \d{1,4} ?$"
)
"""Numbered things before a letter in brackets: ``Điều 6(g)``."""
_POINTS: Final = r"(?:[A-Z]['’]?(?:[₀-₉\d](?!\d))?){1,4}"
_BESIDE: Final = {"⊥": "vuông góc với", "⟂": "vuông góc với"} | dict.fromkeys(
    ("∥", "//"), "song song với"
)
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺−", "0123456789-+-", "^() ")
_OPERATIONS: Final = (
    dict.fromkeys("-−–", "trừ")
    | dict.fromkeys("*×.", "nhân")
    | {
        "+": "cộng",
        ":": "chia",
    }
)
_INDICES: Final = {
    "tđ": "tương đương",
    "đm": "định mức",
    "hd": "hiệu dụng",
    "ms": "ma sát",
    "đh": "đàn hồi",
    "ht": "hướng tâm",
    "max": "mác",
    "min": "min",
    "tb": "trung bình",
}
"""Indices of physical quantities: Rtđ, Uđm, Fms, vmax."""
_WAVE: Final = lazily(r"(?:sin|cos)\s?(?:\([^()]{1,32}\)|[\d,]{0,4}π?t)$")
_VALUED: Final = lazily(r"=[^=;]{0,40}$")
_NEAR: Final = 44
_SCREEN: Final = lazily(r"(?:\bin\b|inch|\"|màn|oled|hz\b|ips|lcd|độ phân giải)")
_SOLID: Final = lazily(r"(?:chóp|lăng trụ|tứ diện|khối|hình hộp)\W")
_DEGREES_NEXT: Final = lazily(r"\s?\(?(?:hoặc|hay|=|tức)\s?-?\d[\d.,]*\s?°")
_WARM: Final = lazily(
    r"(?:nhiệt độ|°c|độ xê|kelvin|ken vin|\bt\d? ?=)(?:[^.;]|\.(?=\d)){0,32}\d{2,4}$"
)
_VECTOR: Final = lazily(r"véc tơ|vec tơ|vector|véctơ")
_COMPLEX: Final = lazily(r"số phức|môđun|mô đun")
_FAR: Final = 120
_FIRST_MASS: Final = lazily(r"(?<!\w)m1(?!\w)|mờ một")
"""The first of several masses, so that ``m2`` is the second and no area."""
_POINT_INSIDE: Final = lazily(r"\.(?=\w)")
_COMMAND: Final = lazily(
    r"(?<!\w)(?:git|docker|compose|npm|npx|yarn|pip3?|ls|tar|kill|grep|ssh|scp|curl|wget|chmod|chown|python3?"
    r"|java|gcc|g\+\+|make|node|rm|cp|mv|ps|tail|head|find|sudo|apt|yum|ping|rsync|ffmpeg|kubectl"
    r"|systemctl|journalctl|df|du|netstat|ss|option|tham số|cờ|flag|lệnh)(?!\w)[^;\n]{0,40}$"
)
"""A command before its options."""
_PARTICLES: Final = lazily(r"(?<=\d)[pne](?!\w)")
_FUNCTIONS: Final = {"sin": "sin", "cos": "cốt", "tan": "tang", "cot": "cô tang"}
_FIGURES: Final = {
    "tg": "tam giác",
    "hbh": "hình bình hành",
    "hcn": "hình chữ nhật",
    "hv": "hình vuông",
    "hthang": "hình thang",
    "hthoi": "hình thoi",
    "đtròn": "đường tròn",
    "đt": "đường thẳng",
    "tđ": "trung điểm",
}
"""Shortened names of figures before their points: ``tg ABC``."""
_LIST_BEGAN: Final = lazily(r"(?:^|[.:;!?]\s|\n)\s?a[.)]\s")


def _beside(match: re.Match[str]) -> str:
    """Return the match with the few characters around it."""
    return match.string[max(0, match.start() - 8) : match.end() + 8]


_LEVELS: Final = {
    "NB": "nhận biết",
    "TH": "thông hiểu",
    "VD": "vận dụng",
    "VDC": "vận dụng cao",
}
"""Levels of the questions of a test."""
_QUESTION_BEFORE: Final = lazily(
    r"(?:(?:[Cc]âu|[Bb]ài) \d{1,3}\s?[.:]?\s?|^\W{0,3}(?:[a-dA-D][.)]\s?)?)"
    r"[\[(]\s?(?:[\d.]{1,8}\s?)?$"
)


class Notation:
    """Reads the notation of school books with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def points(self) -> tuple[Step, ...]:
        """Return the step for points at the end of a sentence, before addresses are read.

        In the line of a figure, ``tại H. Tính AH`` has no district.
        """
        return (
            Rule(
                r"(?<=\d)\ ?\("
                r"(?P<unit>g|kg|mm|cm|dm|m|km|s|h|N|J|kJ|W|V|A|K|Hz|km/h|m/s|cm/s|rad/s|N/m|mol|ml"
                r"|lít)\)",
                lambda match: None if _ARTICLE.search(before(match)) else f" {match['unit']}",
                glued=True,
                needs="(",
            ),  # M = 200(g)
            Rule(
                r"(?<=nhiêu\ )g(?!\w)|(?<=_\ )g(?!\w)|(?<=\.\.\ )g(?!\w)",
                "gam",
                needs="g",
            ),
            Rule(
                r"(?<=[a-zà-ỹ]\ \()(?P<first>[A-Za-z])\ ?\+\ ?(?P<second>[A-Za-z])"
                r"(?=\)(?:[,.;:]|\ [a-zà-ỹ]{2}|$))",
                lambda match: f"{spelled(match['first'])} cộng {spelled(match['second'])}",
                needs="+",
            ),  # (R+r)
            Rule(
                r"(?<=vàng\ )(?P<carat>10|14|18|24)\ ?[kK](?!\w)",
                lambda match: f"{self._numbers.whole(match['carat'])} ca",
                needs="kK",
            ),
            Rule(
                r"(?<!\w)Q(?=[1-4]:?\ \d[\d.,]{0,8}\ ?(?:tỷ|tỉ|triệu|nghìn)(?!\w))",
                "quý",
                needs="Q",
            ),
            Rule(
                r"(?<=\d)H(?=\ ?\+\ ?\d{0,2}\ ?(?:[TL](?!\w)|tầng|lầu|trệt))",
                " hầm",
                needs="+",
            ),
            Rule(r"đk(?=\ [A-Z]{2}(?!\w))(?:(?<=tròn\ đk)|(?<=cầu\ đk))", "đường kính", needs="k"),
            Rule(
                r"(?<!\w)(?P<level>NB|TH|VDC?)(?=\s?[\])])",
                lambda match: (
                    _LEVELS[match["level"]] if _QUESTION_BEFORE.search(before(match)) else None
                ),
                needs="])",
            ),
            Rule(r"(?<=eV)/c[²2](?!\w)", " trên xê bình phương", needs="/"),
            Rule(r"(?<!\w)My(?!TV)(?=[A-Z]{2,6}(?!\w))", "Mai ", glued=True, needs="M"),
            Rule(r"(?<=π\ )H(?=[\s.,;)]|$)", "hen ri", needs="π"),
            Rule(r"(?<=π\ )F(?=[\s.,;)]|$)", "pha ra", needs="π"),
            Rule(
                r"(?<!\w)Đ\.\ ?"
                r"(?=\d{1,3}[,;]?\ (?:K\.?\d|K\.\ |[Kk]hoản|NĐ|nghị\ định|BL|[Ll]uật))",
                "điều ",
                needs="Đ",
            ),
            Rule(
                r"(?<!\w)K\.\ ?(?=\d{1,2}[,;]?\ (?:Đ\.|NĐ|[Đđ]iều|nghị\ định|BL|[Ll]uật))",
                "khoản ",
                needs="K",
            ),
            Rule(
                r"(?:(?<=ại\ )|(?<=iểm\ )|(?<=qua\ )|(?<=âm\ )|(?<=và\ ))(?P<point>[A-Z]['’]?)\."
                r"(?=\ [A-ZĐ])",
                lambda match: (
                    f"{self._points(match['point'])}."
                    if abbreviations.geometric(match, "ABC")
                    else None
                ),
                needs=".",
            ),
        )

    def steps(self) -> tuple[Step, ...]:
        """Return the steps. They run before formulae, whose operands they name."""
        return (
            Where(
                _SIGNS,
                *self._signs(),
                *self._units(),
                *self._names(),
                *self._sums(),
                *self._pairs(),
            ),
        )

    def _signs(self) -> tuple[Step, ...]:
        """Return the rules for signs of code and of figures, and for the spelling of others."""
        return (
            Rule(r"[∆Δ△]\ ?(?=(?:[A-Z]['’]?){3}(?!\w))", "tam giác ", needs="∆Δ△"),
            Rule(
                r"(?<![\w'’])(?P<letter>[a-z])(?P<primes>['’]{1,2})(?=[\s,.;)]|$)(?!\ ?[=+*/<>-])",
                lambda match: f"{spelled(match['letter'])}{' phẩy' * len(match['primes'])}",
                needs="'’",
            ),
            Rule(
                r"(?<![\w/:.$%)])(?P<path>(?:/[\w.-]{1,40}){2,12})(?=[\s,;)*\"]|$)",
                lambda match: (
                    _POINT_INSIDE.sub(" chấm ", match["path"]).replace("/", " gạch chéo ").strip()
                    if re.search(r"[a-z]{2}", match["path"])
                    else None
                ),
                needs="/",
            ),
            Rule(r"(?<=[)\d.])\ ?[·⋅]\ ?(?=[(\d.√])", " × ", needs="·⋅"),
            Rule(
                r"(?<![\w.])(?P<a>[a-zA-Z])[·⋅](?P<b>[a-zA-Z])(?!\w|[·⋅²³⁻^])",
                lambda match: f"{spelled(match['a'])} nhân {spelled(match['b'])}",
                needs="·⋅",
            ),
            Where(
                r"ơn\ vị",
                Rule(
                    r"(?P<lead>[Đđ]ơn\ vị[^.;:\n]{0,32}?(?:là|:|bằng)\ \(?)"
                    rf"(?P<unit>{measures.UNIT})(?=[\s.,;)]|$)",
                    lambda match: match["lead"] + measures.named(match["unit"]),
                ),
            ),
            Rule(
                r"(?<==\ )[1-9]\d{0,2}(?:(?:\ \d{3}){2,4}|\ \d00)(?![\d.,]?\d)",
                lambda match: match[0].replace(" ", ""),
                glued=True,
                needs="=",
            ),
            Rule(r"\ ?<=+>\ ?", " ⇔ ", needs="<"),
            Rule(r"(?i:(?<!\w)vectơ(?!\w))", "véc tơ", needs="ơƠ"),
            Rule(r"(?<!\w)(?:CMR|cmr|Cmr)(?!\w)", "chứng minh rằng", needs="rR"),
            Rule(r"(?<=[A-Z'’]\ )[~∽∼]\ (?=tam|[A-Z]{3}(?!\w))", "đồng dạng với ", needs="~∽∼"),
            Rule(r"(?<=\+)\ ?\.{3}\ ?\+", " ba chấm cộng ", needs="+"),
        )

    def _units(self) -> tuple[Step, ...]:
        """Return the rules for units that only the context identifies."""
        return (
            Where(
                "=",
                Rule(
                    rf"(?<=[\w)])\ \((?P<unit>{measures.UNIT})\)"
                    r"(?!\w|\ ?[=+*/^(-]|\ [a-zA-Z\d](?!\w))",
                    lambda match: (
                        f" {measures.named(match['unit'])}"
                        if _VALUED.search(
                            match.string, max(0, match.start() - _NEAR), match.start()
                        )
                        else None
                    ),
                    needs="(",
                ),
            ),
            Rule(
                rf"(?<!\w)(?P<times>\d{{1,4}}(?:,\d{{1,3}})?)π(?P<square>²)?\ "
                rf"(?P<unit>{measures.UNIT})(?!\ ?[=+*/^])",
                lambda match: (
                    f"{match['times']} pi{' bình phương' * bool(match['square'])} "
                    + measures.named(match["unit"])
                ),
                needs="π",
            ),
            Where(
                r"tính\ bằng",
                Rule(
                    r"(?<!\w)[a-zA-Z](?=\ tính\ bằng\ )",
                    lambda match: spelled(match[0]),
                ),
            ),
            Where(
                r"ính\ bằng|ơn\ vị",
                Rule(
                    r"(?:(?<=ính\ bằng\ )|(?<=đơn\ vị\ )|(?<=đơn\ vị\ là\ ))"
                    rf"(?P<unit>{measures.UNIT})",
                    lambda match: measures.named(match["unit"]),
                ),
            ),
            Rule(
                r"(?:(?<=lượng\ )|(?<=nhiệt\ độ\ )|(?<=bằng\ )|(?<=là\ )|(?<=trị\ )"
                r"|(?<=tích\ )|(?<=đến\ )|(?<=xuống\ )|(?<=còn\ ))[-–−]\ "
                r"(?=\d{1,4}(?:[.,]\d{1,6})?\ ?(?:[kMG]?eV|°C|độ|[mμ]?C|k?J)(?!\w))",
                "âm ",
                needs="-–−",
            ),
            Where(
                r"=\s?(?:\.\.|__)",
                Rule(
                    rf"(?P<blank>=\ ?(?:\.{{2,12}}|_{{2,12}})\ ?)(?P<unit>{measures.UNIT})(?!\ ?=)",
                    lambda match: f"{match['blank']}{measures.named(match['unit'])}",
                    needs="=",
                ),
            ),
            Rule(
                r"(?<=\))\ (?P<unit>A|V|N|cm|m)(?=[\s.,;]|$)",
                lambda match: (
                    f" {measures.named(match['unit'])}" if _WAVE.search(before(match)) else None
                ),
                needs=")",
            ),
        )

    def _names(self) -> tuple[Step, ...]:
        """Return the rules for names, sets, indices and keys."""
        return (
            Rule(
                r"(?<![\w.)])\.(?=(?:txt|md|pdf|docx?|xlsx?|pptx?|exe|zip|rar|mp[34]|jpe?g|png|py|js|html?"
                r"|css|json|csv|ya?ml|apk|iso|dll|psd|srt|env)(?!\w))",
                "chấm ",
                needs=".",
            ),
            Rule(r"(?<!\w)BC(?=\ ?\(\d)", "bội chung", needs="B"),
            Rule(
                r"(?<=[\w./~\"]\ )--(?P<name>[a-z]{2,16}(?:-[a-z]{2,12}){0,2})(?=[\s,.;)=]|$)",
                self.option,
                needs="-",
            ),
            Rule(
                r"(?<!\w)(?P<function>sin|cos|tan|cot)(?P<angle>[A-Z]{1,3})(?!\w)(?!\ ?[=+*/^-])",
                lambda match: f"{_FUNCTIONS[match['function']]} {spelled(match['angle'])}",
            ),
            Rule(
                rf"(?<!\w)(?P<figure>{'|'.join(_FIGURES)})\ (?=[A-Z]{{2,4}}(?!\w)|\([A-Zd]\b)",
                lambda match: f"{_FIGURES[match['figure']]} ",
            ),
            Rule(
                r"(?<=∈\ )(?P<set>[NZQR])(?P<mark>[*+])(?!\w)",
                lambda match: (
                    f"{spelled(match['set'])} {'sao' if match['mark'] == '*' else 'dương'}"
                ),
                needs="∈",
            ),
            Rule(
                r"(?<=\b[A-Z]\()(?P<a>-?\d{1,3}),\ ?(?P<b>-?\d{1,3})(?=\))",
                lambda match: f"{match['a']}; {match['b']}",
                needs="(",
            ),
            Rule(r"(?<=ắc\ )//(?=\ )", "song song", needs="/"),
            Rule(r"(?<=[^\W\d_]\ )//(?=\ R\d?(?!\w))", "song song với", needs="/"),
            Rule(
                r"nt(?=\ [RLC]\d?(?!\w))(?<=[^\W\d_]\ nt)",
                "nối tiếp",
                needs="RLC",
            ),
            Rule(
                r"(?<!\w)m(?P<index>[23])(?![\w²³]|\ ?[=x×])",
                lambda match: (
                    f"mờ {match['index']}"
                    if _FIRST_MASS.search(match.string, max(0, match.start() - 160), match.start())
                    else None
                ),
                needs="m",
            ),
            Rule(
                r"(?<!\w)(?P<figure>hv|hcn|hbh)(?=\ (?:cạnh|có|tâm|và|với)(?!\w)|,)",
                lambda match: (
                    _FIGURES[match["figure"]]
                    if before(match).endswith(("là ", "đáy ", "giác ", "cho "))
                    else None
                ),
                needs="h",
            ),
            Rule(
                rf"(?<!\w)(?P<quantity>[A-Zabd-sv-z])(?P<index>{'|'.join(_INDICES)})(?!\w)",
                lambda match: f"{spelled(match['quantity'])} {_INDICES[match['index']]}",
                needs="đmht",
            ),
            Rule(
                r"(?<!\w)(?P<count>\d{1,3})(?P<particle>[pne])"
                r"(?:(?=[,;]\ \d{1,3}[pne](?!\w))|(?!\w)(?<=\d[pne],\ \d[pne])"
                r"|(?!\w)(?<=\d[pne],\ \d\d[pne]))",
                lambda match: (
                    f"{match['count']} {spelled(match['particle'])}"
                    if len({*_PARTICLES.findall(_beside(match))}) > 1
                    else None  # 25-30p, 10p are minutes
                ),
                needs="pne",
            ),
            Rule(
                r"(?<!\w)(?P<top>[A-Z])\.(?P<base>[A-Z]{3,4})(?!\w)",
                lambda match: (
                    f"{spelled(match['top'])} {spelled(match['base'])}"
                    if _SOLID.search(before(match))
                    else None
                ),
                needs=".",
            ),
            Rule(
                r"(?i:(?<=ctrl)|(?<=shift)|(?<=alt)|(?<=win)|(?<=cmd))\ ?\+\ ?(?=[A-Za-z]|F?\d)",
                " cộng ",
                needs="+",
            ),
            Rule(
                r"(?<![\w,])0x(?P<digits>[0-9A-Fa-f]{1,16})(?!\w)",
                lambda match: (
                    "không ích "
                    + " ".join(
                        self._numbers.digits(digit) or spelled(digit) for digit in match["digits"]
                    )
                ),
                needs="x",
            ),
            Rule(
                r"(?<![\w.,])(?P<a>\d)\.(?P<b>\d)K(?!\w)",
                lambda match: (
                    f"{match['a']} chấm {match['b']} ca"
                    if _SCREEN.search(before(match) + after(match))
                    else None
                ),
                needs="K",
            ),
            Rule(r"(?<!\w)sđ(?=\ (?:cung|góc|\d|[A-Z]))", "số đo", needs="đ"),
            Rule(r"(?i:(?<=select\ ))\*(?=\ )", "sao", needs="*"),
            Rule(
                r"(?<![\w.,/])\d{2,5}(?:,\d{2,5}){1,5}(?=/(?:tcp|udp)(?!\w))",
                lambda match: match[0].replace(",", ", "),
                needs="/",
            ),
            Rule(
                r"(?<![\w:.,/])(?P<outer>\d{4,5}):(?=\d{4,5}(?![\w:/]|[.,]\d))",
                lambda match: f"{match['outer']} hai chấm ",
                needs=":",
            ),  # two ports
            Rule(
                r"(?<=\d)\ ?K(?![\w/])",
                lambda match: (
                    " ken vin"
                    if _WARM.search(before(match)) or _DEGREES_NEXT.match(after(match))
                    else None
                ),
                needs="K",
            ),
        )

    def _sums(self) -> tuple[Step, ...]:
        """Return the rules for sums, lines of figures, limits and powers of ten."""
        return (
            Rule(
                r"(?<=\{)\ ?(?P<element>[a-z])(?P<of>\ ?∈\ ?[A-Z]\*?)?\ ?[|:]\ ?",
                lambda match: f"{spelled(match['element'])}{match['of'] or ''} sao cho ",
                needs="{",
            ),
            Rule(
                r"(?<![\w.,/^:-])(?P<a>\d{1,4}(?:,\d{1,3})?)\ -\ "
                r"(?=\d{1,4}(?:,\d{1,3})?(?:\ ?[x×*+]\ ?|\ :\ )\d{1,4}"
                r"(?![\w.,]?[\d/:]|\ ?[a-zà-ỹ]))",
                lambda match: f"{match['a']} trừ ",
                needs="-",
            ),
            Rule(
                r"(?<![\w.,/-])(?=\d{1,2}[-\d]{0,8}[.,]\d)\d{1,2}(?:[.,]\d{1,2})?"
                r"(?:-\d{1,2}(?:[.,]\d{1,2})?){2,4}(?![\w/-]|[.,]\d)",
                lambda match: match[0].replace("-", "; "),
                needs="-",
            ),  # the marks of three subjects, 8.4-7.2-8
            Rule(
                r"(?<![\w<>=/-])(?P<sign>[<>])\ ?(?=\d{1,4}\ ?(?:p|ph|phút|h|['’])(?!\w))",
                lambda match: (
                    None
                    if re.search(r"(?:^|[^\w])[a-zα-ω] ?$", before(match))
                    else ("nhỏ hơn " if match["sign"] == "<" else "lớn hơn ")
                ),
                needs="<>",
            ),
            Rule(r"%\ ?m\ ?(?=[A-Z][a-z]?\d?(?:[A-Z]\S{0,8})?\ ?=)", "phần trăm mờ ", needs="%"),
            Rule(r"∠\ ?(?=[A-Za-z])", "góc ", needs="∠"),
            Rule(
                rf"(?<![\w'’])(?P<first>{_POINTS}|[a-z]['’]?|\([A-Z]{{1,4}}\))"
                r"\ ?(?P<sign>⊥|⟂|∥|(?<=\ )//(?=\ ))\ ?"
                rf"(?P<last>{_POINTS}|[a-z]['’]?|\([A-Z]{{1,4}}\)|\([α-ω]\))(?![\w'’])",
                self.lines,
                needs="⊥⟂∥/",
            ),
            Rule(
                r"(?<![\w'’])(?=[A-Z.]{0,8}['’])(?:[A-Z]['’]?){1,4}(?:\.(?:[A-Z]['’]?){2,4})?(?![\w'’])",
                lambda match: self._points(match[0]),
                needs="'’",
            ),
            Rule(
                r"(?<!\w)[Ll]im\ ?[_(\[{]{0,2}\ ?(?P<variable>[a-z])\ ?(?:→|->|⟶)\ ?"
                r"(?P<limit>[-+−]?(?:∞|\d{1,3}(?:,\d{1,2})?|[a-z](?!\w)))(?P<side>[⁺⁻+-]?)"
                r"\ ?[)\]}]{0,2}",
                self.limit,
                needs="→>⟶",
            ),
            Where(
                r"10\ ?[-−^⁻⁺⁰¹²³⁴-⁹]",
                Rule(
                    r"(?<![\w.,^])"
                    r"(?P<minus>(?<![\w)\]²³%=(])(?<![\d=(]\ )-"
                    r"(?=\d{1,3}(?:,\d{1,4})?[.·⋅×x*]))?"
                    rf"(?:(?P<mantissa>{NUMBER}|\d{{1,3}}(?=\.10))\ ?[.·⋅×x*]\ ?)?10"
                    r"(?:\ ?\^\ ?(?P<caret>[-−+]?\d{1,3}(?:,\d{1,2})?(?!\w)|\([-−+]?\d{1,3}\))"
                    r"|(?P<small>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})"
                    r"|(?<=[\d]\.10)(?P<bare>[-−]\d{1,2})(?![\d.,/-]))"
                    rf"(?:\ ?(?P<unit>{measures.UNIT}))?",
                    self.ten,
                    needs="^⁻⁰¹²³⁴⁵⁶⁷⁸⁹.",
                ),
            ),
            Where(
                r"[.·⋅*/](?:(?:(?<=[a-zA-ZΩ][.·⋅*])|(?<=[a-zA-ZΩ][²³⁴][.·⋅*]))"
                r"(?:[kcmd]?[gmsh]|[KVAC]|rad|mol)(?![a-zA-Z])"
                r"|(?<=/)(?:\(|[kcdm]?[gm][.·⋅][a-zA-Z])"
                r"|(?:(?<=(?<!\w)[VNWJCA]/)|(?<=(?<!\w)[kM][VNWJ]/)|(?<=(?<!\w)m[VA]/)"
                r"|(?<=(?<!\w)rad/))[a-zA-Z])",
                Rule(
                    rf"(?<=\d)\ ?(?P<unit>{measures.COMPOUND})",
                    lambda match: f" {measures.named(match['unit'])}",
                ),
                Rule(
                    rf"(?<![\w./,-])(?P<unit>{measures.RATE})",
                    lambda match: measures.named(match["unit"]),
                ),
            ),
        )

    def _pairs(self) -> tuple[Step, ...]:
        """Return the rules for differences, absolute values, resistors and items of lists."""
        return (
            Rule(
                r"(?<=[\d)])\ ?(?P<sign>[-−–+*×:.])\ ?\((?P<minus>[-−+])\ ?"
                r"(?P<number>\d[\d.,]{0,8}(?:/\d{1,3})?)\)",
                lambda match: (
                    f" {_OPERATIONS[match['sign']]} "
                    f"{'dương' if match['minus'] == '+' else 'âm'} {match['number']}"
                ),
                needs="(",
            ),
            Rule(r"(?<=[\d)]\ )[-−–]\ (?=\([\d.,]{1,8}\ ?[-+−*×:/]\ ?\d)", "trừ ", needs="("),
            Rule(r"(?<!\w)(?P<set>[A-Z])\ ?\\\ ?(?=[A-Z](?!\w)|\{)", self.without, needs="\\"),
            Rule(
                r"(?<![\w|=+*/-])(?<![=+*/-]\ )\|(?P<inner>[a-zA-Z]|[-−]\d[\d.,]{0,6})\|(?![\w|])"
                r"(?!\ ?[-<>=≤≥+*/])",
                self.absolute,
                needs="|",
            ),
            Rule(r"(?<=R\d)\ ?(?:nt|NT)(?=\ ?\(?R\d)", " nối tiếp", needs="R"),
            Rule(r"(?<=R\d\))\ ?(?:nt|NT)(?=\ ?\(?R\d)", " nối tiếp", needs="R"),
            Rule(
                r"(?<=R\d)\ ?//\ ?(?=\(?R\d)|(?<=R\d\))\ ?//\ ?(?=\(?R\d)",
                " song song với ",
                needs="/",
            ),
            Rule(
                r"(?:(?<=[;.?!:=]\ )|(?<=\n)|(?<=\d\ )|^)(?P<item>[b-h])\)\ (?=\S)",
                self.item,
                needs=")",
            ),
            Rule(
                r"(?<!\w)D(?:ài)?\ ?[x×*]\ ?R(?:ộng)?(?P<high>\ ?[x×*]\ ?C(?:ao)?)?(?!\w)",
                lambda match: "dài nhân rộng" + (" nhân cao" if match["high"] else ""),
                needs="x×*",
            ),
        )

    def option(self, match: re.Match[str]) -> str | None:
        """Read ``--no-cache``, the option of a command."""
        if not _COMMAND.search(before(match)):
            return None
        return f"gạch ngang gạch ngang {match['name'].replace('-', ' ')}"

    def lines(self, match: re.Match[str]) -> str:
        """Read ``AH ⊥ BC`` and ``d // d'``."""
        first, last = (self._points(match[name].strip("()")) for name in ("first", "last"))
        return f"{first} {_BESIDE[match['sign']]} {last}"

    @staticmethod
    def _points(written: str) -> str:
        """Return the names of points, and of their primes."""
        said = []
        for character in written:
            if character in "'’":
                said.append("phẩy")
            elif character.isdecimal():
                said.append(character)
            elif character == ".":
                said.append("")
            else:
                said.append(spelled(character))
        return " ".join(filter(None, said))

    def limit(self, match: re.Match[str]) -> str:
        """Read ``lim(x→0)``."""
        limit = match["limit"].replace("−", "-")
        sign = {"-": "âm ", "+": "dương "}.get(limit[0], "")
        value = limit.lstrip("+-")
        if value == "∞":
            said = "vô cực"
        else:
            said = self._numbers.read(value) if value[0].isdecimal() else spelled(value)
        side = {"⁺": " cộng", "+": " cộng", "⁻": " trừ", "-": " trừ"}.get(match["side"], "")
        return f"lim khi {spelled(match['variable'])} tiến tới {sign}{said}{side} của"

    def ten(self, match: re.Match[str]) -> str | None:
        """Read ``6,625.10^-34 J.s``, a power of ten with its unit."""
        written = match["caret"] or match["small"] or match["bare"]
        exponent = written.translate(_SUPERSCRIPTS).lstrip("+")
        if match["bare"] and not ("," in match["mantissa"] or match["unit"]):
            return None  # a period such as 5.10-6.10
        sign = "âm " if exponent.startswith("-") else ""
        power = f"mười mũ {sign}{self._numbers.read(exponent.lstrip('-'))}"
        if not sign and exponent in {"2", "3"} and not match["mantissa"]:
            return None
        mantissa = match["mantissa"]
        if mantissa:
            minus = "âm " if match["minus"] else ""
            power = f"{minus}{self._numbers.read(mantissa, 'phẩy')} nhân {power}"
        return f"{power} {measures.named(match['unit'])}" if match["unit"] else power

    def without(self, match: re.Match[str]) -> str:
        r"""Read ``A \ B``, the difference of two sets."""
        return f"{spelled(match['set'])} trừ "

    def absolute(self, match: re.Match[str]) -> str:
        """Read ``|a|``: as a length near vectors, as a modulus near complex numbers."""
        front = match.string[max(0, match.start() - _FAR) : match.start()].lower()
        of = "trị tuyệt đối của"
        if _VECTOR.search(front):
            of = "độ dài"
        elif _COMPLEX.search(front):
            of = "mô đun của"
        inner = match["inner"]
        return f"{of} {spelled(inner) if inner.isalpha() else inner}"

    def item(self, match: re.Match[str]) -> str | None:
        """Read the letter of a part, such as the ``b)`` behind ``a) 1 + 2 = ?``."""
        low = max(0, match.start() - 200)
        if not _LIST_BEGAN.search(match.string[low : match.start()].lower()):
            return None
        return f"{spelled(match['item'])}, "
