"""Symbols and arithmetic: the names of signs such as + and =, where they are spoken."""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer import ambiguity
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily

_OPERAND_BEFORE: Final = r"(?:(?<=[\d)²³%])|(?<=[\d)²³%]\ )|(?<=\b[a-zA-Z])|(?<=\b[a-zA-Z]\ ))"
_LETTER: Final = r"[a-zA-Z](?![a-zA-ZÀ-ỹ])"
_OPERAND_AFTER: Final = rf"(?=\ ?(?:[\d(√?-]|{_LETTER}))"
_CALCULATED: Final = lazily(
    r"(?:cộng|nhân|chia|(?<!mặt )(?<!cân )bằng|trừ" r"|=)(?: với)?[^,;.a-zà-ỹ]{0,16}$"
)
_LISTED_SCORE: Final = lazily(r"\d: \d{1,2}$")
_BETWEEN: Final = {
    "=": "bằng", "≠": "khác", "≥": "lớn hơn hoặc bằng", "≤": "nhỏ hơn hoặc bằng", "±": "cộng trừ",
    "≈": "xấp xỉ",
    "→": "đến", "⇒": "suy ra", "∞": "vô cực", "√": "căn bậc hai của", "π": "pi",
    "∛": "căn bậc ba của",
    "∑": "tổng", "α": "an pha", "β": "bê ta", "γ": "gam ma", "Δ": "đen ta", "×": "nhân",
    "÷": "chia", "∈": "thuộc", "∪": "hợp", "∩": "giao", "⊂": "nằm trong",
    "∉": "không thuộc", "⊃": "chứa", "∅": "rỗng", "∀": "với mọi", "∃": "tồn tại", "∠": "góc",
    "⊥": "vuông góc với", "∥": "song song với", "⇔": "tương đương", "⟺": "tương đương",
    "⟹": "suy ra", "≡": "trùng với", "∫": "tích phân", "∏": "tích", "≅": "bằng",
    "∽": "đồng dạng với", "⋮": "chia hết cho", "∝": "tỉ lệ với", "λ": "lam đa",
    "ω": "ô mê ga", "θ": "tê ta", "φ": "phi",
    "ρ": "rô", "σ": "xích ma", "η": "ê ta", "ε": "ép xi lon", "τ": "tô", "ξ": "xi", "ν": "nuy",
    "∆": "đen ta",
    "&": "và", "@": "a còng", "§": "mục",
    "%": "phần trăm", "‰": "phần nghìn", "$": "đô la", "€": "ơ rô", "£": "bảng", "¥": "yên",
    "₫": "đồng", "°": "độ", "Ω": "ôm", "μ": "mu", "♥": "trái tim", "²": "bình phương",
    "³": "lập phương",
}  # fmt: skip
_AMOUNT: Final = lazily(
    r"(?:giá|tuổi|có|cần|hàng|khách|người|trẻ|đơn|từ|là|đạt|được|lương|mua|nhà|đất|diện tích|cao"
    r"|nặng"
    r"|dài|rộng|chỉ|em|bé|tầm|khoảng|và|hoặc|với|cho)\s$"
)
_AMOUNT_NEXT: Final = lazily(
    r"\d[\d.,]{0,8} ?(?:k|tr|triệu|nghìn|ngàn|tỷ|đ|đồng|%|phần trăm)(?!\w)"
)
_TIMES_MORE: Final = lazily(
    r"(?:ca|lương|giá|điểm|tiền|hệ số|công|lễ|chủ nhật|xu|data"
    r"|tốc độ|hoàn|thưởng|tích|kinh nghiệm|ngày|coin|vàng) $"
)
"""Words before a factor: ``tăng ca x1.5``."""
_BRANCH: Final = lazily(r"(?:chi nhánh|cơ sở|địa chỉ|showroom|cửa hàng|văn phòng|kho) \d{1,2}$")
"""The number of a branch, whose address follows after a colon."""
_ABOUT: Final = lazily(r"(?:khoảng|tầm|chừng|cỡ|xấp xỉ) $")
_NAMED_POWERS: Final = {"2": " bình phương", "3": " lập phương"}
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


class Symbols:
    """Reads symbols with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def arithmetic(self) -> tuple[Step, ...]:
        """Return the steps for signs between numbers. They run before the numbers are read."""
        return (
            Rule(r"(?<=\ \d\d)\ ?(?:->|→)\ ?(?=\d\d?(?!\w))", " đến ", needs=">→"),
            Rule(r"(?<=\d)→(?=\d)", " đến ", needs="→"),
            Rule(r"(?<=[a-zà-ỹ])/(?=\d{1,2}\ (?:trận|vòng)(?!\w))", " trên ", needs="/"),
            Rule(
                r"(?<=\d)×(?=\ [a-zà-ỹđ]{2}|[,;:!?)]|\.(?!\.)|\ [–—(]|\ ?$)",
                " lần",
                needs="×",
            ),
            Rule(r"\ ?(?:=>|->|→|⇒)\ ?", ", ", needs=">→⇒"),
            Rule(r"(?<!\d)\ ?!=\ ?", " khác ", needs="="),
            Rule(
                r"(?<=[a-zà-ỹđ]{2}\ )x\ ?(?=\d{1,2}(?:[.,]\d{1,2})?(?!\w))",
                lambda match: "nhân " if _TIMES_MORE.search(before(match)) else None,
                needs="x",
            ),
            Rule(r"(?<=[α-ω])/(?=\d{1,2}(?!\w)|[a-zA-Z](?!\w))", " trên ", needs="/"),
            Rule(
                r"(?<!\w)x\ ?(?=\d{1,2}\ (?:data|đa\ ta|giá|dung|lương|điểm|tốc|tài|lượt|ưu"
                r"|tiền|lần))",
                "nhân ",
                needs="x",
            ),
            Rule(r"(?<!\w)C\+\+", "xê cộng cộng", needs="+"),
            Rule(
                r"(?<=[^\W\d_])\+{2,4}(?![\w+])",
                lambda match: " cộng" * len(match[0]),
                needs="+",
            ),
            Rule(r"(?<!\w)C\#", "xê sáp", needs="#"),
            Rule(r"(?<=\d)\*(?!\s?[\d(]|\w)", " sao", needs="*"),
            Rule(r"(?<=[\dn)])!(?=\ ?[=+×*:/-]\ ?\d)", " giai thừa", needs="!"),
            Rule(r"(?<!\w)[Nn]o\.\ ?(?=\d)", "số ", needs="."),
            Rule(r"(?<!\w)R&D(?!\w)", "rờ và đê", needs="&"),
            Rule(
                r"(?<!\w)P/(?P<of>[EBS])(?!\w)",
                lambda match: f"pê trên {spelled(match['of'])}",
                needs="/",
            ),
            Rule(rf"(?=\ ?\+){_OPERAND_BEFORE}\ ?\+\ ?(?=[\d(]|{_LETTER})", " cộng ", needs="+"),
            Rule(r"(?<=\d)\+(?!\w)", " cộng", needs="+"),
            Rule(r"(?<=[a-zà-ỹđ%A-ZĐ]{2})\+(?=[\s,.;!?)]|$)", " cộng", needs="+"),
            Rule(r"(?<![\w+])K\+(?=[\s,.;!?)\d]|$)", "ca cộng ", needs="+"),
            Rule(r"(?<!\w)\+(?=\d)", "cộng ", needs="+"),
            Rule(r"(?<=[\w'])\ ?\+\ ?(?=\d)", " cộng ", needs="+"),
            Rule(r"(?<=\w)\ \+\ (?=\w|%)", " cộng ", needs="+"),
            Rule(r"(?<=\d)\ ?[x×*]\ ?(?=\d)|(?<=[\d)])\ [x×*]\ (?=[\d(])", " nhân ", needs="x×*"),
            Rule(r"(?<=\w)\ [x×]\ (?=\d|hệ\ số)", " nhân ", needs="x×"),
            Rule(
                r"(?<=buổi)\ [x×]\ (?=(?:\w{2,5}\ ){1,3}(?:giờ|phút)(?!\w))", " nhân ", needs="x×"
            ),
            Rule(
                r"(?<=mét)\ X\ (?=\d)|(?<=vuông)\ X\ (?=\d|mặt)|(?<=\d)X(?=\d{1,3}(?:[M),;\s]|$))",
                " nhân ",
                needs="X",
            ),
            Rule(r"[ØøΦφ]\ ?(?=\d)", "phi ", needs="ØøΦφ"),
            Rule(r"(?<=[=(])\ ?-(?=[a-zA-Z](?!\w))|(?<==)\ -(?=[^\W\d_])", " âm ", needs="="),
            Rule(r"(?<=\b[a-zA-Z])/(?=\d[a-z](?!\w))", " trên ", needs="/"),
            Rule(r"(?<=\b[a-zA-Z])/(?=[a-zA-Z]\ ?[=+)])", " chia ", needs="/"),
            Rule(r"(?<=[\d)])\ ?÷\ ?(?=[\d(])", " chia ", needs="÷"),
            Rule(r"(?<=\d)\ ?:\ (?=\d{1,9}(?:,\d|[\s.;)]|$))", self.divided, needs=":"),
            Rule(rf"(?=\ ?=){_OPERAND_BEFORE}\ ?=\ ?{_OPERAND_AFTER}", " bằng ", needs="="),
            Rule(
                rf"(?:(?<=[\d)²³])|(?<=\d[a-z]))\ ?-\ ?(?=[\d(]|{_LETTER})", self.minus, needs="-"
            ),
            Rule(
                r"(?<![\w.,/-])(?P<a>\d{1,3})\ ?[-–]\ ?(?P<b>\d{1,3})(?![\w-])(?![.,/:]\d)",
                self.taken,
                needs="-–",
            ),
            Rule(
                rf"(?=\ ?[<>]){_OPERAND_BEFORE}\ ?(?P<sign>[<>])\ ?{_OPERAND_AFTER}",
                self.compared,
                needs="<>",
            ),
            Rule(r"(?<!\w)(?P<sign>[<>])\ ?=?\ ?(?=\d)", self.bounded, needs="<>"),
            Rule(r"(?<=[^\W\d_]{2})(?P<sign>[<>])\ (?=\d)", self.compared_with, needs="<>"),
            Rule(r"(?<=\))/(?=[A-Z(])", " trên ", needs="/"),
            Rule(
                r"(?<!\w)[~≈]\ ?(?=\d)",
                lambda match: "" if _ABOUT.search(before(match)) else "khoảng ",
                needs="~≈",
            ),
            Rule(r"[+]\ ?∞", "dương vô cực", needs="∞"),
            Rule(r"[-−–]\ ?∞", "âm vô cực", needs="∞"),
            Rule(
                r"(?<=[\dA-Za-z)])(?P<power>[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,12})", self.power, needs="⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
            ),
            Rule(
                r"(?<=[\dA-Za-z)])\^(?P<letter>[a-zA-Z])(?!\w)",
                lambda match: f" mũ {spelled(match['letter'])}",
                needs="^",
            ),
            Rule(r"(?<=[\dA-Za-z)])\^(?P<sign>-?)(?=\d|[a-z]\b)", self.caret, needs="^"),
        )

    def steps(self) -> tuple[Step, ...]:
        """Return the steps for all remaining symbols. They run after all other rules."""
        named = "".join(map(re.escape, _BETWEEN))
        return (
            Rule(r"(?<=[^\W\d_]{3})['’]s(?!\w)", "", glued=True, needs="'’"),  # Levi's
            Rule(r"(?<=\w)\ ?&\ ?(?=\w)", " và ", needs="&"),
            Rule(r"^\$\ (?=[^\W\d])", "", glued=True, needs="$"),  # the mark of an item
            Rule(
                r"(?<=\ cộng)\ {1,2}(?P<sign>[<>])\ (?=[a-zđ])",
                lambda match: f" {'nhỏ' if match['sign'] == '<' else 'lớn'} hơn ",
                needs="<>",
            ),  # K+ < Na+
            Rule(rf"[{named}]", lambda match: f" {_BETWEEN[match[0]]} "),
            Rule(r"(?<=[^\W\d_])/(?=[^\W\d_])", " ", needs="/"),
            Rule(
                r"(?<=[\w)%\"”])\ \[(?P<words>(?=[^\W\d_])[^\[\]\n]{2,200})\](?![(\[])",
                lambda match: f" ({match['words']})",
                glued=True,
                needs="[",
            ),  # a reference or a remark in brackets is read with pauses
            Rule(r"[^\w\s.,;:!?'\"“”‘’«»()-]{1,200}", " ", glued=True),
            Rule(r"_{1,200}", " ", glued=True, needs="_"),
        )

    def divided(self, match: re.Match[str]) -> str | None:
        """Read ``12 : 4`` as a division, but ``2 : 3`` after tỉ lệ as two numbers."""
        if match[0][0] != " ":
            return None
        if _BRANCH.search(before(match)):
            return ": "
        ends = re.match(r"\d+[.;)]", after(match))
        if ends and not re.search(r"(?:[x×*+)-]|nhân|cộng|trừ|chia) ?[\d.,]+$", before(match)):
            return None
        if not re.search(r"(?:tỉ|tỷ) (?:lệ|số|xích)\D{0,16}\d{1,9}$", before(match)):
            return " chia "
        large = re.match(r"\d{1,3}[ .]?\d{3}|\d{3}", after(match))
        return " trên " if large else " "

    def minus(self, match: re.Match[str]) -> str | None:
        """Read a dash as minus in a calculation. Elsewhere it is a range."""
        equal = re.match(
            rf"(?:[\d.,()²³^\s]|{_LETTER}|cộng |trừ |nhân |chia ){{1,40}}bằng", after(match)
        )
        if not equal and _AMOUNT_NEXT.match(after(match)):
            return None  # tip + tour 30-50k
        if not equal and _LISTED_SCORE.search(before(match)):
            return None  # phút 45+2: 1-0
        return " trừ " if equal or _CALCULATED.search(before(match)) else None

    def taken(self, match: re.Match[str]) -> str | None:
        """Read ``lấy 15-6``."""
        if ambiguity.dash(match, match["a"], match["b"]) != "minus":
            return None
        return f"{match['a']} trừ {match['b']}"

    def power(self, match: re.Match[str]) -> str:
        """Read ``x²`` and ``10⁻³``."""
        exponent = match["power"].translate(_SUPERSCRIPTS)
        digits = exponent.replace("-", "")
        if not digits:
            return ""
        if exponent in _NAMED_POWERS:
            return _NAMED_POWERS[exponent]
        return f" mũ {'âm ' if '-' in exponent else ''}{self._numbers.whole(digits)}"

    def caret(self, match: re.Match[str]) -> str:
        """Read ``2^10``."""
        return " mũ âm " if match["sign"] else " mũ "

    def compared(self, match: re.Match[str]) -> str:
        """Read ``a < b``."""
        return " nhỏ hơn " if match["sign"] == "<" else " lớn hơn "

    def compared_with(self, match: re.Match[str]) -> str | None:
        """Read ``tuổi> 18``, and not the end of ``<hàng> 15``."""
        return None if match["sign"] == ">" and "<" in before(match) else self.compared(match)

    def bounded(self, match: re.Match[str]) -> str:
        """Read ``>100`` as "trên" and ``<5`` as "dưới"."""
        del self
        less = "dưới " if match["sign"] == "<" else "trên "
        if "=" in match[0]:
            return "nhỏ hơn hoặc bằng " if match["sign"] == "<" else "lớn hơn hoặc bằng "
        compared = re.search(r"[^\W\d_](?:\)|\s)?\s?$", before(match)) and not _AMOUNT.search(
            before(match)
        )
        return {"dưới ": "nhỏ hơn ", "trên ": "lớn hơn "}[less] if compared else less
