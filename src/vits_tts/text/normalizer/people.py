"""People: names of Vietnamese people that were typed without marks."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from vits_tts.text.aligned import Edit
from vits_tts.text.patterns import lazily

_SURNAMES: Final = (
    "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh trịnh đoàn"
    " mai đào trương lâm phùng tô cao hà lưu lương thái châu tạ quách vương tăng chu la triệu"
    " kiều trang"
).split()
_GIVEN_NAMES: Final = (
    "thị văn an anh minh hoa lan linh hương tuấn hùng dũng cường đức hải nam sơn long phúc quang"
    " quân thắng thành thảo trang vy yến nhung ngọc mai loan liên hiền hạnh hằng hà giang duy"
    " đạt khánh khoa kiên lâm lợi nga ngân nhi oanh phong phương phượng quyên quỳnh tâm tân"
    " thanh thu thúy thủy tiến trung tú tùng uyên việt vinh xuân bảo bình châu chi công cúc"
    " đào diễm hồng huy hoàng hưng hiếu hòa hậu huyền hữu hoài kim kỳ khải khôi lộc lực mạnh"
    " mỹ my nguyên nhàn nhật như ninh phát phước phú phùng quý quốc sang sinh tài thái thắm"
    " thi thiên thịnh thơ thông thuận thư thương tiên tín toàn trâm trân trí triều trọng trúc"
    " trường tuyết tường vân viên vũ vượng yên ý ân ánh bách bích cẩm chiến chinh chính danh"
    " dân diệu doanh dung đông đăng đình giáp hân hạo hiệp hoan học khang khuê kiều lai lê"
    " luân luận lương mẫn miên nghĩa nghị nguyệt nhân phi phụng quế sáng sỹ tá tấn thạch thạnh"
    " thiện tịnh tố tri tuệ vĩnh gia ba"
).split()
_FULL_NAME: Final = lazily(
    r"[A-Z](?<![\w@./-].)(?:[A-Z]{1,6}(?: [A-Z]{2,7}){2,3}|[a-z]{1,6}(?: [A-Z][a-z]{1,6}){2,3})"
    r"(?![\w@./-])"
)
"""Three or four words with capitals and without marks, which may be the name of a person."""
_LONGEST: Final = 4
_COMPANY: Final = lazily(r"(?:TNHH|CTY|TMDV|XNK|SX|TM|DV|CP|MTV) $")
"""Words before the name of a company, which often looks like the name of a person."""
_TOWARDS: Final = {"toi": "tới", "den": "đến", "tu": "từ", "boi": "bởi", "cua": "của"}
"""Words before the name of a person in a message of a bank (``chuyen toi LE VAN AN``)."""


_ADDRESSED: Final = {
    "anh": "anh", "chi": "chị", "em": "em", "be": "bé", "ong": "ông", "ba": "bà", "co": "cô",
    "thay": "thầy", "chu": "chú", "bac": "bác", "chau": "cháu", "ban": "bạn", "con": "con",
}  # fmt: skip
"""Words before a name that say how the person is addressed: ``be Gia Han``, ``thay Hai``."""


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return the syllables of people's names by their letters without marks.

    Of two with the same letters, the one that is listed first is meant.
    """
    found: dict[str, str] = {}
    for name in (*_SURNAMES, *_GIVEN_NAMES):
        found.setdefault(plain(name), name)
    return found


def plain(word: str) -> str:
    """Return a word in small letters without any mark."""
    decomposed = unicodedata.normalize("NFD", word.replace("đ", "d"))
    return "".join(letter for letter in decomposed if letter.isascii())


def cased(written: str, syllable: str) -> str:
    """Return the syllable with capitals where the written word has them."""
    if written.isupper() and len(written) > 1:
        return syllable.upper()
    return syllable.capitalize() if written[0].isupper() else syllable


def named(run: list[re.Match[str]]) -> dict[int, str]:
    """Return the syllables of people's names in a run, by their places.

    Two to four words with capitals are a name if they stand in the list of names and begin with a
    surname, or do not begin a clause.
    """
    names, found = _names(), dict[int, str]()
    at = 0
    while at < len(run):
        end = at
        while end < len(run) and run[end][0][0].isupper() and run[end][0].lower() in names:
            end += 1
        surname = names.get(run[at][0].lower()) in _SURNAMES
        inside = at > 0 and run[at - 1][0][0].islower() and run[at][0].istitle()
        company = _COMPANY.search(run[at].string[max(0, run[at].start() - 8) : run[at].start()])
        inside = inside or (company is not None and run[at][0].isupper())
        address = _addressed(run, at, end)
        if address and end - at <= _LONGEST:
            found |= {place: names[run[place][0].lower()] for place in range(at, end)}
            if at:
                found[at - 1] = address
        couple = " ".join(one[0].lower() for one in run[at:end]) == "anh chi"
        if 2 <= end - at <= _LONGEST and (surname or inside) and not couple:  # noqa: PLR2004
            found |= {place: names[run[place][0].lower()] for place in range(at, end)}
            towards = _TOWARDS.get(run[at - 1][0].lower()) if at and run[at][0].isupper() else None
            if towards and surname:
                found[at - 1] = towards
        at = max(end, at + 1)
    return found


def _addressed(run: list[re.Match[str]], at: int, end: int) -> str:
    """Return the word that addresses the person whose name begins at a place, or nothing."""
    if at == end or not run[at][0].istitle():
        return ""
    if not at:
        start = run[0].start()
        return "shipper" if run[0].string[max(0, start - 8) : start].lower() == "shipper " else ""
    word, following = run[at - 1][0], run[end][0] if end < len(run) else ""
    if following[:1].isupper() or (word[0].isupper() and end - at < 2):  # noqa: PLR2004
        return ""  # ba Ria, Ba Dinh, anh Quoc Te
    return _ADDRESSED.get(word.lower(), "")


def in_marked_line(spoken: str, start: int, end: int) -> Iterator[Edit]:
    """Yield the edits that restore names in a line with marks (``từ LE MINH TUAN``)."""
    names = _names()
    for match in _FULL_NAME.finditer(spoken, start, end):
        words = list(re.finditer("[A-Za-z]+", match[0]))
        if len(words) > 3 and names.get(words[0][0].lower()) not in _SURNAMES:  # noqa: PLR2004
            del words[0]  # CTK LE VAN AN
        surname = names.get(words[0][0].lower()) in _SURNAMES
        if match[0].lower() == "ho chi minh":
            yield match.start(), match.end(), cased(match[0], "hồ chí minh").title()
        elif surname and all(word[0].lower() in names for word in words):
            for word in words:
                said = cased(word[0], names[word[0].lower()])
                if said != word[0]:
                    yield match.start() + word.start(), match.start() + word.end(), said
