"""Numbers, and pairs of numbers: ranges, scores, ratios, fractions."""

import re
from typing import Final

from vits_tts.text.letters import SMALLS
from vits_tts.text.normalizer import ambiguity
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.numbers import NUMBER, START, Numbers, parts
from vits_tts.text.patterns import lazily

_DASH: Final = r"\s?[-–—~]\s?"
_END: Final = r"(?![\w])(?![.,/:]\d)"
_YEARS: Final = lazily(r"(?:năm học|niên khóa|niên khoá|khóa|mùa giải|mùa|vụ)\s$")
_RATIO: Final = lazily(
    r"(?:kết quả|chung cuộc|tỉ lệ|tỷ lệ|tỉ số|tỷ số|tỉ xích|thắng|thua|hòa|dẫn"
    r"|màn hình|khung hình)\b.{0,24}$"
)
_VULGAR: Final = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5),
    "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_MEASURED: Final = lazily(
    r"\s(?:%|vạn|phần trăm|triệu|tỷ|tỉ|nghìn|ngàn|đồng|đô la|ơ rô|ki lô|mét|xăng|mi li|lít|gam|độ"
    r"|tấn|héc|điểm|mê ga|ki lô|oát|vôn|am pe|mã lực|giây|lần)"
)
_RISING: Final = {
    "phút": ("giờ", "tiếng"),
    "giờ": ("ngày",),
    "tiếng": ("ngày",),
    "ngày": ("tuần", "tháng"),
    "tuần": ("tháng", "năm"),
    "tháng": ("tuổi", "năm"),
    "mi li gam": ("gam",),
    "gam": ("ki lô",),
    "mi li lít": ("lít",),
    "xăng ti mét": ("mét",),
    "mét": ("ki lô",),
}
"""Larger units for each smaller one: ``6 tháng - 2 tuổi`` and ``500 mg - 1 g`` are ranges."""
_SIZES: Final = "nghìn|ngàn|triệu|tỷ|tỉ"
_SUM_BEFORE: Final = lazily(r"(?:bằng|cộng|trừ|nhân|chia) $")
_SUM_AFTER: Final = lazily(r" (?:bằng|cộng|trừ|nhân|chia) ")
_PERCENT: Final = lazily(r"\s?(?:%|phần trăm)")
_REDUCED: Final = lazily(
    r"^(?!.*(?:tăng trưởng|lãi suất|lợi nhuận|doanh thu|xuất khẩu|gdp|cpi|nhiệt|cùng kỳ|chỉ số"
    r"|index"
    r"|sai số|biên|\bâm $|cộng)).*"
    r"(?:nghìn|ngàn|triệu|đồng|giá|sale|seo|ưu đãi|khuyến mãi|voucher|vao chơ|deal|đeo|học viên"
    r"|khách"
    r"|thành viên|combo|com bô|mua|đơn|niêm yết)[^;.]{0,24}$"
)
"""Words before a reduction, as in ``giá 990k (-25%)``."""
_AIRLINER: Final = lazily(r"7\d7-(?:\d|\d00)")
_SHARED: Final = lazily(r"(?<!phân )\b(?:chia(?: nhau| theo| đôi)?|tỷ lệ|tỉ lệ|kèo|cược) $")
"""Text before shares that make ten or a hundred: ``ăn chia 7/3``."""
_NEXT: Final = "|".join(f"{first},{first + 1}" for first in range(1, 9))
"""Two numbers that follow each other, which a comma separates: ``2,3 đứa``."""
_AVERAGE: Final = lazily(r"bình quân|trung bình|mỗi|mức|tỷ lệ|tỉ lệ|từ .{0,24}$")
"""Words before a number of people that is a mean."""
_COMMA_GROUP: Final = lazily(r"[1-9]\d{0,2},\d{3}")
_SEASON: Final = lazily(r"(?:19|20)\d\d/(?:(?:19|20)\d\d|\d\d)")


class Quantities:
    """Reads numbers with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: pairs of numbers first, single numbers last."""
        vulgar = "".join(_VULGAR)
        return (
            Rule(
                r"(?<![\d.,])(?P<model>\d{2,5})\ (?=\d)(?!\d{3}(?!\d)|\d{1,2}/\d)",
                lambda match: f"{match['model']}, ",  # RTX 4060 8GB is no 4068
                glued=True,
            ),
            Rule(
                r"(?<![\w.,])\d{1,2}(?:,\d{1,2}){2,12}(?![\w%])(?![.,]\d)"
                r"|(?i:(?<=tiết\ )|(?<=bài\ )|(?<=lớp\ )|(?<=khối\ )|(?<=chương\ )|(?<=tháng\ ))"
                r"\d{1,2},\d{1,2}(?![\w%])(?![.,]\d)"
                r"(?!\ (?:điểm|phần|triệu|tỷ|nghìn))"
                rf"|(?i:(?<=mấy\ ))(?:{_NEXT})"
                r"(?=\ (?:năm|tháng|tuần|ngày|giờ|tiếng|phút|lần|người|lớp)\b)"
                rf"|(?i:(?<=chỉ\ )|(?<=giao\ )|(?<=nghỉ\ )|(?<=chờ\ )|(?<=đợi\ ))(?:{_NEXT})"
                r"(?=\ (?:ngày|người)\b(?!\ ?/))"
                rf"|(?<![\w.,])(?<!bình\ )(?:{_NEXT})"
                r"(?=\ (?:đứa|thằng|ông|bà|bạn|cụ|bác|cuốn|quyển|cái|chiếc|trận|bữa|hôm)\b)"
                r"|(?<![\w.,])(?:9,10|10,11|11,12"
                rf"|(?:{_NEXT})(?=\ giờ\ (?:sáng|tối|đêm|chiều|khuya)\b))"
                r"(?=\ (?:giờ|người|ngày|tuổi|tháng|đứa|phút)\b)",
                lambda match: match[0].replace(",", ", "),
                needs=",",
            ),
            Rule(
                rf"(?<![\w.,])(?:{_NEXT})(?=\ người\b(?!\ (?:một|mỗi|trên)\b))",
                lambda match: (
                    None if _AVERAGE.search(before(match)) else match[0].replace(",", ", ")
                ),
                needs=",",
            ),
            Rule(
                rf"(?i)(?<!\w)(?P<said>thứ\ )(?P<first>\d){_DASH}(?:thứ\ )?(?P<last>\d){_END}",
                self.ordinals,
                needs="-–—~",
            ),
            Rule(
                r"(?i)(?<!\w)(?<=thứ\ )\d(?:(?:,\ ?|\ ?[,-]?\ ?và\ )\d){1,5}"
                r"(?![\w/%])(?![.,:-]\d)(?!\ (?:người|bạn|em|con|cái|đội|triệu|tỷ|nghìn)\b)",
                self.listed_ordinals,
            ),
            Rule(
                r"(?i)(?<!\w)(?P<said>(?:lần|hạng|xếp|đứng|thế\ hệ|thứ)\ (?:thứ\ )?)"
                r"(?P<number>\d{1,4})(?![\w/%])(?![.,:-]\d)",
                self.ordinal,
            ),
            Rule(r"(?<![\d.,/])\d{1,2}(?:-\d{1,2}){2,4}(?![\w/.-])", self.formation, needs="-"),
            Rule(
                rf"(?<![\w,.])(?P<a>\d{{1,3}}){_DASH}(?P<b>\d{{1,3}}){_END}(?!\s?=)",
                self.score,
                needs="-–—~",
            ),
            Rule(
                r"(?<![\w.,:])\d{1,2}(?::\d{1,2}){2,5}(?![\w:])(?![.,]\d)",
                lambda match: " ".join(map(self._numbers.whole, match[0].split(":"))),
                needs=":",
            ),
            Rule(rf"{START}(?P<a>{NUMBER}):(?P<b>{NUMBER}){_END}", self.ratio, needs=":"),
            Rule(
                rf"{START}(?:(?P<whole>\d{{1,4}})\s?)?(?P<part>[{vulgar}])",
                self.vulgar,
                needs="½⅓⅔¼¾⅕⅖⅗⅘⅙⅛⅜⅝⅞",
            ),
            Rule(
                r"(?<![\w.,/])(?P<sign>(?<!\d\ )-)?(?P<whole>\d{1,3})\ (?P<a>\d)/(?P<b>[2-9])"
                r"(?![\w/.,])",
                self.mixed,
                needs="/",
            ),
            Rule(
                rf"{START}(?P<sign>(?<![\w)\]²³%])(?<!\d\ )-)?(?P<a>{NUMBER})/(?P<b>{NUMBER})"
                rf"(?![/\w])",
                self.fraction,
                needs="/",
            ),
            Rule(
                rf"(?<=\d\ )(?P<kind>(?:{_SIZES})(?:\ đồng)?)\s?[-–—]\s?"
                rf"(?={NUMBER}\ (?:{_SIZES})(?!\w))"
                rf"|(?<=\d\ )(?P<unit>[{SMALLS}]{{2,8}})\s?[-–—]\s?(?={NUMBER}\ (?P=unit)(?!\w))",
                lambda match: f"{match['kind'] or match['unit']} đến ",
                needs="-–—",
            ),
            Rule(
                rf"(?<=\d\ )(?P<low>{'|'.join(map(re.escape, _RISING))})(?P<age>\ tuổi)?\ [-–—]\ "
                rf"(?={NUMBER}\ (?P<high>[^\W\d_]{{2,5}}(?:\ lô)?)(?!\w))",
                lambda match: (
                    f"{match['low']}{match['age'] or ''} đến "
                    if match["high"] in _RISING[match["low"]]
                    else None
                ),
                needs="-–—",
            ),
            Rule(
                r"(?<=\d)\s?[-–—]\s?(?=(?:nay|hiện\ nay|hiện\ tại|nay)(?!\w))",
                " đến ",
                needs="-–—",
            ),
            Rule(
                r"(?<=\d)\s?[-–—]\s?(?=(?:dưới|gần|hơn|trên|không\ quá)\ \d)", " đến ", needs="-–—"
            ),
            Rule(
                r"(?<![\w)\]²³%.,])(?<!\d\ )"
                r"-(?=\d{1,3}(?:[.,]\d)?\s?[~-]\s?\d{1,3}(?:[.,]\d)?\ ?độ\b)",
                "âm ",
                glued=True,
                needs="-",
            ),
            Rule(
                rf"(?<![\w])(?<!\d[.,])(?P<a>{NUMBER}){_DASH}(?P<b>{NUMBER}){_END}(?!\s?=)",
                self.range,
                needs="-–—~",
            ),
            Rule(
                rf"(?<![\w)\]²³%])(?<!\d\ )[-−](?P<number>{NUMBER})(?!\w)",
                self.negative,
                needs="-−",
            ),
            Rule(
                r"(?<=\d\ )-(?P<number>[1-9]\d{0,2}(?:[.,]\d{3}){1,6})(?![\w.,])",
                self.negative,
                needs="-",
            ),
            Rule(rf"(?<=đến\ )-(?P<number>{NUMBER})(?!\w)", self.negative, needs="-"),
            Rule(r"^\ ?(?P<item>\d{1,3})\s?(?P<mark>[.)])\ (?=\S)", self.item),
            Rule(rf"{START}(?P<number>{NUMBER})(?!\w)", self.number),
            Rule(r"\d{1,3000}", self.leftover),
        )

    def ordinals(self, match: re.Match[str]) -> str:
        """Read ``thứ 2-6``."""
        first, last = (self._numbers.ordinal(match[name]) for name in ("first", "last"))
        return f"{match['said']}{first} đến thứ {last}"

    def listed_ordinals(self, match: re.Match[str]) -> str:
        """Read the numbers of ``thứ 2, 4, 6 và 7``."""
        return re.sub(r"\d", lambda digit: self._numbers.ordinal(digit[0]), match[0])

    def ordinal(self, match: re.Match[str]) -> str | None:
        """Read ``thứ 4`` and ``hạng 1``. ``lần 1`` keeps its plain number."""
        said = match["said"].lower()
        if said.endswith("thứ "):
            return match["said"] + self._numbers.ordinal(match["number"])
        first = said == "hạng " and match["number"] == "1"
        return f"{match['said']}nhất" if first else None

    def formation(self, match: re.Match[str]) -> str:
        """Read the formation ``4-2-3-1`` number by number."""
        return " ".join(self._numbers.whole(part) for part in match[0].split("-"))

    def score(self, match: re.Match[str]) -> str | None:
        """Read ``2-1`` as a score if the context shows that it is one."""
        if ambiguity.dash(match, match["a"], match["b"]) not in {"score", "plain"}:
            return None
        # 10-9 without a pause would be heard as 19, and 100-5 as 105
        tens, units = int(match["a"]), int(match["b"])
        joined = tens > units > 0 and tens % 10 == 0 and units < 10  # noqa: PLR2004
        pause = "," if joined else ""
        return f"{self._numbers.whole(match['a'])}{pause} {self._numbers.whole(match['b'])}"

    def ratio(self, match: re.Match[str]) -> str:
        """Read ``1:100.000``, ``2:3`` and ``16:9``."""
        first, last = self._numbers.read(match["a"]), self._numbers.read(match["b"])
        big = len(parts(match["b"])[0]) > 2 and not match["b"].startswith("0")  # noqa: PLR2004
        if big:
            return f"{first} trên {last}"
        even = match["a"] == match["b"] == "1"
        plain = " " if even or _RATIO.search(before(match)) else " hai chấm "
        return f"{first}{plain}{last}"

    def vulgar(self, match: re.Match[str]) -> str:
        """Read ``½`` and ``1½``."""
        above, below = _VULGAR[match["part"]]
        if not match["whole"]:
            return self._fraction(above, below)
        rest = "rưỡi" if (above, below) == (1, 2) else f"và {self._fraction(above, below)}"
        return f"{self._numbers.whole(match['whole'])} {rest}"

    def mixed(self, match: re.Match[str]) -> str | None:
        """Read ``2 1/2``, a whole number and a fraction."""
        if int(match["a"]) >= int(match["b"]):
            return None
        part = self._fraction(int(match["a"]), int(match["b"]))
        sign = "âm " if match["sign"] else ""
        return f"{sign}{self._numbers.whole(match['whole'])} và {part}"

    def fraction(self, match: re.Match[str]) -> str:
        """Read ``3/4`` with "phần", and ``23/30``, ``24/7`` and ``120/80`` with "trên"."""
        above, below = (parts(match[name])[0] for name in "ab")
        shared = int(above) + int(below) in {10, 100} and _SHARED.search(before(match))
        if shared or _SEASON.fullmatch(match[0]):
            return f"{self._numbers.whole(above)} {self._numbers.whole(below)}"
        plain = above == match["a"] and below == match["b"] and below.lstrip("0")
        small = (above == "1" or len(below) == 1) and int(above) < int(below)
        summed = _SUM_BEFORE.search(before(match)) or _SUM_AFTER.match(after(match))
        if plain and (small or summed or match["sign"]) and ambiguity.is_fraction(match):
            sign = "âm " if match["sign"] else ""
            return f"{sign}{self._fraction(int(above), int(below))}"
        return f"{self._numbers.read(match['a'])} trên {self._numbers.read(match['b'])}"

    def _fraction(self, above: int, below: int) -> str:
        under = "tư" if below == 4 else self._numbers.cardinal(below)  # noqa: PLR2004
        return f"{self._numbers.cardinal(above)} phần {under}"

    def range(self, match: re.Match[str]) -> str:
        """Read ``10-12`` with "đến"; school years and models (787-9) without it."""
        point = _point(match)
        falling = re.search(r"\d\ [-–—]\ \d", match[0]) and re.fullmatch(
            r"\d+\ [-–—]\ \d+", match[0]
        )
        if falling and int(match["a"]) > int(match["b"]):
            first, last = self._numbers.read(match["a"]), self._numbers.read(match["b"])
            return f"{first}, {last}"  # two items of a list
        low, high = match["a"], match["b"]
        if (
            _COMMA_GROUP.fullmatch(low)
            and _COMMA_GROUP.fullmatch(high)
            and ambiguity.comma_groups(match, high)
        ):
            return f"{self._grouped(low)} đến {self._grouped(high)}"
        alone = not re.search("[.,]", match["a"]) and _value(match["b"]) >= 1000  # noqa: PLR2004
        if re.search(r"\d\ -\d", match[0]) and (
            alone or _value(match["a"]) > _value(match["b"]) >= 1000  # noqa: PLR2004
        ):
            first, last = self._numbers.read(match["a"], point), self._grouped(match["b"])
            return f"{first}, âm {last}"  # two numbers of a table
        if re.search(r"\d\ -\d", match[0]) and _PERCENT.match(after(match)):
            first, last = self._numbers.read(match["a"], point), self._numbers.read(match["b"])
            return f"{first}, âm {last}"  # tháng 5 -0,03%
        model = match[0].replace("-", "").isdecimal() and int(match["a"]) > int(match["b"])
        model = model or _AIRLINER.fullmatch(match[0]) is not None
        model = model or match["a"] == match["b"]  # as in tỉ lệ 50-50
        joint = " " if model or _YEARS.search(before(match)) else " đến "
        return self._numbers.read(match["a"], point) + joint + self._numbers.read(match["b"], point)

    def _grouped(self, written: str) -> str:
        return self._numbers.whole(re.sub(r"\D", "", written))

    @staticmethod
    def _ungrouped(match: re.Match[str]) -> str:
        """Return the number without a comma that groups thousands, as in ``-10,000``."""
        written = match["number"]
        grouped = re.fullmatch(r"[1-9]\d{0,2},\d{3}", written) is not None
        return (
            written.replace(",", "")
            if grouped and ambiguity.comma_groups(match, written)
            else written
        )

    def negative(self, match: re.Match[str]) -> str:
        """Read ``-5``, also if "âm" is written before it (``âm -7 độ``)."""
        written = self._ungrouped(match)
        said = self._numbers.read(written, _point(match))
        front = before(match)
        if _PERCENT.match(after(match)) and _REDUCED.search(front):
            return said if front.endswith("giảm ") else f"giảm {said}"
        if front.endswith(("đồng (", "nghìn (", "lít (")):
            return f"giảm {said}"
        return said if front.endswith(("âm ", "giảm ")) else f"âm {said}"

    def item(self, match: re.Match[str]) -> str:
        """Read the number of a list item, followed by a pause."""
        return f"{self._numbers.whole(match['item'])}, "

    def number(self, match: re.Match[str]) -> str:
        """Read one number."""
        written = self._ungrouped(match)
        if re.fullmatch(r"0[1-9]", written) and _COUNTED_NOUN.match(after(match)):
            bound = _COUNTED_BOUND.match(after(match)) and _BOUND.search(before(match))
            written = written if _NUMBERED.search(before(match)) and not bound else written[1]
        if written.count(".") == 1 and re.match(r"\.\d", after(match)):
            return self._numbers.digits(written)
        return self._numbers.read(written, _point(match))

    def leftover(self, match: re.Match[str]) -> str:
        """Read digits inside other forms: short ones as a number, others digit by digit."""
        digits = "".join(str(int(digit)) for digit in match[0] if digit.isdecimal())
        code = len(digits) > 3 or (len(digits) > 1 and digits[0] == "0")  # noqa: PLR2004
        return self._numbers.digits(digits) if code else self._numbers.whole(digits)


_COUNTED_NOUN: Final = lazily(rf"\s[{SMALLS}]{{1,8}}(?!\w)")
_BOUND: Final = lazily(r"(?<!\w)(?:từ|đến|tới)\s$")
_COUNTED_BOUND: Final = lazily(
    r"\s(?:(?:đến|tới)\s\S{1,3}\s)?(?:năm|tháng|ngày|tuần|giờ|người|lần|bộ|bản|suất|môn|điểm|buổi)(?!\w)"
)
"""Words after a number of two digits that counts: ``từ 01 đến 02 năm``."""
_NUMBERED: Final = lazily(
    r"(?<!\w)(?:số|mã|lô|biển|ô|phòng|sđt|seri|kênh|mạng|đầu|tầng|tổ|áo|mẫu|nhà|đội|quân khu|đề"
    r"|mã đề|bảng|từ|đến)\s$"
)


def _value(written: str) -> float:
    return float(re.sub(r"\D", "", written)) if re.search(r"[.,]\d{3}", written) else 0.0


def _point(match: re.Match[str]) -> str:
    """Return the word for a decimal point: "phẩy" in a measure, "chấm" in a version."""
    return "phẩy" if _MEASURED.match(after(match)) else "chấm"
