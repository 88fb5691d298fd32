"""Adverts: the marks between the parts of an advert, and shortenings of homes and places.

A hyphen between an area and a price (``38m2-2 tỷ 200``) is no range, and one before the number of
floors (``MẶT TIỀN -4TẦNG``) no minus. The steps run first of those that read numbers.
"""

import re
from typing import Final

from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.rules import Rule, Step, Where, after, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_PARTS: Final = (
    r"(?:tỷ|tỉ|ty|triệu|tr\d{0,3}|tầng|lầu|trệt|pn|wc|phòng|ngủ|cửa\ sổ|TỶ|TỈ|TRIỆU|TR|TẦNG|LẦU"
    r"|TRỆT|PN|WC|PHÒNG|NGỦ|Tỷ|Tỉ|Triệu|Tr|Tầng|Lầu|Phòng)"
)
_AREA: Final = r"(?:[mM][2²]|m²)"
_ROOM_AFTER: Final = lazily(
    r"\s(?:ban công|cửa sổ|gác|studio|trống|lớn|nhỏ|rộng|duy nhất|đẹp|máy lạnh|giá|full|có|đủ"
    r"|sẵn|nội thất|như hình|này"
    r"|trệt|lầu|tầng|tại|ngay|gần)(?!\w)"
)
_LEFT: Final = lazily(r"(?:còn|trống|trống sẵn|sẵn|dư|duy nhất|còn đúng|còn lại|tìm|cho thuê) $")
_TALL: Final = lazily(
    r"(?:gác|cao|ngang|dài|rộng|hẻm|đường|trần|lửng|ngõ|hậu|mt|mặt tiền|lô)[\s:]{1,3}$"
)
_CLEANED: Final = lazily(
    r"(?:dọn|vệ sinh|giặt|thay|lau|quét|lao công|hành lang|rác|tạp vụ|phòng|đổ|cắt tỉa)[^.;]{0,32}$"
)
_SCHOOLS: Final = lazily(r"(?:đại học|\bđh\b|trường|cao đẳng|\bcđ\b|học viện)")
_NAMES: Final = {
    "Thạnh": "Bình Thạnh", "Chánh": "Bình Chánh", "Vấp": "Gò Vấp", "Nhuận": "Phú Nhuận",
}  # fmt: skip
_CHIP: Final = lazily(r"(?:ipad|mac|imac|chip|apple|air|pro|sony|ssd|khe)[^,;.]{0,16}$")
"""Devices that may have a chip M2."""
_METALS: Final = {"V": "vàng", "B": "bạc", "Đ": "đồng"}
_GROUP: Final = 3
"""Digits of a group of a large number."""
_ALONE: Final = r"(?<![\w.,/-])"
_SUM: Final = r"\d{1,3}(?:[.,]\d{1,3})?\ ?(?:tr|triệu|k|tỷ|ty|tỉ)\d{0,3}(?!\w)"


class Adverts:
    """Reads the marks and shortenings of adverts with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._words_for = numbers

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: marks and letters after numbers, then words."""
        return (
            Where(r"\d", *self._marks(), *self._numbers()),
            *self._words(),
        )

    @staticmethod
    def _marks() -> tuple[Step, ...]:
        """Return the rules for hyphens that separate parts of an advert."""
        return (
            Rule(
                rf"(?<=\d)(?P<area>\ ?{_AREA})\s?[-–]\s?(?=\d{{1,3}}(?:[.,]\d{{1,3}})?\ ?{_PARTS}"
                rf"(?!\w)"
                r"|\d{1,3}[.,]\d{1,2}\ ?m\ [A-ZĐ]|\d{1,4}\ [A-ZĐ]|\d/\w)",
                lambda match: f"{match['area']}, ",
                glued=True,
                needs="-–",
            ),
            Rule(
                rf"(?<=[^\W\d_])\ [-–](?=\d{{1,4}}(?:[.,]\d{{1,2}})?\ ?(?:{_AREA}|tầng|TẦNG"
                rf"|Tầng|lầu|LẦU|PN|pn"
                r"|WC|wc|phòng|[MmDd][Xx]\d)(?!\w))",
                lambda match: ", " if _trade(match) else None,
                glued=True,
                needs="-–",
            ),
            Rule(
                r"(?<=[^\W\d_])\ [-–](?=\d{1,2}[.,]\d?[xX]?\ ?(?:tỷ|tỉ|TỶ|Tỷ|ty)(?!\w))",
                lambda match: ", " if cues.about(match, "property") else None,
                glued=True,
                needs="-–",
            ),
            Rule(
                r"^\s?[-–](?=\d{1,2}\ (?:phòng|căn|tầng|trệt|lầu|pn|wc|giường|toilet|nhà|bếp"
                r"|máy|xe)(?!\w))",
                "",
                needs="-–",
            ),
            Rule(
                rf"{_ALONE}{_SUM}(?:\s?[-–]\s?{_SUM}){{2,7}}(?!\ ?[-–])",
                listed,
                glued=True,
                needs="-–",
            ),
            Rule(
                r"(?<=\dm)\ ?[-–]\ ?(?=\d\ ?(?:tầng|lầu|PN|phòng|lô|căn)(?!\w))"
                r"|(?<=\d(?:pn|PN|wc|WC))\s?[-–]\s?(?=\d{1,2}\ ?(?:pn|wc|WC|PN|pk|bếp|lầu"
                r"|tầng)(?!\w))",
                ", ",
                glued=True,
                needs="-–",
            ),
            Rule(
                r"(?<=\dm)\.(?=\d{1,2}(?:PN|WC))|(?<=\dPN)\.(?=\d{1,2}WC)"
                r"|(?<=\d[mM]2)\.(?=\d{1,2}PN)",
                ", ",
                glued=True,
                needs=".",
            ),
            Rule(r"(?<=\d[mM]2)x(?=\d{1,2}\ ?[tT]ầng)", " x ", glued=True, needs="x"),
            Rule(r"(?<=\dng)\s?/\s?(?=\d)", ", ", glued=True, needs="/"),
            Rule(
                r"(?<=[Nn]gười)\ ?/\ ?(?=tháng(?!\w))|(?<=[Pp]hòng)\ ?/\ ?(?=tháng(?!\w))",
                " một ",
                glued=True,
                needs="/",
            ),
            Rule(
                r"(?<![\w.,-])(?P<low>\d{1,3}(?:[.,]\d)?)\ ?[Tt]riệu\ ?[-–]\ ?"
                r"(?P<high>\d{1,3}(?:[.,]\d)?)(?=\ ?[Tt]riệu(?!\ ?[-–]\ ?\d))",
                lambda match: (
                    f"{match['low']} triệu đến {match['high']}"
                    if _value(match["low"]) < _value(match["high"])
                    else None
                ),
                needs="-–",
            ),
            Rule(
                r"(?<=[Qq]\d)\ (?=\d{2,4}\ ?m(?!\w))|(?<=[Qq]\d\d)\ (?=\d{2,4}\ ?m(?!\w))",
                ", ",
                glued=True,
                needs="qQ",
            ),
            Rule(r"(?<=cấp\ [123])\ (?=\d{3}\ ?m(?!\w))", ", ", glued=True, needs="m"),
            Rule(r"(?<=[\dkr%])\s?[~∼]{1,4}>{1,2}\s?(?=\d)", " đến ", glued=True, needs="~∼"),
            Rule(
                r"(?<![\w.&/])(?P<letter>[AC])\.?\ (?P<name>[A-ZĐ][a-zà-ỹ]{1,6})(?![\w.])",
                _caller,
                needs="AC",
            ),
            # A name of a coin or a share, as $Trump, has no dollars.
            Rule(r"(?<![\w$])\$(?=[A-Z][A-Za-z]{2,11}(?![\w$=]))", "", glued=True, needs="$"),
        )

    def _numbers(self) -> tuple[Step, ...]:
        """Return the rules for letters after numbers."""
        return (
            Rule(
                r"(?<=\d)\ ?l(?=\s?/\s?(?:tuần|tháng|th|năm)(?!\w))",
                lambda match: (
                    " lần"
                    if _CLEANED.search(before(match)) or "tuần" in match.string[match.end() :][:8]
                    else None
                ),
                needs="l",
            ),
            Rule(
                r"(?<=\d)[pP](?=\s)",
                lambda match: (
                    " phòng"
                    if _LEFT.search(re.sub(r"\d+$", "", before(match)))
                    and _ROOM_AFTER.match(after(match))
                    else None
                ),
                needs="pP",
            ),
            Rule(
                r"(?<!\w)(?P<metres>\d{1,2})M(?P<rest>\d{1,2})(?!\w)",
                lambda match: (
                    f"{match['metres']}m{match['rest']}"
                    if match["rest"] != "2" and _TALL.search(before(match))
                    else None
                ),
                needs="M",
            ),
            Rule(
                r"(?<=\d)\ M2(?!\w)",
                lambda match: None if _CHIP.search(before(match)) else " m2",
                needs="M",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d{1,3})\.(?P<part>\d{0,2})(?P<hidden>[xX]{1,3})\ ?"
                r"(?:đồng|đ)"
                r"(?:(?P<each>\s?/\s?)(?=[^\W\d])|(?=[\s,.;)]|$))",
                self.hidden,
                needs="xX",
            ),
            Rule(
                r"(?<=\d)HC(?P<metal>[VBĐ])(?!\w)",
                lambda match: f" huy chương {_METALS[match['metal']]}",
                needs="H",
            ),
            Rule(
                r"(?<=7-6\ \()(?P<first>\d{1,2})[/-](?P<last>\d{1,2})(?=\))",
                lambda match: f"{match['first']} {match['last']}",
                needs="7",
            ),
            Rule(r"(?<=\d)h(?=\d{1,2}(?:[.,]\d)?%)", " giờ, ", needs="%"),
            Rule(r"(?<=/\d{4})\s?[-–]\s?(?=nay(?!\w))", " đến ", glued=True, needs="-–"),
            Rule(
                r"(?<=\d)T(?=[\s.,;)]|$)",
                lambda match: (
                    " tỷ"
                    if re.search(r"(?:giá|nhỉnh|chào|chỉ)(?: [^\W\d]+)? \d{1,2}$", before(match))
                    and cues.about(match, "property")
                    else None
                ),
                needs="T",
            ),
            Rule(r"(?<=\d)TR/TH(?!\w)", "tr/th", glued=True, needs="T"),
            Rule(r"(?<=\d)pk(?!\w)", " phòng khách", needs="p"),
            Rule(
                r"(?:(?<=\d)|(?<=[tT][rR]))\+{1,3}\ ?/\ ?(?=[Tt]háng(?!\w))",
                " cộng một ",
                glued=True,
                needs="+",
            ),
            Rule(r"(?<=k/1)p(?=[\s,.;()]|$)", " phòng", needs="p"),
            Rule(r"(?<=\d)P(?=\ (?:[Dd]uplex|[Ss]tudio|DUPLEX|STUDIO))", " phòng", needs="P"),
            Rule(
                r"(?<=\d)/ng(?=[\s,.;)]|$)",
                lambda match: (
                    f" {self._words_for.thousand} một người"
                    if re.search(r"(?<![\d/.,])\d{2,3}$", before(match))
                    and cues.about(match, "property")
                    else None
                ),
                needs="/",
            ),
            Rule(
                r"(?<=\d)[’'](?=\ (?:đến|tới|đi|ra|qua|xe|về|lái|chạy|di)(?!\w))",
                " phút",
                needs="’'",
            ),
            Rule(r"(?<=\dm[*x]\d)t(?!\w)", " tầng", needs="t"),
            Rule(
                r"(?<=,\ )p\.?(?=\d{1,2},\ (?:GV|QGV|[A-ZĐ][a-zà-ỹ]))",
                lambda match: (
                    "phường "
                    if re.search(r"\d\ [a-zà-ỹ]+ [a-zà-ỹ]+[^,]{0,12}, $", before(match))
                    else None
                ),
                needs="p",
            ),
            Rule(r"(?<=\d)nvs(?!\w)", " nhà vệ sinh", needs="n"),
            Rule(
                r"(?<=\d)\ ?tc(?!\w)",
                lambda match: " thổ cư" if cues.about(match, "property") else None,
                needs="t",
            ),
            Rule(r"(?<=\.\d{3})Đ(?=[\s.,;/)]|$)", "đ", glued=True, needs="Đ"),
            Rule(
                r"(?<=\d)/(?P<number>\d{1,4})(?P<letter>[a-h])(?=\ (?:[ĐđHh]ường|[PpQq]hường"
                r"|[PQ]\.?\d|[A-ZĐ][a-zà-ỹ]))",
                lambda match: f"/{match['number']}{match['letter'].upper()}",
                glued=True,
                needs="/",
            ),
            Rule(
                r"(?<=\d)TB(?=\ ?\(22\d\d\))|(?<=\d\ )TB(?=\ ?\(22\d\d\))",
                " tê ra bai",
                needs="T",
            ),
            Rule(r"(?<=\d)x(?=\ \d{1,2}GB)", " ích", needs="x"),
            Rule(r"(?<!\w)(?:tl|TL)\.?(?=\ ?8\d\d(?!\d))", "tỉnh lộ", needs="tT"),
        )

    def hidden(self, match: re.Match[str]) -> str | None:
        """Read ``18.4xx đ/lít``, a price whose last digits are hidden."""
        if len(match["part"] + match["hidden"]) != _GROUP:
            return None
        number = match["whole"] + match["part"].ljust(_GROUP, "0")
        each = " một" if match["each"] else ""
        return f"{self._words_for.whole(number)} mấy đồng{each}"

    @staticmethod
    def _words() -> tuple[Step, ...]:
        """Return the rules for words."""
        return (
            Rule(
                r"(?<!\w)[đdĐD][tT]\ ?(?=/\s?(?:[zZ]alo|ZALO)(?!\w))",
                "điện thoại",
                needs="/",
            ),
            Rule(r"(?<=/)S[DĐ]T(?!\w)", "số điện thoại", needs="S"),
            Rule(
                r"(?<!\w)DT(?:(?<=[-–]DT)|(?<=[-–]\ DT)|(?<=\.DT)|(?=\ ?=)|(?=[\d-]))"
                r"(?=\W{0,3}\d{1,4}(?:[.,]\d{1,2})?\ ?"
                r"(?:[mM][2²]|m²|[mM]?\ ?[xX*×]\ ?\d))",
                "diện tích",
                needs="D",
            ),
            Rule(r"(?<=[Tt]rường\ )ĐH(?!\w)", "đại học", needs="Đ"),
            Rule(
                r"(?<!\w)ĐH(?=\ (?!Đảng|Đoàn|Cổ|Toshiba|Daikin|Panasonic|Casper|LG|Samsung|Full"
                r"|Nóng)"
                r"[A-ZĐ][a-zà-ỹ]{1,6}(?:\ [A-ZĐ]|\ ?,|\ cs|\.|$))",
                lambda match: "đại học" if _SCHOOLS.search(before(match) + after(match)) else None,
                needs="Đ",
            ),
            Rule(
                r"(?<!\w)[BGP]\.?\ ?(?P<name>Thạnh|Chánh|Vấp|Nhuận)(?!\w)",
                named,
                needs="BGP",
            ),
            Rule(
                r"(?<=,\ )P(?=\ [A-ZĐ][^\W\d_]{1,6}(?:\ [A-ZĐ][^\W\d_]{1,6}){1,2},?\ (?:TP|Tp|Q"
                r"|q|Thành|Thủ))",
                "phường",
                needs="P",
            ),
            Rule(r"(?<!\w)[lL][hH](?=/)", "liên hệ", needs="/"),
            Rule(r"(?<=/)[zZ][lL](?!\w)", "da lô", needs="/"),
            Rule(r"(?<!\w)SV(?=\ \dk\d)", "sinh viên", needs="S"),
            Rule(
                r"(?<!\w)SH(?=\ (?:chung|riêng|và)|[,)])(?:(?<=iện\ SH)|(?<=ác\ SH)|(?<=ước\ SH))",
                "sinh hoạt",
                needs="S",
            ),
            Rule(
                r"(?<!\w)CĐ(?=\ [A-ZĐ][^\W\d_]{1,6}\ [A-ZĐ])",
                lambda match: "cao đẳng" if _SCHOOLS.search(before(match) + after(match)) else None,
                needs="Đ",
            ),
            Rule(
                r"(?<!\w)ST(?=\ (?:Emart|Big|Coop|Co\.?op|Aeon|AEON|Lotte|Mega|Winmart))",
                "siêu thị",
                needs="S",
            ),
            Rule(
                r"(?<!\w)cs(?=\ ?\d(?!\w)|\ [A-Z]{1,3}(?!\w))",
                lambda match: (
                    "cơ sở"
                    if _SCHOOLS.search(before(match)) or cues.about(match, "property")
                    else None
                ),
                needs="c",
            ),
            Rule(
                r"(?<=,\ )GV(?=\s?$|\s?[,.(])",
                lambda match: (
                    "gò vấp"
                    if re.search(r"\d [a-zà-ỹ]+ [a-zà-ỹ]+[^.]{0,24}, $", before(match))
                    else None
                ),
                needs="G",
            ),
            Rule(r"(?<=phạm\ )KT(?!\w)|(?<=Phạm\ )KT(?!\w)", "kỹ thuật", needs="K"),
            Rule(r"(?<!\w)D/c(?=\s?[:.])", "địa chỉ", needs="/"),
            Rule(r"(?<!\w)Q\.\ ?Trung(?!\w)", "Quang Trung", needs="Q"),
            Rule(r"(?<!\w)Dh(?=\ [A-ZĐ])", "đại học", needs="D"),
            Rule(r"(?<!\w)CV/(?=CVCC(?!\w))", "chuyên viên, ", glued=True, needs="/"),
            Rule(r"(?<=y\ [Bb]an\ )ND(?!\w)", "nhân dân", needs="N"),
            Rule(
                r"(?<!\w)pk(?=\ (?:bếp|wc|phòng|riêng|rộng|có|chung|và)|[,+])",
                lambda match: "phòng khách" if cues.about(match, "property") else None,
                needs="p",
            ),
            Rule(r"(?<!\w)ms(?=\.?\ [A-ZĐ][a-zà-ỹ]{1,6}(?!\w))", "mít", needs="m"),
            Rule(r"(?<=HCM/)HN(?!\w)|(?<=HCM,\ )HN(?!\w)", "hà nội", needs="H"),
            Rule(r"(?<!\w)HN(?=\s?/\s?(?:TP\.?)?HCM)", "hà nội", needs="H"),
            Rule(
                r"(?<!\w)QC(?=\s?[/,)]\s?(?:KCS|QA|PQC|OQC|IQC)?)",
                lambda match: (
                    "quy xê"
                    if _INSPECTED.search(before(match) + match.string[match.end() :][:12].lower())
                    else None
                ),
                needs="Q",
            ),
            Rule(r"(?<!\w)IT(?=\ [A-Z][a-z]{2})", "ai ti", needs="I"),
        )


_INSPECTED: Final = lazily(r"(?:chất lượng|kcs|\bqa\b|pqc|oqc|iqc|kiểm tra|kiểm hàng|sản xuất)")


def named(match: re.Match[str]) -> str | None:
    """Read ``BThạnh`` and ``P. Nhuận``; the first letter must be that of the district."""
    name = _NAMES[match["name"]]
    spaced = match[0][1:2] in ". "
    if name[0] != match[0][0]:
        return None
    if spaced and not re.search(r"(?:quận|q\.?|\bp\.?\d{1,2},?|,)\s?$", before(match)):
        return None
    return name


def listed(match: re.Match[str]) -> str:
    """Read several prices, ``4tr3 - 4tr5 - 5tr``, as a list."""
    return re.sub(r"\s?[-–]\s?", ", ", match[0])


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _trade(match: re.Match[str]) -> bool:
    return cues.about(match, "property")


def _caller(match: re.Match[str]) -> str | None:
    """Read ``A Khánh`` and ``C Hoa`` beside a telephone number or a word of calling."""
    front = before(match)
    if not is_syllable(match["name"].lower()) or _PART_OF_PLACE.search(front):
        return None
    if not _CALLED_BEFORE.search(front) and not _CALLED_AFTER.match(after(match)):
        return None
    return f"{'anh' if match['letter'] == 'A' else 'chị'} {match['name']}"


_CALLED_BEFORE: Final = lazily(
    r"(?:\b(?:lh|liên hệ|gặp|zalo|s?[dđ]t|gọi|alo|call|hotline|add|mr|ms)\b|\d{3}[\d. ]{5,12})"
    r"[^.;!?\n]{0,24}$"
)
_CALLED_AFTER: Final = lazily(r"\s?(?:[:(–-]\s?)?(?:0[1-9][\d. ]{7,12}|chính chủ|chủ nhà)")
_PART_OF_PLACE: Final = lazily(
    r"\b(?:khu|lô|block|tòa|toà|lớp|hạng|loại|nhóm|dãy|tháp|phường|đường|cổng|sảnh|điểm|cấp|phòng"
    r"|văn|thị) $"
)
