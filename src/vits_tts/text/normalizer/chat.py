"""Chat shortenings, read by the words around them.

The readings are in ``data/chat.tsv``. Forms without another meaning (``ntn``, ``đc``) are read in
any line. Single letters and other ambiguous forms are read only in a line that looks like chat: it
has an unambiguous shortening, or begins with a small letter.
"""

import re
from collections.abc import Container, Iterator
from typing import Final

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.normalizer import cues, restore
from vits_tts.text.normalizer.rules import CONTEXT, Rule, Step, after, apart, before
from vits_tts.text.normalizer.slips import rank
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_LETTER: Final = f"[{SMALLS}{CAPITALS}]"
_WORD: Final = lazily(rf"(?<![^\W_²³¹½¼¾]){_LETTER}{{1,9}}(?![^\W_²³¹½¼¾])")
_NUMBERS: Final = "không|một|hai|ba|bốn|tư|năm|lăm|sáu|bảy|tám|chín|mười|mươi|mốt|trăm|nghìn|ngàn"
_PART: Final = lazily(r"[^\W\d_]+")
_JOINED_BEFORE: Final = lazily(r"(?:[@#/&'’°_-]|\w\.)$")
_DASH_BEGINS: Final = lazily(r"(?:^|[\n.!?] ?)-$")
"""A dash that begins an item: ``-Ko biết``."""
_JOINED_AFTER: Final = lazily(r"[@/&'’_-]|\.[^\W_]")
_SINGLE: Final = frozenset("abcdđeghjklmnpqrstvwxz")
_NAMING: Final = lazily(
    r"(?<!\w)(?:điểm|khoản|mục|nhóm|hạng|loại|câu|lớp|tổ|đội|khu|lô|block|tầng|phòng|vitamin|gan|cạnh|trục"
    r"|hàm|biến|ẩn|số|chữ|án|ý|bảng|(?<!màn )hình|cấp|type|typ|tuyến|dãy|nút|phím|âm|vần|góc|đoạn"
    r"|thẳng|tia"
    r"|cột|mặt phẳng|giá trị|bằng|serie|series|ký hiệu|kí hiệu|trừ|cộng|nhân|chia|mũ|model"
    r"|dòng"
    r"|cup|ô|vị trí|khối|bảng|mọi|từ|tên|ông|bà)[^\w,]{1,2}$"
)
_PAIR: Final = {
    "t": ("tao", lazily(r"(?<![\w.])(?:m|mày)(?!\w)")),
    "m": ("mày", lazily(r"(?<![\w.])(?:t|tao)(?!\w)")),
}
"""Two people who call each other "tao" and "mày" in one line."""
_ASKED: Final = lazily(r"(?:giúp|hộ|cho|nhờ|chỉ|của|dạ|giùm) $")
_PEOPLE: Final = {"a": "anh", "c": "chị", "e": "em"}
_ADDRESSING: Final = lazily(
    r"(?<!\w)(?:dear|hi|hello|chào|gửi|nhờ|với|của|lh|cc|kính gửi|gặp|hỏi|gọi|cho|nhắn|và"
    r"|liên hệ)\s$"
)
"""Words before a person with a name: ``dear a Nam``."""
_NAMED_PERSON: Final = lazily(
    r"[^\W\d_]{2,7} (?:bảo|nói|ơi|đang|có|đã|vừa|mới|gửi|nhắn|gọi|kêu|nhờ|dặn|hẹn|mua|đi|về|ở|là"
    r"|cũng|sẽ|chưa|ko|k|không|với|và|rồi|nha|nhé|ạ)(?!\w)"
)
"""A name and a word that indicates a person: ``a Tuấn bảo``."""
_AT_LINE_START: Final = frozenset("KETMBCA")
_DENIED: Final = lazily(
    r" (?:biết|bít|bik|bt|hiểu|thấy|được|đc|dc|có|còn|phải|thể|nên|muốn|thích|hài|mua|bị|cần|dùng"
    r"|chơi|như|bao|ai|sao|đáng|ngờ|tốt|đẹp|ổn|ngon|làm|bik|đủ|mượt|lag|giật|nóng)(?!\w)"
)
"""Words after a capital K in the middle of a line that stands for "không"."""
_UNKNOWING: Final = lazily(r" (?:biết|bik|bít|bt|hiểu)(?!\w)")
_SPEAKING: Final = lazily(
    r" (?:đã|đang|sẽ|cũng|còn|mới|vừa|không|ko|k|thấy|nghĩ|bảo|nói|thích|ghét|yêu|mua|biết)(?!\w)"
)
_LEADING_SHORTENING: Final = lazily(
    r"[TKM] (?:đã|đang|sẽ|cũng|còn|mới|vừa|không|ko|thấy|nghĩ|bảo|nói|thích|ghét|yêu|mua|biết|từng"
    r"|chắc|chỉ|chưa|vẫn|này|đi|làm|ở|là|muốn|phải|tính|định|có|hiểu|được|đc|dc|chấp|ai|bao|dám"
    r"|nên|đâu|gì|tin|cần|quan tâm)(?!\w)"
)
"""A capital that begins a line of chat, with a word that seldom follows a name."""
_HELLO: Final = lazily(r" lô(?!\w)")
_LISTED_ITEM: Final = lazily(r"[²³]|[.)] ?[A-ZĐÀ-Ỹ]")
_ITEM_BEFORE: Final = lazily(r"(?<!\w)[a-cA-C]\s?[.)]\s")
"""The text after a letter that is a unit of area or numbers an answer: ``a. Đúng b. Sai``."""
_NEGATED: Final = lazily(
    r"\s?(?:ạ|vậy|nhỉ|mn|mọi người|mng|ad|bác|shop|anh|chị|\?)(?!\w)"
    r"| (?:lag|giật|nóng|lỗi|hao|bị|có|được"
    r"|đc|dc|biết|bik|bít|bt|thấy|thể|phải|nên|cần|còn|ai|sao|đẹp|tốt|ổn)(?!\w)"
)
"""Words after a ``k`` that means "không", also where a name could stand."""
_THEN_PERSON: Final = lazily(r" (?:t|m|e|mình|tao|em|anh|chị|ae|mn|mng|để|z|v|vậy|thì)(?!\w)")
"""Words after a ``k`` that ends a question, also after a number (``đá sân 7 k t``)."""
_PARTICLE: Final = lazily(
    r"(?<!\w)(?:nha|nhé|nhá|nhen|nghen|nè|hen|xíu|nhe|dạ|vãi|hông|hỉ|ghê)(?:\s?$|\s?[,.!?~:)])"
    r"|(?<!\w)(?:anh|chị|em|bạn|shop|mẹ|ad|bác) ơi(?!\w)|(?<!\w)(?:ạ|hả)\s?(?:$|[!?])"
)
"""Words that end a clause in chat only. "á" is missing: it is also the name of the letter Ă."""
_NEGATED_AFTER_SIZE: Final = lazily(r" (?:chuẩn|đúng|vừa|phù hợp|khớp|đều|được|đc|có|như)\b")
_OWNED: Final = lazily(
    r"(?<!\w)(?:nhà|nhạc|ý kiến|xe|máy|hàng|ảnh|chuyện|bạn|acc|tài khoản|riêng|vợ|chồng|mẹ|bố|lớp"
    r"|phòng|quê|giọng|lời|fan|kênh|nick|ních|đt|điện thoại|nhóm|mèo|chó|clip|công ty|cty|sếp"
    r"|lương|bé|người yêu) của $"
)
"""Things that belong to people and not to a letter: ``nhà của e``."""
_CODE_NEXT: Final = lazily(r" [A-Z]{1,4}\d{4}")
"""A number of a customer or an order: ``KH PE13000``."""
_EXAM: Final = lazily(
    r"(?:phương trình|(?<!kinh )(?<!thí )(?<!trắc )(?<!trải )(?<!thử )(?<!xét )nghiệm"
    r"|hàm số|tham số|tam giác"
    r"|biểu thức|dung dịch|\bgam\b|\bmol\b|phản ứng"
    r"|đồ thị|số phức|alen|kiểu gen|đột biến|phép lai|tích phân|mặt phẳng|véc tơ|đường tròn"
    r"|\b(?:giải|hệ|bất|hai|nghiệm của) pt\b"
    r"|giá trị của|tìm m|theo m|đường thẳng|parabol|tiệm cận|hình chóp|số nguyên"
    r"|cạnh(?<!bên cạnh)(?<!khía cạnh)(?! tranh| màn| viền)"
    r"|kim loại(?<!khung kim loại)(?<!vỏ kim loại)(?<!viền kim loại)(?<!lưng kim loại))"
)
"""Words of mathematics and chemistry; in lines with them single letters are variables."""
_VARIABLES: Final = lazily(
    r"(?:giao điểm|trung điểm|tọa độ|toạ độ|số thực|hệ số|song song|vuông góc|bán kính|vận tốc"
    r"|điện (?:trở|tích|áp|tử|dung)|hình (?:vuông|thang|thoi|bình hành|chữ nhật)"
    r"|gia tốc|dao động|tập hợp|ma trận|electron"
    r"|vectơ|\bđỉnh [a-z]\b|(?<!\w)[a-zA-Z] ?[=<>≤≥]|(?<!\w)[a-z], ?[a-z](?:, ?[a-z])?(?!\w))"
)
"""The same for letters of which only the neighbours tell a meaning."""

_LETTERS: Final = (
    "a|á|ớ|bê|xê|đê|e|ê|ép|giê|hát|i|gi|ca|lờ|mờ|nờ|o|ô|ơ|pê|quy|rờ|ét|tê|u|ư|vê|kép|ích|y|dét"
)
_SPELLED_BEFORE: Final = lazily(
    rf"(?<!\w)(?:{_LETTERS}|{_NUMBERS}|của|bằng|cộng|trừ|nhân|chia|mũ|hơn|phẩy|trên|sin|cốt|tang|góc|âm"
    r"|thuộc|khác|ngoặc|chấm|phần)\s$"
)
_SPELLED_AFTER: Final = lazily(
    rf"\s(?:{_LETTERS}|bằng|cộng|trừ|nhân|chia|mũ|nhỏ hơn|lớn hơn|bình phương|lập phương|phẩy"
    rf"|khác|thuộc"
    r"|đóng|chấm|còng|giai thừa)(?!\w)"
)
_AMOUNT_AFTER: Final = lazily(rf"\s(?:(?:{_LETTERS}|{_NUMBERS}) ){{1,8}}bằng ")
"""A formula that was spelled already, after the letter of its amount: ``n_Mg = 0,1``."""
"""Words beside a vowel that is the name of a letter, in text that was spelled by earlier steps."""

_COUPLES: Final = {"ac": "anh chị", "vc": "vợ chồng", "ae": "anh em"}
_PLACED: Final = lazily(r"(?:địa chỉ|đ/c|đc|ở|tại|khu vực \d{1,2},?|tổ \d{1,3},?) $")
"""Text before the name of a ward."""
_LISTED: Final = lazily(r"(?:(?<!\w)[a-zđ](?:,| và| hoặc)\s)$")
_NEAR: Final = 3
_LIST_GOES_ON: Final = lazily(r"(?:,| và| hoặc)\s[a-zđ](?!\w)")
_MEANT: Final = {
    "e": "em", "a": "anh", "c": "chị", "k": "không",
    "E": "em", "A": "anh", "C": "chị", "K": "không",
}  # fmt: skip
"""The words that single letters of chat stand for if words that often stand beside them do so."""
_CERTAIN: Final = 2
_RARE: Final = 3000
"""Rank of syllables that are hardly ever words, but parts of foreign words as they are read."""
_OFTEN: Final = 8
_VERY_OFTEN: Final = 30
"""Counts of a pair of syllables that make a reading likely."""
_LETTER_NAMED: Final = lazily(
    r"(?<!\w)(?:vitamin|điểm|khoản|mục|nhóm|hạng|câu|lớp|đội|khu|lô|block|phòng|gan|chữ"
    r"|đáp án|ý|mô|từ"
    r"|type|cổng|khối|big|circle|cấp \d|c\d|\d|tòa|toà|văn|thị|nam)\s$"
)
_CLAUSE_STARTS: Final = lazily(r"(?:^|[.,!?;:…)]\s?)$")
_NEXT_WORD: Final = lazily(
    rf" (?!(?:lô|di|ha|mác|min|không (?:{_NUMBERS})|(?!không)(?:{_NUMBERS}))(?!\w))"
    r"([^\W\d_]+)(?![\w.]\w)"
)
_WORD_BEFORE: Final = lazily(r"(?<![\w.@])([^\W\d_]+) $")
_ENDS: Final = lazily(r"\s?(?:$|[,.;!?…])")
_JOINS: Final = lazily(r"và|hoặc|hay|với|là|của|bằng|chữ|số|điểm|cạnh|loại|hạng|hàm|từ|đến|the|by")
"""Words after which a letter that ends a clause may be the last of a list, or a name."""
_SELF: Final = lazily(
    r" (?:này|đã|đang|sẽ|cũng|mới|vừa|không|ko|k|thấy|nghĩ|mua|dùng|xài|sài|bị|muốn|cần|xin|hỏi"
    r"|chưa|rất|học|ở|với|định|tính|đi)(?!\w)"
)
"""Words after a capital ``E`` that begins a clause and stands for a person."""
_SHORT_NEIGHBOURS: Final = {
    "đc": "được", "dc": "được", "ko": "không", "k": "không", "đag": "đang", "ae": "anh", "oi": "ơi",
    "r": "rồi", "cx": "cũng", "vs": "với", "t": "tao", "m": "mình",
    "e": "em", "a": "anh", "c": "chị",
    "mn": "người", "lm": "làm", "trc": "trước", "cg": "cũng", "ms": "mới", "lun": "luôn",
    "đt": "điện",
    "nv": "nhân", "sp": "sản", "ng": "người", "bik": "biết", "bt": "biết", "ns": "nói", "vk": "vợ",
}  # fmt: skip


def _expanded(word: str) -> str:
    return _SHORT_NEIGHBOURS.get(word, word)


_CHATTING: Final = frozenset(
    "ko k kh dc đc r mn mng ntn nx cx vs trc ck vk mk mik hok hong khum bh ib nt rùi thui wá "
    "hnay"
    " nma nhma ngta j z v t b m sp đt sd oke oki hihi hehe hjhj kk hic huhu cj ae"
    " ac hqua lun bik bít bt thik đag nhìu hỉu ny bn nch tks vl vcl vkl kkk cno".split()
)
"""Shortenings that show that a line is chat."""
_UNMARKED_UNITS: Final = dict(
    zip(
        "tuoi tuan thang ngay trieu triu nghin dong phut gio nguoi lan ty tieng nam tret"
        " lau".split(),
        "tuổi tuần tháng ngày triệu triệu nghìn đồng phút giờ người lần tỷ tiếng năm trệt"
        " lầu".split(),
        strict=True,
    )
)
_PLACE_BEFORE: Final = lazily(
    r"(?:m²|[a-zà-ỹđ²]\d{1,3}|(?:quận|lầu|tầng|số|phường|mức|mức độ|khu|block|tòa"
    r"|toà|cấp|hotline) \d{1,4}"
    r"|\d{9,11}|(?<!\d)11[345])$"
)
_PLACE_AFTER: Final = lazily(
    rf" (?:[{CAPITALS}\d]|chợ|trung|tại|gần|cầu|sân|vòng|đường|trường|khu|ngã|bệnh|siêu"
    r"|công viên|để|tòa|toà"
    r"|mặt|sau lưng|góc|bến|cạnh|bây|lập|trong|bên|cổng|đầu|hẻm|phố)"
)
_LASTING: Final = lazily(
    r"(?:^|\b(?:được|đc|dc|dk|hơn|qua|mua|xài|sài|dùng|sử dụng|đi|bảo hành|sau|trong|khoảng"
    r"|tầm|gần|mỗi|hạn|tù"
    r"|mấy|cả|tới|đến|day|đây|là) )\d{1,3} $"
)
"""Text before years; elsewhere ``1 nam`` is a man."""


def _unmarked_unit(match: re.Match[str]) -> str | None:
    """Read ``2 ngay`` as days, and not ``20m2 ngay chợ``, ``ở 1 nam`` or ``2 thang máy``."""
    unit, front, end = match["unit"], before(match), match.end()
    marked = _MARKED_LETTER.search(match.string) is not None
    if unit == "thang" and _LIFT.match(match.string, end):
        return None
    if unit == "ngay" and marked and _PLACE_BEFORE.search(front):
        return None
    if unit == "ngay" and marked and _PLACE_AFTER.match(match.string, end):
        return None
    if unit == "nam" and marked and match[0][0] == " " and not _LASTING.search(f"{front} "):
        return None
    return f" {_UNMARKED_UNITS[unit]}"


_LIFT: Final = lazily(r" (?:máy|bộ|cuốn|thoát|nhôm|điểm|lương|dây)(?!\w)")
"""Words after which ``thang`` is a lift, stairs or a scale, and no month."""
_MARKED_LETTER: Final = lazily(r"[à-ỹăâêôơưđ]")
_FOREIGN_ORDINAL: Final = lazily(r"\b(?:the|my|our|happy|on|of) \d{1,3} ?$")
_MODEL: Final = lazily(
    r"(?:size|máy|dòng|galaxy|tab|model|sony|canon|đèn|bóng|tuyến|xe|nhôm|ram|tòa|toà|block)\s$|[-,/]$"
)


_AFTER_PERSON: Final = lazily(
    r"\s(?:này|nó|ấy|đều|cùng|bé|gái|trai|đuối|nhà|là|có|đang|thì|của|học|sinh|đi|ở|ạ|nha|nhé|mới"
    r"|không|ko|k|còn|vì|đã|bị|mình|tui|quá|lắm)(?!\w)"
)


def _counted_person(match: re.Match[str]) -> str | None:
    """Read the ``e`` of ``2 e`` as a person if the next word often follows *em*, or none does."""
    if _EXAM.search(cues.sentence(match.string, match.start(), CONTEXT)):
        return None
    if before(match).endswith("hai ") and match.string.islower():
        return None  # maybe a text that was read already: 2e
    back = after(match)
    next_word = _NEXT_WORD.match(back.lower())
    often = next_word and restore.pair("em", _expanded(next_word[1])) >= _VERY_OFTEN
    return "em" if often or not back[:1].isspace() or _AFTER_PERSON.match(back) else None


class Chat:
    """Reads shortenings with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers and load the table of shortenings."""
        self._numbers = numbers
        by_subject = {form: () for form in cues.subjects().readings if form.islower()}
        self._readings = {**by_subject, **cues.table("chat.tsv")}

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: forms with digits, then words."""
        return (
            Rule(r"(?<!\w)t(?P<number>[2-9]|1[0-2])(?![\w.])", self.day, needs="t"),
            Rule(
                r"(?:(?<=nay\ )|(?<=mai\ )|(?<=hôm\ )|(?<=sáng\ )|(?<=chiều\ )|(?<=tối\ ))"
                r"T(?P<number>[2-7])(?![\w./])",
                self.day,
                needs="T",
            ),
            Rule(
                r"(?<=\d)\ ?(?P<unit>tuoi|tuan|thang|ngay|trieu|triu|nghin|dong|phut|gio|nguoi"
                r"|lan|ty|tieng|tret|lau|nam(?!\ (?:\d|nữ|và)))(?!\w)",
                _unmarked_unit,
            ),
            Rule(
                r"c(?!\w)(?:(?<=[Xx]e\ \dc)|(?<=[Xx]e\ \d\dc)|(?<=[Ll]imo\ \dc)|(?<=[Ll]imo\ \d\dc)"
                r"|(?<=usine\ \dc)|(?<=usine\ \d\dc)|(?<=nằm\ \d\dc))",
                "chỗ",
                needs="c",
            ),
            Rule(
                r"th(?!\w)(?:(?<=\dth)|(?<=\d\ th))",
                lambda match: "tháng" if _is_months(match) else None,
                needs="t",
            ),
            Rule(
                r"(?:(?<=\bib)|(?<=\bcmt)|(?<=\binbox))/(?=(?:ib|inbox|cmt|zalo|call|sđt)\b)",
                " ",
                glued=True,
                needs="/",
            ),
            Rule(
                r"(?<=\d[kKđ]/)q(?!\w)",
                lambda match: "quyển" if _BOOKS.search(before(match)) else None,
                needs="/",
            ),
            Rule(
                r"(?<!\w)(?P<model>1[1-9])\ ?(?:PM|prm|pm|PRM)(?=\ \d{2,4}\ ?[gG])",
                lambda match: f"{match['model']} pờ rô mác",
                needs="mM",
            ),
            Rule(
                r"(?<![\w.,])(?P<whole>\d{1,2})l(?P<rest>[1-9])(?!\w)",
                lambda match: (
                    f"{self._numbers.whole(match['whole'])} lít "
                    f"{self._numbers.whole(match['rest'])}"
                ),
                needs="l",
            ),
            Rule(
                r"(?<![\w.,])(?P<count>[2-9])\ ?(?P<who>ac|vc|ae)(?!\w)",
                lambda match: f"{self._numbers.whole(match['count'])} {_COUPLES[match['who']]}",
                needs="ce",
            ),
            Rule(
                r"k(?!\w)(?:(?<=trăm\ k)|(?<=chục\ k))"
                r"(?!\ (?:có|đủ|biết|được|đc|dc|thấy|ai|nói|đáng|phải|thể)(?!\w))",
                self._numbers.thousand,
                needs="k",
            ),
            Rule(
                r"(?<!\w)[iI]p\ ?(?P<model>[678])\ ?(?:p|plus|\+)(?!\w)",
                lambda match: f"ai phôn {self._numbers.whole(match['model'])} pờ lớt",
                needs="678",
            ),
            Rule(
                r"(?<!\w)[iI]p\ ?(?P<model>1[1-9])\ ?(?:prm|pm|promax)(?!\w)",
                lambda match: f"ai phôn {self._numbers.whole(match['model'])} pờ rô mác",
                needs="1",
            ),
            Rule(
                r"e(?!\w)(?:(?<=\d\ e)|(?<=hai\ e)|(?<=mấy\ e)|(?<=các\ e))"
                r"(?=[.,!?](?:\s|$)|$|\s\w)",
                _counted_person,
                needs="e",
            ),
            Rule(r"(?<!\w)[Bb]ig\ ?[Cc](?!\w)", "bích xi", needs="cC"),
            Rule(
                rf"(?<!\w)[pP]\.?\ (?=[{CAPITALS}][{SMALLS}]{{1,6}}\ [{CAPITALS}][{SMALLS}])",
                lambda match: "phường " if _PLACED.search(before(match)) else None,
                glued=True,
                needs="pP",
            ),
            Rule(r"(?<!\w)Ng\.?\ (?=[A-ZĐÀ-Ỹ][a-zà-ỹ])", "Nguyễn ", glued=True, needs="N"),
            Rule(
                r"(?<!photo\ )(?<!sổ\ )(?<!\w)hk(?=\ ?[123](?!\w))",
                "học kỳ ",
                glued=True,
                needs="h",
            ),
            Rule(
                r"(?<!\w)[đĐ]/c(?!\w)(?!\ [A-ZĐÀ-Ỹ])",
                lambda match: "địa chỉ" if _PLACE_ASKED.search(before(match)) else None,
                needs="/",
            ),
            Rule(
                r"(?<![\w.,/-])(?P<from>\d{1,2})\s?[-–]\s?(?P<to>\d{1,2})t(?!\w)",
                self.ages,
                needs="t",
            ),
            Rule(r"(?<=\d)(?:\ ?tc|TC)(?!\w)|(?<=\d[kKđ]/)tc(?!\w)", " tín chỉ", needs="tT"),
            Rule(
                r"(?<!\w)m(?P<tens>[4-9]\d)(?!\w)",
                lambda match: f"mét {self._numbers.whole(match['tens'])}",
                needs="m",
            ),
            Rule(
                r"(?<!\w)[iI]p(?=(?:\d{1,2}|x[sr]?|se)(?:pro|prm|pm|plus|mini|max|promax)?(?!\w))",
                "ai phôn ",
                glued=True,
                needs="0123456789x",
            ),
            Rule(
                r"c(?<!\w.)(?=[123](?!\w))",
                lambda match: "cấp " if _SCHOOLED.search(before(match)) else None,
                glued=True,
                needs="c",
            ),
            Rule(
                r"[cC](?=\d{1,2}(?!\w|-[cC]))"
                r"(?:(?<=slide\ .)|(?<=ôn\ .)|(?<=đề\ .)|(?<=tập\ .)|(?<=hết\ .)|(?<=xờ\ lai\ .))",
                "chương ",
                glued=True,
                needs="cC",
            ),
            Rule(r"c(?=/\w)(?<=\dc)|c(?!\w)(?<=\d[kK]/c)", " cái", glued=True, needs="c"),
            Rule(r"(?<=[a-zà-ỹđ]\ )\#(?=\ [a-zà-ỹđ]|[,.!?]|\ ?$)", "khác", needs="#"),
            Rule(
                rf"(?<![\w.])(?P<person>[ace])\ (?=[{CAPITALS}][{SMALLS}]{{1,6}}(?!\w))",
                lambda match: (
                    f"{_PEOPLE[match['person']]} "
                    if _ADDRESSING.search(before(match)) or _NAMED_PERSON.match(after(match))
                    else None
                ),
            ),
            Rule(
                r"a\ e(?<![\w.,]a\ e)(?=\ (?:nào|chọn|mua|ơi|xem|cứ|có|thấy|đi|nên|vào|thì"
                r"|mình|ta|ạ)(?!\w))",
                "anh em",
                needs="a",
            ),
            Rule(r"(?<!\w)[Nn]g\ (?=ta(?!\w)|khác(?!\w))", "người ", needs="g"),
            self.words,
        )

    def ages(self, match: re.Match[str]) -> str | None:
        """Read ``bé gái 1-6t``, a range of ages."""
        if not _CHILD.search(before(match)):
            return None
        first, last = self._numbers.whole(match["from"]), self._numbers.whole(match["to"])
        return f"{first} đến {last} tuổi"

    def day(self, match: re.Match[str]) -> str | None:
        """Read ``t4`` as Wednesday, unless it follows the name of a model; ``t10`` as October."""
        number = match["number"]
        if int(number) > 7:  # noqa: PLR2004  # days of the week end with thứ bảy
            return f"tháng {self._numbers.whole(number)}"
        if _MODEL.search(before(match)):
            return None
        return f"thứ {self._numbers.ordinal(number)}"

    def words(self, text: Text) -> Text:
        """Return the text with its shortenings read."""
        known = self._readings.keys() & _PART.findall(text.spoken.lower())
        if not known:
            return text
        edits = list(self._edits(text.spoken, known))
        return text.rewritten(edits) if edits else text

    def _edits(self, spoken: str, found: Container[str]) -> Iterator[Edit]:
        chatting: dict[int, int] = {}
        for match in _WORD.finditer(spoken):
            word = match[0]
            if word.lower() not in found:
                continue
            if _leading(match) or word in {"K", "T"}:
                word = word.lower()
            if not word.islower():
                loud = word.isupper() and len(word) > 1 and _loud(spoken, *match.span())
                loud = loud and not _CODE_NEXT.match(spoken, match.end())
                word = word.lower() if loud or word.istitle() else word
            known = self._readings.get(word)
            if (known is None and word not in _MEANT) or (
                _joined(match, self._readings) and not is_syllable(word)
            ):
                continue
            said = ""
            if known or (known is not None and not (match[0].istitle() and is_syllable(word))):
                said = self._said(match, known, chatting)
            said = said or self._by_neighbours(match, chatting)
            if said:
                start, end = match.span()
                if match[0][0].isupper() and len(match[0]) > 1:
                    said = said[0].upper() + said[1:]
                yield start, end, apart(spoken, start, end, said)

    def _said(  # noqa: C901, PLR0911, PLR0912
        self, match: re.Match[str], known: tuple[cues.Reading, ...], chatting: dict[int, int]
    ) -> str:
        spoken = match.string
        start, end = match.span()
        front = spoken[max(0, start - CONTEXT) : start].rpartition("\n")[2].lower()
        back = spoken[end : end + CONTEXT].partition("\n")[0].lower()
        # A sign between words will be read as a space, so it is the same context as one.
        front, back = _SIGN_AT_END.sub(" ", front), _SIGN_AT_START.sub(" ", back)
        single = len(match[0]) == 1
        if match[0] in {"a", "A"} and _HELLO.match(back):
            return ""
        if single and back[:1] == ":" and re.search(r"(?:^|[-•*+;]) ?$", front):
            return ""  # a quantity of a list: m: khối lượng
        ends = match[0] in _LAST_LETTERS and re.search(r"[a-zà-ỹđ]{2} $", front)
        if single and not ends and _LISTED_ITEM.match(spoken, end):
            return ""
        negated = (match[0] == "k" and _NEGATED.match(back) and not front.endswith("vitamin ")) or (
            match[0] == "r" and _CLAUSE_ENDS.match(back)
        )
        if single and not negated and (_NAMING.search(front) or _is_listed(match[0], front, back)):
            return ""
        if (
            single
            and front.endswith("size ")
            and (match[0] != "k" or not _NEGATED_AFTER_SIZE.match(back))
        ):
            return ""
        if (
            single
            and back[:1] in {".", ")"}
            and _ITEM_BEFORE.search(spoken, max(0, start - _OPTIONS), start)
        ):
            return ""  # the answers of a question: a. 75% b. 25%
        asked = _ends_clause(match[0], front, back) or (
            re.match(r"\s?(?:ạ|vậy|thế|\?|nhỉ)", back) and front.endswith(" ")
        )
        asked = asked or (
            match[0] == "k" and front.endswith(" ") and _THEN_PERSON.match(back) is not None
        )
        asked = asked or (match[0] == "k" and _UNKNOWING.match(back) is not None)
        unit = single or match[0].lower() in {"tr", "kg", "hp"}
        if re.search(r"\d\s?$", front) and unit and not asked:
            return ""
        if match[0] == "T" and front.endswith(" ") and _SPEAKING.match(back):
            return "tao"
        denied = match[0] == "K" and (not start or front.endswith(" ")) and _DENIED.match(back)
        if denied and not start:
            return "không"
        capital = match[0].isupper() and not (_leading(match) or denied)
        if single and (capital or match[0].lower() not in _SINGLE):
            return ""
        if single and (
            spoken[end : end + 1] == "_"
            or (front.endswith("(") and back[:1] == ")")
            or spoken[max(0, start - 3) : start] == f"{match[0].upper()}, "
            or _AMOUNT_AFTER.match(back)
        ):
            return ""  # n_Cu, the statements (b) and (c), and two alleles, B and b
        if single and re.match(r"[.)]\s", back) and re.search(r"(?:^|[.;:]\s)$", front):
            return ""  # a) and b) number the items of a list
        exam = single and _EXAM.search(cues.sentence(spoken, start, CONTEXT))
        if exam and not (match[0] == "e" and _ASKED.search(front)):
            return ""
        if single and (re.match(r"\s?[=<>^+*/∈∉≤≥≠]", back) or front.endswith("^")):
            return ""
        owner = front.endswith("của ") and (
            self._chats(spoken, start, chatting) > 1 or _OWNED.search(front) is not None
        )
        if match[0] in {"a", "e"} and (
            (_SPELLED_BEFORE.search(front) and not owner) or _SPELLED_AFTER.match(back)
        ):
            return ""
        return self._chosen(match, known, front, back, chatting)

    def _chosen(
        self,
        match: re.Match[str],
        known: tuple[cues.Reading, ...],
        front: str,
        back: str,
        chatting: dict[int, int],
    ) -> str:
        """Return the reading that the words around or the subject suggest, else the usual one."""
        form = match[0].lower()
        if form in _PAIR and self._chats(match.string, match.start(), chatting):
            meant, other = _PAIR[form]
            if other.search(cues.sentence(match.string, match.start(), _FAR_BACK)):
                return meant
        if said := cues.by_subject(match, form, front, back, certain=True):
            return said
        for reading in known:
            plain = not (reading.before or reading.after)
            if plain and (said := cues.by_subject(match, form, front, back, least=2)):
                return said
            # a, e and c may be names of letters, so they need stronger evidence
            vowel = match[0] in {"a", "e"} or (
                match[0] == "c" and not (reading.before or reading.after)
            )
            if not reading.anywhere and (
                self._chats(match.string, match.start(), chatting) <= vowel
            ):
                continue
            if cues.fits(reading, front, back, every=True):
                return reading.said
        return cues.by_subject(match, form, front, back)

    def _by_neighbours(self, match: re.Match[str], chatting: dict[int, int]) -> str:
        """Return the word that a single letter stands for if its neighbours often stand beside it.

        A capital is read only where a clause begins.
        """
        meant = _MEANT.get(match[0], "")
        spoken, (start, end) = match.string, match.span()
        certain = meant and self._chats(spoken, start, chatting) >= _CERTAIN
        # a text of small letters alone may have been read already
        person = match[0] == "e" or (match[0] == "E" and _SELF.match(spoken, end) is not None)
        if not certain and (not person or spoken.islower()):
            return ""
        front = spoken[max(0, start - CONTEXT) : start].rpartition("\n")[2].lower()
        back = spoken[end : end + CONTEXT].partition("\n")[0].lower()
        around = cues.sentence(spoken, start, CONTEXT)
        named = _LETTER_NAMED.search(front) or _SPELLED_BEFORE.search(front)
        if named or _SPELLED_AFTER.match(back) or _EXAM.search(around) or _VARIABLES.search(around):
            return ""
        if _CLAUSE_STARTS.search(front) and spoken[end + 1 : end + 2].isupper():
            return ""
        alone = match[0] == "E" and _CLAUSE_STARTS.search(front) is not None
        if not certain and not alone and not _stands_often(meant, front, back):
            return ""
        return meant if _stands(match[0], meant, front, back) else ""

    def _chats(self, spoken: str, place: int, chatting: dict[int, int]) -> int:
        """Return how certainly the line is chat: 0 for not, 1 for possibly, 2 for certainly."""
        low = max(0, place - _FAR_BACK)
        found = spoken.rfind("\n", low, place)
        start = found + 1 if found >= 0 else low - low % _FAR_BACK
        if start not in chatting:
            end = spoken.find("\n", place, start + 2 * _FAR_BACK)
            line = spoken[start : end if end >= 0 else start + 2 * _FAR_BACK]
            lead = re.search(r"[^\W\d_]", line)
            small = lead is not None and (
                lead[0].islower() or _LEADING_SHORTENING.match(line, lead.start()) is not None
            )
            chatting[start] = 2 if is_certain(line) else int(small)
        return chatting[start]


def _stands(letter: str, meant: str, front: str, back: str) -> bool:
    """Return whether the words around a letter often stand around the word that is meant."""
    next_word = _NEXT_WORD.match(back)
    following = _expanded(next_word[1]) if next_word else ""
    after = restore.pair(meant, following)
    if _CLAUSE_STARTS.search(front):
        return after >= _OFTEN
    previous = _WORD_BEFORE.search(front)
    if letter.isupper() or not previous or (following and rank(following) > _RARE):
        return False
    before = restore.pair(_expanded(previous[1]), meant)
    if letter == "k":
        return before > 1 and after >= _VERY_OFTEN
    one = not min(before, after) and max(before, after) >= _VERY_OFTEN
    ends = letter == "e" and before >= _VERY_OFTEN and _ENDS.match(back) is not None
    return (before > 1 and after > 1) or one or ends


def _stands_often(meant: str, front: str, back: str) -> bool:
    """Return whether both neighbours of a letter stand very often beside the word that is meant.

    The end of a clause is a neighbour, too.
    """
    previous, following = _WORD_BEFORE.search(front), _NEXT_WORD.match(back)
    if previous is None or restore.pair(_expanded(previous[1]), meant) < _VERY_OFTEN:
        return False
    if following is None:
        return _ENDS.match(back) is not None and not _JOINS.fullmatch(previous[1])
    return restore.pair(meant, _expanded(following[1])) >= _VERY_OFTEN


def is_certain(line: str) -> bool:
    """Return whether a line is certainly chat: it has a shortening or a word of chat only."""
    words = re.findall(r"(?<![\d/])[^\W\d_]+(?![\d/])", line)
    return (
        any((word if len(word) == 1 else word.lower()) in _CHATTING for word in words)
        or re.search(r"(?<!\w)[abcemt] ơi(?!\w)", line) is not None
        or _PARTICLE.search(line.lower()) is not None
    )


_SCHOOLED: Final = lazily(
    r"(?:học|\bhs|học sinh|lên|trường|tốt nghiệp|bạn|thầy|cô|thời|vào|hồi|tầm hết|giáo viên|gv)\s$"
)
"""Words before a level of school: ``bạn học c3``."""
_BOOKS: Final = lazily(r"(?:truyện|sách|tập|vở|quyển|cuốn|giáo trình)\b")
_PLACE_ASKED: Final = lazily(
    r"(?:gửi|xin|cho|ib|theo|ghi|nhập|lấy|sai|đúng|đổi|qua|tới|đến|có|shop|tại|và|sđt|tên|hỏi|:|^)"
    r"(?: (?:em|mình|anh|chị|shop|bạn|lại|e|a|c|m))?\s?,?\s?$"
)
"""The text before ``đ/c`` that stands for an address and not for a comrade."""
_CHILD: Final = lazily(r"(?:bé|trẻ|con|cháu|gái|trai|em|tuổi|nam|nữ|size)\s$")


def _is_months(match: re.Match[str]) -> bool:
    """Return whether ``th`` after a number means months and is not an English ordinal."""
    front = before(match)
    ordinal = _FOREIGN_ORDINAL.search(front) is not None or re.search(r"\d ?$", front) is None
    ordinal = ordinal or re.match(r" (?:floor|street|avenue|edition)\b", after(match)) is not None
    return not ordinal and re.search(r"[à-ỹđ]", front + after(match)) is not None


def _is_listed(letter: str, front: str, back: str) -> bool:
    """Return whether a letter stands in a list of others, such as ``a, b và c``."""
    listed = _LISTED.search(front) or _LIST_GOES_ON.match(back)
    if listed is None:
        return False
    other = listed[0][:1] if listed[0][0].isalpha() else listed[0][-1]
    # letters of a list follow each other; c, c are one person in two clauses, and v, e two words
    return 0 < abs(ord(letter) - ord(other)) <= _NEAR


def _ends_clause(word: str, front: str, back: str) -> bool:
    """Return whether a letter after a number ends a clause, so that it is not a unit."""
    if word == "k":  # the number of a room is not a price (phòng B203 k, cho e xin)
        return bool(_NUMBERED.search(front) and re.match(r"[,?.]|$", back))
    spoken = word == "r" or (word == "v" and re.search(r"[^\W\d_]\d+ $", front) is not None)
    ends = _CLAUSE_ENDS.match(back) is not None
    return spoken and front.endswith(" ") and ends


_NUMBERED: Final = lazily(
    r"(?:[a-z]|(?:thứ|ca|tiết|kỳ|kì|tuần|tầng|quận|khối|đợt|lớp|học kỳ) )\d{1,4} $"
)
"""Text before a ``k`` that ends a question, where a number belongs to a name (``nghỉ thứ 6 k``)."""
_CLAUSE_ENDS: Final = lazily(
    r"\s*(?:$|[,.;!?]|(?:mà|thì|nhưng|nên|vẫn|còn|cho|nha|nhé|ạ|đó|á|nè)(?!\w))"
)


_SENTENCE_NEXT: Final = lazily(r"\.([^\W\d_]{2,7})(?![\w.@/])")
"""A word that is glued to the point of the sentence before it."""
_SENTENCE_BEFORE: Final = lazily(r"(?<![\w.@/])([^\W\d_]{2,8})\.$")


def _joined(match: re.Match[str], readings: Container[str]) -> bool:
    """Return whether a mark joins the word to a neighbour: a-b, e/u, x.y."""
    start, end = match.span()
    if _DASH_BEGINS.search(match.string, max(0, start - 3), start):
        return _JOINED_AFTER.match(match.string, end) is not None
    front = match.string[max(0, start - 10) : start]
    last = _SENTENCE_BEFORE.search(front) if front.endswith(".") else None
    if last and match.string[end : end + 1] == " ":
        lower = last[1].lower()
        small = last[1].islower() or last[1].istitle()
        if (small and is_syllable(lower)) or lower in {"ok", "oke"} or lower in readings:
            return False  # a sentence ends there (đẹp.ko đụng hàng)
    next_word = _SENTENCE_NEXT.match(match.string, end)
    if next_word and (
        not (match[0][0].isupper() and next_word[1][0].isupper())
        and _is_next_word(next_word[1], readings)
        if len(match[0]) > 1
        else match[0] in _LAST_LETTERS and not next_word[1].isascii()
    ):
        return _JOINED_BEFORE.search(front[-2:]) is not None  # gọi ko.thích thì gọi
    return (
        _JOINED_BEFORE.search(front[-2:]) is not None
        or _JOINED_AFTER.match(match.string, end) is not None
    )


_LAST_LETTERS: Final = frozenset("rkjvz")
"""Single letters that often end a sentence of chat: ``mua được 1 tuần r.mà sao``."""


def _is_next_word(word: str, readings: Container[str]) -> bool:
    """Return whether a word may begin the next sentence of chat: a syllable or a shortening."""
    lower = word.lower()
    return is_syllable(lower) or (lower in readings and not (word.isupper() and len(word) > 1))


def _leading(match: re.Match[str]) -> bool:
    """Return whether a capital only begins a line, and the word may be a shortening (E dc 7.5)."""
    start, end = match.span()
    return (
        match[0] in _AT_LINE_START
        and (
            start == 0 or match.string[start - 1] == "\n" or match.string[start - 2 : start] == ". "
        )
        and match.string[end : end + 1] == " "
        and (
            _MARKED_PERSON.match(match.string, end) is not None
            or match.string[end + 1 : end + 2].islower()
            or match.string[end + 1 : end + 3] == "2k"
        )
    )


_MARKED_PERSON: Final = lazily(r" \d[\d.,]{0,5} ?(?:điểm|đ|tuổi|t|kg|năm)(?!\w)")
"""The text after a person, with marks or an age: ``E 26 điểm``."""


_SIGNS: Final = r"\s?[-~‐‑–—#'‘’*+/<>\[\]\\^_`{|}=&·•]{1,2}\s?"
_SIGN_AT_END: Final = lazily(rf"(?<=[^\W\d_]{{2}}){_SIGNS}$")
_SIGN_AT_START: Final = lazily(rf"^{_SIGNS}(?=[^\W\d_]{{2}}|[^\W\d_a-z])")
_OPTIONS: Final = 120
"""Maximum characters between two answers of a question."""
_FAR_BACK: Final = 1000
"""Maximum characters of a line that are examined, so that the cost of long lines is bounded."""


def _loud(spoken: str, start: int, end: int) -> bool:
    """Return whether Vietnamese words in capitals stand on both sides, as in a shouted line."""
    words = re.findall(
        r"[^\W\d_]+", f"{spoken[max(0, start - 16) : start]} {spoken[end : end + 16]}"
    )
    shouted = [word for word in words if word.isupper() and len(word) > 1]
    return len(shouted) > 1 and all(is_syllable(word.lower()) for word in shouted[1:-1] or shouted)
