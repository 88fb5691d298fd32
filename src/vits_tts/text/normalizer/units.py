"""Units and money after numbers, with powers, rates and the spoken order.

The steps leave the number to :mod:`vits_tts.text.normalizer.quantities` and only place the words of
the unit after it. ``5-10 km/h`` becomes ``5-10 ki lô mét trên giờ``, and ``$1,5 tỷ`` becomes ``1,5
tỷ đô la``.
"""

import re
from typing import Final

from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.normalizer import ambiguity, cues
from vits_tts.text.normalizer.listings import COUNTED, FREIGHT, LOADED
from vits_tts.text.normalizer.rules import CONTEXT, Rule, Step, Where, after, before
from vits_tts.text.normalizer.unit_table import (
    LENGTHS,
    MONEY,
    PER,
    PHYSICAL,
    POWERS,
    SCALES,
    SHORT,
    UNITS,
)
from vits_tts.text.numbers import NUMBER, START, Numbers
from vits_tts.text.patterns import lazily


def _any_of(names: dict[str, str] | frozenset[str]) -> str:
    return "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))


_LENGTH: Final = rf"(?:{_any_of(frozenset(LENGTHS) | {'km', 'KM', 'Km', 'CM', 'Cm', 'MM'})})[²³23]"
_UNIT: Final = rf"(?:{_LENGTH}|s²|(?:{_any_of(UNITS)}))"
_END: Final = r"(?![\w²³])"
_LAST: Final = "".join(sorted({scale[-1] for scale in SCALES}))
_AFTER_NUMBER: Final = (
    rf"(?<=[\d\ ½¼¾])(?![\d.,:;)/-])(?:(?<=[\d½¼¾])|(?<=[\d½¼¾{_LAST}]\ )(?:(?<=[\d½¼¾]\ )|"
    + "|".join(rf"(?<=\d\ {scale}\ )" for scale in SCALES)
    + "|" + "|".join(rf"(?<=\d{scale}\ )" for scale in SCALES) + "))"
)  # fmt: skip
"""The place after a number and before a unit.

A space after it is tried further only behind a fitting letter. No unit begins with a digit or with
one of the marks.
"""
_AMOUNT: Final = r"[\d½-¾⅓-⅞]"
_WORD: Final = rf"[{SMALLS}]{{1,8}}"
_UNIT_OF_RATE: Final = (
    rf"(?:{_LENGTH}|s[²2]|"
    rf"(?:{_any_of(frozenset(unit for unit in UNITS if not re.fullmatch(_WORD, unit)))}))"
)
"""Units other than words in small letters, which the pattern of a rate contains anyway.

The shorter pattern takes half the time to compile.
"""
_DASH: Final = r"\s?[-–—]\s?"
_LOOSE: Final = (
    "cm² cm2 cm³ cm3 dm² dm³ mm² đ/kg đồng/kg kg/ha tấn/ha tạ/ha"
    " km/h km² km2 m² m2 m³ m3 kWh °C km cm mm kg mg ml m/s mg/l mg/L mg/dl mg/dL mmol/l mmol/L g/l"
    " g/L μg/l IU/ml IU/mL g/ml mg/ml g/dl kg/m² kg/m2 kg/m³ m/s² km/s"
).split(" ")
_EACH: Final = (
    "người|tháng|năm|ngày|giờ|lần|hộ|suất|căn|đêm|tuần|khách|trận|phút|lượt|buổi|chuyến|cái|chiếc"
    "|bộ|hộp|gói|chai|lon|viên|vỉ|liều|sp|cặp|đôi|con|phần|ly|cốc|bé|quý|tiết|lớp|phòng|vé|đơn"
    "|tín chỉ|môn|học phần|kỳ|kì|bình|thùng|bao|cây|chậu|tờ|quyển|cuốn|mét vuông|mét|công|ca|số"
    "|khóa"
    "|m2|m²|bill|cuộc gọi|cuộc|hóa đơn|hoá đơn|đơn hàng|acc|tài khoản|thẻ|thuê bao"
)
_OVER: Final = lazily(r"(?:chỉ số|tỉ lệ|tỷ lệ|tỉ số|tỷ số|hệ số|tỉ trọng|tỷ trọng)\b[^.;!?]{0,24}$")


_WIDE: Final = lazily(r"(?:hẻm|ngõ|kiệt|đường|rộng|dài|ngang|mặt tiền|cao|sâu|vỉa hè|lộ) \d{1,2}$")
"""Words before a length in a line of capitals: ``HẺM 4M``."""
_DISTANT: Final = lazily(
    r"\b(?:cách(?! đây)|dài|rộng|ngang|sâu|hẻm|đường(?! truyền)|lộ giới)\b[^,;.\d]{0,24}\d{1,4}$"
)
"""Words before a distance or a width in capitals, such as ``CÁCH CHỢ 300M``."""
_COUNTED: Final = lazily(r"\s(?:internet|data|dữ liệu|view|lượt|người|chữ|năm|đô|usd|đồng)(?!\w)")
"""Words after bits, bytes or millions."""
_STREET_NEXT: Final = lazily(r"\s(?:[A-ZĐÀ-Ỹ][a-zà-ỹ]|USD|usd|view|người|đô|đường|phố)")
"""Words after the letter of a house number (``51M đường số 8``) or after millions (``2M USD``)."""
_FLAT: Final = lazily(r"\b(?:căn|hộ|chung cư|studio|\d ?wc|\d ?vs|nội thất|view|tỷ|full)\b")

_MEASURED: Final = lazily(
    r"(?:^|[\s(])(?:số|phí|cước|lương|giá|tiền|thu nhập|doanh thu|sản lượng|mức|tối thiểu|tối đa"
    r"|trung bình|bình quân)(?: (?!tháng|năm|ngày|quý|tuần|đêm)[^\W\d]{1,7}){0,3}$"
)
"""Words of a quantity before its rate: ``số giờ/tuần``, ``cước tối thiểu/tháng``."""
_POINTED: Final = lazily(r"(?<![\d.,])\d{1,3}\.\d{1,2}\s?(?:mm|cm|kg|in|inch)(?!\w)")
"""A measure with a decimal point; in a list with one, ``2.204 kg`` is no number of thousands."""
_DRIVEN: Final = lazily(
    r"(?:\bodo|ô đô|lướt|\bđi|chạy|lăn bánh" r"|\bkm)\W{0,2}(?:[^\W\d]{1,6} )?\d{1,2}$"
)
"""Words before the mileage of a vehicle in tens of thousands: ``odo 1v8``."""
_PLACE: Final = lazily(
    rf"(?:[{CAPITALS}][{SMALLS}]{{1,6}} ){{2}}[1-9]$|(?:[Qq]uốc|[Tt]ỉnh) lộ \d{{1,3}}$"
)
"""A name of two words, or the kind of a road, with its number: ``Vĩnh Tân 1A``."""
_CURRENT: Final = lazily(
    r"(?:\d ?[vw](?:\W|$)|oát|vôn|aptomat|áp tô mát|cầu dao|dòng điện|dòng sạc|sạc|ổ cắm|cầu chì"
    r"|ắc quy|adapter|bơm|biến áp|\bôm|cường độ|điện|\bi\d? ?=|\bi bằng|hiệu dụng|cực đại|am ?pe)"
    r"[^.;]{0,48}\d \|"
    r"|\d \|\s?[,/-]?\s?\d{1,3}\s?[vw](?!\w)"
    r"|\d \|\s{0,3}=[\s\d.,…]{0,10}(?:ma|ka|μa|mi li am pe)(?!\w)"
)
_DEVICE: Final = lazily(
    r"(?:ram|rom|ai phôn|iphone|samsung|galaxy|xiaomi|redmi|oppo|vivo|realme|máy|bản"
    r"|ssd|chip|ultra|un tra|note"
    r"|\dgb?,)[^.;/]{0,24}$"
)
_PRICED: Final = lazily(
    r"(?:giá|chỉ|còn|bán|mua|phí|lương|tiền|thu|trả|thưởng|cọc|giảm|tặng|từ|đơn|sale|deal|ck|ship|hết|tầm"
    r"|khoảng|net|ib)\b[^.;,]{0,16}$|\d[kK] ?- ?\d{1,4}$"
)
"""Words before a price, such as ``giá 2500K``; other numbers of this size are kelvin."""


_ONE_HOUSE: Final = lazily(r"\d ?(?:pn|wc|vs|ngủ|m2|m²|tầng)\b|\b(?:bán|căn|lô|nhà|giá) ")
_INVESTED: Final = lazily(
    r"\b(?:dự án|vốn|đầu tư|doanh thu|tập đoàn|công ty|ngân sách|nợ|trái phiếu|lợi nhuận|quy mô"
    r"|doanh nghiệp|toàn thị trường|tín dụng)\b"
)
_OPENED: Final = lazily(r"“[^”]*$|[°'′]\s?\d{1,2}(?:[.,]\d{1,3})?$|\d{3}$|''[^']*$")
"""Text before a mark that closes a quotation or means seconds of an arc, not inches."""
_RENT: Final = lazily(
    r"(?:thuê|giá|lương|thu nhập|hđ|hợp đồng|dòng tiền|phí)\b(?: [^\W\d]{1,7}){0,3}:? \d{1,3}$"
)
"""Words before a sum of millions without its scale: ``cho thuê 80/tháng``."""
_FROM: Final = lazily(r"(?:từ|rộng|diện tích|dt|khoảng|tầm|phòng|cỡ) $")
_AREAS: Final = 12
"""Minimum ratio of an area to the digit before its dash that is no range."""


class Units:
    """Reads units with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: prefixes, mixed units, ranges, rates, then simple units."""
        return (
            Rule(
                r"(?<=\d)\ ?(?:T[rR]|T(?:riệu|RIỆU)|T[ỷỶ]|K|Đ|VN[DĐ])"
                rf"(?:\ VN[DĐ])?/\ ?(?i:{_EACH})(?!\w)|(?<=\d)\ ?T[rR](?![\w/])",
                lambda match: match[0].lower(),
                glued=True,
                needs="TKĐV",
            ),  # as in titles: 12 Tr/Tháng
            Rule(
                r"(?<![\w.,])(?P<whole>[1-9])\.(?P<part>\d{3})(?=\ ?kg(?!\w))",
                lambda match: (
                    f"{match['whole']},{match['part']}"
                    if _POINTED.search(before(match) + after(match))
                    else None
                ),
                glued=True,
                needs="k",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d{1,2})\.(?P<part>\d{3})(?=\ ?[tT][ỷỉỶỈ](?!\w|\ đồng))",
                self.price,
                glued=True,
                needs="ỷỉỶỈ",
            ),
            Rule(
                r"(?<=\d)(?:''|”)(?=[\s,.;)]|$)",
                lambda match: (
                    None if _OPENED.search(before(match)) else " in"
                ),  # the marks of inches
                needs="'”",
            ),
            Rule(
                r"(?<=\d)(?:st|nd|rd|th)(?=\ (?:[Ff]loor|Street|Avenue|Anniversary|Edition)(?!\w))",
                "",
                glued=True,
                needs="FfSAE",
            ),
            Rule(
                r"(?<=[a-zà-ỹA-ZĐÀ-Ỹ]\ )(?P<street>\d)\ [-–]\ (?P<area>\d{2,4})(?=\ ?[mM][2²])",
                lambda match: (
                    f"{match['street']}, {match['area']}"
                    if int(match["area"]) > _AREAS * int(match["street"])
                    and not _FROM.search(before(match))
                    else None
                ),
                glued=True,
                needs="mM",
            ),  # a street with a number (Hoàng Diệu 2), and no range
            Rule(
                r"(?<=\d)/(?=(?i:tháng)(?!\w)(?!\ ?\d))",
                lambda match: " một " if _RENT.search(before(match)) else None,
                needs="/",
            ),
            Where(_AMOUNT, *self._mixed_and_rates()),
            Rule(
                rf"(?<=[{SMALLS})])\ ?/\ ?(?:1\ )?(?=(?i:{_EACH}|sản\ phẩm|khách\ hàng)(?!\w))",
                self.each,
                needs="/",
            ),
            Rule(r"(?<=nhiêu)/h(?!\w)", " một giờ", needs="/"),
            Rule(r"(?<=lít)/(?=mol(?!\w))|(?<=gam)/(?=mol(?!\w))", " trên ", needs="/"),
            Rule(
                rf"(?<=[{SMALLS}])/(?=[{SMALLS}])",
                lambda match: " trên " if _OVER.search(before(match)) else None,
                needs="/",
            ),
            Where(_AMOUNT, *self._simple()),
            Rule(rf"(?<![\w/])(?P<unit>{'|'.join(_LOOSE)})(?![\w/²³])", self.loose, needs="kmc°dh"),
        )

    def _mixed_and_rates(self) -> tuple[Step, ...]:
        scale = "|".join((*SCALES, "billion", "million", "M", "K", "k", "B"))
        dash = rf"(?:{_DASH}{NUMBER})?"
        return (
            Rule(
                rf"(?<!\w)(?P<unit>US\$|[$€£¥₫₩₹₽฿₱]|USD\ |EUR\ |VND\ |VNĐ\ )\s?"
                rf"(?P<number>{NUMBER}{dash})(?:\s?(?P<scale>{scale})(?!\w))?",
                self.prefixed,
            ),
            Rule(
                r"(?<=\dm)\ ?[x×]\ ?(?=\dm|\d,\dm|\d{1,3}cm)|(?<=cm)\ [x×]\ (?=\dm\d)",
                " nhân ",
                needs="x×",
            ),
            Rule(
                r"(?<!\w)(?P<ram>2|3|4|6|8|12|16|24|32|36|48|64)\ ?/\ ?(?P<rom>32|64|128|256|512)"
                r"(?=(?:\ ?[gG][bB]?)?(?![\w/]))",
                self.memory,
                needs="/",
            ),
            Rule(
                r"(?<=\dm\d\d)\ ?[-–]\ ?(?=\dm\d\d(?!\w))|(?<=\dm\d)\ ?[-–]\ ?(?=\dm\d(?!\w))"
                r"|(?<=\dkg\d)\ ?[-–]\ ?(?=\dkg\d?(?!\w))|(?<=\dtr\d)\ ?[-–]\ ?(?=\d{1,2}tr)",
                " đến ",
                needs="-–",
            ),
            Rule(
                rf"{START}(?P<number>\d{{1,3}})\s?(?P<unit>m)(?P<rest>[014-9]|\d\d)"
                r"(?![\w²³])(?![.,/]\d)",
                self.mixed,
            ),
            Rule(
                rf"{START}(?P<number>\d{{1,3}})(?P<unit>kg|km)(?P<rest>(?!(?<=km)[23](?!\d))\d{{1,3}})"
                r"(?!\w)(?![.,]\d)",
                self.mixed,
            ),
            Rule(
                rf"{START}(?P<number>\d{{1,4}})\s?(?P<unit>tr|triệu|tỷ|tỉ|ty|t(?=\d(?!\d))|k)"
                rf"(?P<rest>\d{{1,3}})(?:(?<=(?:tr|ty|tỷ|ệu)\d\d\d)(?:k|tr)(?!\w)|(?!\w))"
                rf"(?:\s?(?P<money>đồng|đ|vnđ|vnd|VNĐ|VND|usd|USD|đô|\$)(?!\w))?"
                rf"(?P<rates>(?:/\ ?(?:[kdc]?m[2²3³](?!\d)|[{SMALLS}]{{1,6}}|THÁNG|NGƯỜI)){{0,2}})",
                self.mixed_money,
            ),
            Rule(
                r"(?<![\w.,])(?P<first>\d{1,3})t\ ?[-–]\ ?(?P<last>\d{1,3})t(?!\w)", self.billions
            ),
            Rule(
                r"(?<![\w.,/-])(?P<first>\d{1,2})\ ?[-–]\ ?(?P<last>\d{1,2})t(?!\w)",
                lambda match: (
                    f"{match['first']} đến {match['last']} tuổi"
                    if _CHILDREN.search(before(match)) and not FREIGHT.match(after(match))
                    else None
                ),
                needs="-–",
            ),
            Rule(
                r"(?<![\w.,])(?P<number>\d{1,2})(?P<unit>[WMY])"
                r"(?P<dash>\ ?-\ ?(?=\d{1,2}[WMY](?!\w)))?(?!\w)",
                self.term,
                needs="WMY",
            ),
            Rule(r"(?<!\w)O/N(?=\ \d)", "qua đêm", needs="/"),
            Rule(r"(?<=\dPN)\ ?/\ ?(?=\dWC)", ", ", glued=True, needs="/"),
            Rule(r"(?<=\d)N(?=/\d{1,3}\ ?[GM]B(?!\w))", " ngày", needs="/"),
            Rule(
                r"(?<=[\dkKđr])\+\+/(?P<each>ng|người|khách|pax|suất|vé)(?!\w)",
                lambda match: f" cộng cộng một {PER.get(match['each'], match['each'])}",
                glued=True,
                needs="+",
            ),
            Rule(
                r"(?<!\w)(?P<a>\d)m\ ?[-–]\ ?(?P<b>\d)m(?P<rest>\d)(?![\w²³])",
                lambda match: (
                    f"{match['a']} mét đến {match['b']} mét {self._numbers.whole(match['rest'])}"
                ),
                needs="-–",
            ),
            Rule(r"(?<=\d)m(?=\ (?:canh|cf|cà\ phê)(?!\w))", " muỗng", needs="m"),
            Rule(
                r"(?<!\w)(?P<first>[DRC])(?P<a>\d{2,4})\ ?[x×]\ ?(?P<second>[DRC])(?P<b>\d{2,4})"
                r"(?:\ ?[x×]\ ?(?P<third>[DRC])(?P<c>\d{2,4}))?",
                self.sides,
                needs="DRC",
            ),
            Rule(
                r"(?<!\w)(?P<rooms>\d)(?P<kind>P?N)[ ,-]{0,2}"
                r"(?P<baths>\d)(?P<bath>WC|VS|W|V)(?!\w)",
                self.rooms,
                needs="N",
            ),
            Rule(
                r"(?<!\w)(?P<rooms>\d)[nN](?P<living>\d)[kK](?P<baths>\d?)"
                r"(?:(?<=\d)(?:WC|wc|VS|vs|V)?)?(?!\w)",
                self.living,
                needs="kK",
            ),
            Rule(
                r"(?<=\d\d)\ [kK](?!\w)(?=\s?[,.;)]|\s?$|\ (?:một|cho|mỗi|và|vnd|VND|vnđ|VNĐ|đồng"
                r"|cả|thôi|nhé|nha|ạ|là|thì|hơi|khá|quá|tiền|1)(?!\w))",
                lambda match: (
                    f" {self._numbers.thousand}" if _SUMMED.search(before(match)) else None
                ),
                needs="kK",
            ),
            Rule(
                r"(?<![\w.,])(?P<north>\d{1,2}[.,]\d{1,2})\s?°?\s?(?P<lat>[NSB])\s?[;,–-]\s?"
                r"(?P<east>\d{2,3}[.,]\d{1,2})\s?°?\s?(?P<long>[EWĐ])(?!\w)",
                self.position,
                needs="NSB",
            ),
            Rule(
                r"(?<!\w)(?P<rooms>\d)N(?:\ ?\+\ ?(?P<more>\d)(?![\w.,]?\d|N)"
                r"|(?=\ ?\d(?:VS|WC|PK)(?!\w)))",
                self.apartment,
                needs="N",
            ),
            Rule(
                r"(?<!\w)(?P<months>\d{1,2})m(?P<days>\d{1,2})d(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['months'])} tháng "
                    f"{self._numbers.whole(match['days'])} ngày"
                ),
                needs="m",
            ),
            Rule(
                r"(?<=\d)\ ?(?P<scale>ty|tỷ|tỉ|tr)(?P<digit>\d?)(?P<hidden>[xX]{1,2})(?!\w)",
                lambda match: (
                    f" {'triệu' if match['scale'] == 'tr' else 'tỷ'} "
                    + (f"{self._numbers.whole(match['digit'])} " if match["digit"] else "")
                    + " ".join(["ích"] * len(match["hidden"]))
                ),
                needs="xX",
            ),
            Rule(
                r"(?<![\w.,])(?P<digit>[1-9])(?P<hidden>[xX]{1,2})\ ?"
                r"(?P<scale>tr|triệu|tỷ|tỉ|Tr|TR|TỶ)(?!\w)"
                rf"(?P<rates>(?:/\ ?(?:m[2²](?!\d)|[{SMALLS}]{{1,6}}(?!\w))){{0,2}})",
                self.hidden,
                needs="xX",
            ),
            Rule(r"(?<![^\W\d])m\.\s?c\.?[fp](?!\w)", " muỗng cà phê", needs="."),
            Rule(
                r"(?<=%)\s?/\s?(?=(?:khí\ (?:trời|phòng)|oxy|thở)(?!\w))",
                " với ",
                glued=True,
                needs="/",
            ),  # the air of a patient (SpO2 96%/khí trời)
            Rule(r"(?<=\d)b(?=/tuần)", " buổi", needs="b"),
            Rule(
                r"(?<=\d)\ ?(?P<size>[kKMG])b/s(?!\w)",
                lambda match: f" {UNITS[match['size'] + 'bps']}",
                needs="/",
            ),
            Rule(r"(?<=\d)\ ?ck/(?:p|ph|phút)(?!\w)", " chu kỳ trên phút", needs="/"),
            Rule(
                r"(?<=\d)l/(?:ng|ngày)(?!\w)",
                lambda match: " lần một ngày" if _APPLIED.search(before(match)) else None,
                needs="/",
            ),
            Rule(
                r"(?<![\w/])\d{1,2}T(?:/\d{1,2}T){1,3}(?![\w/])",
                lambda match: (
                    ", ".join(f"{count} tháng" for count in re.findall(r"\d+", match[0]))
                    if _LASTS.search(before(match))
                    else None
                ),
                needs="/",
            ),
            Rule(r"(?<=\d)b/t(?!\w)", " buổi một tuần", needs="/"),
            Rule(
                r"(?<![\w.,/-])\d{1,3}%(?:\ ?[-–]\ ?\d{1,3}%){2,4}(?!\w)",
                lambda match: re.sub(r"\ ?[-–]\ ?", ", ", match[0]),
                glued=True,
                needs="%",
            ),  # parts of a payment
            Rule(
                r"(?<=[^\W_])/R(?!\w)",
                lambda match: " một răng" if cues.about(match, "medicine") else None,
                needs="/",
            ),
            Rule(
                r"(?<=tải\ \d)T(?P<rest>\d)(?!\w)",
                lambda match: f" tấn {self._numbers.whole(match['rest'])}",
                needs="T",
            ),
            Rule(r"(?<=tiêm\ \d)m(?!\w)", " mũi", needs="m"),
            Rule(
                r"(?<![\w.,])(?P<first>\d{1,2})\ ?[-–]\ ?(?P<last>\d{1,2})m(?!\w)",
                lambda match: (
                    f"{match['first']} đến {match['last']} tháng"
                    if _BABIES.search(before(match))
                    else None
                ),
                needs="m",
            ),
            Rule(
                r"(?<=\d)/(?=\d{2,4}\s?[GT]B(?!\w))",
                lambda match: ", " if re.search(r"[gr]tx \d|\brx \d|\dgb", before(match)) else None,
                glued=True,
                needs="/",
            ),
            Rule(
                r"(?<!\w)(?P<number>\d)T(?P<rest>\d)(?![\w/])",
                self.loaded,
                needs="T",
            ),
            Rule(
                r"(?<!\w)(?P<sign>[<>]\ ?)?(?P<number>\d)m(?P<tenth>[23])(?![\w²³]|\ ?[x×*])",
                lambda match: (
                    {"<": "dưới ", ">": "trên "}.get((match["sign"] or "")[:1], "")
                    + f"{self._numbers.whole(match['number'])} mét "
                    + self._numbers.whole(match["tenth"])
                    if _LONG.search(before(match))
                    else None
                ),
                needs="m",
            ),
            Rule(
                r"(?<=\d)\ ?vs(?=\s?(?:[,.;)+]|$|\d|riêng|chung|khép))",
                lambda match: " vệ sinh" if cues.about(match, "property") else None,
                needs="v",
            ),
            Rule(
                r"(?<=\d)c(?=/kg(?!\w)|\))",
                lambda match: " con" if _SEAFOOD.search(before(match)) else None,
                needs="c",
            ),
            Rule(r"(?<=thưởng\ \d)T/(?=năm(?!\w))", " tháng một ", needs="T"),
            Rule(r"(?<=cọc\ \d)TT(?=\d(?!\w))", " thanh toán ", glued=True, needs="T"),
            Rule(
                r"(?<=sau\ \d)m(?!\w)",
                lambda match: " tháng" if cues.about(match, "medicine") else None,
                needs="m",
            ),
            Rule(r"(?<=x\ \d)N(?!\w)|(?<=x\ \d\d)N(?!\w)", " ngày", needs="N"),
            Rule(r"(?<=giây)/(?=(?:km|m|vòng|hiệp)(?!\w))", " trên ", needs="/"),
            Rule(
                r"(?<=[a-zà-ỹ])/(?=[^\W\d]{2,6}(?:\ [^\W\d]{2,6}){0,3}\ \d[\d.,]{0,6}"
                r"(?:x|\ ?%|\ lần)(?!\w))",
                lambda match: " trên " if cues.about(match, "finance") else None,
                needs="/",
            ),
            Rule(
                r"(?<!\w)m\.\s?(?=canh|cà|cafe|cf|c\b|cp)|(?<=\d)m\.\s?(?=canh|cà|cafe)",
                "muỗng ",
                needs=".",
            ),
            Rule(
                r"(?<!\w)(?P<weeks>[1-4]?\d)w(?P<days>[0-6])d(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['weeks'])} tuần "
                    f"{self._numbers.whole(match['days'])} ngày"
                ),
                needs="w",
            ),
            Rule(
                r"w(?!\w)(?:(?<=sau\ \dw)|(?<=mỗi\ \dw)|(?<=hai\ \dw)|(?<=hai\ \d\dw)"
                r"|(?<=trong\ \dw)|(?<=x\ \dw))",
                "tuần",
                needs="w",
            ),
            Rule(
                r"(?<=\d)\ ?M(?=\ (?:muối|đường|nước|dầu|tiêu|bột|hạt|mắm|giấm|tương"
                r"|bơ|sữa|rượu|mật))",
                " muỗng",
                needs="M",
            ),
            Rule(r"(?<=\d)m(?=\ gam(?!\w))", " mờ", needs="m"),  # m grams
            Rule(
                r"(?<=\d)\ ?m(?=\ (?:muối|đường|dầu|tiêu|bột|hạt|nước\ mắm|mắm|giấm|tương"
                r"|bơ|sữa|rượu|mật|dấm|xì\ dầu)(?!\w))(?!\ (?:đường|mật|bơ)\ [A-ZĐÀ-Ỹ])"
                r"(?!\ đường\ (?:xe|ô|oto|nhựa|bê|trước|rộng|lớn|chính|số|nội|liên)(?!\w))"
                r"(?<![x×*]\dm)(?<![x×*]\d\dm)(?<![x×*]\ \dm)(?<![x×*]\ \d\dm)",
                " muỗng",
                needs="m",
            ),
            Rule(
                r"(?<=\d)\ ?(?P<unit>[vl])\s?[x×]\s?(?P<times>\d)\s?l(?=\s?/)",
                lambda match: f" viên, {self._numbers.whole(match['times'])} lần",
                needs="x×",
            ),
            Rule(r"(?<=x\ \d)d(?!\w)|(?<=x\ \d\d)d(?!\w)", " ngày", needs="d"),
            Rule(r"(?<!\w)M(?=:?\s?\d{2,3}\s?(?:l|lần|ck|nhịp)\s?/)", "mạch", needs="/"),
            Rule(r"(?<!\w)NT(?=:?\s?\d[.,]\d{1,2}\s?mm)", "độ mờ da gáy", needs="N"),
            Rule(r"(?<!\w)NT(?=:?\s?\d{2}\s?(?:l|lần|nhịp)\s?/)", "nhịp thở", needs="/"),
            Rule(
                r"(?<!\w)(?P<ground>\d)T\ ?[+,]?\ ?(?P<floors>\d{1,2})L(?:\ ?[+,]?\ ?(?P<terrac"
                r"e>\d?)ST)?(?!\w)",
                self.storeys,
                needs="T",
            ),
            Rule(
                r"(?<!\w)T(?P<floors>\d)L(?!\w)",
                lambda match: f"trệt {self._numbers.whole(match['floors'])} lầu",
                needs="T",
            ),
            Rule(
                r"(?<=\d)K(?=\ ?/\ ?\d{0,3}\ ?"
                r"(?:ngày|tháng|tuần|năm|lần|người|cái|chiếc|bộ)(?!\w))",
                f" {self._numbers.thousand}",
                needs="K",
            ),
            Rule(
                r"(?<=\d)[kK]/(?P<count>\d{1,2})(?![\w/])(?![.,]\d)",
                lambda match: f" {self._numbers.thousand} {self._numbers.whole(match['count'])}",
                needs="/",
            ),
            Rule(
                r"m(?P<rest>[1-9])(?=\ ?[x×*]\ ?\d)(?<=\dm\d)(?<!\d\dm2)(?<![.,]\dm2)",
                lambda match: f"mét {self._numbers.whole(match['rest'])}",
                needs="m",
            ),
            Rule(
                r"(?P<length>mét\ (?:một|hai|ba|bốn|năm|sáu|bảy|tám|chín))\ ?[x×]\ ?(?=\d)",
                lambda match: f"{match['length']} nhân ",
                glued=True,
                needs="x×",
            ),
            Rule(
                r"(?P<length>mét(?:\ [^\W\d_]{2,5}){1,3})-(?=\d)",
                lambda match: f"{match['length']} đến ",
                glued=True,
                needs="-",
            ),
            Rule(r"ty(?=\d?(?!\w))(?<=\dty)", "tỷ", needs="y"),
            Rule(r"c(?=\ (?:còn|trở\ lên|tặng|freeship|giảm)(?!\w))(?<=\dc)", "cái", needs="c"),
            Rule(r"(?<=[ØøΦφ]\d)cm(?!\w)|(?<=[ØøΦφ]\d\d)cm(?!\w)", " xăng ti mét", needs="ØøΦφ"),
            Rule(
                r"K(?![\w/])(?<=[2-6]\d00K)",
                lambda match: None if _PRICED.search(before(match)) else "ca",
                needs="K",
            ),
            Rule(r"(?<=[.,]\d\d\d)[dD](?!\w)", "đ", glued=True, needs="dD"),
            Rule(
                r"(?<=\d)[.,]\ ?(?P<digit>\d?)(?P<hidden>[xX]{1,3})"
                r"(?=\ ?(?i:tỷ|tỉ|triệu|tr)(?!\w))",
                lambda match: (
                    " phẩy "
                    + (f"{self._numbers.whole(match['digit'])} " if match["digit"] else "")
                    + " ".join(["ích"] * len(match["hidden"]))
                ),
                needs="xX",
            ),
            Rule(
                r"(?<=\d[GT]B)\s?/\s?"
                r"(?=\d{2,4}\s?(?:GB|TB|\"|in|inch|Hz|W)|\dTB|[A-Z]{2}|ét\ ét|ổ\ |màn\ )",
                ", ",
                glued=True,
                needs="/",
            ),  # a list: 8GB/SSD 512GB
            Rule(
                r"(?<=\d)v(?P<rest>\d?)(?!\w)",
                self.driven,
                needs="v",
            ),
            Rule(rf"(?<=\d)(?P<unit>\s?{_UNIT}){_DASH}(?=\d)", self.between, needs="-–—"),
            Rule(
                rf"{_AFTER_NUMBER}(?=[^/]{{1,32}}/)\s?(?P<top>{_UNIT_OF_RATE}|{_WORD})"
                rf"(?P<rates>(?:\ ?/\s?\d{{0,4}}\s?(?:{_UNIT_OF_RATE}(?![\w²³])|{_WORD})){{1,3}})"
                rf"{_END}",
                self.rate,
                needs="/",
            ),
        )

    def _simple(self) -> tuple[Step, ...]:
        return (
            Rule(
                r"(?<!\w)[cC](?=\d{1,2}(?!\w))",
                lambda match: (
                    "cấp " if before(match).strip() and cues.about(match, "weather") else None
                ),
                glued=True,
                needs="cC",
            ),
            Rule(
                r"(?<!\w)H(?=[12](?!\w))",
                lambda match: "hiệp " if cues.about(match, "sport") else None,
                glued=True,
                needs="H",
            ),
            Rule(
                r"(?<=\d)(?:M(?P<square>2?)(?![\w/²])|\ ?M\ ?²)",
                self.metres,
                needs="M",
            ),
            Rule(r"(?<=nhà\ )C4(?!\w)|(?<=NHÀ\ )C4(?!\w)|(?<=Nhà\ )C4(?!\w)", "cấp bốn", needs="C"),
            Rule(
                r"(?<=\d)\ ?M(?=\ (?:X\ |\d{1,2}\ )?"
                r"(?:NGỦ|TẦNG|LẦU|PN|MẶT|MT|NỞ|GẦN|SÁT|HẺM|NGÕ|Ô)(?!\w))",
                " mét",
                needs="M",
            ),
            Rule(
                r"(?<=[À-ỸA-Z]\ \d)M(?![\w/])|(?<=[À-ỸA-Z]\ \d\d)M(?![\w/])",
                lambda match: " mét" if _WIDE.search(before(match)) else None,
                needs="M",
            ),
            Rule(
                r"(?<=\d)L(?![\w/])",
                lambda match: (
                    " lầu"
                    if cues.about(match, "property") and _STOREYS.search(before(match))
                    else None
                ),
                needs="L",
            ),
            Rule(r"(?<=\d)\ ?(?P<unit>[MB])(?![\w/])", self.scaled, needs="MB"),
            Rule(r"(?<=\d)(?P<unit>[vtncd])(?![\w/])", self.typed, needs="vtncd"),
            Rule(r"(?<=\d[xX][xX])k(?!\w)", f" {self._numbers.thousand}", needs="xX"),
            Rule(r"(?<![\w.,])(?P<generation>[2-6])[gG](?![\w/])", self.generation, needs="gG"),
            Rule(
                r"(?<=\d)\ ?T\ ?(?:USD|usd|\$)(?!\w)",
                f" {self._numbers.thousand} tỷ đô la Mỹ",
                needs="T",
            ),
            Rule(r"(?<=\d)\ ?T(?!\w)", self.tonnes, needs="T"),
            Rule(
                r"(?<=\d)[gG](?![\w/])(?:(?<=\b16.)|(?<=\b32.)|(?<=\b64.)|(?<=\b128.)|(?<=\b256.)|(?<=\b512.))",
                lambda match: " gờ" if _STORING.search(before(match) + after(match)) else None,
                needs="gG",
            ),
            Rule(
                r"(?<=\d)\ ?A(?![\w/])",
                lambda match: (
                    " am pe"
                    if _CURRENT.search(before(match) + " | " + after(match))
                    and not _PLACE.search(match.string, max(0, match.start() - 32), match.start())
                    else None
                ),
                needs="A",
            ),
            Rule(rf"(?<=\d)\ ?(?P<unit>{_any_of(SHORT)})(?![\w/])", self.short),
            Rule(rf"{_AFTER_NUMBER}\s?(?P<unit>{_UNIT}){_END}", self.unit),
        )

    def prefixed(self, match: re.Match[str]) -> str:
        """Read ``$20``, ``$1,5 tỷ``, ``US$3 tỷ`` and ``USD 500``, with the currency last."""
        scale = {"billion": "tỷ", "million": "triệu", "M": "triệu", "B": "tỷ"}
        scale |= {"K": "nghìn", "k": "nghìn", "tr": "triệu"}
        size = match["scale"] or ""
        unit = UNITS[match["unit"].strip()]
        if match["unit"].isalpha() is False and re.search("[-–]", match["number"]):
            quoted = match["unit"][:3].isalpha() and _QUOTED_RATE.search(before(match))
            if quoted:
                return f"{unit} {match['number'].replace('-', 'đến')}"
        if (
            re.fullmatch(r"\d{2}\.\d{3}", match["number"])
            and match["unit"][:3].isalpha()
            and _LISTED_RATES.search(before(match))
        ):
            return f"{unit} {match['number']}"
        if not size and re.match(r"/\d", after(match)) and match["unit"][:3].isalpha():
            return f"{unit} {match['number']}"  # the rates of buying and selling
        return " ".join(filter(None, (match["number"], scale.get(size, size), unit)))

    def memory(self, match: re.Match[str]) -> str | None:
        """Read ``8/256GB``, the two memories of a telephone or computer."""
        named = re.match(r"\s?gb?(?!\w)", after(match)) or _DEVICE.search(before(match))
        return f"{self._numbers.whole(match['ram'])}, {match['rom']}" if named else None

    def apartment(self, match: re.Match[str]) -> str | None:
        """Read ``2N+1``, a flat with two bedrooms and a small room; forces in newtons are left."""
        if not _FLAT.search(before(match)) and not _FLAT.search(after(match)):
            return None
        rooms = f"{self._numbers.whole(match['rooms'])} ngủ"
        return f"{rooms} cộng {self._numbers.whole(match['more'])}" if match["more"] else rooms

    def term(self, match: re.Match[str]) -> str | None:
        """Read ``1W``, ``3M`` and ``10Y``, the terms of loans and bonds."""
        if not _LENT.search(before(match)):
            return None
        said = f"{match['number']} {_TERMS[match['unit']]}"
        return f"{said}, " if match["dash"] else said

    @staticmethod
    def sides(match: re.Match[str]) -> str:
        """Read ``D70xC72cm``, the sides of a thing."""
        pairs = (("first", "a"), ("second", "b"), ("third", "c"))
        return " nhân ".join(
            f"{_SIDES[match[side]]} {match[size]}" for side, size in pairs if match[side]
        )

    def rooms(self, match: re.Match[str]) -> str:
        """Read ``2PN2WC`` and ``3N2V``, the bedrooms and bathrooms of a flat."""
        bedrooms = f"{self._numbers.whole(match['rooms'])} {_BEDROOMS[match['kind']]}"
        return f"{bedrooms}, {self._numbers.whole(match['baths'])} {_BATHROOMS[match['bath']]}"

    def living(self, match: re.Match[str]) -> str:
        """Read ``2N1K``, a flat with two bedrooms and a living room."""
        number = self._numbers.whole
        baths = f", {number(match['baths'])} vệ sinh" if match["baths"] else ""
        return f"{number(match['rooms'])} ngủ {number(match['living'])} khách{baths}"

    def position(self, match: re.Match[str]) -> str:
        """Read ``18,2N; 109,5E``, a place on the map in degrees."""
        north, east = _DIRECTIONS[match["lat"]], _DIRECTIONS[match["long"]]
        return f"{match['north']} độ {north}, {match['east']} độ {east}"

    def storeys(self, match: re.Match[str]) -> str:
        """Read ``1T3L``, a house with a ground floor and three more, and ``1T3L1ST``."""
        ground, floors = self._numbers.whole(match["ground"]), self._numbers.whole(match["floors"])
        terrace = match["terrace"]
        more = f" {self._numbers.whole(terrace or '1')} sân thượng" if terrace is not None else ""
        return f"{ground} trệt {floors} lầu{more}"

    def mixed(self, match: re.Match[str]) -> str:
        """Read ``1m75`` and ``2kg5``."""
        rest = match["rest"]
        said = self._numbers.digits(rest) if rest[0] == "0" else self._numbers.whole(rest)
        pause = "," if re.match(r"\ \d", after(match)) else ""  # 1m58 48kg
        return f"{self._numbers.whole(match['number'])} {UNITS[match['unit']]} {said}{pause}"

    def mixed_money(self, match: re.Match[str]) -> str:
        """Read ``1tr2``."""
        if match["unit"] == "k" and match["number"] == "2" and _GENERATION.search(before(match)):
            return f"hai ca {self._numbers.whole(match['rest'])}"
        scale = {"tr": "triệu", "ty": "tỷ", "k": self._numbers.thousand}.get(
            match["unit"], match["unit"]
        )
        if scale == "t":
            scale = "triệu" if _is_of_goods(match) else "tỷ"
        whole, rest = self._numbers.whole(match["number"]), self._rest(match["rest"], scale)
        money = f" {MONEY.get(match['money'], match['money'])}" if match["money"] else ""
        return f"{whole} {scale} {rest}{money}{self._each(match['rates'])}"

    def _rest(self, rest: str, scale: str) -> str:
        """Return the words of the digits after a scale, as in ``3ty05`` and ``1tr15``."""
        if scale not in {"triệu", "tỷ", "tỉ"} or len(rest) != _TWO_DIGITS or not int(rest):
            return self._numbers.whole(rest)
        if rest[0] != "0":
            return self._numbers.whole(rest + "0")  # 1tr15 is 1.150.000
        thousand = self._numbers.thousand
        said = self._numbers.whole(f"1{rest.ljust(3, '0')}").partition(f"{thousand} ")[2]
        return f"{said} {thousand if scale == 'triệu' else 'triệu'}"

    @staticmethod
    def _each(rates: str) -> str:
        """Return the words of the rates after a sum: ``/ng/tháng``."""
        names = map(str.strip, rates.split("/")[1:])
        return "".join(f" một {PER.get(name) or UNITS.get(name) or name}" for name in names)

    def billions(self, match: re.Match[str]) -> str:
        """Read ``1t-2t`` as billions and ``18t-25t`` as ages."""
        first, last = self._numbers.whole(match["first"]), self._numbers.whole(match["last"])
        unit = "tuổi" if len(match["last"]) > 1 else "tỷ"
        return f"{first} {unit} đến {last} {unit}"

    def loaded(self, match: re.Match[str]) -> str | None:
        """Read ``xe tải 1T9``, which carries 1,9 tonnes."""
        if not LOADED.search(before(match)):
            return None
        return f"{self._numbers.whole(match['number'])} tấn {self._numbers.whole(match['rest'])}"

    def driven(self, match: re.Match[str]) -> str | None:
        """Read ``odo 1v8``, the mileage of a vehicle in tens of thousands of kilometres."""
        if not _DRIVEN.search(before(match)) and not re.match(r"\s?km\b", after(match)):
            return None
        return f" vạn {self._numbers.whole(match['rest'])}" if match["rest"] else " vạn"

    def between(self, match: re.Match[str]) -> str | None:
        """Read the dash of ``30% - 40%``. A later rule reads the unit."""
        unit = match["unit"].strip()
        if unit in "kđ" and _REDUCTION.match(match.string, match.end() - 1):
            return None  # 350k -10%
        other = re.match(r"[\d.,]+\s?([^\W\d_]{1,5})(?!\w)", match.string[match.end() :][:16])
        listed = other and other[1] != unit and match[0].endswith(" ") and unit.isalpha()
        if other and unit != other[1] and {unit, other[1]} <= _TECHNICAL:
            return f" {_unit(unit) or 'am pe'}, "
        if (listed and other and other[1] in UNITS) or (
            len(unit) == 1 and unit in "MBK" and ambiguity.letter(match, unit) == "name"
        ):
            return None  # as in 2PN - 1WC and 51M-02
        name = self._numbers.thousand if unit in "kK" else _unit(unit)
        if unit == "%" and _shares(match):
            return f" {name}, "
        return f" {name} đến "

    def rate(self, match: re.Match[str]) -> str | None:
        """Read ``km/h``, ``đồng/kg``, ``triệu/tháng``, ``người/km²`` and ``l/100km``."""
        top = match["top"]
        if top == "d" and _FEE.match(match["rates"]):
            top = "đ"
        if top == "v" and _TURNS.match(match["rates"]) and _TURNING.search(before(match)):
            return " vòng trên phút"
        if top == "v" and (dose := _DOSE.match(match["rates"])):
            return f" viên {_DOSES.get(dose['time']) or 'buổi ' + dose['time']}"
        if top == "ng" and not _DILUTED.match(match["rates"]):
            top = "người"
        if top == "đ" and _points(match):
            return f" điểm{match['rates'].replace('/', ' trên ')}"
        if (
            top == "l"
            and match["rates"].replace(" ", "") in {"/p", "/ph", "/phút"}
            and _PULSE.search(before(match))
        ):
            return " lần trên phút"
        if top not in UNITS and not _unit(top) and len(top) < 2:  # noqa: PLR2004
            return None
        heated = top in _DEGREES and _HEATED.match(match["rates"]) is not None
        per = "trên" if top in PHYSICAL or top.rstrip("²³23") in LENGTHS else "một"
        said = [_unit(top) or top]
        for rate in re.findall(r"/\s?(\d*)\s?([^/\d]+[²³23]?)", match["rates"]):
            count, unit = rate
            name = PER.get(unit) or _unit(unit) or unit
            physical = unit in PHYSICAL or count
            joint = "trên" if physical and (top not in MONEY | SHORT or count) else per
            joint = "trong" if heated else joint
            if count == "1" and not heated:
                joint, count = "một", ""
            said.append(f"{joint} {count + ' ' if count else ''}{name}")
        return f" {' '.join(said)}"

    def each(self, match: re.Match[str]) -> str | None:
        """Read ``5 kg gạo/người``."""
        front = before(match)
        if _OVER.search(front):
            return None
        counted = COUNTED.search(front) or _MEASURED.search(front)
        return " một " if counted else None

    def price(self, match: re.Match[str]) -> str | None:
        """Read ``4.350 tỷ`` as a decimal number if it is the price of one house."""
        near = before(match) + after(match)
        if not cues.mentions(match, "property") or not _ONE_HOUSE.search(near):
            return None
        if _INVESTED.search(near):
            return None
        return f"{match['whole']},{match['part'].rstrip('0')}".removesuffix(",")

    def hidden(self, match: re.Match[str]) -> str:
        """Read ``4xx triệu`` and ``5x tỷ``, sums of which digits are hidden."""
        digit = self._numbers.whole(match["digit"])
        scale = "tỷ" if match["scale"].lower() in {"tỷ", "tỉ"} else "triệu"
        size = "trăm" if len(match["hidden"]) > 1 else "mươi"
        said = "mười mấy" if (digit, size) == ("một", "mươi") else f"{digit} {size} mấy"
        return f"{said} {scale}{self._each(match['rates'])}"

    def metres(self, match: re.Match[str]) -> str | None:
        """Read ``118M`` and ``118M2`` in a line about property."""
        if match["square"] or match[0].endswith("²"):
            return " mét vuông"
        if _DISTANT.search(before(match)) and not _COUNTED.match(after(match)):
            return " mét"
        street = _STREET_NEXT.match(match.string, match.end())
        return " mét" if not street and cues.about(match, "property") else None

    def scaled(self, match: re.Match[str]) -> str | None:
        """Read ``3M USD`` and ``4M người`` as millions. ``51M`` may be a house or a model."""
        if ambiguity.letter(match, match["unit"]) != "scale":
            paid = match["unit"] == "M" and _PAY.search(before(match))
            return " triệu" if paid and cues.mentions(match, "job") else None
        return " triệu" if match["unit"] == "M" else " tỷ"

    def typed(self, match: re.Match[str]) -> str | None:  # noqa: PLR0911
        """Read the shortened units that people type: ``15t`` is an age, ``2v`` are pills."""
        front = before(match)
        if match["unit"] == "d":
            summed = re.search(r"(?:\d[.,]\d{3}|\b0|\d{4,})$", front)
            return " đồng" if summed else None
        number = re.search(r"(?<![\w.,])\d{1,3}$", front)
        if not number:
            return None
        unit, rest = match["unit"], front[: number.start()]
        if unit == "t":
            return _of_t(match, rest)
        if unit == "v" and (_PILLS.search(rest) or cues.about(match, "medicine")):
            return " viên"
        if unit == "c" and _PIECES.search(rest):
            return " cái"
        if unit == "n" and _YEARS_USED.search(rest):
            return " năm"
        if unit == "n" and int(number[0]) < 32 and _DAYS.search(rest):  # noqa: PLR2004
            return " ngày"
        return None

    def generation(self, match: re.Match[str]) -> str | None:
        """Read ``4g`` as the mobile network, but not in ``4g muối``, a weight."""
        if match[0][-1] == "g" and not ambiguity.network(match):
            return None
        return f"{self._numbers.whole(match['generation'])} gờ"

    def tonnes(self, match: re.Match[str]) -> str | None:  # noqa: PLR0911
        """Read ``xe tải 3,5T`` as tonnes and ``BN nữ 34T`` as an age.

        ``75m2 x 5T`` are storeys.
        """
        if re.search(r"[a-zđ]\d{1,3}$", before(match)):
            return None  # B150T, the name of a plan
        if re.search(r"(?:bn|bệnh nhân|nam|nữ),? \d{1,3}$", before(match)):
            return " tuổi"
        if re.search(r"(?:m|m2|m²) ?[x×] ?\d{1,2}$|nhà \d{1,2}$", before(match)):
            return " tầng"
        if _is_term(before(match), after(match)):
            return " tháng"
        if not match[0].startswith(" ") and cues.about(match, "property"):
            late = re.search(r"(?:lãi suất|\bls|ân hạn|hỗ trợ)[^,;]{0,20}$", before(match))
            return " tháng" if late else " tầng"
        loaded = re.search(r"(?:tải|trọng|xe|cẩu|nặng)\D{0,12}[\d.,]{1,8}$", before(match))
        if not loaded and _MONTHS_BEFORE.search(before(match)):
            return " tháng"
        if _PRICED_NEXT.match(after(match)) and not loaded:
            return " tháng"
        return " tấn" if loaded else None

    def short(self, match: re.Match[str]) -> str | None:
        """Read ``35k`` and ``500tr``. ``4K`` is a screen, and ``5M`` is ambiguous."""
        unit = match["unit"]
        if unit in "KMBk" and ambiguity.letter(match, unit) != "scale":
            return None
        if match[0][0] == " " and unit != "tr":
            return None
        return f" {self._numbers.thousand if SHORT[unit] == 'nghìn' else SHORT[unit]}"

    def unit(self, match: re.Match[str]) -> str | None:
        """Read the unit after a number."""
        unit = match["unit"]
        if unit in SHORT or (unit == '"' and _quoted(match)):
            return None
        if unit.isascii() and unit.isalpha() and ambiguity.letter(match, unit) == "name":
            return None
        if unit in {"in", "MT", "VS"} and match[0][0] == " ":
            return None  # the English word, and abbreviations of other things
        if unit == "ng" or (unit == "đ" and _points(match)):
            return " người" if unit == "ng" else " điểm"
        if unit == "h" and match[0][0] == " ":
            return None
        return f" {_unit(unit)}"

    def loose(self, match: re.Match[str]) -> str:
        """Read a unit without a number if it can be nothing else."""
        top, _, rate = match["unit"].partition("/")
        if not rate:
            return _unit(top)
        joint = "một" if top in {"đ", "đồng"} else "trên"
        return f"{_unit(top) or top} {joint} {_unit(rate)}"


def _shares(match: re.Match[str]) -> bool:
    """Return whether two shares make up the whole, as in ``62%-38%``."""
    first = re.search(r"(?<![\d.,])\d{1,2}$", before(match))
    last = re.match(r"\d{1,2}(?= ?%)", after(match))
    return bool(first and last) and int(first[0]) + int(last[0]) == _WHOLE  # type: ignore[index]


_WHOLE: Final = 100
_APPLIED: Final = lazily(r"(?:bôi|uống|nhỏ|xịt|súc|tiêm|thoa|ngậm)\b[^,;.]{0,24}\d$")
_LASTS: Final = lazily(r"(?:hsd|hạn|hạn sử dụng|đóng|bảo hành|bh|trả góp|gói|kỳ hạn)\W{0,2}$")
_PAY: Final = lazily(r"(?<![\w.,-])\d{1,3} ?[-–] ?\d{1,3}$")
"""A range before ``M`` in a vacancy, which is a pay: ``8-12M``."""
_REDUCTION: Final = lazily(r"(?<= )-\d{1,2} ?%")
_TECHNICAL: Final = frozenset("A V v W w Ah mAh Hz L l lít kg HP hp BTU Wh kW".split())
"""Units of the data of a device, of which different ones are a list: ``1.8L-700W``."""
_DILUTED: Final = lazily(r"\s?/\s?(?:ml|dl|l|L|mL|dL|kg|g|mg|m³|m3)(?!\w)")
_TWO_DIGITS: Final = 2
_LONG: Final = lazily(
    r"(?:thùng(?: [^\W\d]{1,6}){0,3}|dài|ngang|rộng|cao|hẻm|ngõ|đường|mặt tiền|\bmt|khổ|sâu|lửng"
    r"|lọt lòng|nở hậu|vỉa hè|gác|vải|rèm|giường|nệm|đệm|tủ|kệ|cánh|ngăn|buồng)"
    r"(?: thông| trước nhà| nhựa| bê tông)?:? $"
    r"|(?:trẻ em|\bte|bé)\b[^;.]{0,12}(?:[(] ?)?$"
)
"""Words before a length, such as ``hẻm 3m2``; elsewhere ``3m2`` is an area."""
_KIDS: Final = lazily(r"\b(?:bé|cháu|trẻ|con)\b[^;.]{0,8}\((?:\d{1,2} ?t(?:uổi)? ?[&,+] ?)?$")
_SEAFOOD: Final = lazily(
    r"\b(?:tôm|cua|ghẹ|mực|ốc|hàu|cá|sò|bề bề|ếch|chim|gà|vịt)\b[^;]{0,40}\d{1,3}$"
)
_CHILDREN: Final = lazily(
    r"(?:trẻ|bé|từ|tiểu học|mầm non|lớp|cô|chú|bác|phụ nữ|ưu tiên|tuổi|cháu|người|nam|nữ"
    r"|lứ"
    r"a)(?: em)?\W{0,2}$"
)
_LENT: Final = lazily(
    r"(?:lãi suất|liên ngân hàng|kỳ hạn|trái phiếu|lợi suất|tín phiếu)\b[^;.]{0,44}$"
)
_TERMS: Final = {"W": "tuần", "M": "tháng", "Y": "năm"}
_FEE: Final = lazily(
    r"(?i)\s?/\s?\d{0,4}\s?(?:p|ph|phut|ng|ngay|th|thang|tin|tin nhan|sms|mb|kb|gb|lan|luot|phút"
    r"|ngày|tháng|lần|lượt|tin nhắn|năm|tuần|giây|cuộc|người|nguoi)$"
)
"""Rates of networks, whose dong has lost its mark: ``200d/phut``."""
_TURNS: Final = lazily(r"\s?/\s?(?:p|ph|phút|min)$")


def _is_term(front: str, back: str) -> bool:
    """Return whether ``T`` counts the months of a loan, a deposit, a warranty or a contract."""
    return bool(
        _INTEREST.match(back)
        or _TERM_AFTER.match(back)
        or re.search(r"%,? (?:trong )?\d{1,2}$", front)
        or _GUARANTEED.search(front)
        or _TERM_BEFORE.search(front)
        or _MONTHLY.search(front)
    )


_INTEREST: Final = lazily(r"\s?:?\s?(?:là |còn )?[-+]?\d{1,2}(?:[.,]\d{1,2})?\s?(?:%|phần trăm)")
_TURNING: Final = lazily(
    r"(?:mã lực|\bhp|kw|oát|tua|quay|máy|\bnm|vòng|tốc độ)\D{0,12}[\d.,-]{1,12}$|\d{3}$"
)
"""Words before a number of turns in a minute, or a number that is large: ``5.500 v/ph``."""
_DOSE: Final = lazily(r"\s?/\s?\d?\s?(?P<time>ngày|lần|ngay|lan|ng\b|sáng|trưa|chiều|tối|buổi)")
_DOSES: Final = (
    dict.fromkeys(("ngày", "ngay", "ng"), "một ngày")
    | dict.fromkeys(("lần", "lan"), "một lần")
    | {"buổi": "một buổi"}
)
"""Pills: ``2v/ngày``, ``1v/tối``."""
_PULSE: Final = lazily(r"(?:\bm|mạch|nhịp|tim|tần số|thở)\D{0,12}[\d.,-]+\s?$")
_LISTED_RATES: Final = lazily(r"(?:tỷ giá|tỉ giá|tự do|u ét đê)\b|\busd \w")
_STORING: Final = lazily(
    r"(?<!\w)(?:ip|iphone|ai phôn|ipad|samsung|ss|galaxy|xiaomi|redmi|oppo|vivo|realme|note|macbook"
    r"|laptop|ram|rom|ssd|thẻ nhớ|usb|bộ nhớ|pin|máy|bản|màu)(?!\w)"
)
_QUOTED_RATE: Final = lazily(r"(?:tỷ giá|tỉ giá|mua|bán|tự do|usd \d|u ét đê)\b")
"""Words of a list of rates, in which ``EUR 30.150 - 31.420`` are dong for a euro."""
_SIDES: Final = {"D": "dài", "R": "rộng", "C": "cao"}
_SUMMED: Final = lazily(
    r"\b(?:giá|phí|trả|tiền|mất|cần|chỉ|hết|vé|khoảng|từ|bán|mua|tính|phạt|thưởng|cọc|đ|k|lương|dụng)\b"
    r"(?: [^\W\d]{1,7}){0,4} (?:\d{2,3} ?k?-)?\d{2,3}$"
)
"""Words of a sum before thousands with a space: ``giá khởi điểm 300 k``."""
_BEDROOMS: Final = {"N": "ngủ", "PN": "phòng ngủ"}
_BATHROOMS: Final = {"WC": "vê kép xê", "W": "vê kép xê", "VS": "vệ sinh", "V": "vệ sinh"}
_DIRECTIONS: Final = {"N": "bắc", "B": "bắc", "S": "nam", "E": "đông", "Đ": "đông", "W": "tây"}
_DEGREES: Final = frozenset(["°C", "°c", "oC", "ºC"])
_HEATED: Final = lazily(r"/\s?\d{1,3}\s?(?:p|ph|phút|h|giờ|tiếng)$")
_TERM_AFTER: Final = lazily(
    r"\s(?:đầu|cuối|tặng|giảm|tiếp|tới|liên tục|liên tiếp|miễn|qua|trở lên)(?!\w)|/(?:năm"
    r"|lần)(?!\w)"
)
_PRICED_NEXT: Final = lazily(r"\s(?:chỉ |giá |còn )?\d{1,4}(?:[.,]\d{1,3})?(?:k|tr|đ)")
_MONTHLY: Final = lazily(
    r"(?:vay|sao kê|tiết kiệm|kỳ hạn|bảo hành|trả góp|thời hạn|lãi suất)\b[^;.]{0,48}\d$"
)
_GUARANTEED: Final = lazily(r"(?:bảo hành|\bbh)\b[^;.]{0,32}\+ ?\d{1,2}$")
_TERM_BEFORE: Final = lazily(
    r"(?:sau|free|miễn phí|phờ ri|thêm|mỗi|tặng) [\d,]{1,4}$"
    r"|(?:cọc|hđ|hợp đồng|thanh toán|tt|đóng|ký|trả trước|thưởng|đăng kiểm dài) \d{1,2}$"
    r"|(?:gksk|sức khỏe|hồ sơ|kinh nghiệm|\bkn)(?: từ)? \d{1,2}$"
    r"|(?:/th|tháng|triệu|tr) ?x ?\d{1,2}$|nghìn \d{1,2}$"
)
_MONTHS_BEFORE: Final = lazily(
    r"(?:\btk|\bvay|thời hạn|gdp|xuất khẩu|kim ngạch|\bdt|tiết kiệm|gửi|cước|đóng|gói|trước"
    r"|hành|bh|kỳ hạn"
    r"|trả góp|sổ|tặng|thẻ|gym|gim|membership|hạn|cam kết|thuê|lũy kế|luỹ kế|lợi nhuận|doanh thu"
    r"|thử việc|học việc|chu kỳ|\bck|gia hạn|định kỳ|bảo trì|bảo dưỡng|khóa|tập|yoga|hội viên"
    r"|đủ|lương|thưởng|cọc|hợp đồng|chậm|góp"
    r"|kết quả)\D{0,14}(?:\d{1,2} ?[-–] ?)?[\d.,]{1,4}$"
)
_GENERATION: Final = lazily(
    r"(?:(?:^|[,.;(])|(?<!\w)(?:e|em|m|mình|t|tớ|tôi|bé|bạn|b|cháu|con|lứa"
    r"|gen|thế hệ|sinh năm|sn|đời|nữ|nam|gái|trai|dân|hội|team|mấy|các|bọn|tụi|chúng|đứa|khóa"
    r"|là|ny|người yêu|cho|và))\s?$"
)
"""Words before ``2k6``, a year of birth."""
_AGED: Final = lazily(
    r"(?:\b(?:e|em|m|mình|con|bé|cháu|bạn|anh|a|c|chị|tuổi|mới|nay|mẹ|ba|bà|ông|nam|nữ|gái|trai|đã"
    r"|bố|vợ|chồng|từ|lúc|năm|hồi|dưới|trên|sn|đứa|thằng|gần|hơn|tầm|khoảng"
    r"|này|kia|ấy|nhật|niên|người|ng|cụ|chú|bác|cô|tui|tôi|mình)\s"
    r"|[<>≥≤] ?|(?:bé gái|bé trai|trẻ) "
    r"|\b(?:bn|bệnh nhân|nam|nữ)(?: \w+){0,3}, )$"
)
_BILLIONS: Final = lazily(
    r"(?:giá|bán|mua|lãi|lỗ|tiền|khoảng|tầm|hơn|gần|lời|vốn|căn|nhà|đất|nền|trả|được|đc|còn|\dt"
    r" ?-) ?$"
)
_GIGABYTES: Final = lazily(r"\s(?:mạng|dung lượng|data|bộ nhớ|ổ cứng|tốc độ cao)(?!\w)")
_HOURS: Final = lazily(r"(?<!\w)(?:sạc|pin|xem phim|onscreen|chờ|đợi|cày)\b[^.,;!?\d]{0,24}\s$")
"""Text before hours: ``sạc pin 2t``."""
_SPENT: Final = lazily(
    r"(?<!\w)(?:tầm giá|giá|phân khúc|bỏ|bỏ ra|lương|tốn|mất|cọc|đền|phạt|nạp|chuyển|vay|nợ"
    r"|mua(?: lúc)? (?:gần|hơn|tầm|khoảng))(?: khoảng| tầm| gần| hơn)? $"
)
_BOUGHT: Final = lazily(r"\s(?:(?:ra )?mua|đổ lại|đổi lại|trở lại|đồng)(?!\w)")
_GOODS: Final = lazily(
    r"(?<!\w)(?:máy|pin|điện thoại|đt|laptop|vé|lương|iphone|ip\d*|ai phôn|samsung|xam xung|oppo"
    r"|óp pô|xiaomi|camera|ca mê ra|cam|chơi game|tầm giá|phân khúc|đồng hồ|xài|sài|con này|tháng"
    r"|phòng trọ|học phí|khóa học|quần|áo|giày|túi)(?!\w)"
)
_REAL_ESTATE: Final = lazily(
    r"(?<!\w)(?:nhà|đất|nền|căn hộ|chung cư|sổ|mặt tiền|mt|hẻm|lô|biệt thự|thổ cư|ô tô|oto|xe hơi"
    r"|công ty|dự án|doanh thu|lợi nhuận|vốn)(?!\w)|\dm2|mét vuông|m²"
)
_ENDS: Final = lazily(r"\s?(?:$|[.,;!?]| ?- ?\d)")
_PILLS: Final = lazily(
    r"(?:\d ?(?:m?g|ml|iu|mcg)|uống|thuốc|ngày|lần|hộp|vỉ|sáng|trưa|chiều|tối|mua|lọ)\W{1,2}$"
)
_PIECES: Final = lazily(
    r"(?:hơn|từ|mua|đặt|lấy|giao|còn|thiếu|được|đc|dc|nhận|order|tặng|bán|hết|có|cả|,)\s$|[<>=≥≤]\s?$"
)
_YEARS_USED: Final = lazily(r"(?:dùng|xài|sd|sử dụng|chạy|mua|bh|bảo hành)(?: được| đc| dc)?\s$")
_DAYS: Final = lazily(r"(?:được|dc|đc|trong|sau|tầm|khoảng|nghỉ|hơn|gần|mất|có|mới|cách|cữ)\s$")


def _of_t(match: re.Match[str], front: str) -> str | None:
    """Return the unit that a ``t`` after a number stands for; ``front`` is before the number."""
    back = after(match)
    if _GIGABYTES.match(back):
        return " tê ra bai"
    if _HOURS.search(front):
        return " tiếng"
    if _AGED.search(front) or _KIDS.search(front):
        return " tuổi"
    if front.endswith("có ") and _is_of_goods(match):
        return " triệu"
    if _SPENT.search(front) or _BOUGHT.match(back) or _BILLIONS.search(front):
        return " triệu" if _is_of_goods(match) else " tỷ"
    return " tỷ" if not front and _ENDS.match(back) else None


def _is_of_goods(match: re.Match[str]) -> bool:
    """Return whether a sum pays for things of millions of dong, not for a house of billions."""
    around = cues.sentence(match.string, match.start(), CONTEXT)
    return _GOODS.search(around) is not None and not _REAL_ESTATE.search(around)


def _unit(written: str) -> str:
    """Return the name of a unit with its power, or an empty string."""
    if written in {"s²", "s2"}:
        return "giây bình phương"
    if written in UNITS:
        return UNITS[written]
    base, power = written[:-1], written[-1:]
    length = LENGTHS.get(base.lower())
    return f"{length} {POWERS[power]}" if length and power in POWERS else ""


def _quoted(match: re.Match[str]) -> bool:
    """Return whether the mark of inches closes a quotation instead."""
    front = match.string[max(0, match.start() - _LONGEST_QUOTED) : match.start()]
    opened = _LAST_QUOTE.search(front)
    return opened is not None and opened["opening"] is not None


_LONGEST_QUOTED: Final = 300
_LAST_QUOTE: Final = lazily(r"(?:(?P<opening>(?<![^\s(\[{:“>])\"(?=\S))|\")[^\"\n]{0,300}$")
"""The last quotation mark of a line, which opens a quotation if no word stands before it."""


_POINTS_BEFORE: Final = lazily(
    r"(?:câu|bài|điểm|phần|đạt|thi|xét|đậu|đỗ|trượt|rớt|học bổng|hb"
    r"|nv|index|đéc|đếch|vn30|hnx|nguyện vọng|thủ khoa|bxh|bảng xếp hạng|ưu tiên|sàn|chuẩn|thang"
    r"|cộng|trừ|tổng|gpa"
    r"|khối|môn|được|có)\b"
)
_POINTS_AFTER: Final = lazily(
    r"(?:\s(?:trận|vòng)|\s?/\s?\d{1,2} (?:trận|vòng)"
    r"|\s?(?:gk|ck|giữa kỳ|cuối kỳ|quá trình|chuyên cần|khối|tổ hợp|môn|ngành"
    r"|sau \d|toán|lý|hóa|văn|anh|sinh|sử|địa))"
)


_JUDGED: Final = lazily(r"(?:^|[^\d.,/-])(?:[2-9]|10|[4-9][.,](?:5|25|75))$")
"""A number of points up to ten. Nothing costs so few dong, except in deals and calls."""
_OF_TEN: Final = lazily(r"\s?\S{0,2}/(?:10|100)")
_PAID: Final = lazily(
    r"(?:giá|chỉ|phí|cước|deal|sale|flash|còn|từ|mua|bán|trả|tiền|xu|ship|freeship|đồng|tặng|hết)\b"
    r"[^.;,]{0,12}$"
)
_BABIES: Final = lazily(r"(?:sơ sinh|bé|em bé|trẻ|bỉm|bodysuit|tháng,)[^.;]{0,30}$")
_STOREYS: Final = lazily(r"(?:^|[,;:+x(-]|nhà|trệt|đúc|xây|lửng|hầm|m2|m²|\dm) ?[1-9]$")
"""The text before ``3L``, the storeys of a house."""
_LINE: Final = 160
_EXAM_POINTS: Final = lazily(
    r"(?:đgnl|năng lực|điểm chuẩn|điểm sàn|ngành|toeic|thi được|thi đc)\b"
    r"[^.;!?]{0,120}[^\d.,]\d{3,4}$"
)


def _points(match: re.Match[str]) -> bool:
    """Return whether ``đ`` means points, as beside the questions of a test."""
    front = before(match)
    if re.search(r"/\s?\d{1,2} (?:trận|vòng)", match[0]):
        return True
    few = re.search(r"(?:^|[^\d.,])(?:\d{1,2}(?:[.,]\d{1,2})?|\d{3},\d)$", front) is not None
    if (
        "/" not in match[0]
        and re.search(r"[,.!] 10$", front)
        and re.match(r"\s?(?:$|[,.!])", after(match))
    ):
        return True  # the end of a review; nothing costs ten dong
    if _JUDGED.search(front) and not (
        _PAID.search(front) or cues.about(match, "telecom", "bank", "finance")
    ):
        return "/" not in match[0] or _OF_TEN.match(match[0]) is not None
    start = match.start()
    if not few and _EXAM_POINTS.search(match.string[max(0, start - _LINE) : start].lower()):
        return True  # ĐGNL is out of 1200 points
    return few and bool(
        _POINTS_BEFORE.search(front)
        or _POINTS_AFTER.match(after(match))
        or cues.about(match, "sport", "student")
    )
