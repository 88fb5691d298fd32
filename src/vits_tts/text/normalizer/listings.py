"""Listings: the short forms of adverts, price lists, vacancies and plans of networks.

The steps run before those of :mod:`vits_tts.text.normalizer.units`. A letter after a number, as in
``16c`` or ``90k/30N``, is read here only if the words before it decide.
"""

import re
from typing import Final

from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.normalizer.unit_table import LENGTHS
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily


class Listings:
    """Reads the forms of listings with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps. They run only on texts with a letter after a digit."""
        return (
            Rule(
                r"(?<=[a-zà-ỹ])\ x(?=\d{1,2}(?:[.,]\d)?(?:[\s,;)]|\.\s|\.?$))",
                lambda match: (
                    None
                    if cues.about(match, "science")
                    or _UNKNOWN.search(before(match))
                    or re.match(r",?\s?(?:và\s)?(?:[a-z]\d|ích\s)", after(match))
                    else " nhân "
                ),
                needs="x",
            ),
            Rule(r"(?<=\d\.\d)MT(?!\w)", " mờ tê", needs="M"),  # a gearbox
            Rule(r"(?<=\d)T[rR](?=\d{1,3}(?!\d))", "tr", glued=True, needs="T"),  # 4TR5
            Rule(r"(?<=\d)T[YỶyỷ](?=\d{1,3}(?!\d))", "tỷ", glued=True, needs="T"),
            Rule(r"(?<=\dtr\d)k(?!\w)", "", glued=True, needs="k"),  # 1tr2k
            Rule(r"(?<=\d)tri[eêệ]u(?=\d)", "tr", glued=True, needs="t"),  # 4trieu2
            Rule(r"(?<=\dtr)x{1,3}(?!\w)", " mấy", needs="x"),
            Rule(r"(?<=\d)Pn(?!\w)", " phòng ngủ", needs="P"),
            Rule(r"(?<=\.\d{3})\ ?/\ ?th(?!\w)", " một tháng", needs="/"),
            Rule(
                r"(?<![\d.,])(?P<whole>\d{1,2})[.,]?(?P<rest>\d{3})\ ?/\ ?"
                r"(?P<each>k[wW][hH]?|K[wW][hH]?|m3|M3|m³|khối|số|kí|ký)(?!\w)",
                self.metered,
                needs="/",
            ),  # điện 3,500/kw
            Rule(
                r"(?<=\d)b(?=\ (?:nữ|nam)(?!\w))",
                lambda match: " bạn" if _SOUGHT.search(before(match)) else None,
                needs="b",
            ),
            Rule(
                r"(?<=\.\d{3})\ ?/\ ?(?=(?:tháng|người|phòng|năm|xe|căn)(?![\w/]))",
                " một ",
                glued=True,
                needs="/",
            ),  # 3.800.000/tháng
            Rule(
                r"(?<![\w.,/-])(?P<millions>\d{1,2})[.,]?(?P<rest>\d{3})k(?!\w)",
                self.many_thousands,
                glued=True,
                needs="k",
            ),
            Rule(
                r"(?<=\d)/(?=(?:phòng|người|xe)(?![\w/]))",
                self.charge,
                needs="/",
            ),
            Rule(
                r"\ ?/\ ?(?=[1-9]\ ?(?:người|ng|bạn)(?!\w))",
                lambda match: " cho " if _PAID.search(before(match)) else None,
                needs="/",
            ),
            Rule(
                r"(?<=\d)k/p(?!\w)",
                lambda match: (
                    f" {self._numbers.thousand} một phòng"
                    if _CHARGED.search(before(match)) or cues.about(match, "property")
                    else None
                ),
                needs="/",
            ),
            Rule(r"(?<=\d)[nN](?=/(?:th|tháng|tuần)(?!\w))", " ngày", needs="/"),
            Rule(r"(?<=[a-zà-ỹ]{2})/th(?!\w)", " một tháng", needs="/"),
            Rule(r"(?<=\d)hv(?!\w)", " học viên", needs="h"),
            Rule(r"(?<=\d)x(?=\ (?:lương|thu\ nhập|vốn|doanh)(?!\w))", " lần", needs="x"),
            Rule(
                r"(?<![\w.,/-])(?P<first>[1-6]\d)\ ?[-–]\ ?(?P<last>[2-7]\d)t(?!\w)",
                self.ages,
                needs="t",
            ),
            Rule(
                r"(?<=\d)k/(?=\d{1,2}T(?!\w))", f" {self._numbers.thousand} ", glued=True, needs="/"
            ),
            Rule(
                r"(?<=\d)k/N(?P<more>/(?=\d))?(?!\w)",
                lambda match: f" {self._numbers.thousand} một ngày{', ' if match['more'] else ''}",
                needs="/",
            ),
            Rule(r"(?<=\d)N(?=\ (?:phép|nghỉ|công|lễ)(?!\w))", " ngày", needs="N"),
            Rule(r"(?<=\d)k/T(?!\w)", f" {self._numbers.thousand} một tháng", needs="/"),
            Rule(
                r"(?<![\w.,])\d{1,2}m\d{0,2}(?:\ ?[x×]\ ?\d{1,3}(?:m\d{0,2}|cm)){1,2}(?!\w)",
                self.dimensions,
                needs="x×",
            ),
            Rule(
                r"(?<!\w)(?P<number>\d)L(?P<rest>\d)(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['number'])} lít "
                    + self._numbers.whole(match["rest"])
                    if _FILLED.search(before(match))
                    else None
                ),
                needs="L",
            ),
            Rule(
                r"(?<=\d)m(?![\w²³])",
                self.small_m,
                needs="m",
            ),
            Rule(
                r"(?<=\d)M(?![\w²³])",
                lambda match: " triệu" if _EARNED.search(before(match)) else None,
                needs="M",
            ),
            Rule(
                r"(?<=\d)q(?=\s\d|,|\))",
                lambda match: " quyển" if _BOOKS.search(before(match)) else None,
                needs="q",
            ),
            Rule(
                r"(?<!\w)(?P<seats>4|5|7|9|16|29|35|45)c(?P<more>/(?=\d))?(?!\w(?<!\d))",
                lambda match: (
                    f"{self._numbers.whole(match['seats'])} chỗ{', ' if match['more'] else ''}"
                    if _SEATED.search(before(match))
                    else None
                ),
                needs="c",
            ),
            Rule(
                r"(?<=[.,]\d)k(?=/\d)" r"|(?<=\.\d\d\d)k(?=/\d)",
                f" {self._numbers.thousand}",
                needs="k",
            ),
            Rule(
                r"(?<=\d)N(?![\w/])|(?<=\dk/\d)N(?!\w)|(?<=GB/)N(?!\w)",
                self.days_of_plan,
                needs="N",
            ),
            Rule(
                r"(?<=\d)CK(?!\w)",
                lambda match: " chu kỳ" if cues.about(match, "telecom") else None,
                needs="C",
            ),
            Rule(
                r"(?<=[.,]\d)(?P<mark>CC|GK|CK|QT|BT|TH)(?=\s?(?:[+=,;.)]|$))",
                lambda match: f" {_MARKED[match['mark']]}",
                needs="CGQBT",
            ),
            Rule(
                r"(?<=[^\W_])/(?P<each>HK|KH|NV|HV|BN|SP|HĐ|TC)(?!\w)",
                lambda match: (
                    f" một {_EACH_OF[match['each']]}" if COUNTED.search(before(match)) else None
                ),
                needs="/",
            ),
            Rule(r"(?<=\dk)/(?=[SML]\ \d)", ", ", glued=True, needs="/"),
            Rule(r"(?<=[a-zà-ỹ]\ )-(?=\d{1,3}k(?!\w))", "trừ ", needs="-"),
            Rule(r"(?<=bé\ \d)m(?!\w)", " tháng", needs="m"),
            Rule(
                r"(?<=\d)[xX](?P<rest>\d)(?P<scale>tr|tỷ|ty)(?!\w)",
                lambda match: (
                    f" ích {self._numbers.whole(match['rest'])} "
                    f"{'triệu' if match['scale'] == 'tr' else 'tỷ'}"
                    if re.search(r"giá \d$", before(match))
                    else None
                ),
                needs="xX",
            ),
            Rule(r"(?<=\d)P(?=\ (?:khép\ kín|cho\ thuê|studio)(?!\w))", " phòng", needs="P"),
            Rule(
                r"(?<=\ \d)c(?=\s(?:to|nhỏ|bé|lớn|màu|bị|méo|hư|hỏng|lỗi|rách|đen|trắng|đỏ|vừa)"
                r"(?!\w))",
                lambda match: None if _NUMBERED.search(before(match)) else " cái",
                needs="c",
            ),
            Rule(
                r"(?<=\d)c(?=,|\s(?:size|gồm|giá))",
                lambda match: (
                    " cái"
                    if re.search(r"(?:bộ|set" r"|combo)\b[^,;.]{0,24}$", before(match))
                    else None
                ),
                needs="c",
            ),
            Rule(r"(?<=\d)\ (?=\d{3}(?:k|tr)(?!\w))", ", ", glued=True, needs="kt"),
            Rule(
                r"(?<!\w)(?P<first>\d{1,2})\ ?[-–]\ ?(?P<last>\d{1,2})t(?=\))",
                lambda match: (
                    f"{match['first']} đến {match['last']} tuổi"
                    if _MINORS.search(before(match))
                    else None
                ),
                needs="t",
            ),
            Rule(
                r"(?<=\d)c(?=(?:/\d{2}|\s(?:TN|TL|trắc|tự\ luận)|[,;.)]|$))",
                lambda match: (
                    " câu"
                    if cues.about(match, "student")
                    and (match.string[match.end() :][:1] in "/ " or _TIMED.search(before(match)))
                    else None
                ),
                needs="c",
            ),
            Rule(
                r"(?<!\w)R(?=\ (?:khôn|sứ|hàm|sâu|sữa|cửa|số|\d))|(?<=trám\ )R(?!\w)"
                r"|(?<=nhổ\ )R(?!\w)",
                lambda match: "răng" if cues.about(match, "medicine") else None,
                needs="R",
            ),
            Rule(
                r"(?<![\w.,/-])(?P<first>\d{1,3})\ ?[-–]\ ?(?=\d{1,2}(?:tr|ty|tỷ|tỉ|triệu)\d)",
                self.to_mixed,
                needs="-–",
            ),
            Rule(
                r"(?<![\w.,/-])\d{1,4}(?P<unit>k|tr|kg|L|l|ml|HP|hp|W|g|GB|TB|cm|km)"
                r"(?:\ ?[-–]\ ?\d{1,4}(?P=unit)){2,5}(?![\w/])",
                lambda match: re.sub(r"\ ?[-–]\ ?", ", ", match[0]),
                glued=True,
                needs="-–",
            ),
            Rule(
                r"(?<=\d)(?P<unit>k|kg|L|l|ml|HP|hp|W|GB|TB|cm|km)/(?=\d{1,4}(?:[.,]\d{1,2})?(?P=unit)(?![\w²³]))",
                lambda match: f"{match['unit']}, ",
                glued=True,
                needs="/",
            ),
            Rule(
                r"(?<!\w)(?P<cold>0|5|10|15|20)W\ ?[-/]?\ ?(?P<warm>20|30|40|50|60)(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['cold'])} vê kép "
                    + self._numbers.whole(match["warm"])
                ),
                needs="W",
            ),
            Rule(r"(?<=\d)\ ?sp(?![\w/])", " sản phẩm", needs="s"),
            Rule(
                r"(?<=\dWC)\s?[-–]\s?(?=\d)" r"|(?<=\dPN)\s?[-–]\s?(?=\d)",
                ", ",
                glued=True,
                needs="-–",
            ),
            Rule(
                r"(?<=\d)\ ?TC(?=\))",
                lambda match: " thổ cư" if cues.about(match, "property") else None,
                needs="T",
            ),
            Rule(r"(?<=x\ \d)v(?!\w)|(?<=x\ \d\d)v(?!\w)", " viên", needs="v"),
            Rule(
                r"(?<=tuần\ )x\ (?=(?:một|hai|ba|bốn|năm)\ giờ)|(?<=tháng\ )x\ (?=(?:một|hai|ba"
                r"|bốn|năm)\ giờ)",
                "nhân ",
                glued=True,
                needs="x",
            ),
            Rule(
                r"(?<=\()(?P<first>[1-7]\d)\ ?[-–]\ ?(?P<last>[2-7]\d)t(?=\))",
                lambda match: f"{match['first']} đến {match['last']} tuổi",
                needs="t",
            ),
            Rule(
                r"(?<=\d)b(?=\s\d{1,4}(?:k|tr)|\sx\s|/(?:tuần|tháng|khóa|th)\b|[,.)]|$"
                r"|\s(?:tặng|giảm|giá|chỉ|còn|free|miễn|trọn|hạn|ưu))",
                lambda match: " buổi" if _TAUGHT.search(before(match)) else None,
                needs="b",
            ),
        )

    def metered(self, match: re.Match[str]) -> str | None:
        """Read ``3,500/kw``, the price of a unit. ``2024/số 5`` has a year."""
        number = match["whole"] + match["rest"]
        if _YEAR.match(match[0]):
            return None
        each = _METERED.get(match["each"].lower(), match["each"])
        return f"{self._numbers.whole(number)} một {each}"

    def many_thousands(self, match: re.Match[str]) -> str | None:
        """Read ``3.900k``, nearly four millions. A range such as ``1500-2000k`` is left.

        The ``6500k`` of a lamp are kelvins.
        """
        if _LAMP.search(before(match)) or _LIGHT.match(after(match)):
            return f"{self._numbers.whole(match['millions'] + match['rest'])} ca"
        if re.search(r"\d ?[-–] ?$", before(match)) or re.match(r" ?[-–] ?\d", after(match)):
            return None
        rest = match["rest"].rstrip("0") and match["rest"]
        return f"{match['millions']}tr{rest}"

    def charge(self, match: re.Match[str]) -> str | None:
        """Read ``dịch vụ: 150/phòng``, a charge in thousands that lacks its unit."""
        if not _CHARGED.search(before(match)):
            return None
        return f" {self._numbers.thousand} một "

    @staticmethod
    def ages(match: re.Match[str]) -> str | None:
        """Read ``35-50t`` as ages, unless it is a weight."""
        if int(match["first"]) >= int(match["last"]):
            return None
        if LOADED.search(before(match)) or FREIGHT.match(after(match)):
            return None
        return f"{match['first']} đến {match['last']} tuổi"

    def to_mixed(self, match: re.Match[str]) -> str:
        """Read the start of ``3-3tr5`` and, in thousands, of ``950-1tr2``."""
        first = self._numbers.whole(match["first"])
        hundreds = len(match["first"].lstrip("0")) == _HUNDREDS
        return f"{first} {self._numbers.thousand} đến " if hundreds else f"{first} đến "

    @staticmethod
    def small_m(match: re.Match[str]) -> str | None:
        """Read ``20m`` as millions after a salary, and as pieces after nappies."""
        front = before(match)
        if _EARNED.search(front):
            return " triệu"
        return " miếng" if _DIAPERS.search(front) else None

    def dimensions(self, match: re.Match[str]) -> str:
        """Read ``1m2x1m8`` and ``2m x 60cm``."""
        sides = re.findall(r"(\d{1,3})(c?m)(\d{0,2})", match[0])
        said = (
            f"{self._numbers.whole(side)} {LENGTHS[unit]} "
            + (self._numbers.whole(rest) if rest else "")
            for side, unit, rest in sides
        )
        return " nhân ".join(map(str.strip, said))

    @staticmethod
    def days_of_plan(match: re.Match[str]) -> str | None:
        """Read ``90k/30N`` and ``1GB/N``, the days of a plan of a network; forces are left."""
        front = before(match)
        if re.search(r"[a-zđ]\d{1,3}$", front):
            return None  # V120N, the name of a plan
        counted = re.search(r"(?:k/|lần/|ck |chu kỳ )\d{1,3}$", front) or (
            _VALID.search(front) and cues.mentions(match, "telecom")
        )
        if re.search(r"(?:sau|lưu|trong) \d{1,2}$", front):
            return " ngày"
        ill = re.search(r"(?:, |x ?)\d{1,2}$", front) and cues.about(match, "medicine")
        if not (counted or ill or cues.about(match, "telecom")):
            return None
        return "ngày" if front.endswith("/") else " ngày"


_VALID: Final = lazily(r"(?:dùng|hạn|sau|trong|hiệu lực)\D{0,8}\d{1,3}$")
_TIMED: Final = lazily(r"phút,? \d{1,3}$")
_SEATED: Final = lazily(r"\b(?:xe|\d{1,2}c|chỗ|limousine|ô tô|oto)\b[^;.]{0,40}$")
"""Words before the seats of a car: ``thuê xe 7c``."""
_MINORS: Final = lazily(r"(?:\bte|trẻ em|trẻ|bé|cháu|học sinh|nl|tuyển|nam|nữ)\b[^;.]{0,12}\($")
_NUMBERED: Final = lazily(
    r"(?:lớp|căn|nhà|số|ngõ|tòa|toà|phòng|khối|tổ|lô|trục|quận|cỡ|size|xai) \d$"
)
"""Words before a number whose letter belongs to a name: ``lớp 1c``."""
_MARKED: Final = {
    "CC": "chuyên cần", "GK": "giữa kỳ", "CK": "cuối kỳ", "QT": "quá trình", "BT": "bài tập",
    "TH": "thực hành",
}  # fmt: skip
_EACH_OF: Final = {
    "HK": "học kỳ", "KH": "khách hàng", "NV": "nhân viên", "HV": "học viên", "BN": "bệnh nhân",
    "SP": "sản phẩm", "HĐ": "hóa đơn", "TC": "tín chỉ",
}  # fmt: skip
_FILLED: Final = lazily(
    r"(?:nước|chai|bình|sữa|dầu|can|nồi|ấm|lốc|coca|pepsi|pép xi" r"|nhớt)\b[^,;.]{0,16}$"
)
_DIAPERS: Final = lazily(r"(?:bỉm|tã|merries|bobby|huggies|moony|size [a-z]{1,3})\b[^;.]{0,40}\d$")
_EARNED: Final = lazily(
    r"(?:lương|gross|gờ rốt|net|nét|offer|ốp phơ|thu nhập|ắp tu|up ?to)(?: [^\W\d]{1,6}){0,3}:? "
    r"(?:\d{1,3}(?:m| triệu)?(?: đến | ?[-–] ?))?\d{1,3}$"
)
_BOOKS: Final = lazily(r"(?:giáo trình|sách|truyện|vở|combo|com bô|quyển)\b[^;.]{0,30}\d$")
_TAUGHT: Final = lazily(
    r"(?:lớp|khóa|khoá|gói|kèm|học|tuần|tháng|đàn|thẻ|vẽ|nhảy|dô ga|pi la tét|bơi|gym|gim|yoga"
    r"|tập|pt|trình|tin học|luyện thi)\b[^;.]{0,40}$"
)
_HUNDREDS: Final = 3
LOADED: Final = lazily(r"(?:tải|thùng|ben|cẩu|hyundai|isuzu|thaco|hino|kia|trọng)\b[^;.]{0,24}$")
FREIGHT: Final = lazily(
    r"\s(?:sắt|thép|hàng|gạo|lúa|xi măng|cát|đá|than|phân|cá|rau|nông|hạt|đường|cà phê|mỗi|rác)"
)
"""Words after a weight in tonnes."""
_METERED: Final = {
    "kw": "ki lô oát", "kwh": "ki lô oát giờ", "m3": "mét khối", "m³": "mét khối",
}  # fmt: skip
_YEAR: Final = lazily(r"(?:19|20)\d\d")
_SOUGHT: Final = lazily(
    r"(?:tìm|cần|thiếu|tuyển|còn|ghép|thêm|share|nhận|có|đủ|dư|với|là|phòng|gồm|và|,) ?\d{1,2}$"
)
"""Words before a number of people."""
_LAMP: Final = lazily(r"(?:nhiệt độ màu|ánh sáng|bóng|đèn|\bled|lét)\b[^;.\d]{0,24}$")
_LIGHT: Final = lazily(r",?\s(?:ánh sáng|sáng|trắng|vàng)(?!\w)")
_PAID: Final = lazily(r"\d(?:k|tr\d{0,3}|đ| triệu| nghìn)$")
_CHARGED: Final = lazily(
    r"(?:dịch vụ|dv|dvu|phí|pdv|pql|mạng|net|nét|wifi|oai phai|internet|nước|xe|rác|vệ sinh|giữ xe"
    r"|gửi xe|in tơ nét)\b[ :*–-]{0,4}(?<![\d.,])\d{2,3}k?$"
)
"""Charges beside the rent of a room, before their amount."""
_UNKNOWN: Final = lazily(
    r"(?:find|phai|tìm|tính|nghiệm|cho|với|ẩn|trị|biến|hàm|và|hay|giải|theo|của|là|số|biết|thì|mẫu|dòng|xe"
    r"|máy|biệt|pb)$"
)
"""Words before an unknown of mathematics or a model; after others ``x2`` is a factor."""
COUNTED: Final = lazily(
    r"(?:phút|giờ) (?:ngoại|nội|gọi|thoại)[^,;.]{0,12}$"
    r"|\d(?:[^,;:().!?]|\.(?=\d)){1,24}$|\d[^,;:]{0,24}\([^()]{1,16}\)$"
)
