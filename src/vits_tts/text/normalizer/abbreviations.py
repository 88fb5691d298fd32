"""Abbreviations: expanded as readers do (UBND), or spelled letter by letter (VTV)."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Final

from vits_tts.text.letters import CAPITALS, SMALLS, spelled
from vits_tts.text.normalizer import cues, languages
from vits_tts.text.normalizer.rules import CONTEXT, Rule, Step, after, before, shouted
from vits_tts.text.normalizer.tables import texts
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_WORD: Final = r"[A-ZĐÂÔƠƯ](?<![\w@#-].)(?<!(?<!\.)\..)(?<![A-ZĐ\d.]/.)[A-Za-zĐđÂâÔôƠơƯư]{0,11}"
_AS_WORD: Final = lazily(r"(?!.*[^AEIOUYÂÔƠƯ]{4})(?=.*[AEIOUYÂÔƠƯ])")
_STOPPED: Final = lazily(r"(?:C|CH|P|T)$")
_SPELLED: Final = frozenset(
    "html http https imdb ieee aids euro usda asap lmao omfg epub ebit ebitda ncaa".split()
)
_LONGEST_SPELLED: Final = 5
"""Maximum length of capitals that are always spelled. Longer ones may be words (NASDAQ)."""

_ROUTES: Final = {
    "HN": "Hà Nội", "SG": "Sài Gòn", "HCM": "Hồ Chí Minh", "TPHCM": "Thành phố Hồ Chí Minh",
    "ĐN": "Đà Nẵng", "HP": "Hải Phòng", "CT": "Cần Thơ", "QN": "Quảng Ninh", "NĐ": "Nam Định",
    "TB": "Thái Bình", "TH": "Thanh Hóa", "NA": "Nghệ An", "HT": "Hà Tĩnh", "HD": "Hải Dương",
    "HY": "Hưng Yên", "BN": "Bắc Ninh", "BG": "Bắc Giang", "VP": "Vĩnh Phúc", "TN": "Thái Nguyên",
    "NB": "Ninh Bình", "LC": "Lào Cai", "YB": "Yên Bái", "HG": "Hà Giang", "LS": "Lạng Sơn",
    "HL": "Hạ Long", "ĐL": "Đà Lạt", "NT": "Nha Trang", "VT": "Vũng Tàu", "BMT": "Buôn Ma Thuột",
    "LA": "Long An", "TG": "Tiền Giang", "BT": "Bến Tre",
    "PT": "Phan Thiết", "PQ": "Phú Quốc", "BD": "Bình Dương", "QB": "Quảng Bình",
    "HA": "Hội An", "SP": "Sa Pa", "MC": "Mộc Châu", "ĐB": "Điện Biên", "GL": "Gia Lai",
}  # fmt: skip
_CITIES: Final = frozenset("HN SG HCM TPHCM ĐN HP".split())
_TOWNS: Final = "|".join(sorted({name.replace(" ", r"\ ") for name in _ROUTES.values()}))
_PLACES: Final = "|".join(sorted(map(re.escape, _ROUTES), key=len, reverse=True))


class Abbreviations:
    """Reads abbreviations with tables of their meanings."""

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        """Keep the tables ``titles``, ``pointed``, ``words`` and ``documents`` of ``known``."""
        self._pointed = known["pointed"]
        self._titles = {**known["titles"], **known["pointed"]}
        self.words: Final = {**_composed(), **known["titles"], **known["words"]}
        self._documents = known["documents"]
        self._senses = cues.table("senses.tsv")
        self.typed: Final = frozenset(
            form
            for form, readings in cues.table("chat.tsv").items()
            if any(
                reading.anywhere and not reading.before and not reading.after
                for reading in readings
            )
        )

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: abbreviations that need context first, then all known ones."""
        return (
            Rule(
                rf"(?<![\w.])(?P<letter>[A-ZĐ])\.(?P<name>[{CAPITALS}][{SMALLS}]{{2,14}})(?!\w)",
                self.footballer,
                needs=".",
            ),
            Rule(r"(?i)(?<!\w)v\.\s?v\.{0,4}(?!\w)", self.and_so_on, needs="."),
            Rule(
                r"(?<!\w)BKS(?=\s?:|\s\d|\s(?:hai|một|ba|năm|sáu|bảy|tám|chín)\s)",
                "biển kiểm soát",
                needs="B",
            ),
            Rule(r"(?<!\w)[Tt]r\.\s?(?=\d)", "trang ", needs="."),
            Rule(r"\ x\ (?<=\d\ x\ )(?=[A-Z][A-Za-z]{2})", " nhân ", glued=True, needs="x"),
            Rule(r"(?<!\w)(?i:Co\.,?\s?Ltd)\.?(?!\w)", "cô li mít tịt", needs="."),
            Rule(r"(?<!\w)[Đđ]t(?=\s?[:.])", "điện thoại", needs="t"),
            Rule(r"(?<!\w)VN/A(?!\w)", "vê nờ a", needs="/"),
            Rule(r"(?<=-\ )CN\.?(?=\s[A-ZĐ])", "chi nhánh", needs="-"),
            Rule(r"(?<![\w.&-])CN(?!\w)", self.sunday, needs="C"),
            Rule(
                r"(?<![\w+])(?P<grade>[A-DF])\+(?=[\s,.;)]|$)(?!\s?[\dA-Z(])",
                lambda match: f"{spelled(match['grade'])} cộng",
                needs="+",
            ),
            Rule(
                r"(?<![\w+])(?P<grade>[A-DF])\+(?=\ [A-ZĐ]{2,6}\d?(?!\w))",
                lambda match: (
                    f"{spelled(match['grade'])} cộng" if cues.about(match, "student") else None
                ),
                needs="+",
            ),
            Rule(
                r"(?<!\w)GĐ(?=\ ?[1-5](?!\w))",
                lambda match: (
                    "giai đoạn "
                    if cues.about(match, "property", "office", "law", "finance", "advert")
                    else None
                ),
                needs="Đ",
            ),
            Rule(r"(?<!\w)b/c(?=\ [A-ZĐ])", "báo cáo", needs="/"),
            Rule(
                r"^B(?=[1-9]\ ?:\ [A-ZĐ][a-zà-ỹ])",
                lambda match: (
                    None
                    if _NUTRIENT.match(after(match)) or cues.about(match, "medicine", "student")
                    else "bước "
                ),
                needs="B",
            ),
            Rule(r"(?<!\w)[Yy]/[Cc](?!\w)", "yêu cầu", needs="/"),
            Rule(
                r"Đ(?<!\w.)/[Cc](?=\ ?:|\.?\ ?\d|\ (?:[Ss]ố|[Hh]ẻm|[Nn]gõ|[Đđ]ường))",
                "địa chỉ",
                needs="/",
            ),
            Rule(r"(?<!\w)HA(?=:?\s\d{2,3}/\d)", "huyết áp", needs="H"),
            Rule(r"(?<=[đdk])/GD(?!\w)", " một giao dịch", needs="/"),
            Rule(r"(?<=[đdk])/(?:CP|cp)(?!\w)", " một cổ phiếu", needs="/"),
            Rule(r"(?<!\w)TL(?=\))", "thương lượng", needs="T"),
            Rule(
                rf"(?<![\w-])(?P<start>{_PLACES})\s?(?:[-–→>⇄↔]|<>|<->){{1,2}}\s?(?P<end>{_PLACES})(?![\w-])",
                self.route,
                needs="-–→>⇄↔",
            ),
            Rule(
                rf"(?<![\w-])(?:{_PLACES})(?:\s?[-–]\s?(?:{_PLACES})){{0,2}}\s?[-–]\s?"
                rf"(?=(?:Huế|Vinh|Sapa|Quy\ Nhơn|{_TOWNS})(?!\w))",
                self.stops,
                glued=True,
                needs="-–",
            ),
            Rule(r"(?<!\w)M(?=,\ |:?\ ?\d\d)", self.side, needs="M"),
            Rule(
                r"[STCP](?<!\w.)(?!\w)(?:(?<!P)(?=:?\ \d)|(?<=\dv\ [STC])"
                r"|(?<=[a-zà-ỹ]\ [TP])(?=[\s,.;)]|$))",
                self.side,
                needs="STCP",
            ),
            Rule(r"(?<!\w)V(?=\d)", self.side, needs="V"),
            Rule(
                r"(?<!\w)P\.\s?(?!(?:CT|GĐ|TGĐ|BT|HT|TP|TK)(?!\w))(?=[A-ZĐ]{2,5}(?!\w))",
                lambda match: (
                    "phòng "
                    if cues.about(match, "office", "student") or cues.mentions(match, "job")
                    else None
                ),
                needs="P",
            ),
            Rule(
                r"(?<!\w)K\.\s?(?=(?:CNTT|KHCN|KHDN|QTRR|TCKT|NHBL|NHS)(?!\w))",
                lambda match: "khối " if _STAFF.search(before(match)) else None,
                needs="K",
            ),
            Rule(
                r"(?<!\w)K\.\s?(?=[A-ZĐ][a-zà-ỹ])",
                lambda match: "khoa " if cues.about(match, "student", "medicine") else None,
                needs="K",
            ),
            Rule(
                r"(?<!\w)S\s?[-–/]\s?(?:Tr\s?[-–/]\s?)?[CT](?:\s?[-–/]\s?T)?(?!\w)",
                self.doses,
                needs="S",
            ),
            Rule(
                r"(?<![\w@#./&'’-])(?<!\d\ )[BCDĐGHKLMNPQRSTVXbcdđghklmnpqrstvx]"
                r"[bcdđghklmnpqrstvx]{2,7}(?![\w@&'’-])(?!\.\w)",
                lambda match: self.words.get(match[0].upper()),
            ),
            Rule(
                r"[A-ZĐƯ](?<![\w@#&-].)(?<!(?<!\.)\..)(?<![A-ZĐ\d.]/.)[A-ZĐƯ]{1,7}"
                r"(?![\w@&-])(?!\.\w)",
                self.sense,
            ),
            Rule(
                rf"(?P<word>{_WORD}(?:[.&-][A-ZĐ][A-Za-zĐđƯ]{{0,9}}(?:&[A-ZĐ]{{1,4}})?){{0,4}})"
                rf"(?P<point>\.?)(?:(?![\w@])|(?<=\.)(?=[{CAPITALS}][{SMALLS}]))(?!-\d)",
                self.known,
            ),
            Rule(
                r"(?<=[a-zà-ỹ]/)(?P<word>[A-ZĐƯ]{3,8})(?P<point>)(?![\w@&-])",
                lambda match: self.sense(match) or self.known(match),
                needs="/",
            ),  # after one that was read: BHXH/BHYT
        )

    def sides(self) -> tuple[Step, ...]:
        """Return the step for ``(T)`` and ``(P)``, which the rules for formulae must not read."""
        return (
            Rule(r"\([PT]\)", self.side, needs="("),
            Rule(
                r"\((?<=[a-z]\ \()(?P<kind>n|v|adj|adv|prep|ph\.?\ ?v|phr\.?\ ?v|n\ phr)\)"
                r"(?=\s?[:,/=])",
                lambda match: (
                    f", {_WORD_CLASSES[match['kind'][:3].rstrip()]}" if _in_english(match) else None
                ),
                needs="(",
            ),
        )

    def initials(self) -> tuple[Step, ...]:
        """Return the steps for the rest: initials, single letters and unknown abbreviations."""
        return (
            Rule(r"^(?P<letter>[A-H])[.)]\ (?=\S)", lambda match: f"{spelled(match['letter'])}, "),
            Rule(r"(?<![\w.])(?:[A-ZĐ]\.){1,6}[A-ZĐ](?!\w)\.?", self.dotted, needs="."),
            Rule(
                rf"(?<![\w.])(?P<letter>[A-ZĐ])\.\s?(?=[{CAPITALS}][\w.])", self.initial, needs="."
            ),
            Rule(
                rf"(?<![\w.])(?P<letter>[A-ZĐ])\.(?=\s?[(,;:–-]|\s[{SMALLS}])",
                self.letter_only,
                needs=".",
            ),
            Rule(r"(?<!\w)[A-ZĐ]{2,20}s?(?!\w)", self.unknown),
            Rule(r"(?<!\w)(?:[B-DF-HJ-NP-TV-XZĐĂÂ]|[b-df-hj-np-tv-xzđăâ])(?!\w)", self.letter),
        )

    def document(self, letters: str) -> str:
        """Return the meaning of one part of a decree's number, such as ``QĐ`` or ``UBND``."""
        known = self._documents.get(letters) or self.words.get(letters)
        return known or " và ".join(
            self.words.get(part) or spelled(part) for part in letters.split("&")
        )

    def sense(self, match: re.Match[str]) -> str | None:
        """Read an abbreviation with several meanings by the words around it."""
        front = match.string[max(0, match.start() - CONTEXT) : match.start()]
        if len(match[0]) <= _LONGEST_KEYWORD and _KEYWORD.search(front):
            return None if is_syllable(match[0].lower()) else spelled(match[0])
        return self._chosen(match)

    def _chosen(self, match: re.Match[str]) -> str | None:
        """Return the reading that the words around or the subject suggest, else the usual one."""
        readings = self._senses.get(match[0], ())
        if not (readings or match[0] in cues.subjects().readings) or geometric(match):
            return None
        front, back = before(match), after(match)
        word = shouted(match.string, *match.span()) and is_syllable(match[0].lower())
        pointed = match[0] in self._pointed and back.startswith(".")
        if said := cues.by_subject(match, match[0], front, back, certain=True):
            return said
        named = _NAME_AFTER.match(match.string, match.end()) is not None
        for reading in readings:
            asked = bool(reading.before or reading.after)
            fits = named if reading.after == "Name" else cues.fits(reading, front, back)
            if asked and fits:
                return reading.said
        if word or pointed:
            return None
        least = 2 if readings or match[0] in self.words else 1
        usual = next((r.said for r in readings if not (r.before or r.after)), None)
        return cues.by_subject(match, match[0], front, back, least=least) or usual

    def route(self, match: re.Match[str]) -> str | None:
        """Read ``HN-HP``, the two ends of a journey."""
        ends = match["start"], match["end"]
        if not (_CITIES & {*ends} or cues.about(match, "transport")) or ends[0] == ends[1]:
            return None
        return f"{_ROUTES[ends[0]]}, {_ROUTES[ends[1]]}"

    def stops(self, match: re.Match[str]) -> str:
        """Read ``ĐN-HA-`` before the name of a town, the stops of a journey."""
        del self
        return "".join(f"{_ROUTES[place]}, " for place in re.findall("[A-ZĐ]+", match[0]))

    def side(self, match: re.Match[str]) -> str | None:
        """Read ``(T)`` and ``(P)`` as left and right, and ``M`` as pulse, in medical notes."""
        return cues.by_subject(match, match[0], before(match), after(match)) or None

    def doses(self, match: re.Match[str]) -> str | None:
        """Read ``S-C``, the times of day of a medicine."""
        if not cues.about(match, "medicine"):
            return None
        return ", ".join(_TIMES_OF_DAY[part] for part in re.findall("Tr|[SCT]", match[0]))

    def and_so_on(self, match: re.Match[str]) -> str:
        """Read ``v.v.`` as "vân vân". Its last point is kept where a sentence ends."""
        ends = re.match(
            rf"\s*(?:$|\n)|\s+[{CAPITALS}]", match.string[match.end() : match.end() + 8]
        )
        return "vân vân." if ends and match[0].endswith(".") else "vân vân"

    def sunday(self, match: re.Match[str]) -> str | None:
        """Read ``CN`` as Sunday beside other days and dates."""
        beside = re.search(r"(?:\bt[2-7]|bảy|thứ \w{2,4})\W{1,4}(?:và )?$", before(match))
        return "chủ nhật" if beside or _DATED.match(after(match)) else None

    def known(self, match: re.Match[str]) -> str | None:  # noqa: PLR0911
        """Read known abbreviations (``UBND``, ``GD&ĐT``) without the point of a title."""
        word, point = match["word"], match["point"]
        if geometric(match, word):
            return None
        if "." in word and (said := self._glued(match)):
            return said
        named = word not in self._titles and word not in _NO_PERSON
        if named and _INITIALS.search(before(match)) and _NAMED.fullmatch(word):
            return spelled(word) + point  # ông NĐT: the initials of a name
        whole = self._pointed.get(word) if point else None
        if "." in word and _PERSON_BEFORE.search(before(match)) and _LETTERS.fullmatch(word):
            return None  # the initials of a person
        whole = whole or self.words.get(word) or self.words.get(word.replace(".", ""))
        if whole and not (
            word in self._senses
            and is_syllable(word.lower())
            and shouted(match.string, *match.span("word"))
        ):  # ĐẦU TƯ is a word
            return whole + self._ending(word, match)
        if word.isalpha() or len(word) < 4:  # noqa: PLR2004
            return None
        parts = re.split(r"[.-]", word.replace("&", ".&."))
        meanings = ["và" if part == "&" else self.words.get(part) for part in parts]
        if not all(meanings):
            return None
        return " ".join(filter(None, meanings)) + self._ending(parts[-1], match)

    def _glued(self, match: re.Match[str]) -> str:
        """Read ``TS.Hoa``, ``N.V.Tùng`` and ``UBND.Sau``, which lacks a space.

        Returns an empty string for anything else.
        """
        word = match["word"]
        if _LETTERS.fullmatch(word) and _NAME_NEXT.match(match.string, match.end()):
            return f"{spelled(word.replace('.', ''))} "
        *heads, name = word.split(".")
        if not name[1:].islower():
            return ""
        if all(head in self._titles for head in heads):
            return " ".join([*(self._titles[head] for head in heads), name]) + match["point"]
        meaning = self.words.get(heads[0]) if len(heads) == 1 else None
        return f"{meaning}. {name}{match['point']}" if meaning else ""

    def _ending(self, word: str, match: re.Match[str]) -> str:
        """Return the point at the end of the match, or nothing if it belongs to a title."""
        if not match["point"]:
            return ""
        named = re.match(rf"\s?[{CAPITALS}]", match.string[match.end() : match.end() + 3])
        title = {word, word.replace(".", "")} & self._titles.keys() and named is not None
        return (" " if not match.string[match.end()].isspace() else "") if title else "."

    def dotted(self, match: re.Match[str]) -> str:
        """Read ``N.V.A.`` letter by letter."""
        ends = match[0].endswith(".") and not after(match).strip()
        letters = match[0].replace(".", "")
        said = spelled(letters)
        if not _PERSON_BEFORE.search(before(match)):
            said = self.words.get(letters) or said
        return said + ("." if ends else "")

    def initial(self, match: re.Match[str]) -> str | None:
        """Read an initial before a name (``J. K. Rowling``).

        After a Vietnamese word the point ends a sentence.
        """
        front = before(match).rstrip()
        if match["letter"] in _CALLED and re.search(r"(?:gặp|lh|liên hệ|call|gọi|zalo)$", front):
            return f"{_CALLED[match['letter']]} "
        last = front.rpartition(" ")[2]
        if len(last) > 1 and last.isalpha() and is_syllable(last):
            return None
        return f"{spelled(match['letter'])} "

    def footballer(self, match: re.Match[str]) -> str | None:
        """Read ``C.Ronaldo``. Before a Vietnamese word the point may end a sentence."""
        if is_syllable(match["name"].lower()):
            return None
        return f"{spelled(match['letter'])} {match['name']}"

    def letter_only(self, match: re.Match[str]) -> str:
        """Read the initial of ``bà B.`` without its point."""
        return spelled(match["letter"])

    def unknown(self, match: re.Match[str]) -> str | None:
        """Spell capitals that are not a word (``VTV``). Syllables and long names are left."""
        word = match[0].removesuffix("s")
        lower = word.lower()
        loud = is_syllable(lower) and shouted(match.string, *match.span())
        small = _SMALL_BEFORE.search(match.string, max(0, match.start() - 9), match.start())
        if geometric(match) and (not loud or (small and len(word) == _SIDE)):
            return spelled(word)
        if len(word) > 3 and not is_syllable(lower) and pronounced(lower):  # noqa: PLR2004
            return word.capitalize()
        if is_syllable(lower) and lower in self.typed and not loud:
            return spelled(word)  # IU is not a misspelling of yêu
        if is_syllable(lower) and (loud or not _STOPPED.search(word)):
            return None
        if len(word) > _LONGEST_SPELLED and _AS_WORD.match(word):
            return None
        return _named_before(match) or spelled(word)

    def letter(self, match: re.Match[str]) -> str:
        """Read a single consonant, ``ă`` or ``â`` by its name.

        The ``d`` of a law's ``điểm d`` is the Vietnamese letter.
        """
        if match[0] == "d" and re.search(r"(?:điểm|khoản|mục|ý|chữ|tiết|câu)\s$", before(match)):
            return "dê"
        return spelled(match[0])


def _named_before(match: re.Match[str]) -> str:
    """Return the Vietnamese name of which a word has the initials: ``Phan Văn Trị ... chợ PVT``.

    Without such a name in the same line before the word, the result is empty.
    """
    word, start = match[0], match.start()
    if not 1 < len(word) <= _LONGEST_INITIALS:
        return ""
    front = match.string[max(0, start - _NAME_REACH) : start].rpartition("\n")[2]
    for name in reversed(_NAMES.findall(front)):
        parts = name.split(" ")
        if [_plain_letter(part[0]) for part in parts] == [*map(_plain_letter, word)] and all(
            is_syllable(part.lower()) for part in parts
        ):
            return str(name)
    return ""


def _plain_letter(letter: str) -> str:
    """Return a capital without its marks. Đ is a letter of its own."""
    return unicodedata.normalize("NFD", letter)[0]


_LONGEST_INITIALS: Final = 4
_NAME_REACH: Final = 160
"""Characters before an abbreviation that are searched for the name."""
_NAMES: Final = lazily(
    rf"(?<![\w])[{CAPITALS}][{SMALLS}]{{1,6}}(?: [{CAPITALS}][{SMALLS}]{{1,6}}){{1,3}}(?!\w)"
)
_SIDE: Final = 2
"""Number of letters of a side of a figure."""
_SMALL_BEFORE: Final = lazily(r"(?<!\w)[Kk]ẻ $|[a-zà-ỹđ]{2,7} $")
"""A word in small letters, after which the points of a figure are not a shouted word."""
_STAFF: Final = lazily(r"\b(?:chuyên viên|chuyên gia|giám đốc|trưởng phòng|nhân viên)\b")
_NUTRIENT: Final = lazily(
    r"\d ?: (?:giúp|có|trình|tương|tham|hỗ|cần|rất|tốt|người|là|tiếng|english|thi|học|đọc|nghe)"
)
"""Words after a vitamin or a level of English (``B1: Giúp …``), which is no step of a recipe."""
_DATED: Final = lazily(r",?\s\(?(?:ngày\b|\d(?!\d*[.,]?\d{0,2} ?(?:m[2²]?|kg|g|cm|%|tỷ|tr)\b))")
"""A day or an hour after ``CN``, and not the size of a plot or the weight of a child."""
_INITIALS: Final = lazily(
    r"(?<!\w)(?:ông|bà|anh|chị|em|cháu|bị cáo|nghi phạm|đối tượng|nạn nhân|tài xế|cụ|bé|cậu|nữ sinh"
    r"|học sinh) $"
)
_PERSON_BEFORE: Final = lazily(
    r"\b(?:cháu|anh|chị|em|ông|bà|bé|cô|chú|bác|tên|nạn nhân|đối tượng|bị cáo|bị can|nghi phạm"
    r"|nam sinh|nữ sinh|tài xế|bệnh nhân|bé (?:trai|gái)|con trai|con gái|vợ|chồng|mẹ|bố) $"
)
"""Words before the initials of a person, which are no abbreviation (``cháu N.V.H``)."""
_LETTERS: Final = lazily(r"(?!T\.P)[A-ZĐ](?:\.[A-ZĐ])+")
_NAME_NEXT: Final = lazily(rf"(?<=\.)[{CAPITALS}][{SMALLS}]")
"""Initials that are glued to a name: ``N.V.Tùng``."""

_NAME_AFTER: Final = lazily(rf"\.?\s?[{CAPITALS}][{SMALLS}]")
"""The name after a title. The tables write ``Name`` for it."""
_TIMES_OF_DAY: Final = {"S": "sáng", "Tr": "trưa", "C": "chiều", "T": "tối"}
_KEYWORD: Final = lazily(r"(?:[Ss]oạn|SOẠN|[Cc]ú pháp)(?: tin)?:? (?:[A-Z\d]{1,8} )?$")
"""Words before the text of a message to a service, in which letters are keywords."""
_LONGEST_KEYWORD: Final = 3
_NAMED: Final = lazily("[A-ZĐ]{3,4}")
_WORD_CLASSES: Final = {
    "n": "danh từ", "v": "động từ", "adj": "tính từ", "adv": "trạng từ", "pre": "giới từ",
    "ph.": "cụm động từ", "ph": "cụm động từ", "phv": "cụm động từ", "phr": "cụm động từ",
    "n p": "cụm danh từ",
}  # fmt: skip
"""Classes of words behind the English words of a textbook: ``interested (adj): quan tâm``."""
_PHRASE: Final = lazily(r"[^.:;,\n(/=–]{1,48}$")
_LONG_WORD: Final = lazily(r"[a-z]{5,}\s?$")
_NO_PERSON: Final = frozenset("THPT THCS HLV CMND CCCD CSGT PGĐ TGĐ HSSV GVCN TBT KTX".split())
"""Abbreviations that are never the initials of a person, also after such words as ``học sinh``."""


def _in_english(match: re.Match[str]) -> bool:
    """Return whether the words before a match are English; ``vận tốc (v)`` has a quantity."""
    phrase = _PHRASE.search(before(match))
    if phrase is None or not phrase[0].isascii():
        return False
    return _LONG_WORD.search(phrase[0]) is not None or not cues.mentions(match, "science")


_CALLED: Final = {"A": "anh", "C": "chị", "M": "mít"}
_FAR: Final = 1000
"""Characters of a line that are looked at for words of geometry before some capitals."""
_GEOMETRY: Final = lazily(
    r"(?:tam giác|hình (?:chóp|vuông|thang|bình|chữ|thoi|hộp|lăng|lập)|tứ giác|tứ diện|vuông góc"
    r"|đường thẳng|đường tròn"
    r"|đoạn thẳng|trung điểm|giao điểm"
    r"|song song(?! (?:với )?(?:đường(?! [a-z]{1,2}\b)|quốc|đó|phố|tỉnh|đại))"
    r"|phân giác|trung tuyến|đường cao(?! tốc| thắng| bá| đạt| lỗ| xuân| vân| đức| văn)"
    r"|bán kính(?! \d+ ?km)|đường"
    r" kính|mặt phẳng"
    r"|cạnh(?<!bên cạnh)(?<!khía cạnh)(?<!ngay cạnh)(?<!nằm cạnh) (?:[a-z]{1,2}\b|huyền"
    r"|góc vuông|bên|đáy|bằng|của (?:tam|hình|tứ)|là |đối|kề|\d)"
    r"|cạnh(?:(?<= hai cạnh)|(?<= ba cạnh)|(?<=bốn cạnh)|(?<=các cạnh)|(?<=mỗi cạnh))(?! tranh)"
    r"|kẻ (?:đường|tia|tiếp|thêm|dây|hai|các|[a-z]{1,2}\b))"
)


def geometric(match: re.Match[str], word: str = "") -> bool:
    """Return whether capitals are the points of a figure, as in ``tam giác ABC``."""
    word = word or match[0]
    if not re.fullmatch("[A-Z]{2,4}", word):
        return False
    low, high = cues.around(match.string, match.start(), _FAR)
    places = _geometry(match.string)
    at = bisect_left(places, low)
    return at < len(places) and places[at] < high


def is_geometric(text: str) -> bool:
    """Return whether a text has words of geometry."""
    return _GEOMETRY.search(text.lower()) is not None


@lru_cache(maxsize=4)
def _geometry(text: str) -> list[int]:
    """Return the places of all words of geometry. All matches of a rule are in the same text."""
    return [found.start() for found in _GEOMETRY.finditer(text.lower())]


def pronounced(word: str) -> bool:
    """Return whether capitals are pronounced as a word: SELECT and ASIAD, but not IAEA."""
    if languages.is_english(word) and _AS_WORD.match(word.upper()) and word not in _SPELLED:
        return True
    alternating = re.fullmatch(r"(?:[^aeiou]?[aeiou]){2,}[^aeiou]?", word) is not None
    consonants = len(re.sub("[aeiou]", "", word))
    return alternating and consonants > 1 and not re.search("[aeiou]{3}|^[aeiou]{2}|[đưâô]", word)


def _composed() -> dict[str, str]:
    """Return abbreviations composed of known parts (SGDĐT, BVĐK), with their meanings."""
    text = resources.files("vits_tts.text").joinpath("data/abbreviations.tsv").read_text("utf-8")
    lines = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return dict(lines)


def load() -> Abbreviations:
    """Return the abbreviations of the package."""
    text = resources.files("vits_tts.text").joinpath("data/abbreviations.yaml").read_text("utf-8")
    return Abbreviations(texts(text))
