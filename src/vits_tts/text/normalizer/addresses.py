"""Addresses: ranks of places (Q.1, P. Bến Nghé, TP.HCM) and house numbers (12/3A)."""

import re
from itertools import pairwise
from typing import Final

from vits_tts.text.letters import CAPITALS, SMALLS, spelled
from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.numbers import Numbers, Region
from vits_tts.text.patterns import lazily

_RANKS: Final = {
    "Q": "quận",
    "P": "phường",
    "H": "huyện",
    "T": "tỉnh",
    "X": "xã",
    "Đ": "đường",
    "TP": "thành phố",
    "TX": "thị xã",
    "TT": "thị trấn",
    "KP": "khu phố",
}
_SIGN_BEFORE: Final = lazily(r"\bbiển(?: báo| hiệu| số| phụ| chỉ dẫn| cấm)?\b[^.;!?]{0,32}$")
"""Text before the number of a road sign."""
_NAME: Final = rf"(?=[{CAPITALS}][{SMALLS}]|[ÔÂÝY]\ ?[{CAPITALS}][{SMALLS}])"
_PLACED: Final = lazily(
    r"(?:^|[,;:(\-–]|\b(?:ở|tại|trú|thuộc|và|ngụ|quê|trên|từ|ngõ \d+|ubnd|hđnd|tand|công an|số"
    r" \w+|\d[\w/]*))\s*$"
)
_FIGURE: Final = lazily(r"(?i:bảng|hình|phụ lục|và) $")
_TESTED: Final = lazily(
    r"sau đây|dưới đây|phát biểu|đáp án|mệnh đề|kí hiệu|thí nghiệm|câu hỏi|là $|bằng $|khối chóp"
    r"|thể tích|hình (?:chóp|vuông|trụ|nón)|hàm số|nghiệm|dung dịch|kim loại|dao động|biên độ"
    r"|\b(?:gen|alen|tế bào)\b"
)
"""Words of the questions of tests."""
_DISTRICT_NEXT: Final = lazily(
    r"[a-zà-ỹđ]{1,7}(?: [a-zà-ỹđ]{1,7}){0,3}\s?[,-]?\s?"
    r"(?:q\.?\s?\d|q\.? [a-zà-ỹđ]{2}|quận|tp\b|tp\.)"
)
"""The name of a ward and its district: ``P Phạm Ngũ Lão Quận 1``."""
_CIVIC: Final = lazily(r"(?:quận|phường|huyện|thành phố|đường|\bq\.?\s?\d|\bp\.?\s?\d|tp)")
_QUARTER_BEFORE: Final = lazily(
    r"(?:kqkd|bctc|kết quả kinh doanh|báo cáo|doanh thu|lợi nhuận|lnst|lãi|lỗ|cuối|trong|gdp|so với"
    r"|ước|kế hoạch|khkd|kpi|doanh số|ngân sách|target|mục tiêu|kết quả|từ|hết)(?: \w+){0,1} $"
)
_QUARTER_AFTER: Final = lazily(
    r":?\s?(?:doanh thu|lợi nhuận|lnst|lntt|lãi|lỗ|tăng|giảm|đạt|năm|này|tới|vừa|sẽ|(?:19|20)\d\d)"
)
_LED: Final = lazily(
    r"(?:Trump|Putin|Biden|Obama|Macron|Bush|Clinton|Zelensky|Moon|Yoon|Duterte|Marcos|Erdogan"
    r"|Maduro|Assad|Mỹ|Nga|Pháp)(?!\w)"
)
"""Presidents and their countries: ``TT.Trump``."""
_YEAR: Final = 4  # digits: 20/11/2024 is a date, not a house number
_DATE: Final = lazily(r"(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2])")
_SHORT_DATE: Final = lazily(r"(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2])/\d\d")
_DATED: Final = lazily(r"(?:ngày|sáng|trưa|chiều|tối|đêm|nsx|hsd|exp|mfg|từ|đến|trước|sau)\W{0,3}$")
_RANKED: Final = lazily(r"\b(?:bug|lỗi|sprint|ticket|ưu tiên|priority|task|issue)\b")
_CLOCK: Final = lazily(r",? ?-? ?\d{1,2}[:h]\d\d")
_OFFICE: Final = lazily(r"(?:tổng|giám đốc|chủ tịch|trưởng|hiệu trưởng|viện trưởng|bí thư)\b")
_STREET: Final = lazily(r"\s[^,.;:\d]{2,30},\s?(?:p\.|q\.|phường|quận|xã)")
_SINCE: Final = lazily(r"\bt(?:ừ|ới) (?:ngày )?\d{1,2}/\d{1,2}(?:/\d{4})? (?:đến|tới) (?:ngày )?$")
"""The text before the last day of a period."""
_STREET_AFTER: Final = lazily(
    r",?\s(?:đường|phố|ngõ|hẻm|ngách|tổ|kp|khu|phường|p\.|[^\W\d_]+ [^\W\d_]+,)"
)
_CAR: Final = lazily(r"(?:audi|chery|infiniti|đồng hồ|máy) $")
_DEPARTMENT: Final = lazily(
    r"(?i:marketing|mkt|kinh doanh|nhân sự|kế toán|hành chính|kỹ thuật|đào tạo|sales?|hr)(?!\w)"
)
"""Departments, after which ``TP`` is the head and no city."""
_RACE: Final = lazily(
    r"\b(?:f1|verstappen|norris|leclerc|hamilton|grand prix|pole|đua|vòng chạy|chặng)\b"
)
_AT: Final = lazily(r"(?:^|tại|ở|về|đến|qua|giao|ship|:|đ/c|đc|địa chỉ) $")
_QUARTER_NEXT: Final = lazily(
    r",?\s(?:(?:tổ|ấp|kp|khu phố|thôn|khu|đội|xóm)\.?\s?\d|(?:đường|phố|hẻm|ngõ)\s(?!đi\b))"
)
_TOWN_NEXT: Final = lazily(
    rf"\s(?:[{CAPITALS}][{SMALLS}]{{0,6}}\s?){{2,4}},\s?(?:[{CAPITALS}][{SMALLS}]{{0,6}}\s?){{2,4}}(?:,|\(|$)"
)
"""Two names after the number that begins a line: a street and its town."""
_HOUSE: Final = lazily(
    r"(?<!phân )(?<!dân )(?<!tỷ )(?<!tỉ )(?<!đa )"
    r"(?:số|số nhà|nhà|ngõ|ngách|hẻm|kiệt|địa chỉ|đc|lô|căn|kiot)\W{0,2}$"
)

_MODELS_BEFORE: Final = lazily(
    r"(?<!\w)(?:iphone|ip|ai phôn|ipad|galaxy|note|redmi|poco|reno|realme|oppo a|vivo y|macbook"
    r"|airpods|watch|series|win|windows|android|ios|ubuntu|office|pro|tab|vision|exciter|đời"
    r"|size(?: (?:giày|áo|quần|nữ|nam))?"
    r"|sz|cỡ|core i|ram|bản|model|khóa k|khoá k) ?$"
)
_MEASURED_AFTER: Final = lazily(r"\s?(?:kg|g|gr|ml|l|lít|cm|mm|m|w|gb|inch|mah|k|triệu|tr)(?!\w)")


_DISTRICTS: Final = 12
"""The highest number of a district."""


class Addresses:
    """Reads addresses with the words of one region."""

    def __init__(self, numbers: Numbers, region: Region) -> None:
        """Keep the words for numbers, and the region's word for the slash of a house number."""
        self._numbers = numbers
        self._slash = "xẹt" if region == "south" else "trên"

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: ranks of places with their forms, then house numbers."""
        return (
            Rule(
                r"(?<![\w./])(?P<kind>D?P|[WRIS])\.\ ?(?P<number>[1-9]\d{2})(?P<form>[a-g]?)"
                r"(?![\w/])",
                self.sign,
                needs="PWRIS",
            ),
            Rule(r"(?<=[a-zà-ỹ])\.(?=(?:P|Q|TP|TX|TT)[.\ ]\s?[A-ZĐ])", ", ", glued=True, needs="."),
            Rule(
                r"(?<![\w.])(?i:TP)\.?\s?(?i:HCM)(?!\w)|(?<!\w)TPHCM(?!\w)",
                "thành phố Hồ Chí Minh",
                needs="H",
            ),
            Rule(r"(?<=[Nn]gã\ )4(?!\w)", "tư", needs="4"),
            Rule(rf"(?<![\w.])(?P<rank>[Tt][PpXxTt])(?:\.\s?|\ ){_NAME}", self.town),
            Rule(r"(?<![\w./])[Pp]\.\s?(?=[A-HĐ]\d)", "phòng ", needs="."),
            Rule(
                r"(?<![\w.&])(?:P\.?|p\.)\s?(?P<room>\d{3,4})(?!\w)(?![.,]\d)",
                self.room,
                needs="Pp",
            ),
            Rule(
                rf"(?<![\w.])P\ {_NAME}",
                lambda match: "phường " if _DISTRICT_NEXT.match(after(match)) else None,
                needs="P",
            ),
            Rule(r"(?<![\w.])Đ\.\s?(?=số\ \d)", "đường ", needs="Đ"),
            Rule(
                r"(?<![\w.])Đ\.\s?(?=\d{1,3}\ (?:[Ll]uật|BL|NĐ|[Nn]ghị|TT))",
                "điều ",
                needs="Đ",
            ),
            Rule(
                r"(?<=Q\d)\ ?[-–/]\ ?(?=(?:TB|NB|PN|BT|GV|TP|TĐ)(?!\w))"
                r"|(?<=Q\d\d)\ ?[-–/]\ ?(?=(?:TB|NB|PN|BT|GV|TP|TĐ)(?!\w))",
                ", ",
                glued=True,
                needs="Q",
            ),
            Rule(
                r"(?<![\w.])Q\.?\s?(?P<first>\d{1,2})(?P<more>(?:\s?[,+]\s?\d{1,2}(?![\w.]|\s?%)){1,6})",
                self.districts,
                needs="Q",
            ),
            Rule(
                r"(?<![\w./])(?P<rank>[QPHXĐ]|KP|Kp|kp|[qp])\.\s?(?P<number>\d{1,2})(?!\w)(?!\s?(?:%|phút))",
                self.numbered,
                needs=".",
            ),
            Rule(
                r"(?<!\w)(?P<rank>KP|Kp|kp)\s?(?P<number>\d{1,2})(?!\w)", self.numbered, needs="Pp"
            ),
            Rule(
                r"(?<![\w.])(?P<rank>[QP])(?P<number>\d{1,2})(?![\w+])(?!\s?[/-]?\s?[12]\d{3}|[/-][23]\d(?!\d))",
                self.short,
                needs="QP",
            ),
            Rule(
                r"(?P<rank>[qp])(?<![\w.].)(?P<number>\d{1,2})(?![\w+])(?!\s?[/-]?\s?[12]\d{3}|[/-][23]\d(?!\d))",
                self.small,
                needs="qp",
            ),
            Rule(
                r"F(?<![\w.].)\.?\ ?(?P<number>\d{1,2})(?![\w+.])"
                r"(?=\s?[,.;–-]|\ (?:Q|P|q|Bình|Tân|Gò|Phú|Thủ)|\ ?$)",
                self.ward,
                needs="F",
            ),
            Rule(
                r"P(?<!\w.)\ (?P<number>\d{1,2})(?=\s?,|\s(?:Q|q|Bình|Tân|Gò|Phú|Thủ))",
                self.ward,
                needs="P",
            ),
            Rule(
                r"(?<!\w)[Pp]\.\s?(?=(?:đôi|đơn|ngủ|khách|trọ|gia\ đình|vip" r"|VIP)(?!\w))",
                "phòng ",
                needs=".",
            ),
            Rule(
                r"(?<![\w.])Q\.\s?(?=(?:Nam|Ninh|Trị|Ngãi|Bình)(?!\w)(?!\ [A-ZĐ]))",
                "Quảng ",
                needs="Q",
            ),
            Rule(rf"(?<![\w./])(?P<rank>[QP])\.\s?{_NAME}", self.ranked, needs="QP"),
            Rule(
                r"[Qq](?<![\w./].)(?:\ (?=(?:Tân\ (?:Bình|Phú)|Bình\ (?:Thạnh|Tân)"
                r"|Gò\ Vấp|Phú\ Nhuận|Thủ\ Đức|Đống\ Đa|Cầu\ Giấy|Thanh\ Xuân|Hoàng\ Mai|Hà\ Đông"
                r"|Ba\ Đình|Hải\ Châu)(?!\w))"
                r"|\.\ ?(?=(?:BÌNH|TÂN|GÒ|PHÚ|THỦ|ĐỐNG|CẦU\ GIẤY|THANH\ XUÂN|HOÀNG\ MAI|HÀ\ ĐÔNG"
                r"|HẢI\ CHÂU|HẢI\ AN|BA\ ĐÌNH|HAI\ BÀ)(?!\w)))",
                "quận ",
                needs="Qq",
            ),
            Rule(r"(?<![\w.])Q\.\s?(?=[A-ZĐ]{2,3}(?!\w))", "quận ", needs="Q"),
            Rule(
                r"[Qq](?<![\w.].)l\.?\ ?(?P<number>\d{1,3})(?P<branch>[A-D]?)(?!\w)",
                self.highway,
                needs="l",
            ),
            Rule(rf"(?<![\w./])(?P<rank>[HXĐTt])\.\s?{_NAME}", self.placed, needs="."),
            Rule(rf"(?<![\w./])(?P<rank>[qphxđ])\.\s?{_NAME}", self.ranked, needs="."),
            Rule(
                r"(?i)(?<!\w)km\s?(?P<km>\d{1,4})\s?\+\s?(?P<m>\d{1,3})(?!\w)",
                self.milestone,
                needs="+",
            ),
            Rule(
                r"[Kk]m(?<![\w/]..)(?<!\d\ ..)(?<!giá\ ..)(?<!được\ ..)(?<!mã\ ..)"
                r"(?:\ (?=\d)|(?=[014-9]|\d\d))",
                "ki lô mét ",
                needs="m",
            ),
            Rule(
                r"(?<![\w/.,-])(?<!:\d\d\ )(?!\d+K/\d+\ (?:ngày|tháng|tuần|năm|lần))"
                r"(?P<house>\d{1,4}[A-ZĐ]?(?:/\d{1,4}[A-ZĐ]?){1,5})(?![\w/])",
                self.house,
                needs="/",
            ),
            Rule(
                r"(?<![\w/.,-])(?P<house>\d{1,3}(?:/\d{1,3}){2,4})"
                r"(?=\ ?(?:kg|g|gr|ml|l|cm|mm|m|w|W|gb|GB|mAh)(?!\w))",
                lambda match: (
                    match["house"].replace("/", ", ")
                    if self._listed(match, match["house"].split("/"))
                    else None
                ),
                needs="/",
            ),
            Rule(
                r"(?<![\w/.,-])(?P<block>[A-EGHKLN])(?P<house>\d{1,3}(?:/\d{1,3}[A-ZĐ]?){1,4})(?![\w/])",
                self.block,
                needs="/",
            ),
            Rule(
                rf"(?<!\w)SN(?=\s\d{{1,3}}[A-ZĐ]?(?:/\d{{1,3}})?,?\s(?:đường|phố|ngõ|tổ|thôn|[{CAPITALS}]))",
                "số nhà",
                needs="S",
            ),
        )

    def block(self, match: re.Match[str]) -> str:
        """Read a house number with the name of a block: ``B12/5``."""
        fields = map(self._field, match["house"].split("/"))
        return f"{spelled(match['block'])} {f' {self._slash} '.join(fields)}"

    def town(self, match: re.Match[str]) -> str | None:
        """Read ``TP. Đà Nẵng``. ``TT`` without a point is left, because it may also be a title."""
        rank = match["rank"].upper()
        if rank == "TT" and _LED.match(match.string, match.end()):
            return "tổng thống "
        if rank == "TT" and "." not in match[0]:
            return None
        if rank == "TP" and _DEPARTMENT.match(match.string, match.end()):
            return "trưởng phòng "
        return f"{_RANKS[rank]} "

    def numbered(self, match: re.Match[str]) -> str:
        """Read ``Q.1``. In a line about sport, ``p.78`` is a minute."""
        if match["rank"] == "p" and cues.about(match, "sport"):
            return f"phút {self._numbers.whole(match['number'])}"
        return f"{_RANKS[match['rank'].upper()]} {self._numbers.whole(match['number'])}"

    def sign(self, match: re.Match[str]) -> str | None:
        """Read ``P.127a``, the number of a road sign; elsewhere it may be a room."""
        if not _SIGN_BEFORE.search(before(match)):
            return None
        number = self._numbers.whole(match["number"])
        return " ".join(filter(None, (spelled(match["kind"]), number, spelled(match["form"]))))

    def room(self, match: re.Match[str]) -> str:
        """Read ``P.1503`` as the number of a room."""
        said = "" if before(match).endswith("phòng ") else "phòng "
        return f"{said}{self._numbers.whole(match['room'])}"

    def districts(self, match: re.Match[str]) -> str | None:
        """Read ``Q1,3,5``, a list of districts, and not the first quarter and a sum."""
        if _QUARTERLY.search(before(match)) or _SUMMED.match(after(match)):
            return None
        numbers = re.findall(r"\d{1,2}", match[0])
        return f"quận {', '.join(map(self._numbers.whole, numbers))}"

    def short(self, match: re.Match[str]) -> str | None:  # noqa: PLR0911
        """Read ``Q1``, and ``P5`` beside another part of an address."""
        around = before(match) + " " + after(match)
        if match["rank"] == "Q" and _CAR.search(before(match)):
            return f"quy {self._numbers.whole(match['number'])}"
        if match["rank"] == "Q" and _opens_question(match):
            return f"câu {self._numbers.whole(match['number'])}"
        civic = _CIVIC.search(around)
        reported = _QUARTER_BEFORE.search(before(match)) or _QUARTER_AFTER.match(after(match))
        if match["rank"] == "Q" and match["number"] in "1234" and reported and not civic:
            return f"quý {self._numbers.whole(match['number'])}"
        if match["rank"] == "Q" and int(match["number"]) > _DISTRICTS:
            return None  # the question of a test, as in Q23
        if match["rank"] == "P" and _RACE.search(around):
            return f"pê {self._numbers.whole(match['number'])}"
        if match["rank"] == "P" and _FIGURE.search(before(match)):
            return f"pê {self._numbers.whole(match['number'])}"
        housing = civic or _PLACED_AFTER.match(after(match)) or cues.about(match, "property")
        if match["rank"] == "P" and (not housing or _RANKED.search(around)):
            return None
        return f"{_RANKS[match['rank'].upper()]} {self._numbers.whole(match['number'])}"

    def highway(self, match: re.Match[str]) -> str | None:
        """Read ``ql 1A``. ``ql 12 nhân viên`` is about the management of people."""
        if _MANAGED.match(after(match)):
            return None
        number = self._numbers.whole(match["number"])
        return f"quốc lộ {number} {spelled(match['branch'])}".rstrip()

    def ward(self, match: re.Match[str]) -> str | None:
        """Read ``F5`` and ``P 5`` as wards between other parts of an address."""
        front = before(match)
        if not (_WARD_BEFORE.search(front) and _PLACED_AFTER.match(after(match))):
            return None
        if _KEY_BEFORE.search(front):
            return None
        return f"phường {self._numbers.whole(match['number'])}"

    def small(self, match: re.Match[str]) -> str | None:
        """Read ``q1`` and ``p5``, as they are typed; other small letters name models."""
        front, back = before(match), after(match)
        if int(match["number"]) > (_DISTRICTS if match["rank"] == "q" else _WARDS):
            return None
        if _SMALL_MODEL.search(front):
            return None
        beside = _DISTRICT_BEFORE if match["rank"] == "q" else _WARD_NEAR
        placed = beside.search(front) or _PLACED_AFTER.match(back)
        if not placed and not cues.about(match, "property"):
            return None
        if match["rank"] == "q" and match["number"] in "1234" and _REPORTED.search(front):
            return None  # a quarter of the year
        return f"{_RANKS[match['rank'].upper()]} {self._numbers.whole(match['number'])}"

    def ranked(self, match: re.Match[str]) -> str:
        """Read ``P. Bến Nghé`` as a ward, but ``P. Tổng Giám đốc`` as the title of a deputy."""
        if match["rank"] == "P" and _OFFICE.match(after(match)):
            return "phó "
        return f"{_RANKS[match['rank'].upper()]} "

    def placed(self, match: re.Match[str]) -> str | None:
        """Read ``H.

        Củ Chi`` at a place where an address may stand. Elsewhere ``H.`` is an initial.
        """
        return f"{_RANKS[match['rank'].upper()]} " if _PLACED.search(before(match)) else None

    def milestone(self, match: re.Match[str]) -> str:
        """Read ``km 12+500``."""
        kilometres, metres = self._numbers.whole(match["km"]), self._numbers.whole(match["m"])
        return f"ki lô mét {kilometres} cộng {metres}"

    def house(self, match: re.Match[str]) -> str | None:
        """Read ``12/3A`` and ``123/45/6``.

        ``a/b`` is a house number only after số, ngõ and the like.
        """
        fields = match["house"].split("/")
        lettered = any(not field.isdecimal() for field in fields) and len(fields[-1]) != _YEAR
        deep = match["house"].count("/") > 1
        if re.fullmatch(r"\d/\dM|[23]D/[23]D", match["house"]):
            return None  # half a spoon of a recipe, or dimensions of drawings
        if self._listed(match, fields):
            return ", ".join(map(self._field, fields))
        if _SINCE.search(before(match)):
            return None  # từ 19/5 đến 25/5 tại nhà thi đấu Nguyễn Du, quận 1
        if _SHORT_DATE.fullmatch(match["house"]) and (
            _DATED.search(before(match))
            or _CLOCK.match(after(match))
            or not (_HOUSE.search(before(match)) or _STREET_AFTER.match(after(match)))
        ):
            return None
        named = lettered or deep or _HOUSE.search(before(match)) or _STREET.match(after(match))
        named = named or (_AT.search(before(match)) and _QUARTER_NEXT.match(after(match)))
        if not named and not match.start() and not _DATE.fullmatch(match["house"]):
            named = _TOWN_NEXT.match(match.string, match.end())
        if (deep and len(fields[-1]) == _YEAR) or not named:
            return None
        return f" {self._slash} ".join(map(self._field, fields))

    @staticmethod
    def _listed(match: re.Match[str], fields: list[str]) -> bool:
        """Return whether rising numbers are models, sizes or amounts: ``iPhone 13/14/15``."""
        if not all(map(str.isdecimal, fields)) or _HOUSE.search(before(match)):
            return False
        rising = all(int(a) < int(b) for a, b in pairwise(fields))
        measured = len(fields) > 2 and _MEASURED_AFTER.match(after(match))  # noqa: PLR2004
        return rising and bool(measured or _MODELS_BEFORE.search(before(match)))

    def _field(self, field: str) -> str:
        digits = field.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZĐ")
        said = self._numbers.digits(digits) if digits[0] == "0" else self._numbers.whole(digits)
        return f"{said} {spelled(field[len(digits) :])}".strip()


_WARDS: Final = 28
"""The highest number of a ward in a district."""
_SMALL_MODEL: Final = lazily(
    r"(?:máy|huawei|oppo|vivo|honor|dòng|con|chip|samsung|galaxy|xam xung|điện thoại|loa|model|lg"
    r"|em)\s(?:\w+ )?$"
)
"""Words before the name of a model, such as ``huawei p30``."""
_MANAGED: Final = lazily(
    r"\s(?:người|nhân viên|nv|bạn|em|đứa|học sinh|hs|cửa hàng|shop|chi nhánh|cơ sở|cs|quán|nhà"
    r"|phòng|lớp|đội|nhóm|team|tổ|dự án|tài khoản|tk|page|trang|kho|xe|máy|kênh|công ty|cty|căn|đơn"
    r"|tòa|khu|con|cái|tháng|năm|ngày|triệu|tr)(?!\w)"
)
"""People and things that are managed, after their number."""
_WARD_NEAR: Final = lazily(
    r"(?:quận|\bq\.?\s?\d{1,2}|\bp\.?\s?\d{1,2}|phường|đường|tphcm|hcm|sài gòn)"
    r"\s?(?:[,.;:–-]|và|hoặc|với)?\s?$"
)
_DISTRICT_BEFORE: Final = lazily(
    rf"{_WARD_NEAR.pattern}|(?:trung tâm|về|ở|tại|qua|gần|khu vực|sống|ra|đến)\s?$"
)
_PLACED_AFTER: Final = lazily(
    r"\s?[,.–-]?\s?(?:q\.?\s?\d|p\.?\s?\d|q[. ]|quận|tp|hcm|gò vấp"
    r"|tân bình|tân phú|bình (?:thạnh|tân|chánh|dương)|phú nhuận|thủ đức)"
)
"""Parts of an address beside the small letter of another."""
_REPORTED: Final = lazily(
    r"(?:doanh thu|doanh số|lợi nhuận|lãi|lỗ|báo cáo|kết quả|kế hoạch|quý|gdp|kpi|tăng trưởng)\b"
    r"[^;.]*$"
)
"""Words of a report, in which ``q1`` is a quarter of the year."""
_KEY_BEFORE: Final = lazily(r"(?:nhấn|bấm|ấn|phím|gõ|ca|diện|trường hợp|lớp|trẻ|người|các|là)\s$")
"""Words before the key ``F5``, or before ``F1``, a person with a certain risk of infection."""
_WARD_BEFORE: Final = lazily(r"(?:[^\W\d_]{2,}|\d),?\s?[–-]?\s?$")
_QUARTERLY: Final = lazily(
    r"(?:doanh thu|lợi nhuận|lãi|báo cáo|kết quả|quý|gdp|tăng" r"|giảm)\b[^;.]{0,16}$"
)
_SUMMED: Final = lazily(r"\s?(?:tỷ|tỉ|triệu|tr\b|nghìn|k\b|%|đ\b)")


def _opens_question(match: re.Match[str]) -> bool:
    """Return whether ``Q8:`` begins a line with a question of a test."""
    string, start, end = match.string, match.start(), match.end()
    if (start and string[start - 1] != "\n") or string[end : end + 1] != ":":
        return False
    line = string[end : end + _QUESTION].partition("\n")[0]
    if int(match["number"]) > _DISTRICTS or _TESTED.search(line) or _EXAMPLE.search(line):
        return True
    if cues.about(match, "property"):
        return False
    if cues.about(match, "science") or _ASKED.search(line.lower()) is not None:
        return True
    sentence = len(_SMALL_WORD.findall(line)) >= _SENTENCE
    return sentence and _CIVIC.search(line.lower()) is None


_EXAMPLE: Final = lazily(r"\b(?i:bà|ông|anh|chị|bạn|cô|chú|xã|công ty|trường \w+) [A-Z](?![\w.])")
"""A person or a place of a question that is named by a letter: ``bà H``."""
_SMALL_WORD: Final = lazily(r"(?<= )[a-zà-ỹđ]{2,7}(?![\w.])")
_SENTENCE: Final = 5
"""Minimum number of words in small letters of a sentence, which are too many for an address."""
_ASKED: Final = lazily(
    r"\?|\((?:nb|th|vdc?)\)|\b(?:nào|bao nhiêu|vì sao|là gì|ai là|đâu|thuộc loại)\b"
)
_QUESTION: Final = 200
