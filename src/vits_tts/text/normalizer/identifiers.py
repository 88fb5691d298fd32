"""Identifiers: numbers that identify something instead of counting, read as in a dictation.

Telephone, account and identity numbers, number plates, decrees, versions, and names such as U23 and
H5N1.
"""

import re
from typing import Final

from vits_tts.text.letters import spelled
from vits_tts.text.normalizer import cues
from vits_tts.text.normalizer.abbreviations import Abbreviations, pronounced
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.rules import Rule, Step, Where, after, before
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_START: Final = r"(?<![\w.,/+-])"
_END: Final = r"(?!\w)(?![.-]\d)"
_PHONE: Final = r"""(?:
    0\d{2,3}[\ .,-]\d{3}[.,]\d{3,4}
  | 84-\d{2,3}(?:-\d{3,4}){2} | 84-\d{2}-\d{8}
  | \(?\+84\)?(?:[\ .-]?\d{1,4}){2,5}
  | \(0\d{1,3}\)(?:[\ .-]?\d{2,4}){2,4}
  | 0\d{1,4}(?:[\ .-]\d{1,4}){2,4}
  | 0(?:[235789]\d{1,2}[\ .-]\d{6,7}|2\d{1,2}[\ .-]\d{8})
  | 0\d{9,10}
)"""
_DATE: Final = r"0\d[-.](?:0\d|1[0-2])[-.](?:19|20)\d\d(?!\d)"
"""A date: with the digits of a time after it, it has as many as a telephone number."""
_HOTLINE: Final = (
    r"1[89]00(?:\d{4}|\d{6}|(?:[\ .]\d\d){3}|[\ .]\d{4}[\ .]\d{2}|[\ .]\d{4}|[\ .]\d{6}"
    r"|[\ .]\d{2,3}[\ .]\d{2,3})"
)
_IDENTIFIED: Final = lazily(
    r"(?:cccd|cmnd|cmt|s?tk|mst|otp|(?:mã|số) pin|imei|sđt|(?<!h)đt|fax|tel|zalo|hotline"
    r"|tổng đài|điện"
    r" thoại|\bgọi|mssv|msv|mã sv|mã số sinh viên|mã sinh viên|mã nv"
    r"|mã nhân viên|mshs|sbd|số báo danh|(?:activation|verification|security|login) code"
    r"|căn cước|chứng minh|tài khoản|hộ chiếu|(?:mật khẩu|mã|pass|otp)(?: [^\W\d]{1,12}){0,3}"
    r"|giải đặc biệt|số hiệu|serial|bưu điện|đường dây nóng)"
    r"(?: số| là)?\W{0,3}(?:\d{3,4}(?:,| và| hoặc) ){0,4}$"
)
_CODE_BEFORE: Final = lazily(
    r"(?<!\w)(?:mã|otp|mật khẩu|mật mã|code)(?: [^\W\d]{1,14}){0,8}(?: là| is)?\s?:\s?$"
    r"|(?<!\w)(?:mã|otp|mật khẩu|mật mã|code)(?: [^\W\d]{1,14}){0,8} (?:là|is) $"
)
_CODE_AFTER: Final = lazily(r" (?:là|la|is) (?:mã|ma|otp|mật khẩu|mat khau|your|the)(?!\w)")
_FAR_BACK: Final = 96
_PASSWORD: Final = lazily(r"(?i)\botp\b[^.;\n]{0,20}(?:\d[.,]\d[^;\n]{0,60})? (?:là|la|is) $")
_SHORTEST_CODE: Final = 4
"""Minimum digits of a code in a message: ``Mã xác thực của bạn là 482915``."""

_ROADS: Final = {
    "QL": "quốc lộ",
    "TL": "tỉnh lộ",
    "Tl": "tỉnh lộ",
    "HL": "hương lộ",
    "NV": "nguyện vọng",
    "HK": "học kỳ",
    "KV": "khu vực",
    "BĐ": "báo động",
}
_EMERGENCIES: Final = frozenset(["111", "112", "113", "114", "115"])
_SCHOOL_YEAR: Final = lazily(r"(?:\bhk\d?|kỳ (?:\d|một|hai)|điểm|học bạ|cả năm),? $")
_SHIFTS: Final = (("noon", "chiều"), ("evening", "tối"), ("night", "đêm"))
_EMERGENCY: Final = lazily(r"(?:cấp cứu|cứu hỏa|cứu hoả|cứu nạn|cảnh sát|công an) $")
_PIN: Final = lazily(r"(?<!\w)PIN(?: là)?:? \Z")
"""The name of a secret number; the battery is written in small letters."""
_KEYS: Final = {"*": "sao", "#": "thăng"}
_SERIES: Final = {
    f"i{number}": f"ai {word}"
    for number, word in zip("3579", ("ba", "năm", "bảy", "chín"), strict=True)
}
_TEXTED: Final = lazily(r"(?:soạn|soan|cú pháp|tin nhắn|sms|\bdk\b|\bđk\b|\bkt\b|nhắn tin)")
_KEYWORD: Final = lazily(r"(?<![\w.])[A-Z][A-Z\d]{1,11} $")
"""The text of a message before the number that it is sent to: ``HUY V120B gửi 191``."""
_ORDERED: Final = lazily(
    r"(?:khoản vay|đơn hàng|kiện hàng|bưu kiện|bưu phẩm|vận đơn|kiện|đơn|hợp đồng|hóa đơn|hđ|hd)"
    r"(?: số)? $"
)
_TERM_DIGITS: Final = 5
"""Digits of the number of a term, such as 20241."""
_TERM: Final = lazily(
    r"(?:kì|kỳ|học kỳ|\bck|\bgk|\bđề|mã lớp|mã môn|mã học phần)(?: \d{5},?(?: và)?)? $"
)
_CALL_ENDS: Final = lazily(r"\s?(?:$|[.,;(!]|để |hoặc |và |khi )")
_COUNTED_THING: Final = lazily(r"\s?[-–%=+*/:]|\s?[^\W\d_]")
_COUNTED_AFTER: Final = lazily(
    r"\s?(?:đồng|đ\b|k\b|triệu|nghìn|ngàn|tỷ|tỉ|người|lần|usd|vnđ|vnd|tin|lượt|khách|giáo|học|suất"
    r"|phần|tr\b|củ|cái|bài|hộ|em|bạn)"
)
_NOT_LETTERED: Final = frozenset("P Q H X Đ ĐT QL TL HL KP No NO TP TT".split())
_GAMES: Final = lazily(r"(?:game|counter|chơi|photoshop|adobe|\bai|bản|phiên bản|skin)\W{0,2}$")
"""Words before programs, such as CS6; elsewhere ``CS2`` is the second place of a school."""
_ITEM: Final = lazily(r"(?:mục|điều|khoản|chương|phần|bài|phụ lục) $")
_GROUP: Final = 3
"""Digits of a group between two points of a number."""

_PHONE_LENGTHS: Final = range(8, 12)
"""Numbers of digits of a telephone number."""
_HIDING: Final = {"*": "sao", "x": "ích", "X": "ích"}
_FIELDS: Final = 4
_LAST: Final = 255
"""The number of fields of an IPv4 address, and the maximum value of a field."""

_CLAUSE: Final = 160
_TOO_LONG_TO_COUNT: Final = 10
_SHORTEST_ORDER: Final = 6
_LONG_ALONE: Final = 9
"""Minimum digits of a number without points that is a code, unless a counted thing follows."""
_WORD_AND_NUMBER: Final = 2
"""The number of parts of a name such as ``VIP2``; one with more parts is a code: ``GHN8K2LM``."""
_MIXED: Final = 5
"""Minimum digits of a code such as ``260FTDN29112`` whose digits are all read one by one."""
_KNOWN: Final = 4
"""Minimum letters before a single digit that may be read as a known abbreviation."""
_SHORTEST_NAME: Final = 3
"""Maximum letters before a number that are always spelled; longer ones may be an English word."""
_SIDES_OF_MAP: Final = {
    "N": "bắc", "B": "bắc", "S": "nam", "E": "đông", "Đ": "đông", "W": "tây",
}  # fmt: skip
_AIRPORTS: Final = (
    "SGN|HAN|DAD|CXR|PQC|HPH|HUI|VCA|VII|VDO|DLI|BMV|UIH|VCL|THD|PXU|TBB|VKG|CAH|VCS|DIN|BKK|DMK|SIN|KUL"
    "|ICN|NRT|HND|KIX|TPE|HKG|PEK|PVG|CAN|SYD|MEL|CDG|FRA|LHR|JFK|LAX|SFO|DXB|DOH|MNL|CGK|DPS|PNH|REP|VTE"
)


class Identifiers:
    """Reads identifiers with the words of one region."""

    def __init__(
        self, numbers: Numbers, abbreviations: Abbreviations, lexicon: Lexicon | None = None
    ) -> None:
        """Keep the words for numbers, and the abbreviations and words that identifiers contain."""
        self._spoken = {
            word: said for word, said in (lexicon.words if lexicon else ()) if word.isupper()
        }
        self._numbers = numbers
        self._abbreviations = abbreviations

    def documents(self) -> tuple[Step, ...]:
        """Return the steps for decrees. They run before dates."""
        return (
            Rule(  # letters for zeros, which hide a price or a telephone number: 3.5OO.OOO
                r"O(?:(?<=\dO)|(?<=\d[.,]O))O{1,2}(?:[.,]?O{3}){0,2}(?!\w)",
                lambda match: match[0].replace("O", "0"),
                glued=True,
                needs="O",
            ),
            Rule(
                r"(?<=[kK]\d\ )Đ\.?\s?(?=\d{1,3}(?!\w))|(?<=khoản\ \d\ )Đ\.?\s?(?=\d{1,3}(?!\w))",
                "điều ",
                glued=True,
                needs="Đ",
            ),
            Rule(
                r"(?<!\w)[kK]\.?(?=\d{1,2},?\s(?:[Đđ]\.?\s?\d|[Đđ]iều\s))",
                "khoản ",
                glued=True,
                needs="đĐ",
            ),
            Rule(
                r"(?<![\w/])(?P<kind>TT|NĐ|QĐ|NQ|TTLT|CV|KL|TTr)"
                r"(?=\ (?:số\ )?\d{1,5}/(?:\d{4}/)?[A-ZĐ]{2})",
                lambda match: self._abbreviations.document(match["kind"]),
                needs="/",
            ),
            Rule(
                r"(?<![\w/])(?P<kind>TT|NĐ|QĐ|NQ|TTLT|CV|CT)\ "
                r"(?=(?:số\ )?\d{1,4}/(?:19|20)\d\d(?![\w/-]))",
                lambda match: f"{self._abbreviations.document(match['kind'])} ",
                needs="/",
            ),
            Rule(
                r"(?i:(?<=nghị\ định\ )|(?<=thông\ tư\ )|(?<=quyết\ định\ )|(?<=nghị\ quyết\ )"
                r"|(?<=chỉ\ thị\ )|(?<=công\ văn\ )|(?<=định\ số\ )|(?<=tư\ số\ )|(?<=quyết\ số\ ))"
                r"(?P<number>\d{1,4})/(?P<year>(?:19|20)\d\d)(?![\w/-])",
                lambda match: (
                    f"{self._written(match['number'])} trên {self._numbers.whole(match['year'])}"
                ),
                needs="/",
            ),
            Rule(
                r"(?<![\w/.,])(?P<number>\d{1,5})(?:[/:](?P<year>[12]\d{3}))?[/-]"
                r"(?P<body>(?=[A-ZĐ][A-Za-zĐđ]{0,9}[A-ZĐ]|[A-ZĐ]{2})"
                r"[A-ZĐ][A-Za-zĐđ&]{1,11}(?P<term>\d{0,2})"
                r"(?:[-/][A-ZĐ][A-Za-zĐđ&]{0,11}\d{0,2}){0,3})(?!\w)",
                self.document,
                needs="-/",
            ),
            Rule(r"(?<=\d):(?P<year>(?:19|20)\d\d)(?!\d)", self.edition, needs=":"),
            Rule(
                r"(?<!\w)(?P<series>i[3579])\ (?=\d{4,5}[A-Z]{0,3}(?!\w))",
                lambda match: f"{match['series']}-",
                glued=True,
                needs="i",
            ),
            Rule(r"(?<=\d)/tr\.?\s?(?=\d{1,3}(?!\w))", " trang ", glued=True, needs="/"),
            Rule(r"(?<=[05]S)-(?:II|2)(?!\w)", " hai", needs="-"),  # oils, 0,05S-II
            Rule(r"(?<=[015]S)-(?:V|5)(?!\w)", " năm", needs="-"),
            Rule(
                r"(?<!\w)(?:[Đđ]ường\ (?:tỉnh\ )?)?ĐT\.?\ ?(?=\d{3}[A-Z]?(?![\w.]|\ \d))",
                "đường tỉnh ",
                glued=True,
                needs="Đ",
            ),
        )

    def steps(self) -> tuple[Step, ...]:
        """Return the steps for numbers that are dictated."""
        return (
            Rule(
                r"(?<!\w)(?P<form>[a-zđ]{2,4}|[A-ZĐ]{2,4})(?=[1-4](?!\w))",
                self.subject,
                glued=True,
            ),
            Rule(
                r"(?<!\w)HA(?=\s?(?:[<>≥≤=:]{1,2}|là|đo)?\s?\d{2,3}(?:/\d|\s?mm))",
                "huyết áp",
                needs="H",
            ),
            Rule(
                r"(?<!\w)[xyz](?=[A-Z]\s?[\^²=])",
                lambda match: f"{match[0]} ",
                glued=True,
                needs="^²=",
            ),
            Rule(r"(?<![\w/])t/m(?=:?\ [a-zđA-Z(|])", "thỏa mãn", needs="/"),
            Rule(
                r"(?<![\w-])(?P<letter>[A-SU-Z]{1,2})(?P<a>\d{1,3})-(?P=letter)(?P<b>\d{1,3})(?![\w-])",
                self.labels,
                needs="-",
            ),
            Rule(
                r"(?<!\w)L(?=1[0-2](?!\w))",
                lambda match: "lớp " if _SCHOOL_YEAR.search(before(match)) else None,
                glued=True,
                needs="L",
            ),
            Rule(
                r"(?<!\w)c(?=\d{1,2}\ (?:đáp|chọn|ra|sai|đúng|làm|khó|VDC|vdc|là)(?!\w))",
                lambda match: (
                    "câu "
                    if cues.about(match, "student") or re.match(r"\d+ (?:đáp|chọn)", after(match))
                    else None
                ),
                glued=True,
                needs="c",
            ),
            Rule(
                r"(?<![\w.,])(?P<gold>\d{1,3})V[ ,-]{0,3}(?P<silver>\d{1,3})B[ ,-]{0,3}"
                r"(?P<bronze>\d{1,3})Đ(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['gold'])} vàng, "
                    f"{self._numbers.whole(match['silver'])} bạc, "
                    f"{self._numbers.whole(match['bronze'])} đồng"
                ),
                needs="Đ",
            ),
            Rule(
                r"(?i:(?<=ca\ )|(?<=ca:\ ))S[/,-](?P<noon>C[/,-])?(?P<evening>T[/,-]?)?"
                r"(?P<night>Đ)?(?!\w)",
                lambda match: ", ".join(
                    filter(None, ("sáng", *(word for part, word in _SHIFTS if match[part])))
                ),
                needs="/,-",
            ),
            Rule(
                r"(?<!\w)(?P<count>\d{1,3})(?=(?:HLV|HV|GV|HS|SV|NV|BN|VĐV)(?!\w))",
                lambda match: f"{match['count']} ",
                glued=True,
                needs="V",
            ),
            Rule(r"(?i:(?<=hđ\ \d)|(?<=hợp\ đồng\ \d))N(?!\w)", " năm", needs="N"),
            Rule(
                r"(?<!\w)ĐT(?=0[1-7](?!\w))",
                lambda match: "đối tượng " if cues.mentions(match, "student") else None,
                glued=True,
                needs="Đ",
            ),
            Rule(
                r"(?<=vào\ )V(?=[1-6](?!\w))",
                lambda match: "vòng " if cues.about(match, "sport") else None,
                glued=True,
                needs="V",
            ),
            Rule(r"(?<!\w)[tT]°(?=\s?[=:<>≥≤]?\s?\d)", "nhiệt độ", needs="°"),
            Rule(
                r"(?<![\w.,])(?P<degrees>\d{1,3})\s?°\s?(?:(?P<minutes>\d{1,2})\s?['′’]\s?"
                r"(?:(?P<seconds>\d{1,2})\s?(?:[\"″”]|'')\s?)?)?(?P<side>[NSEWBĐ])(?!\w)",
                self.position,
                needs="°",
            ),
            Rule(
                r"(?<!\w)(?P<zone>GMT|UTC)-(?=\d{1,2}(?!\d))",
                lambda match: f"{spelled(match['zone'])} trừ ",
                needs="-",
            ),
            Rule(
                r"(?<![\w*])(?P<head>\d{4})(?:[\ -][*xX]{4}){1,3}[\ -](?P<tail>\d{3,4})(?!\w)",
                lambda match: (
                    f"{self._numbers.digits(match['head'])}, {self._numbers.digits(match['tail'])}"
                ),
                needs="*xX",
            ),
            Rule(
                r"(?<=KDA\ )\d{1,2}(?:/\d{1,2}){2}(?![\w/])",
                lambda match: ", ".join(map(self._numbers.whole, match[0].split("/"))),
                needs="/",
            ),
            Rule(
                r"(?i:(?<=para\ )|(?<=para:\ ))\d{4}(?!\w)",
                self.dictated,
            ),
            Rule(
                r"(?<!\w)(?P<head>\d{3,8})(?P<hidden>[xX*]{2,8})(?![\w*])",
                lambda match: (
                    f"{self._numbers.digits(match['head'])} "
                    f"{' '.join('sao' if sign == '*' else 'ích' for sign in match['hidden'])}"
                ),
                needs="xX*",
            ),
            Rule(r"(?<!\w)[kK](?=\d{1,2},?\s[đĐ](?:iều\s)?\d)", "khoản ", glued=True, needs="kK"),
            Rule(
                r"(?<!\w)[đĐ](?=\d{1,3},?\s(?:BL|Luật|luật|NĐ|TT|[Bb]ộ\ luật|của))",
                "điều ",
                glued=True,
                needs="đĐ",
            ),
            Rule(
                r"(?<!\w)(?P<letters>[A-Z]{1,3})(?P<keys>\d{4,8}[xX*]{2,8})(?![\w*])",
                lambda match: f"{spelled(match['letters'])} {self._keys(match['keys'])}",
                needs="xX*",
            ),
            Rule(
                r"(?<!\w)(?P<letters>[A-Z]{2,7})(?P<keys>\d{1,8}[xX*]{2,6}\d{1,6})(?!\w)",
                lambda match: f"{spelled(match['letters'])} {self._keys(match['keys'])}",
                needs="xX*",
            ),
            Rule(
                r"(?i:(?<=jcb\ )|(?<=visa\ )|(?<=mastercard\ )|(?<=napas\ ))\d{4}(?![\w/.,-])",
                self.dictated,
            ),
            Rule(
                r"(?<![\w.,])(?P<a>\d)\.(?P<b>\d)D(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['a'])} chấm {self._numbers.whole(match['b'])} đê"
                ),
                needs="D",
            ),  # a diesel engine; 2D alone is a word
            Rule(
                r"(?<![\w.,/-])(?<!\d\ )\d{1,2}(?:[.,]\d{1,2})?(?:\ -\ \d{1,2}[.,]\d{1,2}){2,4}"
                r"(?![\w%]|[.,/-]\d)",
                lambda match: match[0].replace(" -", ","),
                glued=True,
                needs="-",
            ),  # marks of an exam
            Rule(r"(?<!\w)nv(?=\d{1,2}(?!\w))", "nguyện vọng ", glued=True, needs="v"),
            Rule(
                r"(?<!\w)C[Ss](?P<place>[1-9]\d?)(?!\w)",
                lambda match: (
                    None
                    if _GAMES.search(before(match))
                    else f"cơ sở {self._numbers.whole(match['place'])}"
                ),
                needs="C",
            ),
            Rule(
                r"(?P<joint>(?<=\w)/)?(?<!\w)(?P<days>\d{1,2})[Nn](?P<nights>\d{1,2})[ĐđDd](?!\w)",
                self.tour,
                needs="Nn",
            ),
            Rule(
                r"(?i:(?<=máy\ )|(?<=chip\ )|(?<=cpu\ )|(?<=core\ )|(?<=laptop\ )"
                r"|(?<=pc\ )|(?<=con\ ))i(?P<series>[3579])(?![\w-])"
                r"|(?<!\w)i(?P<line>[3579])(?=\ (?:gen|thế\ hệ|đời)(?!\w))",
                lambda match: f"ai {self._numbers.whole(match['series'] or match['line'])}",
                needs="i",
            ),
            Rule(
                r"(?<=\d)\s?in\s?1(?!\w|[.,]\d)",
                " trong một",
                needs="i",
            ),  # a vaccine, 6in1
            Rule(
                r"(?<!\w)(?P<block>[A-Z]{1,2}\d{1,2})-(?P<number>0\d{1,2})(?![\w-])",
                self.block,
                needs="-",
            ),
            Rule(
                r"(?i:(?<=thưởng\ )|(?<=lương\ )|(?<=nhà\ )|(?<=tiền\ ))[tT]"
                r"(?P<month>1[0-3]|[1-9])(?![\w/-]|[.,]\d|\ h[àằ]ng\ tuần)",
                lambda match: f"tháng {self._numbers.whole(match['month'])}",
                needs="tT",
            ),
            Rule(
                r"(?i:(?<=xe\ )|(?<=số\ )|(?<=bks\ )|(?<=bks:\ )|(?<=bsx\ )|(?<=bs\ )|(?<=xe:\ ))"
                r"(?P<series>[1-9]\d[A-Z]{1,2}\d?)[\ .]?(?P<number>\d{3}\.\d\d|\d{5})"
                r"(?![\w-]|[.,]\d)",
                self.spaced_plate,
            ),
            Rule(
                r"(?i:(?<=VCB\ )|(?<=TCB\ )|(?<=ACB\ )|(?<=BIDV\ )|(?<=MB\ )|(?<=VPB\ )|(?<=bank\ )"
                r"|(?<=stk\ )|(?<=stk:\ )|(?<=tk\ )|(?<=tk:\ )|(?<=khoản\ )|(?<=khoản:\ ))"
                r"\d{3,5}(?:\ \d{2,5}){1,5}(?!\w|[.,]\d|\ \d)",
                self.dictated,
            ),
            Rule(
                r"(?i:(?<=hậu\ phẫu\ )|(?<=sốt\ )|(?<=bệnh\ )|(?<=điều\ trị\ )|(?<=sau\ mổ\ ))"
                r"N(?=\d{1,2}(?!\w))",
                "ngày ",
                glued=True,
                needs="N",
            ),
            Rule(r"(?<=ngày\ )N(?=\d{1,2}(?!\w))", "", glued=True, needs="N"),
            Rule(
                r"(?<!\w)[đĐ]\.\s?(?P<letter>[a-zđ])(?=,?\s[kK](?:\.|hoản))",
                lambda match: f"điểm {spelled(match['letter'])}",
                needs=".",
            ),
            Rule(r"(?<!\w)[kK]\.\s?(?=\d{1,2},?\s[đĐ](?:\.|iều))", "khoản ", needs="."),
            Rule(
                r"(?i:(?<!\w)(?P<named>số|mẫu|cỡ|size|loại)\ )(?P<number>\d{1,3})\ "
                r"(?=\d{3}\s?(?:g|gr|gam|ml|kg|k|đ|cái)(?!\w))",
                lambda match: f"{match[0][:-1]}, ",
                glued=True,
            ),
            Rule(
                r"(?i:(?<=tk)|(?<=thẻ)|(?<=the)|(?<=khoản)|(?<=khoan)|(?<=visa)|(?<=card)|(?<=napas)"
                r"|(?<=jcb)|(?<=đuôi)|(?<=duoi)|(?<=cuối)|(?<=cuoi))\ ?:?\ ?[*x.…]{1,12}[\ -]?"
                r"(?P<tail>\d{3,6})(?![\w*\#])",
                lambda match: f" {self._numbers.digits(match['tail'])}",
                needs="*x.…",
            ),
            Rule(
                r"(?<![\w*\#])[*\#]{1,3}\d[\d*\#]{0,40}(?:(?<=[*\#])|(?!\w))(?![*\#])",
                self.service,
                needs="*#",
            ),
            Rule(
                r"(?i:(?<=phím\ )|(?<=dấu\ )|(?<=nút\ ))(?P<key>[*\#])(?![\w*\#])",
                lambda match: _KEYS[match["key"]],
                needs="*#",
            ),
            Rule(
                r"(?<=\w)(?<!\d)(?:\ ?[*\#])(?=[\s,.;)]|$|(?<=\*)[a-zà-ỹ])",
                lambda match: (
                    f" {_KEYS[match[0][-1]]}"
                    if re.search(r"sao \w+.{0,30}$", before(match))
                    else None
                ),
                needs="*#",
            ),
            Rule(
                r"(?:(?<=[Tt]hẻ\ )|(?<=TD\ )|(?<=TK\ )|(?<=ATM\ )|(?<=VISA\ )|(?<=Visa\ ))"
                r"(?P<hidden>[xX]{1,4})(?P<tail>\d{3,4})(?!\w)",
                lambda match: (
                    f"{' '.join(['ích'] * len(match['hidden']))} "
                    + self._numbers.digits(match["tail"])
                ),
                needs="xX",
            ),
            Rule(
                r"(?<![\w.])(?P<head>0\d{1,3})(?P<a>[xX]{1,2})\.(?P<b>[xX]{2,4})\."
                r"(?P<tail>\d{2,4})(?!\w)",
                lambda match: (
                    f"{self._numbers.digits(match['head'])} "
                    f"{' '.join(['ích'] * len(match['a'] + match['b']))} "
                    + self._numbers.digits(match["tail"])
                ),
                needs="xX",
            ),
            Rule(
                r"(?<![\w.,+])0\d{1,4}(?:[\ .-]?[\dxX*]{1,7}){1,4}(?![\w*\#])",
                self.part_of_phone,
                needs="xX*",
            ),
            Rule(
                r"(?<!\w)(?P<head>\d{2,8}"
                r"|\d(?=[xX*]{3}))[.\ ]?(?P<hidden>[xX*]{2,8})[.\ ]?(?P<tail>\d{2,6})"
                r"(?!\w)",
                lambda match: (
                    f"{self._numbers.digits(match['head'])} "
                    f"{' '.join('sao' if sign == '*' else 'ích' for sign in match['hidden'])} "
                    f"{self._numbers.digits(match['tail'])}"
                ),
                needs="xX*",
            ),
            Rule(
                r"(?<![\w.,])\d{3}[\ -]\d{3}(?!\w)(?![.,]?\d|\ \d)",
                lambda match: (
                    self._numbers.digits(match[0])
                    if _CODE_BEFORE.search(before(match)) or _CODE_AFTER.match(after(match))
                    else None
                ),
            ),
            Rule(
                r"(?<![\w.,+])(?P<head>0\d{2,3}[\ .-]?\d{3})[\ .-]?(?P<stars>\*{2,4})(?![\w*#])"
                r"|(?<![\w.,+])(?P<groups>0\d{2,3}(?:[\ .-]\d{2,3}){1,3})[\ .-]"
                r"(?P<signs>\*{2,4}|[xX]{2,4})(?![\w*#])",
                self.hidden,
                needs="*xX",
            ),
            Rule(
                r"(?<![\w.,])(?P<head>\d{3,6})\.{3}(?P<tail>\d{3,4})(?![\w.])",
                lambda match: (
                    f"{self._numbers.digits(match['head'])}, {self._numbers.digits(match['tail'])}"
                ),
                needs=".",
            ),
            Rule(
                r"(?<![\w.,/+])(?P<phone>\+\d{1,3}(?:[\ .-]?\(?\d{2,4}\)?){2,5})(?!\w)(?![.-]\d)",
                self.phone,
                needs="+",
            ),
            Rule(rf"(?<![\w.,/+])(?!{_DATE})(?P<phone>{_PHONE}){_END}", self.phone),
            Rule(
                r"(?<!\w)(?P<letter>[A-Z])-(?P<code>\d{6})(?!\w)",
                lambda match: f"{spelled(match['letter'])} {self._numbers.digits(match['code'])}",
                needs="-",
            ),
            Rule(r"(?<![\w.])\d{4,20}(?=\.[A-Z]{1,3}\d)", self.dictated, needs="."),
            Rule(
                r"(?i:(?<=\bID)|(?<=\bID:)|(?<=\bID:\ )|(?<=\bID\ )|(?<=passcode:\ )|(?<=\#))"
                r"\d{3,5}(?:\ \d{3,5}){0,3}(?!\w|[.,]\d|\ \d)",
                self.dictated,
            ),
            Rule(r"(?i)(?<!\w)ext\.?\s?:?\s?(?=\d{2,5}(?!\w))", "máy lẻ "),
            Rule(rf"{_START}{_HOTLINE}{_END}", self.dictated),
            Rule(
                rf"{_START}1[89]00(?:[.\ ]?[\dxX*]{{1,7}}){{1,3}}(?![\w*\#])",
                self.part_of_phone,
                needs="xX*",
            ),
            Rule(
                rf"{_START}(?!(?:(?:19|20)\d\d\ ){{2}})\d{{4}}(?:[\ -]\d{{4}}){{2,3}}{_END}",
                self.dictated,
            ),  # bank cards
            Rule(
                r"(?<![\w.,-])(?P<named>(?i:bsx?):?\ )?(?P<series>[1-9]\d-?[A-ZĐ][A-Z\d])[\ -]"
                r"(?P<number>\d{3}\.\d\d)"
                r"(?![\w-]|[.,]\d)",
                self.plate,
                needs=".",
            ),
            Rule(
                r"(?<![\w-])(?P<named>BSX?:?\s)?(?P<series>\d\d[A-ZĐ]{1,2}\d?)\s?-\s?(?P<number>\d{3}\.\d\d|\d{4,5})(?!\w)",
                self.plate,
                needs="-",
            ),
            Rule(
                r"(?<![\w.])(?P<letters>[A-Z]{2,8})(?P<numbers>(?:\.\d{5,20}){1,4})"
                r"(?P<joint>\.(?=[A-Z]))?(?![\d.]*\d)",
                self.reference,
                needs=".",
            ),
            Rule(
                r"(?<=\w[A-Z])-(?P<digits>\d{6,9})(?![\w-])",
                lambda match: f" {self._numbers.digits(match['digits'])}",
                needs="-",
            ),
            Rule(
                r"(?i:(?<=số\ )|(?<=gửi\ )|(?<=tới\ ))[5-9][xX]\d\d(?!\w)",
                lambda match: self._keys(match[0]),
                needs="xX",
            ),
            Rule(r"(?<![\w.,/])\d{3,20}(?:-\d{2,12})?(?!\w)(?![.,]\d)", self.identifier),
            Rule(
                r"(?i:(?<!\w)(?:gửi|gui|nhắn|bấm|phím|nhấn|gọi|tới|đến|đầu\ số|tổng\ đài|cskh:?"
                r"|hotline:?"
                r"|lh:?|liên\ hệ:?)\ (?:số\ )?)"
                r"(?P<digits>\d{3,6})(?![\w/%])(?![.,:-]\d)",
                self.number_of_service,
            ),
            Rule(
                r"(?<=[àv]ng\ |hẫn\ |SJC\ |bạc\ )(?P<nines>9{3,4})(?P<tenth>[.,]9)?(?!\w)"
                r"(?![.,]\d)",
                self.fineness,
                needs="9",
            ),
            Rule(r"\d{19,3000}", self.dictated),
        )

    @staticmethod
    def routes() -> tuple[Step, ...]:
        """Return the steps for results of medical tests, and for routes, which may lack digits."""
        return (
            Rule(
                r"(?:(?<=[A-Za-z][A-Za-z][A-Zg])|(?<=\b[A-Z][A-Z])|(?<=\bRh))\ ?"
                r"\((?P<sign>[-–+])\)",
                lambda match: " dương tính" if match["sign"] == "+" else " âm tính",
                needs="(",
            ),
            Rule(
                rf"(?<!\w)(?:(?P<from>{_AIRPORTS})\s?(?P<dash>[-–→>])\s?(?P<to>[A-Z]{{3}})"
                rf"|(?P<first>[A-Z]{{3}})\s?(?P<joint>[-–→>])\s?(?P<last>{_AIRPORTS}))(?!\w)",
                _flight,
                needs="-–→>",
            ),
        )

    def versions(self) -> tuple[Step, ...]:
        """Return the steps for versions, ``2.0.1`` and ``192.168.1.1``. They run after dates."""
        return (
            Rule(  # 18.x, any version of a series
                r"(?<=\d)\.x(?!\w)(?!\.\w)(?!\ ?(?:tỷ|tỉ|tr|triệu|ty|k)\b)",
                " chấm ích",
                needs="x",
            ),
            Rule(
                r"(?<!\w)(?P<series>[A-Za-z]{1,4})(?P<number>\d{0,2})-(?P<model>\d{3,5})(?P<suffix>[A-Z]{0,3})(?!\w)(?!-\w)",
                self.model,
                needs="-",
            ),
            Rule(
                r"(?<![\w.])[vV](?:er\.?\ ?)?\d{1,4}(?:\.\d{1,4}){1,4}(?!\w)",
                self.lettered,
                needs=".",
            ),
            Rule(
                r"(?<![\w.])[A-ZĐ]{1,3}\d{0,3}(?:\.\d{1,3}){1,4}(?!\w)(?!\.\d)",
                self.lettered,
                needs=".",
            ),
            Rule(
                r"(?<![\w.,/])(?P<address>\d{1,3}(?:\.\d{1,3}){3})/(?P<bits>\d\d?)(?![\w/])",
                lambda match: (
                    " chấm ".join(map(self._written, match["address"].split(".")))
                    + f" trên {match['bits']}"
                ),
                needs="/",
            ),
            Rule(r"(?<![\w.,/])\d{1,4}(?:\.\d{1,4}){2,4}(?!\w)(?!\.\d)", self.version, needs="."),
        )

    def mixed(self) -> tuple[Step, ...]:
        """Return the steps for words of letters and digits. They run after units."""
        return (
            Rule(r"(?<=[^\W\d_])-(?=\d)", " ", glued=True, needs="-"),
            Rule(r"(?<=[A-ZĐ])\.(?=\d)", " chấm ", glued=True, needs="."),
            Rule(
                r"(?<![\w.])(?<!\d,)(?=\w{0,11}[A-ZĐ])(?=\w{0,11}\d)[A-ZĐ\d]{2,20}[a-z]?(?!\w)",
                self.token,
            ),
            Rule(r"(?<=\d)x(?!\w)", self.times, needs="x"),
            Rule(r"(?<!\w)\d[xX](?!\w)", lambda match: f"{self._numbers.whole(match[0][0])} ích"),
            Rule(r"(?<!\w)(?<!\d[.,])\d{1,3}[a-eg-z](?!\w)", self.token),
            Rule(r"(?<!\w)(?:[a-z]\d{1,2}[a-z]|[a-z]\d{1,3})(?!\w)", self.token),
            Where(
                r"\d(?:[^\W\d_]|(?<=[^\W\d_]\d))",
                Rule(r"(?<=\d)[^\W\d_]{2,5}(?!\w)|(?<![^\W\d_])[^\W\d_]{2,5}(?=\d)", self.typed),
                Rule(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", glued=True),
            ),
        )

    def subject(self, match: re.Match[str]) -> str | None:
        """Read the letters of ``GT1``, a subject of a university, in a line about studies."""
        readings = cues.subjects().readings.get(match["form"].upper(), ())
        if not any(subject == "student" for subject, _ in readings):
            return None
        if not cues.about(match, "student"):
            return None
        back = f"{match.string[match.end()]} "
        said = cues.by_subject(match, match["form"].upper(), "", back)
        return f"{said} " if said else None

    def document(self, match: re.Match[str]) -> str | None:
        """Read ``15/2023/NĐ-CP`` and ``123/QĐ-UBND``."""
        if re.fullmatch("[IVX]+", match["body"]):
            return None  # as in RON 92-II
        number = self._written(match["number"])
        words = [number]
        if match["year"]:
            words.append(self._numbers.whole(match["year"]))
        bodies = re.findall(r"([^\W\d_][^\W\d_&]*(?:&[^\W\d_]+)?)(\d*)", match["body"])
        body = " ".join(
            f"{self._abbreviations.document(name)} {term and self._numbers.read(term)}".strip()
            for name, term in bodies
        )
        joint = " " if match.string[match.start("body") - 1] == "-" else " trên "
        return " trên ".join(words) + joint + body

    def edition(self, match: re.Match[str]) -> str:
        """Read the year of a standard, as in ``ISO 9001:2015``."""
        return f" hai chấm {self._numbers.whole(match['year'])}"

    def phone(self, match: re.Match[str]) -> str | None:
        """Read a telephone number digit by digit."""
        digits = re.sub(r"\D", "", match["phone"])
        if not 9 <= len(digits) <= 13:  # noqa: PLR2004  # no number here is shorter or longer
            return None
        plus = "cộng " if "+" in match["phone"] else ""
        return plus + self._numbers.digits(digits)

    def hidden(self, match: re.Match[str]) -> str:
        """Read ``0912 345 ***``, a telephone number without its last digits."""
        digits = re.sub(r"\D", "", match["head"] or match["groups"])
        signs = match["stars"] or match["signs"]
        sign = "sao" if signs[0] == "*" else "ích"
        return " ".join([self._numbers.digits(digits), *[sign] * len(signs)])

    def part_of_phone(self, match: re.Match[str]) -> str | None:
        """Read ``0903 112 45x``, a telephone number some of whose digits are hidden."""
        keys = re.sub(r"[ .-]", "", match[0])
        if keys.isdecimal() or len(keys) not in _PHONE_LENGTHS:
            return None
        return self._keys(keys)

    def _keys(self, keys: str) -> str:
        """Return the names of digits and of signs that hide digits."""
        return " ".join(_HIDING.get(key) or self._numbers.digits(key) for key in keys)

    def dictated(self, match: re.Match[str]) -> str:
        """Read all digits one by one."""
        return self._numbers.digits(match[0])

    def plate(self, match: re.Match[str]) -> str:
        """Read the number plates ``51F-123.45`` and ``59-X1 234.56``."""
        series = " ".join(
            self._numbers.digits(part) if part.isdecimal() else spelled(part)
            for part in re.findall(r"\d+|[A-ZĐ]+", match["series"])
        )
        named = "biển số " if match["named"] else ""
        return f"{named}{series}, {self._numbers.digits(match['number'])}"

    def spaced_plate(self, match: re.Match[str]) -> str:
        """Read the number plate ``51F 678.90``, which has no dash."""
        series = " ".join(
            self._numbers.digits(part) if part.isdecimal() else spelled(part)
            for part in re.findall(r"\d+|\D+", match["series"])
        )
        return f"{series}, {self._numbers.digits(match['number'])}"

    def block(self, match: re.Match[str]) -> str:
        """Read ``A12-05``, a flat of a block, whose number keeps its zero."""
        letters = match["block"].rstrip("0123456789")
        block = self._numbers.whole(match["block"][len(letters) :])
        return f"{spelled(letters)} {block} {self._numbers.digits(match['number'])}"

    def version(self, match: re.Match[str]) -> str | None:
        """Read ``2.0.1`` and ``192.168.1.1``. ``1.250.000`` is a number and is left."""
        fields = match[0].split(".")
        counted = set(map(len, fields[1:])) == {_GROUP} and fields[0][0] != "0"
        address = len(fields) == _FIELDS and all(0 < int(field) <= _LAST for field in fields)
        if counted and not address:
            return None
        return " chấm ".join(self._written(field) for field in fields)

    def identifier(self, match: re.Match[str]) -> str | None:
        """Read the number of an account, code or call digit by digit. Other numbers are left."""
        digits = match[0]
        front = before(match)
        called = _IDENTIFIED.search(front)
        if digits in _EMERGENCIES:
            called = called or _EMERGENCY.search(front)
        if len(digits) == _SHORTEST_CODE and not _COUNTED_THING.match(after(match)):
            called = called or _PIN.search(match.string, max(0, match.start() - 8), match.start())
        term = _TERM.search(front) if len(digits) == _TERM_DIGITS else None
        if term or re.search(r"-\d{6,}$", digits):
            return self._numbers.digits(digits)
        if called and called[0].startswith("gọi") and len(digits) < 8:  # noqa: PLR2004
            called = None if digits not in _EMERGENCIES else called
        if len(digits) >= _SHORTEST_CODE and not called:
            called = _CODE_BEFORE.search(front) or _CODE_AFTER.match(after(match))
            called = called or re.search("#$", front)
            called = called or _PASSWORD.search(match.string[: match.start()][-_FAR_BACK:])
        if len(digits) >= _SHORTEST_ORDER and not called and not _COUNTED_AFTER.match(after(match)):
            called = _ORDERED.search(front)
        alone = digits.isdecimal() and not digits.endswith("00") and not front.endswith("-")
        alone = alone and not _COUNTED_THING.match(after(match))
        long = len(digits) >= (_LONG_ALONE if alone else _TOO_LONG_TO_COUNT)
        long = long and not digits.endswith("000")
        return self._numbers.digits(digits) if called or long else None

    def reference(self, match: re.Match[str]) -> str:
        """Read ``MBVCB.3278907687.LE VAN AN``, the reference of a transfer, without its points."""
        numbers = map(self._numbers.digits, match["numbers"].split(".")[1:])
        joint = ", " if match["joint"] else ""
        return f"{spelled(match['letters'])} {', '.join(numbers)}{joint}"

    def fineness(self, match: re.Match[str]) -> str:
        """Read ``vàng 9999`` and ``vàng 999.9``."""
        if match["tenth"]:
            return f"{self._numbers.digits(match['nines'])} phẩy chín"
        return f"{self._numbers.whole(str(len(match['nines'])))} số chín"

    def service(self, match: re.Match[str]) -> str | None:
        """Read the service codes ``*100#`` and ``*21*0912345678#`` key by key."""
        keys = match[0]
        if "*" not in keys and not (keys[0] == "#" == keys[-1]):
            return None  # #1 is read as a hashtag
        return " ".join(_KEYS.get(key) or self._numbers.digits(key) for key in keys)

    def number_of_service(self, match: re.Match[str]) -> str | None:
        """Read the short number to which a message is sent (``soạn DK gửi 123``) digit by digit."""
        digits = match["digits"]
        front, back = before(match), after(match)
        keyword = _KEYWORD.search(match.string, max(0, match.start() - 24), match.start())
        texted = (
            keyword
            or _TEXTED.search(front + match[0].lower())
            or _TEXTED.search(_clause(match))
            or match[0].lower().startswith(("bấm", "đầu", "lh", "liên", "cskh", "hotline", "tổng"))
        )
        called = match[0].lower().startswith("gọi") and _CALL_ENDS.match(back)
        if match[0].lower().startswith("gửi") and _CALL_ENDS.match(back):
            called = re.fullmatch(r"[6-9]\d(?!00)\d\d", digits)
        if match[0].lower().startswith(("tới", "đến")) and re.fullmatch(r"(?:19|20)\d\d", digits):
            return None  # a year
        if not (texted or called) or _COUNTED_AFTER.match(back) or digits.endswith("000"):
            return None
        return match[0][: -len(digits)] + self._numbers.digits(digits)

    def model(self, match: re.Match[str]) -> str | None:
        """Read ``i5-12400F`` and ``SM-911B``: the digits of a model are read as one number."""
        series, number, model = match["series"], match["number"], match["model"]
        known = series.upper() in _ROADS or (not number and not match["suffix"])
        if known or (len(series) > 1 and not series.isupper() and not number):
            return None
        said = _SERIES.get(series + number) or spelled(series)
        if number and series + number not in _SERIES:
            said = f"{said} {self._numbers.whole(number)}"
        counted = self._numbers.digits if model[0] == "0" else self._numbers.whole
        return f"{said} {counted(model)} {spelled(match['suffix'])}".strip()

    def lettered(self, match: re.Match[str]) -> str | None:
        """Read ``v3.12.1``, ``BA.4`` and ``U.19``."""
        name = re.match(r"[^\W\d]+", match[0])
        if name is None or name[0] in _NOT_LETTERED:
            return None
        if re.fullmatch("[IVXL]+", name[0]) and (name[0] != "V" or _ITEM.search(before(match))):
            return None  # Roman numerals have their own rules
        fields = re.findall(r"\d+", match[0])
        if match[0][len(name[0])] != "." and len(name[0]) > 2:  # noqa: PLR2004
            return None
        dotted = match[0][len(name[0])] == "." and name[0] != "U" and name[0].lower() != "v"
        numbers = " chấm ".join(self._written(field) for field in fields)
        letters = "vê" if name[0].lower().startswith("v") else spelled(name[0])
        return f"{letters}{' chấm' if dotted else ''} {numbers}"

    def tour(self, match: re.Match[str]) -> str:
        """Read ``2N1Đ``, the length of a tour."""
        days, nights = self._numbers.whole(match["days"]), self._numbers.whole(match["nights"])
        return f"{', ' if match['joint'] else ''}{days} ngày {nights} đêm"

    def labels(self, match: re.Match[str]) -> str | None:
        """Read ``V1-V4`` and ``A12-A15``; two neighbours, as in ``L4-L5``, are a couple."""
        first, last = int(match["a"]), int(match["b"])
        if last - first < 2:  # noqa: PLR2004
            return None
        name = spelled(match["letter"])
        ends = (f"{name} {self._numbers.whole(match[place])}" for place in "ab")
        return " đến ".join(ends)

    def position(self, match: re.Match[str]) -> str | None:
        """Read ``16°04′N`` and ``105°51'Đ``, a latitude or longitude."""
        if match["side"] in "ĐBSW" and not match["minutes"]:
            return None
        said = [f"{self._numbers.whole(match['degrees'])} độ"]
        for field, unit in (("minutes", "phút"), ("seconds", "giây")):
            if match[field]:
                said.append(f"{self._numbers.whole(match[field])} {unit}")
        return f"{' '.join(said)} {_SIDES_OF_MAP[match['side']]}"

    def token(self, match: re.Match[str]) -> str:
        """Read ``U23``, ``H5N1``, ``A4``, ``VN123`` and ``45B`` part by part."""
        pieces = re.findall(r"\d+|[^\W\d_]+", match[0])
        spoken = self._spoken if len(pieces) <= _WORD_AND_NUMBER else {}
        alone = len(pieces) == _WORD_AND_NUMBER and not pieces[0].isdecimal()
        name = _named if alone else spelled
        # 7HK92X does not contain the name of a road.
        roads = {} if match[0][0].isdecimal() else _ROADS
        if alone and len(pieces[0]) >= _KNOWN and len(pieces[1]) == 1:
            roads = self._abbreviations.words  # a subject, GDTC2
        digits = sum(len(piece) for piece in pieces if piece.isdecimal())
        long = pieces[0].isdecimal() and len(pieces) > _WORD_AND_NUMBER and digits > _MIXED
        code = self._numbers.digits if long else self._code
        return " ".join(
            (
                code(piece)
                if piece.isdecimal()
                else roads.get(piece) or spoken.get(piece) or name(piece)
            )
            for piece in pieces
        )

    def typed(self, match: re.Match[str]) -> str | None:
        """Spell a word such as ``iu0`` inside an identifier; alone it is a chat abbreviation."""
        word = match[0].lower()
        return spelled(word) if word in self._abbreviations.typed and is_syllable(word) else None

    def times(self, match: re.Match[str]) -> str | None:
        """Read the x of ``P/E 15.3x`` and ``zoom 10x`` as "lần"."""
        front = before(match)
        many = re.search(r"\d[.,]\d{1,2}$", front) or re.search(
            r"(?:(?:p/e|p/b|pê trên e|pê trên bê|zoom|gấp|tăng|giảm|đòn bẩy|quang)\s"
            r"|\d[.,]\d{1,2}x[^.;\n]{0,24}\s)[\d.,]{1,6}$",
            front,
        )
        return " lần" if many else None

    def _code(self, digits: str) -> str:
        if digits[0] == "0" or len(digits) > 3:  # noqa: PLR2004
            return self._numbers.digits(digits)
        return self._numbers.whole(digits)

    def _written(self, digits: str) -> str:
        """Return the words of a number, digit by digit if it has a leading zero."""
        return self._numbers.digits(digits) if digits[0] == "0" else self._numbers.whole(digits)


def _named(piece: str) -> str:
    """Return the letters of a name spelled, or the English word that they are (``HOME2``)."""
    word = piece.lower()
    return word.capitalize() if len(word) > _SHORTEST_NAME and pronounced(word) else spelled(piece)


def _flight(match: re.Match[str]) -> str:
    """Read ``SGN-HAN``, the airports of a flight."""
    first, last = match["from"] or match["first"], match["to"] or match["last"]
    return f"{spelled(first)}, {spelled(last)}"


def _clause(match: re.Match[str]) -> str:
    """Return the part of a sentence before a match, which may have a long number: at most 160."""
    front = match.string[max(0, match.start() - _CLAUSE) : match.start()].lower()
    return re.split(r"[.;!?\n](?!\S)", front)[-1]
