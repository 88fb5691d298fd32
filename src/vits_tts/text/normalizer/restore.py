"""Restoration of the tone marks and hooks of lines that were typed without any.

Messages of banks and of old telephones look like ``So du tai khoan``. Each such word may stand for
several syllables. The model is a hidden Markov model: the states are syllables, and transitions are
counts of pairs of syllables. The forward-backward algorithm gives the probability of each
candidate, given all words of the line (Rabiner, A tutorial on hidden Markov models, 1989).

With ``safe``, a line must certainly be Vietnamese, and a word is changed only if one syllable is
clearly the most probable. With ``always``, every word gets its most probable syllable.
"""

import math
import re
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from operator import mul
from typing import Final, Literal, TypeAlias

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.normalizer import contexts, languages, people
from vits_tts.text.normalizer.slips import ranks
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import BASES, is_syllable

RestoreMarks: TypeAlias = Literal["off", "safe", "always"]
_Candidates: TypeAlias = Mapping[str, list[tuple[str, int]]]
"""The syllables that each word may stand for, with their ranks."""

_SENTENCE: Final = (
    r"(?!(?:com|vn|net|org|info|me|top|xyz|app|io|co|cc|tv|site|shop|pro|biz|vip|link|html?|php|exe"
    r"|txt|pdf|docx?|xlsx?|jpg|png|mp)\b)[a-z]{2,6}[ ,]"
)
"""A word that begins a sentence without a space (``cam on.neu khong``), and no end of a domain."""
_WORD: Final = lazily(
    rf"(?<![\w@?=&-])(?:(?<!\.)|(?<=\d\.)|(?<=\b[PQHX]\.)|(?<=[a-z]{{2}}\.)(?={_SENTENCE}))"
    rf"[A-Za-z]{{1,7}}(?![\w@=-])(?!\.(?!{_SENTENCE})\w|://)"
)
_ANY_WORD: Final = lazily(r"(?<![\w@./?=&-])[^\W\d_]{1,7}(?![\w@/=-])(?!\.\w|://)")
_NEEDS_MARKS: Final = lazily(r"(?<![\w@./?=&-])[a-z]{3,7}(?![\w@/=-])(?!\.\w|://)")
_MAY_LACK_MARKS: Final = lazily(r"(?<![\w@./?=&-])(?:[a-z]{3,7}|co|va)(?![\w@/=-])(?!\.\w|://)")
_STREAK: Final = lazily(r"(?<![\w@./?=&-])[a-z]{2,6}(?: [a-z]{2,6}){2}(?![\w@/=-])")
"""Three words without marks, which may lack them."""
_FOREIGN_BEFORE: Final = lazily(r"(?<![\w ] )(?<!\w)([A-Z][a-z]{2,12}) $")
_KEPT: Final = frozenset("shop like rep seen set top mod".split())
_BANK: Final = lazily(
    r"\d(?:VND|d)\b|\bVND\b.{0,80}\bND\b|\b[Ss]o du(?: TK| tai khoan|[ :]+\d)|\bTK [\dx*]{3}"
    r"|\b(?:CTK|STK|[Cc]hu TK|[Ss]o TK)\b"
)
_CONTENT: Final = lazily(
    r"[Nn](?:(?<!\w.)[Dd](?:CK)?|ội dung(?: CK)?)\s?:?\s(?=[A-Za-z]{2,7}\s[A-Za-z])"
)
"""The word before the content of a transfer, which is typed without marks in any message."""
_GAP: Final = lazily(r"[ /]")
_WHOLE_WORDS: Final = frozenset([
    "dang ky", "chu ky", "thanh cong", "hieu luc", "dien luc", "nang luc", "ap luc",
    "viet nam", "mien nam", "phia nam", "phi nam",
    "chung khoan",
    "so luong", "chat luong", "trong luong", "san luong", "khoi luong", "dung luong", "dinh luong",
    "nang luong", "luu luong",
])  # fmt: skip
"""Words that end with one of ``_BEFORE_NUMBER`` and mean something else before a number, too."""
_ACCOUNT: Final = lazily(r"\b(?:TK|STK|[Tt]ai khoan)\b")
_DAY: Final = lazily(
    r"[ :]{1,2}[0-3]?\d(?![\w.,]?\d|\w|\s?%| ?(?:[GM]B|trieu|nghin|ty|dong|diem|lan|goi|voucher|the"
    r"|suat|xu|phan|qua)\b)"
)
"""A number that may be a day: ``ngay 05/12`` and not ``goi ngay 1900``."""
_CARD: Final = lazily(r" (?:TD\b|BHYT|BHXH|JCB|VISA|Visa|ATM|NAPAS|Napas|MASTER|Amex|[*xX]{1,4}\d)")
_NUMBER_NEXT: Final = lazily(r"[ :]{1,2}(?:[xX*]{0,12}\d|[A-Z][A-Z_]*\d|OTP|PIN|KM\b|COD\b|GD\b)")
"""A number or a code after a word."""
_JOURNEY: Final = lazily(r" (?:[A-Z]{2,3} ?- ?[A-Z]{2}|(?:VN|VJ|QH|BL|VU) ?\d{2,4}|\d{1,2}[h:]\d)")
"""A journey after ``chuyen``: ``Chuyen HN-SG``, ``chuyen VN213``."""
_CODE_OF: Final = lazily(
    r"[ :]{1,2}(?:KH|KHTT|HD|TB|GD|DH|VD|QR|NV|SV|HS|BN|CK|ZNS)\b| [A-Z]{2,8}\d"
)
"""Text after ``ma`` that names the owner of a code (``ma KH``), or the code itself."""
_BEFORE_CODE: Final = {
    "ma": ("mã", _CODE_OF),
    "chu": ("chủ", lazily(" TK| TH|: ")),
    "han": ("hạn", lazily(r" (?:TT|SD)\b")),
    "don": ("đơn", lazily(r" (?:#|[A-Z]{1,5}\d|\d{5}|\d{1,5}[A-Zx])")),
    "chuyen": ("chuyến", _JOURNEY),
    "the": ("thẻ", _CARD),
    "may": ("máy", lazily(" (?:POS|ATM)")),
    "ghe": ("ghế", lazily(r"[ :]{1,2}[A-Z]?\d")),
    "moi": ("mời", lazily(r" (?:QK|KH|PH|PHHS|SV|HS|NLD|CBNV|CB)\b")),
    "phi": ("phí", lazily(" (?:SMS|BHYT|BHXH|QLTN|COD|DV|ATM)")),
    "cham": ("chậm", lazily(r" \d{1,3} ?(?:phut|p\b|gio|h\b|ngay)")),
    "toa": ("tòa", lazily(r" [A-Z]\d{0,2}\b")),
    "rap": ("rạp", lazily(" (?:CGV|BHD|Lotte|Galaxy|Beta|Cinestar|Mega)")),
    "qua": ("qua", lazily(" [A-Za-z]")),  # as in qua SMS, qua app: the next word is foreign
}
"""Words whose meaning before a code or before a foreign word is known."""
_EACH: Final = frozenset(["moi ng", "moi nguoi", "moi dua", "moi ban"])
"""Words before a sum, as in ``moi nguoi 50k``: "mỗi người" and not "mọi người"."""
_CALLED: Final = lazily(
    r"[ :]{1,2}(?:\*\d|\d{3,5}|1[89]00[\d ]{4,9}|0\d{8,9})"
    r"(?![\w/]|[.,]\d| ?(?:dong|phut|ngay|GB|MB))"
)
"""A telephone number after ``goi``, which means "gọi" there and "gói" before a name of a plan."""
_SUBJECTS: Final = {
    "toan": "toán", "van": "văn", "anh": "anh", "ly": "lý", "hoa": "hóa", "sinh": "sinh",
    "su": "sử", "dia": "địa", "tin": "tin",
}  # fmt: skip
_MARK: Final = lazily(r"[ :]{1,2}(?:10|\d(?:[.,]\d{1,2})?)(?![\w/:]|[.,]\d)")
"""A school mark after its subject: ``Toan 8.5, Van 7``."""
_GIVING: Final = frozenset("cho me bo gui tang chuyen ck nuoi sinh giup".split())
"""Words after which ``con`` means a child, even before a number."""
_BEFORE_FLOOR: Final = frozenset(
    "o sanh tai len xuong lau toa khu phong nha quay ham cau kho sang".split()
)
"""Words after which ``tang`` before a number is a floor and not a gift."""
MARKED: Final = lazily(r"[^\x00-\x7f\W\d_]")
"""A letter with a mark; a line without any may lack them."""
_FEWEST: Final = 3
"""Minimum number of words of a line; with fewer there is too little context."""
_CERTAIN: Final = 0.4
_CERTAIN_IN_MARKED: Final = 0.9
_DECISIVE: Final = 2
"""Minimum number of words that cannot stay without marks (``dep``, ``khong``), in a line that is
certainly Vietnamese."""
_BEFORE_NUMBER: Final = dict(
    zip(
        "ngay thang luc so gio nam phut quan phuong duong lop diem khoan dieu den tu con gia han "
        "toi la"
        " tru cong du nop gui ma tang phi goi sau khoang tong nhan the"
        " ky dot tuan bai cau khoa luong".split(),
        "ngày tháng lúc số giờ năm phút quận phường đường lớp điểm khoản điều đến từ còn giá hạn "
        "tới là"
        " trừ cộng dư nộp gửi mã tặng phí gói sau khoảng tổng nhận thẻ"
        " kỳ đợt tuần bài câu khóa lương".split(),
        strict=True,
    )
)
_AFTER_NUMBER: Final = dict(
    zip(
        "dong trieu nghin ngan ty gio phut ngay thang nam nguoi lan diem giay tuoi tin the cai"
        " chiec suat mui buoi tiet luot".split(),
        "đồng triệu nghìn ngàn tỷ giờ phút ngày tháng năm người lần điểm giây tuổi tin thẻ cái"
        " chiếc suất mũi buổi tiết lượt".split(),
        strict=True,
    )
)
"""Words whose meaning beside a number is known, where neighbours give no evidence."""

_SHORTENED: Final = {
    "a": "anh", "e": "em", "c": "chị", "b": "bạn", "m": "mày mình", "t": "tao", "k": "không",
    "ko": "không", "hok": "không", "hk": "không", "kg": "không", "kh": "không",
    "dc": "được", "ng": "người", "r": "rồi", "rui": "rồi", "j": "gì", "z": "vậy",
    "v": "vậy", "cx": "cũng", "cug": "cũng", "nx": "nữa", "vk": "vợ", "mk": "mình",
    "mik": "mình", "bit": "biết", "bik": "biết", "trc": "trước", "vs": "với",
    "lm": "làm", "ns": "nói", "nc": "nước", "uk": "ừ", "uh": "ừ", "um": "ừm", "lun": "luôn",
    "thui": "thôi", "nhiu": "nhiêu", "dag": "đang", "nhug": "nhưng", "wa": "quá", "qa": "quá",
    "ms": "mới", "chx": "chưa", "ch": "chưa", "dk": "được", "ah": "à", "ak": "à",
    "hum": "hôm", "zui": "vui", "iu": "yêu",
}  # fmt: skip
"""Syllables that shortenings stand for in lines of chat without marks."""
_CHATTING: Final = frozenset(
    "k ko hok hk hong dc ng r j z cx nx vk mk mik bik trc vs nha nhe ntn vl lun thui hem".split()
)
_KEYS: Final = frozenset("b c k m r t ko dc".split())
"""Letters that are words only in chat; elsewhere letters have been spelled by their names."""
_CALLING: Final = lazily(
    r"(?<![\w.])[aebcmt] oi(?!\w)"
    r"|(?<![\w.])[ae] (?:an|di|ve|dang|mua|qua|muon|lam|khong|chua|nho|gui|goi)(?!\w)"
)
"""Words that show that single letters are people: ``e oi``, ``a mua``."""
_LONGEST_CODE: Final = 3
_LONGEST_RUN: Final = 60
_REMEMBERED_WORDS: Final = 400
"""Results for more words are not remembered, because they would fill the memory. A text that comes
in pieces is read in shorter parts."""
_PAIR_WEIGHT: Final = 0.9
_VIETNAMESE_SHARE: Final = 0.7
_USUAL_SHARE: Final = 0.5
_CANDIDATES: Final = 12
SYLLABLES: Final = 8192
"""Number of ranks that a key of a pair has room for."""
NUMBER: Final = SYLLABLES - 1
START: Final = SYLLABLES - 2
UNKNOWN: Final = SYLLABLES - 3
END: Final = SYLLABLES - 4
"""States beside the syllables: number, start of a clause, other word, end of a clause."""
COUNT_STEPS: Final = 12


class _Pairs:
    """Counts of syllables and of pairs. Syllables are identified by their rank in frequency.

    ``data/pairs.bin`` has four parts. The number of pairs comes first, then the sorted keys of 32
    bits: first rank times :data:`SYLLABLES` plus second rank. A byte for the count of each pair and
    one for the count of each syllable follow: :data:`COUNT_STEPS` times the binary logarithm.
    Four more syllables stand for numbers, other words, and the start and the end of a clause.
    """

    def __init__(self) -> None:
        data = resources.files("vits_tts.text").joinpath("data/pairs.bin").read_bytes()
        size = int.from_bytes(data[:4], "little")
        self._keys = array("I")
        self._keys.frombytes(data[4 : 4 + 4 * size])
        if sys.byteorder == "big":
            self._keys.byteswap()
        self._counts = data[4 + 4 * size : 4 + 5 * size]
        scale = [0.5, *(2 ** (byte / COUNT_STEPS) for byte in range(1, 256))]
        self._scale = scale
        single = [scale[byte] for byte in data[4 + 5 * size :]]
        whole = math.fsum(single)
        self.priors = [times / whole for times in single]
        self._rows: dict[int, tuple[int, int, float]] = {}

    def row(self, first: int) -> tuple[int, int, float]:
        """Return where the pairs that begin with ``first`` start and end, and their total."""
        if first not in self._rows:
            start = bisect_left(self._keys, first * SYLLABLES)
            end = bisect_left(self._keys, (first + 1) * SYLLABLES, start)
            total = math.fsum(self._scale[byte] for byte in self._counts[start:end])
            self._rows[first] = start, end, total
        return self._rows[first]

    def count(self, first: int, second: int) -> float:
        """Return the count of a pair, 0 if it was never seen."""
        start, end, _ = self.row(first)
        key = first * SYLLABLES + second
        place = bisect_left(self._keys, key, start, end)
        return self._scale[self._counts[place]] if place < end and self._keys[place] == key else 0.0

    def after(self, first: int, seconds: Sequence[int]) -> list[float]:
        """Return the probability of each of ``seconds`` after ``first``, above 0 even if unseen."""
        place, end, total = self.row(first)
        priors = self.priors
        if not total:
            return [priors[second] for second in seconds]
        keys, counts, scale = self._keys, self._counts, self._scale
        low, share = first * SYLLABLES, _PAIR_WEIGHT / total
        found = []
        for second in seconds:
            chance = (1 - _PAIR_WEIGHT) * priors[second]
            # candidates are sorted by rank, as the keys are, so each search starts at the last one
            place = bisect_left(keys, low + second, place, end)
            if place < end and keys[place] == low + second:
                chance += share * scale[counts[place]]
            found.append(chance)
        return found


@lru_cache(maxsize=1)
def counted_pairs() -> _Pairs:
    """Return the counts, read when they are first needed."""
    return _Pairs()


@lru_cache(maxsize=1)
def marked_forms() -> dict[str, list[tuple[str, int]]]:
    """Return the candidates of each word without marks, with their ranks, most frequent first."""
    found: dict[str, list[tuple[str, int]]] = {}
    for syllable, place in ranks().items():
        found.setdefault(people.plain(syllable), []).append((syllable, place))
    return {plain: candidates[:_CANDIDATES] for plain, candidates in found.items()}


@lru_cache(maxsize=2)
def _typed(*, both: bool) -> _Candidates:
    """Return the syllables that the shortenings of chat stand for, in the order of their ranks.

    A shortening that is a syllable itself (``a``) keeps its other candidates. With ``both`` the
    line has ``t`` and ``m``, who call each other "tao" and "mày".
    """
    found = {}
    for short, syllables in (_SHORTENED | ({"m": "mày"} if both else {})).items():
        candidates = {(word, ranks()[word]) for word in syllables.split()}
        candidates.update(marked_forms().get(short, ()))
        found[short] = sorted(candidates, key=lambda candidate: candidate[1])
    return found


_RAREST: Final = 20_000


def frequency(word: str) -> int:
    """Return the rank of the most frequent syllable that a word without marks may stand for."""
    known = marked_forms().get(word)
    return known[0][1] if known else _RAREST


def pair(first: str, second: str) -> float:
    """Return how often two syllables were counted beside each other; -1 if one is unknown."""
    places = ranks()
    if first not in places or second not in places:
        return -1.0
    return counted_pairs().count(places[first], places[second])


def joined(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the syllables of words without marks that were joined (``tuoitre``), or none.

    All of them have to be likely, because a name on the web has no other context.
    """
    if len(parts) < 2 or any(part not in marked_forms() for part in parts):  # noqa: PLR2004
        return ()
    found = likeliest(parts, (), (START, END), (), _UNKNOWN_CONTEXT)
    if min(sure for _, sure in found) < _JOINED_SURE:
        return ()
    return tuple(syllable for syllable, _ in found)


_JOINED_SURE: Final = 0.5


def _chatty(spoken: str, start: int, words: list[str]) -> bool:
    """Return whether a line without marks is chat: shortenings, and a small letter first."""
    return spoken[start].islower() or not _CHATTING.isdisjoint(words)


def _is_unmarked(line: str) -> bool:
    """Return whether a line has no marks but those of an amount (``500.000đ``, ``2 tỷ``)."""
    first = MARKED.search(line)
    if first is None:
        return True
    front = line[max(0, first.start() - 5) : first.start()]
    if not any(map(str.isdecimal, front)) and not front.upper().endswith("VN"):
        return False
    return MARKED.search(_AMOUNT_MARKS.sub("", line)) is None


_AMOUNT_MARKS: Final = lazily(
    r"(?<=\d)\s?(?:đ|đồng|tỷ|tỉ|triệu|nghìn|ngàn)(?!\w)|(?<=VN)Đ(?!\w)|(?<=vn)đ(?!\w)"
)


class Restore:
    """A step that restores the marks of lines without any."""

    def __init__(self, how: RestoreMarks = "safe") -> None:
        """Keep how certain a restored word has to be."""
        self._how = how

    def __call__(self, text: Text) -> Text:
        """Return the text with the marks of unmarked lines restored."""
        edits = list(self._edits(text.spoken)) if self._how != "off" else []
        return text.rewritten(edits) if edits else text

    def _edits(self, spoken: str) -> Iterator[Edit]:
        start = 0
        for line in spoken.split("\n"):
            end = start + len(line)
            if len(line) > 6:  # noqa: PLR2004
                if _is_unmarked(line):
                    yield from self._line(spoken, start, end)
                else:
                    content = _CONTENT.search(spoken, start, end)
                    middle = content.end() if content else end
                    if content and MARKED.search(spoken, middle, end) is None:
                        yield from self._mixed(spoken, start, middle)
                        yield from self._line(spoken, middle, end, content=True)
                    else:
                        yield from self._mixed(spoken, start, end)
            start = end + 1

    def _line(self, spoken: str, start: int, end: int, *, content: bool = False) -> Iterator[Edit]:
        """Restore the words of a line without any marks, or of the content of a transfer."""
        words = [word for word in _WORD.finditer(spoken, start, end) if not _in_address(word)]
        mixed = not spoken[start:end].isupper()
        counted = [word[0].lower() for word in words if not (mixed and word[0].isupper())]
        bank = content or _BANK.search(spoken, start, end) is not None
        if not bank and (len(words) < _FEWEST or not _vietnamese(counted)):
            yield from people.in_marked_line(spoken, start, end)
            return
        certain = bank or sum(not is_syllable(word) for word in counted) >= _DECISIVE
        certain = certain or (mixed and not _KEYS.isdisjoint(word[0] for word in words))
        certain = certain or _CALLING.search(spoken, start, end) is not None
        shouted = _shouted(words) if mixed else set()
        chat = certain and mixed and _chatty(spoken, start, counted)
        typed = _typed(both={"m", "t"}.issubset(counted)) if chat else {}
        run: list[re.Match[str]] = []
        for word in words:
            code = word[0].isupper() and len(word[0]) <= _LONGEST_CODE
            code = code and word.start() not in shouted
            known = word[0].lower() in marked_forms() and (not code or spoken[start:end].isupper())
            known = known and word[0] not in _KEPT and not _brand(word)
            known = known or word[0] in typed
            last = len(word[0]) == 1 and re.match(" [A-Za-z]", spoken[word.end() :][:2]) is None
            known = known and not (last and word[0].isupper())  # NGUYEN VAN A
            together = run and _GAP.fullmatch(spoken[run[-1].end() : word.start()])
            if run and (not known or not together or len(run) >= _LONGEST_RUN):
                yield from self._run(run, typed, certain=certain)
                run = []
            if known:
                run.append(word)
        if run:
            yield from self._run(run, typed, certain=certain)

    def _mixed(self, spoken: str, start: int, end: int) -> Iterator[Edit]:
        """Restore single words of a line whose other words have marks."""
        names = people.in_marked_line(spoken, start, end)
        yield from sorted((*names, *self._mixed_words(spoken, start, end)))

    def _mixed_words(self, spoken: str, start: int, end: int) -> Iterator[Edit]:
        """Restore words in small letters, which are never part of a name."""
        streak = _STREAK.search(spoken, start, end)
        if not streak and _sound().issuperset(_MAY_LACK_MARKS.findall(spoken, start, end)):
            return
        words = list(_ANY_WORD.finditer(spoken, start, end))
        lower = [word[0].lower() for word in words]
        open_ = [
            word[0].isascii() and word[0].islower() and text in marked_forms() and text not in _KEPT
            for word, text in zip(words, lower, strict=True)
        ]
        hinted = {place for place, text in enumerate(lower) if open_[place] and _is_bare(text)}
        doubtful = {
            place for place, text in enumerate(lower) if open_[place] and text in _doubtful()
        }
        if not hinted and not doubtful and not streak:
            return
        run: list[int] = []
        for place in range(len(words) + 1):
            known = place < len(words) and (open_[place] or lower[place] in ranks())
            together = run and known and spoken[words[run[-1]].end() : words[place].start()] == " "
            if run and not together:
                # A clause with marks is meant as it is written; later clauses change nothing.
                inside = doubtful.intersection(run)
                near = inside or not hinted.isdisjoint(run) or all(open_[at] for at in run)
                sure = [place for place in inside if lower[place] not in _LOANED]
                if len(sure) >= _DECISIVE or (hinted and near):
                    yield from self._mixed_run([words[at] for at in run], [open_[at] for at in run])
                elif inside:
                    ours = [words[at] for at in run]
                    for number in sorted(map(run.index, inside)):
                        yield from _unlikely_word(ours, number)
                elif streak:
                    ours = [words[at] for at in run]
                    yield from self._unlikely_streaks(ours, [open_[at] for at in run])
                run = []
            if known:
                run.append(place)

    def _unlikely_streaks(self, run: list[re.Match[str]], free: list[bool]) -> Iterator[Edit]:
        """Restore words beside each other that are never seen so without marks (``san pham``)."""
        places, first = ranks(), 0
        for at in range(len(run) + 1):
            if at < len(run) and free[at]:
                continue
            words = [word[0].lower() for word in run[first:at]]
            unseen = [pair(*both) <= 0 for both in pairwise(words)]
            if sum(unseen) >= _DECISIVE:
                part = run[max(0, first - _NEIGHBOURS) : at + _NEIGHBOURS]
                inside = [run[first].start() <= word.start() < run[at - 1].end() for word in part]
                known = [word[0].lower() in places for word in part]
                edits = list(self._mixed_run(part, inside)) if all(known) else []
                said = {start: word.lower() for start, _, word in edits}
                new = [said.get(word.start(), word[0].lower()) for word in run[first:at]]
                seen = [pair(*both) >= _SEEN for both in pairwise(new)]
                ours = [not _FOREIGN_SOUNDS.issuperset(both) for both in pairwise(words)]
                if sum(map(all, zip(unseen, seen, ours, strict=True))) >= _DECISIVE:
                    yield from edits
            first = at + 1

    def _mixed_run(self, run: list[re.Match[str]], free: list[bool]) -> Iterator[Edit]:
        if not any(free):
            return
        fixed = {at: word[0].lower() for at, word in enumerate(run) if not free[at]}
        beside = _beside(run[0].string, run[0].start(), run[-1].end())
        words = tuple(word[0].lower() for word in run)
        around = _around(run[0].string, run[0].start(), run[-1].end())
        compute = likeliest if len(words) <= _REMEMBERED_WORDS else likeliest.__wrapped__
        found = compute(words, tuple(fixed.items()), beside, (), around)
        for at, (word, (syllable, sure)) in enumerate(zip(run, found, strict=True)):
            needed = _CERTAIN if word[0].lower() not in ranks() else _CERTAIN_IN_MARKED
            if free[at] and sure >= needed and syllable != word[0].lower():
                yield word.start(), word.end(), people.cased(word[0], syllable)

    def _run(
        self, run: list[re.Match[str]], typed: _Candidates, *, certain: bool
    ) -> Iterator[Edit]:
        spoken = run[0].string
        words = [word[0].lower() for word in run]
        phrases, places = _stock(run, words)
        fixed = phrases | _beside_numbers(run, words) | people.named(run) | places
        beside = _beside(spoken, run[0].start(), run[-1].end())
        meant = tuple((word, tuple(typed[word])) for word in words if word in typed)
        around = _around(spoken, run[0].start(), run[-1].end())
        share = _CHAT_SHARE if typed else _CONTEXT_SHARE
        found = likeliest(tuple(words), tuple(fixed.items()), beside, meant, around, share)
        asked = self._how == "safe" and not certain and not fixed
        unlikely = asked and all(map(is_syllable, words))
        if unlikely and not _usual([syllable for syllable, _ in found]):
            return
        for word, (syllable, sure) in zip(run, found, strict=True):
            kept = word[0].lower() in ranks() or not certain
            if self._how == "safe" and kept and sure < _CERTAIN:
                continue
            if syllable != word[0].lower():
                yield word.start(), word.end(), people.cased(word[0], syllable)


def _is_bare(word: str) -> bool:
    """Return whether a word that may stand for syllables lacks its marks for certain."""
    return not is_syllable(word) and not languages.is_english(word)


@lru_cache(maxsize=1)
def _doubtful() -> frozenset[str]:
    """Return the words that are far more frequent with marks than without (``khong``, ``dep``)."""
    priors, places = counted_pairs().priors, ranks()
    return frozenset(
        word
        for word, candidates in marked_forms().items()
        if word in places
        and word not in _REAL
        and any(
            priors[place] > _FAR_MORE * priors[places[word]]
            for syllable, place in candidates
            if syllable != word
        )
    )


_FAR_MORE: Final = 80
_REAL: Final = frozenset("cua voi hem he nhom".split())
"""Rare words that are right without marks: crab, elephant, "không" of the South, "ốm nhom"."""
_LOANED: Final = frozenset(
    "va te ten xan ben kin bun giu roi dan mon den mo tren han ve toi xang se dang cham dua vao nen"
    " hon bam bua nao gio rua gon gioi sua noi phia cang lua dem nhan moi".split()
)
"""Words that are also syllables of foreign words as they are read (``mon``, ``vao chơ``)."""
_FOREIGN_SOUNDS: Final = _LOANED | set("vi da la phai qua lan mi an ma on lai hai".split())
"""Words of which foreign names are made as they are read (``mi an ma``)."""
_LUGGAGE: Final = ("va ly", "va li", "va chạm", "va đập", "va vào", "va phải", "va quệt")
"""Words with ``va`` as it is typed."""


@lru_cache(maxsize=1)
def _sound() -> frozenset[str]:
    """Return the words of small letters that need no marks in a line of other words with marks."""
    return frozenset(word for word in BASES if word.isascii()) - _doubtful()


def _unlikely_word(run: list[re.Match[str]], at: int) -> Iterator[Edit]:
    """Restore a word that is never seen beside its neighbours as it is typed.

    Its other words are right, so only a syllable is taken that occurs beside them and is nearly
    certain.
    """
    word, low = run[at][0].lower(), max(0, at - _NEIGHBOURS)
    part = run[low : at + _NEIGHBOURS + 1]
    words = tuple(match[0].lower() for match in part)
    fixed = {place: text for place, text in enumerate(words) if place != at - low}
    if not all(text in ranks() for text in fixed.values()):
        return
    if all(map(str.isascii, words)) or run[at].string.startswith(_LUGGAGE, run[at].start()):
        return  # foreign words
    if word == "va" and (at == low or words[at - low - 1].isascii()):
        return  # a part of a name, as in gia va
    spoken = run[at].string
    before, after = _beside(spoken, part[0].start(), part[-1].end())
    previous = ranks()[words[at - low - 1]] if at > low else before
    following = ranks()[words[at - low + 1]] if at - low + 1 < len(words) else after
    count, own = counted_pairs().count, ranks()[word]
    if count(previous, own) or count(own, following):
        return
    around = _around(spoken, part[0].start(), part[-1].end())
    found = likeliest(words, tuple(fixed.items()), (before, after), (), around)
    syllable, sure = found[at - low]
    place = ranks()[syllable]
    seen = sorted((count(previous, place), count(place, following)))[word not in _LOANED]
    if syllable != word and sure >= _NEARLY_CERTAIN and seen >= _SEEN:
        yield run[at].start(), run[at].end(), people.cased(run[at][0], syllable)


_NEIGHBOURS: Final = 3
_NEARLY_CERTAIN: Final = 0.99
_SEEN: Final = 10


def has_bare_words(line: str) -> bool:
    """Return whether a line has words that certainly lack their marks, as in ``ko biet gi``."""
    return not all(map(is_syllable, _NEEDS_MARKS.findall(line))) and any(
        word.isascii()
        and word.islower()
        and word in marked_forms()
        and word not in _KEPT
        and _is_bare(word)
        for word in _ANY_WORD.findall(line)
    )


@lru_cache(maxsize=1)
def _stock_phrases() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the phrases of ``data/stock.txt`` by their first word without marks."""
    text = resources.files("vits_tts.text").joinpath("data/stock.txt").read_text("utf-8")
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            phrase = tuple(line.split())
            found.setdefault(people.plain(phrase[0].lower()), []).append(phrase)
    return {
        first: tuple(sorted(phrases, key=len, reverse=True)) for first, phrases in found.items()
    }


def _stock(run: list[re.Match[str]], words: list[str]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the syllables of stock phrases in a run, and those of towns, by their places."""
    phrases, found, towns = _stock_phrases(), dict[int, str](), dict[int, str]()
    for at, word in enumerate(words):
        if at in found:
            continue
        for phrase in phrases.get(word, ()):
            if words[at : at + len(phrase)] == [people.plain(one.lower()) for one in phrase]:
                named = phrase[0][0].isupper()
                if named and not all(one[0][0].isupper() for one in run[at : at + len(phrase)]):
                    continue
                kind = towns if named else found
                kind |= {at + place: one.lower() for place, one in enumerate(phrase)}
                break
        if word == "oi" and at not in found and (at == 0 or words[at - 1] != "it"):
            found[at] = "ơi"
    first = _INVITED.match(run[0].string, run[0].start())
    if words[0] == "moi" and first and 0 not in found:
        found[0] = "mời"
    return found, towns


_INVITED: Final = lazily(
    r"Moi (?:ban|quy|anh|chi|ong|ba|cac|KH|QK|PH|PHHS|SV|HS|NLD|thay|co)(?!\w)"
    r"|Moi (?:khach hang|cu tri|cu dan|cong dan|phu huynh|hoc vien|hoi vien|sinh vien|hoc sinh"
    r"|nguoi dan|hanh khach|doan vien|chu [a-z]{2,5}) (?:tham|dang|den|lien|truy|kiem|nhan|xem|tai"
    r"|mang|vao|toi|du|dong|nop|trai|bo|ra|lam|den)(?!\w)"
)
"""``Moi quy khach``: "mời" and not "mỗi"."""


def _beside_numbers(run: list[re.Match[str]], words: list[str]) -> dict[int, str]:
    """Return the syllables that the text beside a run determines, by their places."""
    spoken, start, end = run[0].string, run[0].start(), run[-1].end()
    last = len(run) - 1
    fixed: dict[int, str] = {}
    if (
        _NUMBER_NEXT.match(spoken[end : end + 14])
        and words[-1] in _BEFORE_NUMBER
        and " ".join(words[-2:]) not in _WHOLE_WORDS
    ):
        fixed[last] = _BEFORE_NUMBER[words[-1]]
        if words[-1] == "tang" and _ACCOUNT.search(spoken, max(0, start - _LONGEST_RUN), start):
            fixed[last] = "tăng"
        if words[-2:] == ["chi", "tu"]:
            fixed[last - 1] = "chỉ"
        if words[-1] == "tang" and words[-2:-1] and words[-2] in _BEFORE_FLOOR:
            fixed[last] = "tầng"
        if words[-1] == "goi" and _CALLED.match(spoken, end):
            fixed[last] = "gọi"
        if words[-1] == "con" and words[-2:-1] and words[-2] in _GIVING:
            fixed[last] = "con"
        if words[-1] == "ngay" and not _DAY.match(spoken, end):
            fixed[last] = "ngay"
    fixed |= _beside_codes(run, words)
    counted = re.search(r"\d ?$|/$", spoken[max(0, start - 2) : start])
    if counted and words[0] in _AFTER_NUMBER:
        fixed[0] = _AFTER_NUMBER[words[0]]
    return fixed


def _beside_codes(run: list[re.Match[str]], words: list[str]) -> dict[int, str]:
    """Return the syllables that a code, a mark or a slash beside them determines."""
    spoken, end, last = run[0].string, run[-1].end(), len(run) - 1
    fixed: dict[int, str] = {}
    meant, after = _BEFORE_CODE.get(words[-1], ("", None))
    if after is not None and after.match(spoken, end):
        fixed[last] = meant
    if " ".join(words[-2:]) in _EACH and spoken[end + 1 : end + 2].isdigit():
        fixed[last - 1] = "mỗi"
    subject = _SUBJECTS.get(words[-1]) if run[-1][0].istitle() else None
    if subject and _MARK.match(spoken, end):
        fixed[last] = subject
    for at, word in enumerate(words[1:], 1):
        if spoken[run[at].start() - 1] == "/" and word in _AFTER_NUMBER:
            fixed[at] = _AFTER_NUMBER[word]
    return fixed


def _in_address(word: re.Match[str]) -> bool:
    """Return whether a slash beside the word belongs to an address of the web or to a fraction."""
    low, high = word.start(), word.end()
    spoken = word.string
    if spoken[max(0, low - 1) : low] != "/" and spoken[high : high + 1] != "/":
        return False
    front = spoken[max(0, low - _LONGEST_RUN) : low].rpartition(" ")[2].lstrip("([")
    back = spoken[high : high + _LONGEST_RUN].partition(" ")[0]
    return re.fullmatch(r"(?:[\d.,%]*(?:[a-zA-ZđĐ]*|tr\d{1,3})/)*", front) is None or not re.match(
        r"(?:/[a-zA-Z]+)*/?[.,;:)!?]*$", back
    )


def _shouted(words: list[re.Match[str]]) -> set[int]:
    """Return the places of adjacent words in capitals (``UU DAI``) that are not codes."""
    table, found = marked_forms(), set[int]()
    stretch: list[re.Match[str]] = []
    for word in [*words, None]:
        loud = word is not None and word[0].isupper() and word[0].lower() in table
        loud = loud and word is not None and len(word[0]) > 1  # NGUYEN VAN A
        if word is not None and loud and (not stretch or word.start() == stretch[-1].end() + 1):
            stretch.append(word)
            continue
        if len(stretch) > 1 and sum(len(one[0]) for one in stretch) > _LONGEST_CODE + 1:
            found |= {one.start() for one in stretch}
        stretch = [word] if word is not None and loud else []
    return found


def _brand(word: re.Match[str]) -> bool:
    """Return whether a word is the second of a foreign name of two (``Ninja Van``)."""
    spoken, start, end = word.string, word.start(), word.end()
    front = _FOREIGN_BEFORE.search(spoken, max(0, start - _LONGEST_RUN), start)
    return (
        word[0].istitle()
        and front is not None
        and front[1].lower() not in marked_forms()
        and re.match(" [A-Z]", spoken[end : end + 2]) is None
    )


def _usual(syllables: list[str]) -> bool:
    """Return whether most neighbours occur together in Vietnamese.

    Syllables that are the reading of a foreign name do not.
    """
    places = [ranks()[syllable] for syllable in syllables]
    seen = [counted_pairs().count(a, b) > 0 for a, b in pairwise(places)]
    return len(seen) < 1 or sum(seen) >= _USUAL_SHARE * len(seen)


def _vietnamese(words: list[str]) -> bool:
    """Return whether words without marks are Vietnamese and not English."""
    table = marked_forms()
    # abbreviations without a vowel (TB, KH, VND) are no evidence
    long = [word for word in words if len(word) > 1 and not _VOWELS.isdisjoint(word)]
    hits = [word for word in long if word in table]
    own = [word for word in hits if not languages.is_english(word)]
    if all(len(word) < 4 for word in words) and len(words) < 8:  # noqa: PLR2004
        return False  # such as xa ma ra, the reading of a foreign name
    certain = any(not is_syllable(word) for word in own)
    share = len(hits) >= max(_FEWEST, _VIETNAMESE_SHARE * len(long))
    return share and (certain or 2 * len(own) >= len(hits))


_VOWELS: Final = frozenset("aeiouy")


def _beside(spoken: str, start: int, end: int) -> tuple[int, int]:
    """Return the context of a run of words: a number, another word or the edge of a clause."""
    front = spoken[max(0, start - 2) : start].rstrip(" ")[-1:]
    back = spoken[end : end + 2].lstrip(" ")[:1]
    before = NUMBER if front.isdigit() else UNKNOWN if front.isalpha() else START
    return before, NUMBER if back.isdigit() else UNKNOWN if back.isalpha() else END


ALONE: Final = ((contexts.NOTHING,) * contexts.REACH,) * 2
"""The codes around words that stand alone."""
_NEAR: Final = 32
"""Characters on each side of a run that hold its nearest words."""
_UNKNOWN_CONTEXT: Final[tuple[tuple[int, ...], tuple[int, ...]]] = ((), ())
_IMPOSSIBLE: Final = 5e-3
"""Syllables that are less probable by pairs are not weighed, which saves time."""
_BEAM: Final = 1e-3
"""Share of the most probable candidate that another one needs after the words before it."""
_CONTEXT_SHARE: Final = 0.6
"""The weight of the words around; the pairs already contain part of this evidence."""
_CHAT_SHARE: Final = 0.3
"""The same in chat, of which the texts behind the weights have little."""


def _around(spoken: str, start: int, end: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the codes of the words and marks of the line before and after a run of words."""
    reach, padding = contexts.REACH, ALONE[0]
    front = spoken[max(0, start - _NEAR) : start].rpartition("\n")[2]
    back = spoken[end : end + _NEAR].partition("\n")[0]
    before = map(_code, contexts.TOKEN.findall(front.lower())[-reach:])
    after = map(_code, contexts.TOKEN.findall(back.lower())[:reach])
    return (*padding, *before)[-reach:], (*after, *padding)[:reach]


def _code(token: str) -> int:
    return contexts.code(token if token.isascii() else people.plain(token) or token)


_Column: TypeAlias = Sequence[tuple[str, int]]
"""The syllables that a word may stand for, with their ranks."""
_Rows: TypeAlias = list[list[float]]
"""The probability of each candidate of a word after each one of the word before."""


@lru_cache(maxsize=128)
def likeliest(
    words: tuple[str, ...],
    known: tuple[tuple[int, str], ...],
    beside: tuple[int, int],
    typed: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = (),
    around: tuple[tuple[int, ...], tuple[int, ...]] = ALONE,
    share: float = _CONTEXT_SHARE,
) -> Sequence[tuple[str, float]]:
    """Return the most probable syllable of each word, with its probability.

    ``known`` has the places of the syllables that are known already; ``beside`` is the context
    before the first word and after the last one; ``typed`` has the syllables that a shortening
    stands for. The probability of a pair is its share of all
    pairs with the same first syllable, mixed with the prior of the second one, so that unseen pairs
    are possible. The candidates that the pairs leave open are weighed by the words around, and
    their probabilities are computed again with these weights, so that what is known of one word
    also helps its neighbours. The last results are remembered, because a text that
    comes in pieces is read several times.
    """
    fixed, meant = dict(known), dict(typed)
    table = marked_forms()
    columns: list[_Column] = [
        [(fixed[at], ranks()[fixed[at]])] if at in fixed else meant.get(word) or table[word]
        for at, word in enumerate(words)
    ]
    columns, steps = _lattice(columns, beside[0])
    ends = [counted_pairs().after(place, (beside[1],))[0] for _, place in columns[-1]]
    chances = _posteriors(steps, ends)
    if around != _UNKNOWN_CONTEXT:
        codes = [*around[0], *map(_code, words), *around[1]]
        weights = [
            _weights(chance, column, codes, at + contexts.REACH, share)
            for at, (chance, column) in enumerate(zip(chances, columns, strict=True))
        ]
        steps = [
            [[one * weight for one, weight in zip(row, factors, strict=True)] for row in rows]
            for rows, factors in zip(steps, weights, strict=True)
        ]
        chances = _posteriors(steps, ends)
    result = []
    for column, chance in zip(columns, chances, strict=True):
        best = max(range(len(column)), key=chance.__getitem__)
        result.append((column[best][0], chance[best]))
    return result


def _lattice(columns: list[_Column], before: int) -> tuple[list[_Column], list[_Rows]]:
    """Return the candidates worth weighing, and for each word the probabilities that lead to it.

    A candidate that is improbable after all words before it is left out, which saves most of the
    time.
    """
    pairs = counted_pairs()
    kept: list[_Column] = []
    steps: list[_Rows] = []
    likely, previous = [1.0], [before]
    for column in columns:
        places = [place for _, place in column]
        rows = [pairs.after(first, places) for first in previous]
        sums = _scaled(_through(likely, rows))
        low = _BEAM * max(sums)
        open_ = [at for at, one in enumerate(sums) if one >= low]
        if len(open_) < len(column):
            column = [column[at] for at in open_]  # noqa: PLW2901
            rows = [[row[at] for at in open_] for row in rows]
            sums = [sums[at] for at in open_]
        kept.append(column)
        steps.append(rows)
        likely, previous = sums, [place for _, place in column]
    return kept, steps


def _posteriors(steps: list[_Rows], ends: list[float]) -> list[list[float]]:
    """Return the probability of each candidate of each word, given all words.

    ``forward`` and ``backward`` are scaled to a sum of 1 at each word to avoid underflow; the scale
    cancels in the result.
    """
    forward = [[1.0]]
    for rows in steps:
        forward.append(_scaled(_through(forward[-1], rows)))
    backward = ends
    chances = []
    for at in range(len(steps), 0, -1):
        products = [a * b for a, b in zip(forward[at], backward, strict=True)]
        chances.append(_scaled(products))
        backward = _scaled([sum(map(mul, row, backward)) for row in steps[at - 1]])
    chances.reverse()
    return chances


def _through(likely: list[float], rows: _Rows) -> list[float]:
    """Return the probabilities of the candidates of a word from those of the word before."""
    sums = [0.0] * len(rows[0])
    for chance, row in zip(likely, rows, strict=True):
        sums = [whole + chance * one for whole, one in zip(sums, row, strict=True)]
    return sums


def _weights(
    chance: list[float],
    column: _Column,
    codes: list[int],
    place: int,
    share: float,
) -> list[float]:
    """Return the weights of a word's syllables by the words around, 0 for impossible ones."""
    open_ = [at for at, one in enumerate(chance) if one > _IMPOSSIBLE]
    weights = [0.0] * len(chance)
    if len(open_) == 1:
        weights[open_[0]] = 1.0
        return weights
    sums = contexts.sums(codes, place, [column[at][1] for at in open_])
    top = max(sums)
    for at, value in zip(open_, sums, strict=True):
        weights[at] = math.exp(share * (value - top))
    return weights


def _scaled(values: list[float]) -> list[float]:
    total = math.fsum(values)
    return [value / total for value in values] if total else [1 / len(values)] * len(values)
