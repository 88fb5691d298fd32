"""Dates: days, months, years, quarters, and the ranges between them, in all written forms."""

import re
from typing import Final

from vits_tts.text.numbers import Numbers
from vits_tts.text.rules import Rule, Step, after, before

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"[12]\d{3}"
_START: Final = r"(?<![\w/])(?<!\d[.,-])"
_END: Final = r"(?![\w/])(?![.,-]\d)"
_DASH: Final = r"\s?[-–—]\s?"

_NAMED: Final = re.compile(
    r"(?:đường|phố|cầu|chợ|bến|công viên|ngày|hôm|sáng|trưa|chiều|tối|đêm|sớm|khuya|mùng|mồng"
    r"|lễ|dịp|tết|giáo|khánh|mừng|nữ|động"
    r"|giỗ tổ|tổ)\W{0,2}$"
)
"""Words after which nobody says ``ngày`` again."""

_BEFORE_DATE: Final = re.compile(
    r"(?:ngày|hôm|sáng|trưa|chiều|tối|đêm|sớm|khuya|mùng|mồng|lễ|dịp|tết|giáo|khánh|mừng|nữ|động"
    r"|tổ|từ|đến|tới|trước|sau|hết|chót|hạn|nay|mai|qua|cn|nhật|\bt[2-7]"
    r"|thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])"
    r"|(?:ngày \d{1,2}|1[3-9]|2\d|3[01])/\d{1,2}(?: và| hoặc|,)"
    r"|tháng \w+(?: năm [\w ]{4,40})?(?: và|,| đến)?)\W{0,3}$"
)
_STRONG: Final = re.compile(
    r"(?:đường|phố|cầu|chợ|bến|công viên|ngày|hôm|sáng|trưa|chiều|tối|đêm|mùng|mồng|lễ|dịp|khánh"
    r"|mừng|phiên)(?:\snay)?\s\(?$"
)
_NO_DATE: Final = re.compile(
    r"(?:đạt|được|có|lệ|số|nhà|ngõ|ngách|hẻm|kiệt|lớp|áp|cửa|vụ|chọi|điểm|bài|xếp|thứ|trên"
    r"|khoảng|gần|hơn|chiếm|giảm|tăng|bằng)\W{0,2}$|[=+×*]\s?$"
)
_COUNTED: Final = re.compile(
    r"\s(?:dân|số|diện|tổng|quãng|chiều dài|cốc|thìa|muỗng|chén|quả|người|phiếu|lượng|thời gian"
    r"|thu nhập|sản|khối|nước|công|chặng|hành|trái|cái|chiếc|học sinh|đại biểu|thành viên|điểm"
    r"|trong|của|cuộc|phần|bát|ly|lít|kg|gói|bánh|tỉnh|xã|huyện|thế giới|doanh|trận|lần|câu)"
)
_PER_DAY: Final = re.compile(r"(?:mỗi|một|hằng|hàng|1) (?:ngày|sáng|trưa|chiều|tối|đêm) $")
_TIMES: Final = re.compile(
    r"\s(?:tiếng|lần|giờ|phút|viên|người|lượt|ca|triệu|nghìn|ngàn|tỷ|bữa|ly|cốc|trang|chuyến|lít|kg|km)\b"
)
_FIRST: Final = rf"(?P<first>{_DAY}(?P<s>[/.]){_MONTH}(?:(?P=s){_YEAR})?)"
_LAST: Final = rf"(?P<last>{_DAY}(?P=s){_MONTH}(?:(?P=s){_YEAR})?)"


class Dates:
    """Reads dates with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps, the most telling forms first."""
        return (*self._week(), *self._whole(), *self._periods(), *self._partial())

    def _week(self) -> tuple[Step, ...]:
        """Return the steps for days of the week."""
        return (
            Rule(
                r"(?<!\w)T(?P<first>[2-7])\s?[-–]\s?(?:T(?P<last>[2-7])|(?P<sunday>CN))(?!\w)",
                self.weekdays,
                needs="T",
            ),
            Rule(
                r"(?<!\w)T(?P<day>[2-7])(?=\s?[,;:&/]\s?(?:T[2-7]|CN)|\s?[-–:)]|\ (?:và|hàng|hằng)"
                r"|\ (?:này|tuần|tới|sau|trước)|$)"
                r"|(?<=,\ )T(?P<next>[2-7])(?!\w)",
                self.weekday,
                needs="T",
            ),
        )

    def _whole(self) -> tuple[Step, ...]:
        """Return the steps for dates with a year, and ranges of days."""
        return (
            Rule(
                rf"{_START}(?P<y>{_YEAR})-(?P<m>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])"
                rf"(?:T(?=\d\d:))?{_END}",
                self.full,
            ),
            Rule(rf"{_START}{_FIRST}{_DASH}{_LAST}{_END}", self.range, needs="/."),
            Rule(
                rf"{_START}(?P<d0>{_DAY}){_DASH}(?P<d>{_DAY})/(?P<m>{_MONTH})"
                rf"(?:/(?P<y>{_YEAR}))?{_END}",
                self.days,
                needs="/",
            ),
            Rule(
                rf"{_START}(?P<d>{_DAY})(?P<s>[/.-])(?P<m>{_MONTH})(?P=s)(?P<y>{_YEAR}){_END}",
                self.full,
                needs="/.-",
            ),
            Rule(
                rf"{_START}(?P<m>{_MONTH})/(?P<d>1[3-9]|2\d|3[01])/(?P<y>{_YEAR}){_END}",
                self.full,
                needs="/",
            ),
            Rule(
                rf"{_START}(?P<d>{_DAY})(?P<s>[/])(?P<m>{_MONTH})(?P=s)(?P<y>\d\d){_END}",
                self.full,
                needs="/",
            ),
        )

    def _periods(self) -> tuple[Step, ...]:
        """Return the steps for quarters and months of a year."""
        return (
            Rule(
                r"(?<!\w)[Qq]uý\ (?P<q0>[1-4])(?P<dash>\s?[-–]\s?|,\ |\ và\ )(?P<q>[1-4])\s?/\s?"
                rf"(?P<y>{_YEAR}){_END}",
                self.quarters,
                needs="/",
            ),
            Rule(
                r"(?<!\w)(?:(?:[Qq]uý\ |Q)(?P<q>[1-4])\s?[/-]\s?|Q(?P<p>[1-4])\ )"
                rf"(?:năm\ )?(?P<y>{_YEAR}){_END}",
                self.quarter,
                needs="Qq",
            ),
            Rule(
                rf"(?<!\w)(?P<said>[Qq]uý\ (?:IV|I{{1,3}}))\s?[/-]\s?(?P<y>{_YEAR}){_END}",
                self.roman_quarter,
                needs="Qq",
            ),
            Rule(
                rf"(?i)(?<!\w)tháng\ (?P<m0>{_MONTH}){_DASH}(?:tháng\ )?(?P<m>{_MONTH})"
                rf"(?:[/.-](?P<y>{_YEAR}))?{_END}",
                self.months,
                needs="-–—",
            ),
            Rule(
                rf"{_START}(?P<m0>{_MONTH})/(?P<y0>{_YEAR}){_DASH}(?P<m>{_MONTH})/(?P<y>{_YEAR}){_END}",
                self.month_years,
                needs="/",
            ),
            Rule(
                rf"(?i)(?<!\w)(?P<said>tháng\ )(?P<m>{_MONTH})[/.-](?P<y>{_YEAR}){_END}", self.month
            ),
            Rule(
                rf"(?<!\w)(?P<said>)T(?P<m>{_MONTH})[/.-](?P<y>{_YEAR}){_END}",
                self.month,
                needs="T",
            ),
            Rule(
                r"(?i:(?<!\w)(?P<said>(?:cuối|đầu|giữa|trong|đến|từ|hết)\ ))"
                r"T(?P<m>[189]|1[0-2])(?!\w)(?![.,/-]\d)",
                self.short_month,
                needs="T",
            ),
            Rule(
                rf"(?<![\w/])(?P<count>{_MONTH})T/?(?P<y>{_YEAR}){_END}",
                self.months_of_year,
                needs="T",
            ),
            Rule(r"(?<=năm\ )(?P<decade>(?:19|20)?\d0)['’]?s(?!\w)", self.decade, needs="s"),
            Rule(rf"{_START}(?P<said>)(?P<m>{_MONTH})/(?P<y>{_YEAR}){_END}", self.month, needs="/"),
        )

    def _partial(self) -> tuple[Step, ...]:
        """Return the steps for what lacks a year."""
        return (
            Rule(rf"{_START}(?P<d>{_DAY})(?P<s>[/.-])(?P<m>{_MONTH}){_END}", self.day, needs="/.-"),
            Rule(r"(?i)(?<!\w)(?P<said>tháng\ )(?P<m>0?[14])(?![\w/.:,-]\d|\w)", self.named_month),
            Rule(r"(?i)(?<!\w)(?P<said>(?:ngày|mùng|mồng|tháng)\ )0(?P<d>[1-9])(?!\w)", self.zero),
        )

    def weekdays(self, match: re.Match[str]) -> str:
        """Read T2-T6."""
        last = "chủ nhật" if match["sunday"] else f"thứ {self._numbers.ordinal(match['last'])}"
        return f"thứ {self._numbers.ordinal(match['first'])} đến {last}"

    def weekday(self, match: re.Match[str]) -> str:
        """Read T2 in a list of days."""
        return f"thứ {self._numbers.ordinal(match['day'] or match['next'])}"

    def full(self, match: re.Match[str]) -> str:
        """Read 20/11/2024."""
        day = self._day_month(match["d"], match["m"])
        return f"{_day_word(match)}{day} năm {self._numbers.whole(match['y'])}"

    def range(self, match: re.Match[str]) -> str:
        """Read 10/5-15/5 and 7/5/1954 - 7/5/2024."""
        first, last = (self._date(match[name]) for name in ("first", "last"))
        return (
            f"{_day_word(match)}{first} đến {'' if _NAMED.search(before(match)) else 'ngày '}{last}"
        )

    def days(self, match: re.Match[str]) -> str:
        """Read 10-12/5."""
        last = self._day_month(match["d"], match["m"])
        year = f" năm {self._numbers.whole(match['y'])}" if match["y"] else ""
        return f"{_day_word(match)}{self._numbers.whole(match['d0'])} đến {last}{year}"

    def months(self, match: re.Match[str]) -> str:
        """Read tháng 6 - 8/2024."""
        first, last = self._month(match["m0"]), self._month(match["m"])
        year = f" năm {self._numbers.whole(match['y'])}" if match["y"] else ""
        return f"tháng {first} đến tháng {last}{year}"

    def month_years(self, match: re.Match[str]) -> str:
        """Read 6/2023-8/2024."""
        months = (
            f"tháng {self._month(match[month])} năm {self._numbers.whole(match[year])}"
            for month, year in (("m0", "y0"), ("m", "y"))
        )
        said = " đến ".join(months)
        return said.removeprefix("tháng ") if before(match).endswith("tháng ") else said

    def month(self, match: re.Match[str]) -> str:
        """Read tháng 11/2024 and 11/2024."""
        said = match["said"] or "tháng "
        return f"{said}{self._month(match['m'])} năm {self._numbers.whole(match['y'])}"

    def quarters(self, match: re.Match[str]) -> str:
        """Read quý 3-4/2024."""
        first, last = self._numbers.whole(match["q0"]), self._numbers.whole(match["q"])
        joint = match["dash"] if match["dash"][0] in ", " and "và" in match["dash"] else " đến "
        return f"quý {first}{joint}quý {last} năm {self._numbers.whole(match['y'])}"

    def quarter(self, match: re.Match[str]) -> str:
        """Read quý 4/2023 and Q1/2024."""
        quarter = self._numbers.whole(match["q"] or match["p"])
        return f"quý {quarter} năm {self._numbers.whole(match['y'])}"

    def roman_quarter(self, match: re.Match[str]) -> str:
        """Read the year of quý I/2024; the numeral is read later."""
        return f"{match['said']} năm {self._numbers.whole(match['y'])}"

    def day(self, match: re.Match[str]) -> str | None:
        """Read 20/11, and 2.9 or 30-4 where the words before leave no doubt."""
        day, month = int(match["d"]), int(match["m"])
        if match["s"] != "/":
            front = before(match)
            backwards = match["s"] == "-" and day > month and _BEFORE_DATE.search(front)
            if _PER_DAY.search(front) or _TIMES.match(after(match)):
                return None
            certain = (_STRONG.search(front) or backwards) and not after(match).startswith("%")
            return f"{self._day_month(match['d'], match['m'])}" if certain else None
        if not _is_date(match, day, month):
            return None
        return f"{_day_word(match)}{self._day_month(match['d'], match['m'])}"

    def short_month(self, match: re.Match[str]) -> str:
        """Read cuối T12; T2 to T7 are days of the week."""
        return f"{match['said']}tháng {self._month(match['m'])}"

    def months_of_year(self, match: re.Match[str]) -> str:
        """Read 6T/2024, the first months of a year."""
        return f"{self._numbers.whole(match['count'])} tháng năm {self._numbers.whole(match['y'])}"

    def decade(self, match: re.Match[str]) -> str:
        """Read những năm 90s."""
        return self._numbers.whole(match["decade"])

    def named_month(self, match: re.Match[str]) -> str:
        """Read tháng 4: tháng tư."""
        return match["said"] + self._month(match["m"])

    def zero(self, match: re.Match[str]) -> str:
        """Read ngày 05."""
        return match["said"] + self._numbers.whole(match["d"])

    def _date(self, written: str) -> str:
        day, month, *year = re.split(r"[/.]", written)
        said = self._day_month(day, month)
        return f"{said} năm {self._numbers.whole(year[0])}" if year else said

    def _day_month(self, day: str, month: str) -> str:
        return f"{self._numbers.whole(day)} tháng {self._month(month)}"

    def _month(self, month: str) -> str:
        return "tư" if int(month) == 4 else self._numbers.whole(month)  # noqa: PLR2004


def _day_word(match: re.Match[str]) -> str:
    """Return ``ngày`` where the words before do not say it already."""
    return "" if _NAMED.search(before(match)) else "ngày "


def _is_date(match: re.Match[str], day: int, month: int) -> bool:
    """Whether a/b is a day rather than a fraction."""
    if (day, month) == (24, 7):
        return False  # open day and night
    front, back = before(match), after(match)
    if re.match(r"\s?(?:âm|dương|\(?âl|al\b)", back) or _STRONG.search(front):
        return True
    if _COUNTED.match(back) or _NO_DATE.search(front):
        return False
    return day > month or _BEFORE_DATE.search(front) is not None or (day, month) == (2, 9)
