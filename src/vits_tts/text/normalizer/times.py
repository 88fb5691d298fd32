"""Clock times and durations: 8h30, 14:05, 7h-11h30, 1:23:45, 30'."""

import re
from typing import Final

from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily

_HOUR: Final = r"(?:[01]?\d|2[0-4])"
_MINUTE: Final = r"[0-5]\d"
_CLOCK: Final = rf"""(?:
    {_HOUR}\s?[hH]\s?{_MINUTE}(?!\s?%)(?:\s?(?:phút|ph|p|m|['’])?\s?{_MINUTE}(?:s|\s?giây|''|’’|["”]))?(?:\s?(?:phút|ph|p|m|['’])(?!\w))?
  | {_HOUR}[hHgG]\s?\d(?:phút|ph|p|['’])(?!\w)
  | (?:(?<=lúc\ )|(?<=hồi\ )|(?<=đúng\ )){_HOUR}[gG]
  | (?<=\dg\ đến\ ){_HOUR}[gG](?!\ [a-zđ])
  | {_HOUR}[gG](?=\ (?:sáng|trưa|chiều|tối|đêm|ngày\ \d|hôm))
  | {_HOUR}[gG](?=\ ?(?:-|–|đến|tới)\ ?{_HOUR}[gG](?!\w|\ [a-zđ]))
  | {_HOUR}[gG]{_MINUTE}(?:\s?(?:phút|ph|p|')(?!\w))?
  | {_HOUR}\s?[hH]
  | {_HOUR}:{_MINUTE}(?::{_MINUTE})?(?:\s(?:giờ|phút)(?!\w))?
)(?!\w)(?!:\d|/\d{{1,2}}(?![hHg\d]))"""
_EACH: Final = r"(?P<each>/(?:cuộc|chuyến|lượt|lần|ca|buổi|tiết|cuốc|ngày)(?!\w))?"
_START: Final = r"(?<![\w:/.,-])"
_DASH: Final = r"\s?[-–—~]\s?"

_RATIO: Final = lazily(r"(?:tỉ lệ|tỷ lệ|tỉ số|tỷ số|scale|thắng|thua|hòa|dẫn)\D{0,12}$")
_LASTING: Final = lazily(
    r"(?:video|timer|đếm ngược|clip|bài hát|ca khúc"
    r"|dài|thời lượng|thành tích|kỷ lục|pace)\b[^.;!?\d]{0,20}$"
    r"|(?:chạy|bơi|đạp|cự ly|về đích)\b[^.;!?]{0,30}(?:hết|mất|sau|với|trong|thời gian|:) $"
)
_LETTERED: Final = lazily(r"(?:ngõ|ngách|hẻm|kiệt|nhà|lô|lớp|phòng|khối|căn|số|tòa|dãy) $")
"""Words after which a number with a letter is a name: ngõ 4H."""

_FIELDS: Final = (("m", "phút"), ("s", "giây"))
_NAMED_SCORER: Final = lazily(r"\([^()]{0,70}[A-ZĐÀ-Ỹ][^\W\d]{1,14} $")
_STRAND: Final = lazily(
    r"(?:ADN|ARN|DNA|RNA|nucl|mạch (?:gốc|khuôn|mới|bổ sung)|phiên mã|pôlime|polyme|côđon|codon"
    r"|[35]['’′]\s?(?:[-–→.…]|đến|OH|[ATGXCU]{3}|[ATGXCU]\ [ATGXCU]))"
)
"""Words about strands of DNA, whose ends are 3' and 5'."""
_LONGEST_QUOTED: Final = 80
_QUOTED: Final = lazily(r"(?<![^\s(\[{:,\"])'(?:[^\W\d][^'\n]{0,79})?$")
"""Text before a mark that closes a quotation: ``'Metro-2'``, ``'360'``."""
_SCORER: Final = lazily(r"phút [^()]{2,40}[,;] [^()\d,]{2,24} $|\([^()\d]{3,24} $")
_GOAL: Final = lazily(
    r"(?:^|[,;:] )(?:[A-ZĐÀ-Ỹ][\w.-]{0,14} ){1,3}(?P<first>(?:\d{1,3}(?:\+\d)?['’], ){1,3})?\Z"
)
"""A scorer, and maybe the minutes of earlier goals, before the minute of a goal."""
_GOAL_ENDS: Final = lazily(r"\s?(?:[,;.)(]|$)")
_LONGEST_MINUTES: Final = 180
_HALVES: Final = ((13, "trưa"), (18, "chiều"), (24, "tối"))

_PARTS_OF_DAY: Final = {"S": "sáng", "C": "chiều", "T": "tối"}
"""``S: 7h30``, as in the hours of an office."""


class Times:
    """Reads times with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps, ranges first."""
        return (
            Rule(
                r"(?<!\w)[STC](?=:\s?\d{1,2}\s?[hg]\d{0,2}(?!\w))",
                lambda match: _PARTS_OF_DAY[match[0]],
                needs=":",
            ),
            Rule(
                r"(?<=\d)\s?[hH]\s?/\s?(?=(?:chuyến|lượt|buổi|ca|tiết|ngày|tuần|đêm)(?!\w))",
                " giờ một ",
                glued=True,
                needs="/",
            ),
            Rule(
                r"(?<![\w-])(?P<y>[12]\d{3})-(?P<m>0[1-9]|1[0-2])-(?P<d>0[1-9]|[12]\d|3[01])[T\ ]"
                r"(?P<clock>[0-2]\d:[0-5]\d(?::[0-5]\d)?)(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?!\w)",
                self.stamp,
                needs=":",
            ),
            Rule(r"(?<!\w)24[hH]/(?=7(?!\w)|24)", "24/", needs="/"),
            Rule(r"(?<=[\dkđr])/1\s?[hH](?!\w)", "/giờ", needs="/"),
            Rule(r"(?<=\dp)/b(?!\w)", "/buổi", needs="/"),
            Rule(r"(?<=ngày)/(?=\d{1,2}[hH](?!\w))|(?<=ca)/(?=\d{1,2}[hH](?!\w))", " ", needs="/"),
            Rule(r"(?<=\d[hg])/(?=\d{1,2}[/-]\d)", " ngày ", needs="/"),
            Rule(
                r"(?<![\w:/.,-])(?:(?P<h>\d):)?(?P<m>[0-5]?\d):(?P<s>[0-5]\d)\.(?P<rest>\d\d(?!\d)|(?!000)\d{3})(?!\w)",
                self.result,
                needs=":",
            ),
            Rule(r"(?<=\d:\d\d)(?=[aApP]\.?[mM](?!\w))", " ", glued=True, needs=":"),
            Rule(rf"{_START}(?P<clock>{_CLOCK})\s?(?P<half>[aApP]\.?[mM]\b\.?)", self.half),
            Rule(
                rf"""(?<!\w)(?<!\d[.,:/-])(?P<first>{_CLOCK}|{_HOUR}){_DASH}(?P<last>{_CLOCK})""",
                self.range,
            ),
            Rule(
                r"(?:(?<=sáng)|(?<=chiều)|(?<=tối)|(?<=trưa))\ ?[-–]\ ?"
                r"(?=\w+(?:\ \w+)?\ giờ|\d{1,2}\s?[hg:])",
                " đến ",
                needs="-–",
            ),
            Rule(
                rf"{_START}(?P<hour>1?\d)\s?(?P<half>[aApP]\.?[mM]\b\.?)(?!\ \d{{2,4}}\ ?[gG])",
                self.half_hour,
            ),
            Rule(rf"(?<!\w)(?<!\d[.,:/])(?<!-){_CLOCK}", self.clock),
            Rule(r"(?<!\w)\+(?=\d{1,2}\"\d)", "cộng ", needs='"'),
            Rule(
                r"(?<!\w)(?<!\d[.,])(?:(?P<m>\d{1,3})')?(?P<s>\d{1,2})\"(?P<rest>\d{1,3})(?!\w)",
                self.seconds,
                needs='"',
            ),
            Rule(
                r"(?<!\w)(?<!\d[.,])(?P<m>\d{1,3})'\ ?(?P<s>\d{1,2})(?:\"|'')(?P<rest>)",
                self.seconds,
                needs="'",
            ),
            Rule(
                r"(?<!\w)(?<!\d[.,])(?P<first>\d{1,3})\s?['’]?\s?[-–~]\s?(?P<last>\d{1,3})\s?['’](?![\w'])",
                self.minutes_range,
                needs="'’",
            ),
            Rule(
                r"(?<!\w)(?<!\d[.,])(?P<minutes>\d{1,3})(?:\+(?P<extra>\d{1,2}))?['’]"
                r"(?=\)|,\ \d{1,3}(?:\+\d{1,2})?['’]|,\ [A-ZĐ])",
                self.minute_of_match,
                needs="'’",
            ),
            Rule(
                r"(?<![\w.,])(?P<minutes>\d{1,3})\+(?P<extra>\d{1,2})\s?['’](?:(?=pen|og)|(?![\w']))",
                self.added_time,
                needs="'’",
            ),
            Rule(
                r"(?<!\w)(?<!\d[.,])(?P<minutes>\d{1,3})\s?['’](?:(?=pen|og)|(?![\w']))"
                rf"{_EACH}",
                self.minutes,
                needs="'’",
            ),
            Rule(
                r"(?<![\w.,/])(?P<minutes>\d{1,3})\s?(?:p|ph|phút)\s?(?P<s>[0-5]?\d)\s?(?:s|giây)(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['minutes'])} phút "
                    f"{self._numbers.whole(match['s'])} giây"
                ),
                needs="p",
            ),
            Rule(
                r"(?<![\w.,/])(?:(?P<first>\d{1,3})\s?[-–]\s?)?(?P<minutes>\d{1,3})"
                r"(?:\s?ph|p|\sp(?=\ |,|$))(?!\w)"
                rf"{_EACH}(?!/)(?!\.\d)"
                r"(?P<point>\.(?=\s?$))?",
                self.short_minutes,
                needs="p",
            ),
            Rule(
                r"(?:(?<=\d\d\d)|(?<=\d\.\d\d\d))p(?=\ (?:nội|ngoại|gọi|thoại|liên|miễn|free|NM|LM"
                r"|trong|/))",
                " phút",
                needs="p",
            ),
            Rule(r"(?<=\d,\d)p(?!\w)", " phút", needs="p"),
            Rule(
                r"(?P<unit>\b(?:tháng|phút|lúc)\ )0(?=[1-9](?!\d))",
                lambda match: match["unit"],
                glued=True,
            ),
        )

    def stamp(self, match: re.Match[str]) -> str:
        """Read ``2025-11-03T08:15:00Z``: the date, then the time."""
        day, month, year = (self._numbers.whole(match[name]) for name in "dmy")
        month = "tư" if int(match["m"]) == 4 else month  # noqa: PLR2004
        return f"ngày {day} tháng {month} năm {year}, {self._said(match['clock'])}"

    def result(self, match: re.Match[str]) -> str:
        """Read ``4:16.85``, the result of a runner or swimmer."""
        words = [f"{self._numbers.whole(match['h'])} giờ"] if match["h"] else []
        words += [f"{self._numbers.whole(match[name])} {unit}" for name, unit in _FIELDS]
        return f"{' '.join(words)} {self._numbers.digits(match['rest'])}"

    def short_minutes(self, match: re.Match[str]) -> str | None:
        """Read ``45p`` and ``90 ph.`` as minutes, unless it is the number of a house."""
        if _LETTERED.search(before(match)) or int(match["minutes"]) > _LONGEST_MINUTES:
            return None
        first = f"{self._numbers.whole(match['first'])} đến " if match["first"] else ""
        each = f" một {match['each'][1:]}" if match["each"] else ""
        return f"{first}{self._numbers.whole(match['minutes'])} phút{each}{match['point'] or ''}"

    def clock(self, match: re.Match[str]) -> str | None:
        """Read ``8h30`` and ``14:05``, unless the colon is that of a ratio or score."""
        if match[0][-1] == "H" and _LETTERED.search(before(match)):
            return None
        if ":" in match[0] and _RATIO.search(before(match)):
            return None
        if match[0][-1] in "hH" and re.match(r"\s?\d(?!\d?/\d)", after(match)):
            return None
        if match[0].count(":") == 1 and _LASTING.search(before(match)):
            minutes, seconds = match[0].split(":")
            return f"{self._numbers.whole(minutes)} phút {self._numbers.whole(seconds)} giây"
        return self._said(match[0])

    def range(self, match: re.Match[str]) -> str:
        """Read ``7h-11h30`` and ``8-10h``."""
        first = match["first"]
        said = self._numbers.whole(first) if first.isdecimal() else self._said(first)
        return f"{said} đến {self._said(match['last'])}"

    def half(self, match: re.Match[str]) -> str:
        """Read ``8:30 AM``."""
        hour = int(re.match(r"\d+", match["clock"])[0])  # type: ignore[index]  # it begins so
        return f"{self._said(match['clock'])} {_half(hour, match['half'])}"

    def half_hour(self, match: re.Match[str]) -> str | None:
        """Read ``5pm``."""
        hour = int(match["hour"])
        if hour > 12:  # noqa: PLR2004  # no hour of a 12-hour clock
            return None
        return f"{self._numbers.cardinal(hour)} giờ {_half(hour, match['half'])}"

    def minutes_range(self, match: re.Match[str]) -> str:
        """Read ``10-15'``."""
        return (
            f"{self._numbers.whole(match['first'])} đến {self._numbers.whole(match['last'])} phút"
        )

    def minute_of_match(self, match: re.Match[str]) -> str | None:
        """Read the minutes of goals, ``(23', 90+1')``; "phút" is said once, before them."""
        front = before(match)
        extra = f" cộng {self._numbers.whole(match['extra'])}" if match["extra"] else ""
        if re.search(r"\((?:[^()]{0,16} )?$", front):
            return f"phút {self._numbers.whole(match['minutes'])}{extra}"
        if re.search(r"\([^()]{0,40}\d['’], $", front):
            return f"{self._numbers.whole(match['minutes'])}{extra}"
        return None

    def added_time(self, match: re.Match[str]) -> str:
        """Read ``90+3'``, a minute of a match with time added."""
        word = "" if before(match).endswith("phút ") else "phút "
        minutes, extra = (self._numbers.whole(match[name]) for name in ("minutes", "extra"))
        return f"{word}{minutes} cộng {extra}"

    def minutes(self, match: re.Match[str]) -> str | None:  # noqa: PLR0911
        """Read ``30'`` as minutes, and the minute of a match, ``phút 67'``, without the mark."""
        quoted = match.string[max(0, match.start() - _LONGEST_QUOTED) : match.start()]
        if match[0].endswith("'") and _QUOTED.search(quoted):
            return None
        said = self._numbers.whole(match["minutes"])
        if match["minutes"] in {"3", "5"} and _STRAND.search(before(match) + after(match)):
            return f"{said} phẩy"
        if _NAMED_SCORER.search(match.string, max(0, match.start() - 80), match.start()):
            return f"phút {said}"
        if match["each"]:
            return f"{said} phút một {match['each'][1:]}"
        if match.string[match.start() - 1 : match.start()] == "(":
            return f"phút {said}"
        front = before(match)
        if _SCORER.search(front) and match.string[match.end() : match.end() + 1] in {")", ",", ";"}:
            return f"phút {said}"
        goal = _GOAL.search(match.string, max(0, match.start() - 60), match.start())
        if goal and _GOAL_ENDS.match(after(match)) and cues.about(match, "sport"):
            return f"phút {said}" if goal["first"] is None else said
        return said if front.endswith("phút ") else f"{said} phút"

    def seconds(self, match: re.Match[str]) -> str:
        """Read the results of runners: ``1'45"`` and ``9"58``."""
        words = [f"{self._numbers.whole(match['m'])} phút"] if match["m"] else []
        words.append(f"{self._numbers.whole(match['s'])} giây")
        return " ".join([*words, *([self._numbers.digits(match["rest"])] * bool(match["rest"]))])

    def _said(self, written: str) -> str:
        """Return a time in words."""
        fields = [int(digits) for digits in re.findall(r"\d+", written)]
        words = [f"{self._numbers.cardinal(fields[0])} giờ"]
        for value, unit in zip(fields[1:], ("phút", "giây"), strict=False):
            if value or (unit == "phút" and len(fields) > 2 and fields[2]):  # noqa: PLR2004
                words.append(f"{self._numbers.cardinal(value)} {unit}")
        return " ".join(words)


def _half(hour: int, half: str) -> str:
    """Return the Vietnamese name of the part of the day."""
    if half[0] in "aA":
        return "sáng"
    return next(name for end, name in _HALVES if hour % 12 + 12 < end)
