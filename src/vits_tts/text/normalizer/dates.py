"""Dates: days, months, years, quarters and ranges of them, in all common notations."""

import re
from typing import Final

from vits_tts.text.normalizer import ambiguity
from vits_tts.text.normalizer.rules import Rule, Step, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"[12]\d{3}"
_START: Final = r"(?<![\w/])(?<!\d[.,-])"
_END: Final = r"(?![\w/])(?![.,-]\d)"
_DASH: Final = r"\s?[-–—]\s?"

_NAMED: Final = lazily(
    r"(?:đường|phố|mặt tiền|cầu|cầu vượt|ngã tư|vòng xoay|chợ|bến|công viên|ngày|hôm|sáng"
    r"|trưa|chiều|tối|đêm|sớm|khuya|mùng|mồng"
    r"|lễ|dịp|tết|giáo|khánh|mừng|nữ|động"
    r"|giỗ tổ|tổ)\W{0,2}$"
)
"""Words after which ``ngày`` is not repeated."""

_LATEST_SHORT_YEAR: Final = 60
"""Years of two digits below this number belong to this century."""

_FIRST: Final = rf"(?P<first>{_DAY}(?P<s>[/.]){_MONTH}(?:(?P=s){_YEAR})?)"
_LAST: Final = rf"(?P<last>{_DAY}(?P=s){_MONTH}(?:(?P=s){_YEAR})?)"

_HOLIDAY: Final = (
    r"1\.1|14\.2|8\.3|10\.3|30\.4|1\.5|1\.6|27\.7|2\.9|1\.10|20\.10|20\.11|22\.12|24\.12"
)
"""Days that are celebrated, as they are listed with points: ``thưởng 8.3, 20.10, 2.9``."""
_CELEBRATED: Final = lazily(r"(?:lễ|tết|sinh nhật|thưởng|quà|nghỉ|dịp|ngày)\b[^.;\d]{0,40}$")

_EXPIRES: Final = lazily(
    r"(?:date|hsd|nsx|exp|mfg|hạn sử dụng|hạn dùng|hạn|bh đến|bảo hành đến) ?:? $"
)
"""Words before the month and the year of an expiry: ``date 2/28``."""

_DAY_AND_MONTH: Final = 2
_MARKED: Final = lazily(r"(?:ielts|band|gpa|điểm|aim|target)\W{0,2}$")
"""Words before marks with a point, such as ``IELTS 5.5-6.5``."""


class Dates:
    """Reads dates with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps, the most specific forms first."""
        return (
            Rule(
                r"(?<=[12]\d{3}-[01]\d-[0-3]\d)\ [-–]\ (?=[12]\d{3}-[01]\d-[0-3]\d(?![\w-]))",
                " đến ",
                glued=True,
                needs="-",
            ),
            Rule(
                r"(?<![\w/.,-])(?P<a>[1-9])/(?P<b>[2-9]|10)"
                r"(?=\ (?:năm|tháng|tuần|ngày|hôm|lần|người|tuổi|tiếng)"
                r"\ (?:trước|nay|rồi|sau|nữa|liền|mới|là|thì|gì|chứ)(?!\w))",
                self.about,
                needs="/",
            ),
            *self._week(),
            *self._whole(),
            *self._periods(),
            *self._partial(),
        )

    def about(self, match: re.Match[str]) -> str | None:
        """Read ``5/6 năm trước``, five or six years ago."""
        first, second = int(match["a"]), int(match["b"])
        if second != first + 1:
            return None
        return f"{self._numbers.whole(match['a'])} {self._numbers.whole(match['b'])}"

    def _week(self) -> tuple[Step, ...]:
        """Return the steps for days of the week."""
        return (
            Rule(
                r"(?<!\w)T(?P<days>[2-7](?:\s?[-,]\s?[2-7]){2,4})(?![\w/])",
                lambda match: (
                    "thứ "
                    + re.sub(
                        "[2-7]", lambda day: self._numbers.ordinal(day[0]), match["days"]
                    ).replace("-", ", ")
                ),
                needs="T",
            ),
            Rule(
                r"(?<!\w)T[2-7](?:\s?[-–]\s?T[2-7]){2,4}(?!\w)",
                lambda match: ", ".join(
                    f"thứ {self._numbers.ordinal(day)}" for day in re.findall(r"\d", match[0])
                ),
                needs="T",
            ),
            Rule(
                r"(?<!\w)T(?P<first>[2-7])\s?[-–→]\s?(?:T(?P<last>[2-7])|(?P<sunday>CN))(?!\w)",
                self.weekdays,
                needs="T",
            ),
        )

    def _whole(self) -> tuple[Step, ...]:
        """Return the steps for dates with a year and for ranges of days."""
        return (
            Rule(
                rf"{_START}(?:{_HOLIDAY})(?:(?:,\ ?|\ và\ )(?:{_HOLIDAY})){{1,8}}(?![\w/])(?!\.\d)",
                lambda match: (
                    re.sub(r",(?=\d)", ", ", match[0].replace(".", "/"))
                    if _CELEBRATED.search(before(match))
                    else None
                ),
                glued=True,
                needs=".",
            ),
            Rule(
                rf"{_START}(?P<y>{_YEAR})-(?P<m>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])"
                rf"(?:T(?=\d\d:))?{_END}",
                self.full,
            ),
            Rule(
                rf"{_START}(?P<y>20\d\d)/(?P<m>0[1-9]|1[0-2])/(?P<d>0[1-9]|[12]\d|3[01]){_END}",
                self.full,
                needs="/",
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
                rf"{_START}(?P<d>{_DAY})(?P<s>\ [/.-]\ )(?P<m>{_MONTH})(?P=s)(?P<y>{_YEAR}){_END}",
                self.full,
                needs="/-",
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
            Rule(
                r"(?:(?<=phút\ )|(?<=giây\ )|(?<=giờ\ ))"
                rf"(?P<d>{_DAY})(?P<s>[.-])(?P<m>{_MONTH})(?P=s)(?P<y>\d\d){_END}",
                self.full,
                needs=".-",
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
                r"(?<=[\w:]\ )(?P<m>0?[1-9]|1[0-2])/(?P<y>2[3-9]|3\d)(?![\w/])",
                lambda match: (
                    f"tháng {self._numbers.whole(match['m'])} "
                    f"năm {self._numbers.whole('20' + match['y'])}"
                    if _EXPIRES.search(before(match))
                    else None
                ),
                needs="/",
            ),
            Rule(
                r"(?<!\w)T(?P<m>1[0-2]|[1-9])/(?P<y>2[4-9]|3\d)(?![\w/])",
                lambda match: (
                    f"tháng {self._numbers.whole(match['m'])} "
                    f"năm {self._numbers.whole('20' + match['y'])}"
                ),
                needs="T",
            ),
            Rule(
                rf"{_START}(?P<m>0?[1-9]|1[0-2])-(?P<y>20[0-4]\d){_END}(?!\ (?:đồng|người|km|m\b))",
                lambda match: (
                    f"{'' if before(match).endswith('tháng ') else 'tháng '}"
                    f"{'tư' if match['m'].lstrip('0') == '4' else self._numbers.whole(match['m'])} "
                    f"năm {self._numbers.whole(match['y'])}"
                ),
                needs="-",
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
                rf"(?i)(?<!\w)(?P<said>từ\ |tháng\ )?(?<![\w/.,-])(?P<m0>0[1-9]|1[0-2]|"
                rf"(?<=tháng\ )[1-9])"
                rf"{_DASH}(?P<m>0[1-9]|1[0-2]|[1-9])/(?P<y>{_YEAR}){_END}",
                self.months_since,
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
                r"(?i:(?<!\w)(?P<said>(?:tiền\ (?:nhà|phòng|trọ|điện|nước|mạng|học)|lương"
                r"|học\ phí|cước|phí)\ ))"
                r"t(?P<m>[1-9]|1[0-2])(?!\w)(?![.,/-]\d|\ h[àằ]ng\ tuần)",
                self.short_month,
                needs="t",
            ),
            Rule(
                r"(?<![\w/.-])T(?P<number>[1-9]|[1-4]\d)(?!\w)(?![.,/-]\d)"
                r"|(?<=T\d/)T(?P<listed>[2-7])(?!\w)",
                self.numbered_t,
                needs="T",
            ),
            Rule(
                r"(?<!\w)Q(?P<q>[1-4])[/-](?P<y>[23]\d)(?![\w/])",
                self.quarter_first,
                needs="Q",
            ),
            Rule(
                r"(?<!\w)(?P<q>[1-4])Q(?P<y>\d\d|20\d\d)?(?!\w)",
                self.quarter_first,
                needs="Q",
            ),
            Rule(
                rf"(?<![\w/])(?P<count>{_MONTH})T/?(?P<y>{_YEAR}){_END}",
                self.months_of_year,
                needs="T",
            ),
            Rule(
                r"(?<!\w)(?P<y>(?:19|20)\d\d)\ (?=(?:19|20)\d\d(?![\w.,/-]))",
                lambda match: f"{match['y']}, ",
                glued=True,
            ),
            Rule(r"(?<=năm\ )(?P<decade>(?:19|20)?\d0)['’]?s(?!\w)", self.decade, needs="s"),
            Rule(rf"{_START}(?P<said>)(?P<m>{_MONTH})/(?P<y>{_YEAR}){_END}", self.month, needs="/"),
            Rule(
                rf"(?<=\()(?P<said>)(?P<m>{_MONTH})\ ?[-–]\ ?(?P<y>{_YEAR})(?=\))",
                self.month,
                needs="-–",
            ),
        )

    def _partial(self) -> tuple[Step, ...]:
        """Return the steps for dates without a year."""
        return (
            Rule(
                rf"{_START}(?P<d>{_DAY})(?P<s>[/.]|\ ?-)(?P<m>{_MONTH}){_END}",
                self.day,
                needs="/.-",
            ),
            Rule(
                rf"{_START}(?P<d>{_DAY})\ /\ (?P<m>{_MONTH})"
                r"(?=\ năm\ (?:ngoái|nay|sau|trước|tới|(?:19|20)\d\d)(?!\w))",
                lambda match: f"{_day_word(match)}{self._day_month(match['d'], match['m'])}",
                needs="/",
            ),
            Rule(
                r"(?P<month>(?<!\w)tháng\ \w{2,4}(?:\ \w{3})?)\ ?[-–]\ "
                r"(?=\w{2,4}(?:\ \w{2,4}){0,2}\ giờ(?!\w))",
                lambda match: f"{match['month']} đến ",
                glued=True,
                needs="-–",
            ),
            Rule(r"(?i)(?<!\w)(?P<said>tháng\ )(?P<m>0?[14])(?![\w/.:,-]\d|\w)", self.named_month),
            Rule(r"(?i)(?<!\w)(?P<said>(?:ngày|mùng|mồng|tháng)\ )0(?P<d>[1-9])(?!\w)", self.zero),
        )

    def weekdays(self, match: re.Match[str]) -> str:
        """Read ``T2-T6``."""
        last = "chủ nhật" if match["sunday"] else f"thứ {self._numbers.ordinal(match['last'])}"
        return f"thứ {self._numbers.ordinal(match['first'])} đến {last}"

    def numbered_t(self, match: re.Match[str]) -> str | None:
        """Read ``T2`` as a day of the week and ``lương T5`` as a month."""
        if match["listed"]:
            return f", thứ {self._numbers.ordinal(match['listed'])}"  # T2/T4/T6
        reading = ambiguity.numbered_t(match, int(match["number"]))
        if reading in {"weekday", "rank"}:
            return f"thứ {self._numbers.ordinal(match['number'])}"
        if reading == "floor":
            return f"tầng {self._numbers.whole(match['number'])}"
        word = "" if before(match).endswith("tháng ") else "tháng "
        return f"{word}{self._month(match['number'])}" if reading == "month" else None

    def quarter_first(self, match: re.Match[str]) -> str:
        """Read ``4Q26``, the fourth quarter of a year, and ``4Q``, four quarters."""
        count, year = self._numbers.whole(match["q"]), match["y"]
        if not year:
            return f"{count} quý"
        return f"quý {count} năm {self._numbers.whole(year if len(year) > 2 else f'20{year}')}"  # noqa: PLR2004

    def full(self, match: re.Match[str]) -> str:
        """Read ``20/11/2024``."""
        day = self._day_month(match["d"], match["m"])
        year = match["y"]
        if len(year) == 2:  # noqa: PLR2004
            year = f"20{year}" if int(year) < _LATEST_SHORT_YEAR else f"19{year}"
        return f"{_day_word(match)}{day} năm {self._numbers.whole(year)}"

    def range(self, match: re.Match[str]) -> str | None:
        """Read ``10/5-15/5`` and ``7/5/1954 - 7/5/2024``."""
        starts, ends = (re.split(r"[./]", match[name]) for name in ("first", "last"))
        if "." in match["first"] and len(starts) == len(ends) == _DAY_AND_MONTH:
            falling = (int(starts[1]), int(starts[0])) > (int(ends[1]), int(ends[0]))
            if falling or _MARKED.search(before(match)):
                return None  # marks, as in 7.5 - 5.5
        first, last = (self._date(match[name]) for name in ("first", "last"))
        return (
            f"{_day_word(match)}{first} đến {'' if _NAMED.search(before(match)) else 'ngày '}{last}"
        )

    def days(self, match: re.Match[str]) -> str:
        """Read ``10-12/5``."""
        last = self._day_month(match["d"], match["m"])
        year = f" năm {self._numbers.whole(match['y'])}" if match["y"] else ""
        return f"{_day_word(match)}{self._numbers.whole(match['d0'])} đến {last}{year}"

    def months(self, match: re.Match[str]) -> str:
        """Read ``tháng 6 - 8/2024``."""
        first, last = self._month(match["m0"]), self._month(match["m"])
        year = f" năm {self._numbers.whole(match['y'])}" if match["y"] else ""
        return f"tháng {first} đến tháng {last}{year}"

    def months_since(self, match: re.Match[str]) -> str:
        """Read ``từ 02-05/2024``."""
        first, last = self._month(match["m0"]), self._month(match["m"])
        said = match["said"] or ""
        word = "" if said.lower() == "tháng " else "tháng "
        year = self._numbers.whole(match["y"])
        return f"{said}{word}{first} đến tháng {last} năm {year}"

    def month_years(self, match: re.Match[str]) -> str:
        """Read ``6/2023-8/2024``."""
        months = (
            f"tháng {self._month(match[month])} năm {self._numbers.whole(match[year])}"
            for month, year in (("m0", "y0"), ("m", "y"))
        )
        said = " đến ".join(months)
        return said.removeprefix("tháng ") if before(match).endswith("tháng ") else said

    def month(self, match: re.Match[str]) -> str:
        """Read ``tháng 11/2024`` and ``11/2024``."""
        said = match["said"] or "tháng "
        if re.search(r"(?:lần|đợt|kỳ|số)(?: thứ)? $", before(match)):
            said = ""  # lần 4/2026
        return f"{said}{self._month(match['m'])} năm {self._numbers.whole(match['y'])}"

    def quarters(self, match: re.Match[str]) -> str:
        """Read ``quý 3-4/2024``."""
        first, last = self._numbers.whole(match["q0"]), self._numbers.whole(match["q"])
        joint = match["dash"] if match["dash"][0] in ", " and "và" in match["dash"] else " đến "
        return f"quý {first}{joint}quý {last} năm {self._numbers.whole(match['y'])}"

    def quarter(self, match: re.Match[str]) -> str:
        """Read ``quý 4/2023`` and ``Q1/2024``."""
        quarter = self._numbers.whole(match["q"] or match["p"])
        return f"quý {quarter} năm {self._numbers.whole(match['y'])}"

    def roman_quarter(self, match: re.Match[str]) -> str:
        """Read the year of ``quý I/2024``. A later rule reads the numeral."""
        return f"{match['said']} năm {self._numbers.whole(match['y'])}"

    def day(self, match: re.Match[str]) -> str | None:
        """Read ``20/11``; also ``2.9`` and ``30-4`` if the context shows that they are dates."""
        mark = match["s"].strip()
        if mark == "/":
            dated = ambiguity.slash(match, match["d"], match["m"]) == "date"
            day_word = _day_word(match)
        elif mark == "-":
            dated = ambiguity.dash(match, match["d"], match["m"]) == "date"
            day_word = ""
        else:
            dated = ambiguity.day_with_point(match)
            day_word = ""
        return f"{day_word}{self._day_month(match['d'], match['m'])}" if dated else None

    def short_month(self, match: re.Match[str]) -> str:
        """Read ``tiền nhà t5`` as a month."""
        return f"{match['said']}tháng {self._month(match['m'])}"

    def months_of_year(self, match: re.Match[str]) -> str:
        """Read ``6T/2024``, the first six months of a year."""
        return f"{self._numbers.whole(match['count'])} tháng năm {self._numbers.whole(match['y'])}"

    def decade(self, match: re.Match[str]) -> str:
        """Read ``những năm 90s``."""
        return self._numbers.whole(match["decade"])

    def named_month(self, match: re.Match[str]) -> str:
        """Read ``tháng 4`` as "tháng tư"."""
        return match["said"] + self._month(match["m"])

    def zero(self, match: re.Match[str]) -> str:
        """Read ``ngày 05``."""
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
    """Return ``ngày``, or nothing if the words before say it already."""
    return "" if _NAMED.search(before(match)) else "ngày "
