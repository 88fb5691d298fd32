"""Decisions about ambiguous marks: ``-``, ``/`` and ``.`` between numbers, and short units.

The rules of other modules propose readings. If a mark has several, this module scores them. Each
reading starts with a score that depends on the numbers. Cues, which are patterns of the words
before or after, add their weights. The reading with the highest sum wins; ties go to the first one
in the table of scores.

The weights were set by hand and are tuned on the test cases.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from vits_tts.text.letters import CAPITALS
from vits_tts.text.normalizer.rules import after, before
from vits_tts.text.patterns import lazily

DashReading: TypeAlias = Literal["range", "score", "minus", "date", "plain"]
SlashReading: TypeAlias = Literal["fraction", "date", "over"]

_MONTHS: Final = 12
_DAYS: Final = 31
_LARGEST_SCORE: Final = 30
_LARGEST_MARK: Final = 10
"""Marks are out of ten, so that 8/10 is one and 8/12 is a day."""


class Cue(NamedTuple):
    """A pattern of the words before or after a mark, and the weight it adds to a reading."""

    reading: str
    weight: float
    before: re.Pattern[str] | None
    after: re.Pattern[str] | None


def _cue(reading: str, weight: float, *, before: str = "", after: str = "") -> Cue:
    return Cue(
        reading,
        weight,
        lazily(rf"(?:{before})$") if before else None,
        lazily(after) if after else None,
    )


_DAY_WORDS: Final = (
    r"đường|phố|cầu|cầu vượt|ngã tư|vòng xoay"
    r"|chợ|bến|công viên|ngày|hôm|sáng|trưa|chiều|tối|đêm|mùng|mồng|lễ|dịp|khánh|mừng"
    r"|phiên"
)
_NEAR_DAY_WORDS: Final = (
    r"ngày|hôm|sáng|trưa|chiều|tối|đêm|sớm|khuya|mùng|mồng|lễ|dịp|tết|giáo|khánh|mừng|nữ|động"
    r"|tổ|từ|đến|tới|trước|sau|hết|chót|hạn|nay|mai|qua|cn|nhật|\bt[2-7]"
    r"|thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])"
    r"|(?:ngày \d{1,2}|1[3-9]|2\d|3[01])/\d{1,2}(?: và| hoặc|,)"
    r"|tháng \w+(?: năm [\w ]{4,40})?(?: và|,| đến)?"
)
_COUNTED: Final = (
    r"\s?(?:phần trăm|người|triệu|tỷ|tỉ|đồng|năm|tháng|tuổi|%|điểm|nghìn|ngàn|lần|ngày|giờ|phút"
    r"|giây|tuần|con|cái|chiếc|học sinh|em|bạn|phòng|tầng|ki lô|mét|xăng|lít|độ|cm|kg|km|ml|m²|m2"
    r"|viên|chai|hộp|gói|ly|cốc|muỗng|thìa|bước|câu|trang|tiếng|chỗ|bàn|mùa|đêm|bữa|quả|trái|suất"
    r"|mâm|sản phẩm|mẫu|bài|hôm|bộ|đôi|nhà|xe|ca\b|vòng|buổi|tấn|hecta|ha\b|k\b|tr\b|củ\b|chục)"
)

_FALLING: Final = r"(?<!\d)(?:1-0|2-[01]|3-[0-2]|4-[0-3]|5-[0-4]|6-[0-5]|7-[0-6])(?!\d)"
"""A score in which the first number is larger, as in the sets of a match: ``4-6, 7-5``."""
_TIE: Final = r"(?: ?\(\d{1,2}(?:-\d{1,2})?\))?"
"""The points of the tie-break of a set: ``7-6(5)``."""
DASH: Final = (
    _cue(
        "score",
        3,
        before=r"(?:tỉ số|tỷ số|thắng|thua|hòa|hoà|dẫn|gỡ|hạ|đè bẹp|vượt qua|kết quả|chung cuộc|lên"
        r"|xuống|set|hiệp|ván|séc|đánh bại|san bằng|cách biệt|ghi|pen|penalty|luân lưu|với|sơ đồ"
        r"|đội hình|rút ngắn|ấn định|cầm hòa|quật ngã|loại|cầm chân|ngược dòng|bất bại"
        r"|đại bại|thảm bại|vùi dập|phơi áo|bại trận|đại thắng|hủy diệt|thất bại)\b"
        r"[^.;!?]{0,32}",
    ),
    _cue(
        "score",
        4,
        before=r"(?:lượt đi|lượt về|loạt sút|luân lưu|hiệp phụ|lỗi kép|phạt góc)\b[^.,;!?]{0,20}",
    ),
    _cue("score", 2, after=r"\s?(?:,\s)?(?:ở|từ|ngay|sau|trước) (?:những )?(?:phút|hiệp|giờ nghỉ)"),
    _cue("score", 5, before=rf"{_FALLING}{_TIE},? \(?"),
    _cue(
        "score",
        5,
        after=rf"{_TIE}(?:\)?,? \(?\d{{1,2}}-\d{{1,2}}{_TIE}){{0,3}}?" rf"\)?,? \(?{_FALLING}",
    ),
    _cue("score", -6, before=r"\btừ \D{0,8}"),
    _cue("score", -8, after=_COUNTED),
    _cue("range", 2, after=_COUNTED),
    _cue("range", 2, before=r"(?:điều|khoản|trang|chương|mục|lớp|tuổi|tầng|khoảng|chừng|tầm|từ) "),
    _cue(
        "range",
        4,
        before=r"(?:lớp|trang|điều|khoản|tuổi|tầm|khoảng|tuần|bài|câu|tiết|tập|tầng|cấp) ",
    ),
    _cue("score", -4, before=r"(?:lớp|trang|điều|khoản|tuổi|tầm|khoảng|tuần|bài|câu|tiết|tập) "),
    _cue("minus", 6, before=r"(?:lấy|hiệu|phép tính|tính|phép trừ|làm phép)\W{0,2}"),
    _cue("minus", 8, before=r"(?:cộng|nhân|chia|bằng|trừ|=)[^,;.]{0,16}", after=r"\s?="),
    _cue("minus", 6, after=r"\s?="),
    _cue("date", 9, before=r"hiệu lực(?: từ)?(?: ngày)? "),
    _cue("date", 7, before=rf"(?:{_DAY_WORDS})(?:\snay)?\s\(?"),
    _cue("date", -12, before=r"(?:mỗi|một|hằng|hàng|1) (?:ngày|sáng|trưa|chiều|tối|đêm) "),
    _cue(
        "date",
        -12,
        after=r"\s(?:tháng|tiếng|lần|giờ|phút|viên|người|lượt|ca|triệu|nghìn|ngàn|tỷ|bữa|ly|cốc|trang|món"
        r"|loại|suất|bát|đĩa|tô|quả|trái|cái|con|chai|gói|tuổi|bạn|em|bé|khách|chỗ|lựa chọn"
        r"|chuyến|lít|kg|km)\b|%",
    ),
    _cue("plain", 9, before=r"(?:năm học|niên khóa|niên khoá|khóa|mùa giải|mùa|vụ) "),
)

SLASH: Final = (
    _cue("date", 6, after=r" ca [1-6]\b"),
    _cue("date", 7, before=r"(?:\d[hg]\d{0,2}|giờ|phút),? "),
    _cue(
        "date",
        4,
        before=r"\bngày (?!uống|dùng|ăn|bôi|tiêm|làm|chạy|đi|được)(?:[^\W\d]{2,8} ){1,3}",
    ),
    _cue("date", 9, after=r"\s?(?:âm|dương|\(?âl|al\b|dl\b)"),
    _cue("date", 8, before=rf"(?:{_DAY_WORDS})(?:\snay)?\s\(?"),
    _cue("date", 2, before=rf"(?:{_NEAR_DAY_WORDS})\W{{0,3}}"),
    _cue(
        "date",
        2.5,
        before=r"(?:[,;.] kg|sinh|cưới|hẹn|thi|họp|khai mạc|khai giảng|khai trương|khởi hành"
        r"|khởi công|bay|giao|nhận"
        r"|tựu trường|nghỉ|khám|phát hành|ra mắt|chiếu|sn|hsd|nsx|dọn|dọn vào|quà"
        r"|nhân|mừng|học|bán"
        r"|hạn|xong|vào|lịch|diễn ra|check in|đám|ship|gửi|đi|về|tới|lương|dự kiến|deadline|áp dụng"
        r"|mở cửa|tiêm|trả|đóng)\W{0,2}",
    ),
    _cue(
        "date",
        -9,
        before=r"(?:mới|chỉ|còn|gần|được|đc|dc) (?:xong|hết|làm|ăn|đi|đọc|có|khoảng|được|tầm|qua) ",
    ),
    _cue(
        "date",
        4,
        before=r"(?:concert|show|liveshow|đêm nhạc|sự kiện|event|tour|sale|deal|triển lãm|hội thảo"
        r"|workshop|chung kết|bán kết|lễ hội|hội chợ|giỗ|đám cưới|tiệc|hẹn|chuyến|suất|phiên)"
        r"(?: \w{1,10})? ",
    ),
    _cue("date", 2, before=r"\d{1,2}/\d{1,2}(?:,| và| hoặc| -)(?: [^\W\d]{1,10}){0,2} "),
    _cue("date", 5, after=r",\s(?:t[2-7]\b|thứ|chủ nhật|cn\b|\d{1,2}h|lúc)"),
    _cue("date", 2, after=r"(?:,| và| hoặc)(?: [^\W\d]{1,10}){0,2} (?:1[3-9]|2\d|3[01])/\d"),
    _cue(
        "date",
        -7,
        before=r"(?:đạt|được|có|lệ|số|nhà|ngõ|ngách|hẻm|kiệt|lớp|áp|cửa|vụ|chọi|điểm|bài|xếp|thứ"
        r"|trên|khoảng|gần|hơn|chiếm|giảm|tăng|bằng|trang|tờ|slide|tập)\W{0,2}|[=+×*]\s?",
    ),
    _cue(
        "date",
        -7,
        after=r"\s(?:dân|số(?! tiền)|diện|tổng|quãng|chiều dài|cốc|thìa|muỗng|chén|quả|người"
        r"|phiếu|lượng"
        r"|thời gian|thu nhập|sản|khối|nước|công|chặng|hành|trái|cái|chiếc|học sinh|đại biểu"
        r"|thành viên|điểm|trong|của|cuộc|phần|bát|ly|lít|kg|gói|bánh|tỉnh|xã|huyện|thế giới|doanh"
        r"|trận|lần|câu|tập|chương|món|bước|tuần|buổi|môn|chỉ tiêu|bài|quyển|cuốn|chai|đoạn|việc"
        r"|đầu việc|hạng mục|mục tiêu|dự án|tiêu chí|ngành|mã)",
    ),
    _cue("date", -9, after=r"\s?[-+*×:]?\s?(?:\d{1,3}/\d{1,3}\s?)?="),
    _cue("date", -9, before=r"\d\s?[-+*×=]\s?|\d:|\d :\s|[-+*×=]\s?"),
    _cue("date", 3, before=r"(?:vé|tàu|xe|bàn|phòng|chỗ) ", after=r"\s(?:còn|hết|bay|kín)\b"),
    _cue(
        "date",
        -9,
        before=r"\b(?:làm|tính|giải|bấm|đáp án|đáp số|kết quả)(?: mãi)? (?:ra|được|là|bằng) ",
    ),
    _cue("date", -9, before=r"(?<!phân )\b(?:chia(?: nhau| theo)?|tỷ lệ|tỉ lệ) "),
    _cue("date", -9, before=r"\b(?:so sánh|phân số|rút gọn|quy đồng|hỗn số)\b[^.!?]{0,32}"),
    _cue("fraction", 1, before=r"(?:cộng|trừ|nhân|chia|bằng|phân số|[-+*×:=])\s?"),
    _cue("over", 3, before=r"(?:trang|tờ|slide|tập|lớp|kỳ|kì|lần|mũi|bước|phần|buổi)\s"),
)

_TEAM_AFTER: Final = lazily(rf"\s[{CAPITALS}]")
_TEAM_READ: Final = lazily(
    r" (?:in đô|ma lai|mi an|xinh ga|phi líp|bờ ru|ti mo|ác hen|bờ ra|chi lê|u ru|pa ra|ê cu|pê ru"
    r"|mê hi|ca na|cờ rô|xéc bi|u cờ|u dơ|i ran|i rắc|ca ta|ô man|gioóc|ốt xờ|chen xi|a sen|li vơ"
    r"|e vơ|tót ten|bác xê|rê an|át lê|giu ven|in te|mi lan|bai en|đoóc|a giắc|viết teo|na pô"
    r"|rô ma|mờ u|niu cát)\b"
)
"""Teams whose names are read already."""
_TEAM_BEFORE: Final = lazily(rf"(?:^|[\s(])[{CAPITALS}]\w{{1,20}}\s$")
_TEAMS_BEFORE: Final = lazily(
    r"(?:^|[\s(])[^\W\d_][^:;,!?()-]{1,24} (?:-|–|vs\.?|với|gặp) [^\W\d_][^:;,!?()-]{1,24}: $"
)
"""Two teams before their score: ``Thái Lan - Việt Nam: 1-2``."""
_HOLIDAYS: Final = frozenset(
    "1/1 14/2 8/3 10/3 30/4 1/5 7/5 1/6 2/9 20/10 20/11 24/12 25/12 31/12 22/12 27/2 26/3 19/5 27/7"
    " 3/2 10/10".split()
)


def dash(match: re.Match[str], first: str, last: str) -> DashReading:
    """Return the reading of a dash between two small whole numbers."""
    a, b = int(first), int(last)
    spaced = match[0] != match[0].replace(" ", "")
    scores: dict[str, float] = {"range": 1.0 if a < b else -1.0, "score": 0.0 if a < b else 2.0}
    if max(a, b) > _LARGEST_SCORE:
        scores["score"] = -20.0
    elif _beside_teams(match):
        # Đồng Tháp and Đồng Nai are no sums
        scores["score"] += 14.0 if after(match).startswith(" đồng ") else 3.0
    elif _TEAMS_BEFORE.search(match.string, max(0, match.start() - 56), match.start()):
        scores["score"] += 4.0
    elif _listed_scores(match):
        scores["score"] += 6.0
    scores["minus"] = -3.0 if spaced or a > b else -6.0
    if a == b or (a > b and last == last.lstrip("0") and a > _LARGEST_SCORE):
        scores["plain"] = 0.0
    else:
        scores["plain"] = -5.0
    calendar = 0 < b <= _MONTHS and 0 < a <= _DAYS
    scores["date"] = -3.0 if calendar else -99.0
    if calendar and a > b and _ends_like_date(match):
        scores["date"] += 6.0
    return _best(scores, _DASH_CUES, match)  # type: ignore[return-value]


def slash(match: re.Match[str], first: str, last: str) -> SlashReading:
    """Return the reading of a slash between two whole numbers."""
    a, b = int(first), int(last)
    calendar = 0 < b <= _MONTHS and 0 < a <= _DAYS and (a, b) != (24, 7)
    small = (a == 1 or len(last.lstrip("0")) == 1) and a < b
    scores: dict[str, float] = {"fraction": 0.0 if small else -1.0, "over": -0.5}
    scores["date"] = -1.0 if calendar else -99.0
    if calendar and a > b:
        scores["date"] += 2.0
    if calendar and a > _MONTHS:
        scores["date"] += 1.5
    if calendar and (a, b) == (2, 9):
        scores["date"] += 2.0
    if calendar and b > _LARGEST_MARK and a > 1:
        scores["date"] += 1.0
    if calendar and (first[0] == "0" or last[0] == "0"):
        scores["date"] += 2.0
    if f"{a}/{b}" in _HOLIDAYS:
        scores["date"] += 0.5
    return _best(scores, _SLASH_CUES, match)  # type: ignore[return-value]


def day_with_point(match: re.Match[str]) -> bool:
    """Return whether a point between two numbers separates a day and a month (2.9, 29.4)."""
    front, back = before(match), after(match)
    if _NEVER_A_DAY_BEFORE.search(front) or _NEVER_A_DAY_AFTER.match(back):
        return False
    return _CERTAIN_DAY.search(front) is not None or _CALENDAR.match(back) is not None


_CERTAIN_DAY: Final = lazily(rf"(?:{_DAY_WORDS})(?:\snay)?\s\(?$")
_CALENDAR: Final = lazily(r"(?: đến \d{1,2}\.\d{1,2})?\s?\(?(?:âm|dương) lịch")
_NEVER_A_DAY_BEFORE: Final = lazily(r"(?:mỗi|một|hằng|hàng|1) (?:ngày|sáng|trưa|chiều|tối|đêm) $")
_NEVER_A_DAY_AFTER: Final = lazily(
    r"\s(?:tiếng|lần|giờ|phút|viên|người|lượt|ca|triệu|nghìn|ngàn|tỷ|bữa|ly|cốc|trang|chuyến|lít|kg"
    r"|km)\b|%"
)


def _best(scores: Mapping[str, float], cues: tuple[Cue, ...], match: re.Match[str]) -> str:
    front, back = before(match), after(match)
    sums = dict(scores)
    for cue in cues:
        if cue.before is not None and not cue.before.search(front):
            continue
        if cue.after is not None and not cue.after.match(back):
            continue
        if cue.reading in sums:
            sums[cue.reading] += cue.weight
    return max(sums, key=sums.__getitem__)


def _listed_scores(match: re.Match[str]) -> bool:
    """Return whether a pair is in a list such as ``25-18, 23-25, 25-20`` with a falling one."""
    low = max(0, match.start() - _LIST)
    for listed in _SCORES.finditer(match.string, low, match.end() + _LIST):
        if listed.start() <= match.start() < listed.end():
            pairs = _PAIR.findall(listed[0])
            return any(int(a) > int(b) for a, b in pairs)
    return False


_LIST: Final = 40
_PAIR: Final = lazily(r"(\d{1,2})\s?[-–]\s?(\d{1,2})")
_SCORES: Final = lazily(
    r"(?<![\w./-])\d{1,2}\s?[-–]\s?\d{1,2}(?:(?:, ?| |; ?)\d{1,2}\s?[-–]\s?\d{1,2}){2,6}(?![\w/-])"
)


def _beside_teams(match: re.Match[str]) -> bool:
    behind = match.string[max(0, match.start() - 24) : match.start()]
    ahead = _TEAM_AFTER.match(match.string, match.end()) or _TEAM_READ.match(after(match))
    return bool(ahead and _TEAM_BEFORE.search(behind))


_NEAR_DAY: Final = lazily(rf"(?:{_NEAR_DAY_WORDS})\W{{0,3}}$")


def _ends_like_date(match: re.Match[str]) -> bool:
    return _NEAR_DAY.search(before(match)) is not None


_DASH_CUES: Final = DASH
_SLASH_CUES: Final = SLASH


LetterReading: TypeAlias = Literal["unit", "scale", "name"]

_NAMED_BEFORE: Final = lazily(
    r"(?<!\w)(?:nhà|lô|khối|ngõ|ngách|hẻm|kiệt|(?<!doanh )(?<!tỉ )(?<!tỷ )(?<!chỉ )(?<!trả )số"
    r"|phòng|lớp|căn|tòa|dãy"
    r"|block|khu|cổng|đội|tổ|xe|tuyến|bus"
    r"|gate|ghế|toa|mẫu|bản|phiên bản|tầng|trang|câu|bài|đề|mã|điểm|nhóm|thửa|ô|cột|chuyến|đường) $"
)
_MODEL: Final = lazily(r"[A-Z]{1,4}-\d{1,4} ?$")
"""The letters and the number of a model before its last letter: ``R-37M``."""
_STREET_BEFORE: Final = lazily(
    r"(?<!\w)(?:lô|ngõ|ngách|hẻm|kiệt|(?<!doanh )(?<!tỉ )(?<!tỷ )(?<!chỉ )(?<!trả )số|tòa|dãy"
    r"|block|khu|cổng|tuyến"
    r"|bus|gate|toa|mã|thửa|đường) $"
)
"""Words before a name that ends with a small k. After others, such as "xe", ``200k`` is a price."""
_MODEL_BEFORE: Final = lazily(
    r"(?:note|iphone|ip|redmi|mi|galaxy|phone|oppo|vivo|realme|nốt|phôn|míp?|pro|pờ rô"
    r"|con|máy phụ|máy|chiếc|samsung|xam xung|em nó)\s$"
)
_PHONE_BEFORE: Final = lazily(
    r"(?<!\w)(?:iphone|ip|ai phôn|ren mi|realme|redmi|rét mi|note|nốt)\b[^.;!?]{0,24}"
    r"(?:đến|lên|và|hay|hoặc|với|sang|qua|từ|bằng|,|/)\s?$"
)
"""Another phone before ``7s``, with which it is compared or listed."""
_ADDRESSED_AFTER: Final = lazily(
    rf"(?:,?\s(?:đường|phố|ngõ|hẻm|ngách|tổ|kp)\b|/\d|-\d|\s[{CAPITALS}][^\W\d]{{1,7}}\b(?!\s?\d))"
)
_SCALED_BEFORE: Final = lazily(
    r"(?:giá|lương|lãi|lỗ|doanh thu|doanh số|chi|trả|vay|thưởng|bán|mua|phí|cước|thu nhập|tiền|vốn"
    r"|lợi nhuận|nợ|đầu tư|ngân sách|hơn|gần|khoảng|đạt|view|lượt|kiếm|cọc|học phí|thuê|tầm|mất"
    r"|tốn|chỉ|còn|quỹ|gọi vốn|huy động|tháng)\W{0,2}(?:\w{1,6}\W)?$|gửi \w[\w ]{1,24}: $"
)
_SCALED_AFTER: Final = lazily(
    r"\s?(?:usd|vnđ|vnd|đồng|đô|đ\b|\$|€|người|lượt|view|follow|sub|like|user|fan|thành viên|tải"
    r"|gross|net\b|gờ rốt|nét\b"
    r"|download|khách|bản|token|tham số|params?|dân|/\s?(?:tháng|năm|người|m2|m²|căn|th)\b)"
)
_PICTURE: Final = lazily(
    r"(?:quay|video|màn hình|phân giải|chế độ|phim|chuẩn|tivi|ti vi|tv|xem|hỗ trợ|phát)\s"
    r"(?:[248]k[,/ ]\s?)?$"
)
_PICTURED_AFTER: Final = lazily(r"\s?(?:\d{2,3}\s?hz|amoled|oled|ips|lcd|ultra hd|uhd)")
_ELECTRIC: Final = lazily(
    r"(?:điện|nguồn|sạc|pin|vôn|volt|ắc quy|bình|adapter|đèn|motor|mô tơ|dòng|ac|dc|usb|sợi|ổ)\b"
)
_PRICED_AFTER: Final = lazily(r"\s?/\s?\d{0,3}\s?(?:ngày|tháng|năm|tuần|lần|cái|chiếc|người)")
_VOLTAGES: Final = frozenset(
    "1.5 3 3.3 5 6 9 12 15 18 19 20 24 36 48 60 72 110 220 230 380".split()
)


def letter(match: re.Match[str], unit: str) -> LetterReading:  # noqa: PLR0911
    """Return the reading of a short unit after a number: unit, scale (K, M) or part of a name."""
    string = match.string
    digits = re.search(r"([\w.,/-]*\d) ?$", string[max(0, match.start() - 20) : match.start()])
    number = re.split(r"[xX×*/-]|(?<=[^\W\d_])\.+|\.{2,}", digits[1])[-1] if digits else ""
    if re.search(r"[^\W\d_]", number) or (digits and _MODEL.match(digits[0])):
        return "name"  # K8s, CT2B and R-37M are names
    start = match.start() - len(digits[0]) if digits else match.start()
    front = string[max(0, start - 48) : start].rpartition("\n")[2].lower()
    back = after(match)
    spaced = match[0][0] == " "
    pictured = number in {"2", "4", "5", "6", "8", "16"}
    if (unit in {"K", "k"} and pictured) and (
        _PICTURE.search(front) or _PICTURED_AFTER.match(back)
    ):
        return "name"
    if unit in {"M", "B", "K", "k"}:
        scaled = bool(_SCALED_AFTER.match(back) or (unit != "B" and _SCALED_BEFORE.search(front)))
        if unit in "Kk" and not spaced:
            few = re.fullmatch(r"\d", number) is not None
            priced = _PRICED_AFTER.match(back) is not None
            round_price = unit == "k" and re.fullmatch(r"\d{1,3}[05]", number) is not None
            named = (_STREET_BEFORE if round_price else _NAMED_BEFORE).search(front)
            return "scale" if not named and (unit == "k" or not few or scaled or priced) else "name"
        return "scale" if scaled and not _NAMED_BEFORE.search(front) else "name"
    if (
        unit == "s"
        and not spaced
        and (_MODEL_BEFORE.search(front) or (number in "45678" and _PHONE_BEFORE.search(front)))
    ):
        return "name"
    if _NAMED_BEFORE.search(front) and not spaced and unit.isupper() and len(unit) == 1:
        return "name"
    if unit in {"v", "V"}:
        electric = number.replace(",", ".") in _VOLTAGES or "vôn" in back or spaced
        return "unit" if electric or _ELECTRIC.search(front + back) else "name"
    if unit in {"A", "C", "N", "L", "H", "J", "B", "W", "T", "F"} and not spaced:
        addressed = _ADDRESSED_AFTER.match(string, match.end())
        return "name" if addressed and not _ELECTRIC.search(front) else "unit"
    return "unit"


def network(match: re.Match[str]) -> bool:
    """Return whether ``3g``, ``4g`` or ``5g`` is a mobile network and not a weight."""
    front, back = before(match), after(match)
    if _OTHER_NETWORK.search(front) or _DATA_AFTER.match(back):
        return True
    if _WEIGHED.search(front) or _WEIGHED_AFTER.match(back):
        return False
    if _SMALL_GOODS.search(front) and not _RADIO.search(front + back):
        return False
    return not _OTHER_WEIGHT.search(front + back)


_OTHER_NETWORK: Final = lazily(
    r"\b(?:mạng|sóng|sim|data|bắt|wifi|oai phai)\b.{0,24}$"
    r"|\b[345] ?(?:g|gờ) (?:xuống|lên|sang|qua|hay|và|với|thành|còn|thì) (?:\w{1,6} )?$"
)
_DATA_AFTER: Final = lazily(
    r"[^.;!?\n]{0,16}\b(?:tốc độ|\d{1,4} ?(?:[gt]b\b|giga|gi ga|tê ra bai)|mạng|data)"
)
_SMALL_GOODS: Final = lazily(
    r"\b(?:son|phấn|kem|serum|bột|trà|chè|cà phê|viên|thuốc|hạt|kẹo|vàng|bạc|nhẫn|dây chuyền"
    r"|mặt nạ)\b"
)
_RADIO: Final = lazily(
    r"\b(?:mạng|sim|data|đa ta|sóng|gói|mb|gb|gi ga bai|wifi|oai phai|modem" r"|máy)\b"
)
_OTHER_WEIGHT: Final = lazily(
    r"(?<![\w.,-])(?:\d{2,4}|[1789]|\d{1,3},\d{1,3})\s?(?:g|gr|gam|ml)(?!\w)"
)
"""Another weight or volume near, as in a recipe."""
_WEIGHED: Final = lazily(
    r"(?:nặng|uống|thuốc|gói|muối|đường|vàng|cân|liều|gam|chứa|lượng|cho|thêm|hòa|lấy|pha|viên"
    r"|trọng lượng|khối lượng|từ|đến|mỗi|tan|protein|đạm|béo)\W{0,2}(?:\w{1,8}\W)?$"
)
_WEIGHED_AFTER: Final = lazily(
    r"\s(?:muối|đường|bột|men|tiêu|hạt|gừng|tỏi|nước|mì|bơ|vàng|protein|đạm|chất|thịt|cá|tôm|gel"
    r"|thuốc|kali|natri|sắt|kẽm|đồng|vitamin|fe|cu|zn|al|na|ca|mg|trà|cà phê|baking|gelatin)\b"
)


def is_fraction(match: re.Match[str]) -> bool:
    """Return whether two numbers with a slash may be a fraction; pages are not (trang 3/8)."""
    front = before(match)
    if _PART_BEFORE.search(front) and after(match)[:1] == " ":
        return True  # phần 1/3 còn lại
    return _OVER_BEFORE.search(front) is None


_PART_BEFORE: Final = lazily(r"phần $")
_OVER_BEFORE: Final = re.compile(
    r"(?:trang|tờ|slide|tập|lớp|kỳ|kì|mũi|bước|buổi|phần|tuần|đợt|chương"
    r"|khoản|chặng|ca|apgar|áp ga)\s$"
)


def comma_groups(match: re.Match[str], written: str) -> bool:
    """Return whether the comma of ``5,000`` groups thousands, as in English."""
    if written.endswith("000") or _GROUPED_AFTER.match(after(match)):
        return True
    if written.endswith("00") and _SCALE_AFTER.match(after(match)):
        return True  # 4,800 tỷ: no one writes the zeros of 4,8
    low = max(match.string.rfind("\n", 0, match.start()) + 1, match.start() - _ROW)
    line = match.string[low : match.end() + _ROW].partition("\n")[0]
    cells = len(_GROUPED.findall(line)) + line.count(" nghìn ") + line.count(" ngàn ")
    return cells >= _CELLS and not _DECIMAL.search(line)


_SCALE_AFTER: Final = lazily(r"\s?(?:tỷ|tỉ|triệu)(?!\w)")
_ROW: Final = 120
_CELLS: Final = 3
"""Numbers that a row of a table has at least, all of them with three digits after the comma."""
_GROUPED: Final = lazily(r"(?<![\w.,])[1-9]\d{0,2}(?:,\d{3}){1,4}(?![\w.,]?\d)")
_DECIMAL: Final = lazily(r"\d,\d{1,2}(?!\d)|\d,\d{4}|(?<!\d)0,\d|\d\.\d")


_GROUPED_AFTER: Final = lazily(
    r"\s?(?:đô la|ơ rô|bảng|yên|nhân dân tệ|đồng|vnđ|vnd|usd|đ\b|₫|\$|người|lượt|view|follow|sub"
    r"|like"
    r"|bước|cái|chiếc|sản phẩm|khách|từ\b|chữ|ký tự|trang|bài|ca\b|hộ|sinh viên|học sinh|xe|vé|bản"
    r"|cổ phiếu|năm|ngày|nhân viên|tài khoản|thành viên|lần|con|cây|câu)"
)


NumberedT: TypeAlias = Literal["weekday", "month", "rank", "floor", "name"]

_SATURDAY: Final = 7
_T: Final = (
    _cue(
        "month",
        4,
        before=r"(?:tiền|lương|phí|cước|hóa đơn|hoá đơn|hđ|sao kê|doanh số|doanh thu|báo cáo|bc|kpi"
        r"|điện|nước|thưởng|kỳ|kế hoạch|kh|khkd|chi phí|số liệu|bảng công|công nợ|học phí|lợi nhuận"
        r"|dt|ln|lnst|lntt|kqkd|bctc|cpi|lạm phát|xuất khẩu|nhập khẩu|thu|chi|góp|thuế|bhxh|sinh)"
        r"(?: [^\W\d]{1,6})?\s",
    ),
    _cue(
        "month",
        2,
        before=r"(?:cuối|đầu|giữa|hết|qua|tới|từ|đến|sang|hạn|bh|bảo hành|ra mắt|dự kiến|đk|trong"
        r"|so với|mở bán|bàn giao|khai giảng|nhập học)\s",
    ),
    _cue("month", 4, before=r"(?:đợt|kỳ|kì|khóa|tháng|quý)\s"),
    _cue("month", 5, after=r"\s?(?:năm|âm|dương|[12]\d{3}\b)"),
    _cue(
        "weekday",
        4,
        before=r"(?:tiết \d{1,2}(?:\s?[-–,]\s?\d{1,2}){0,2},?|sáng|trưa|chiều|tối|đêm|nghỉ|hôm"
        r"|thi|họp|học|hẹn|lại|vào|gặp|giao|lịch|\d[hg]\d{0,2}|giờ"
        r"|phút|mỗi|các|khám|làm|ca|trực|rảnh|off|trừ|có|về|đi|bay|nhận|chốt|deadline|dl)\s",
    ),
    _cue(
        "weekday",
        5,
        after=r"\s?[,;:&/-]\s?(?:t[2-7]|cn)\b|\s(?:và|hàng|hằng|này|tuần|tới|sau|trước|lúc)\b"
        r"|\s?\+\s?\d|\s?/\s?(?:tháng|th|tuần)\b|,?\s?\(?\d{1,2}(?:h|g|:|\s?[-–]\s?\d{1,2}(?:h|g|:)|/\d)|\s(?:sáng|chiều"
        r"|tối|trưa)\b"
        r"|\s?[:)]|\s\w+(?: đến)?(?: \w+){0,2} giờ\b",
    ),
    _cue("weekday", 2, after=r"\s?(?:$|[-–])"),
    _cue("weekday", 6, after=r"\s(?:hàng|hằng|mỗi) tuần\b"),
    _cue("weekday", 4, before=r"(?:cả|luôn|off|trừ|kể cả|nguyên)\s"),
    _cue("weekday", 4, after=r"\s(?:làm|nghỉ|off|cn\b|chủ nhật|và cn|lễ)|,? tiết "),
    _cue("weekday", 4, before=r"(?:thứ \w{2,4}|chủ nhật|\bt[2-7]|\bcn)\b[^.;]{0,30}"),
    _cue("weekday", 4, after=r"[^.;]{0,24}(?:\bt[2-7]\b|\bcn\b|chủ nhật)(?!\w)(?!\d)"),
    _cue(
        "floor",
        8,
        before=r"(?:tập thể|căn hộ|chung cư|ccmn|m2|m²|\dm|\dpn|wc|căn|ở|studio|phòng),? ",
        after=r",?\s(?:tòa|toà|block|khu|chung|view|tháp|thang|không thang|có thang|dễ lên"
        r"|cc\b|tt\b)",
    ),
    _cue("floor", 6, after=r"\s(?:tòa|toà|block|tháp)\s"),
    _cue("rank", 6, before=r"(?:xếp|đứng|hạng|xuống|vươn lên|vị trí|lên) "),
    _cue("rank", 6, after=r"\s(?:bxh|trên bảng|chung cuộc|toàn đoàn|thế giới)"),
    _cue("weekday", 5, before=r"(?:\bt[2-7]|thứ \w{2,3}|cn|chủ nhật)(?:,| và|,? hoặc| -) ?"),
    _cue(
        "name",
        9,
        before=r"(?:nhiệt độ t[01]|hiệu suất|chu kì|chu kỳ|lực căng|nguồn (?:nóng|lạnh)"
        r"|nung nóng|làm lạnh|đẳng (?:tích|áp)|độ tuyệt đối)[^.;]{0,40}",
    ),
    _cue(
        "name",
        7,
        before=r"(?:ga|tòa|toà|lô|tuyến|xe|tầng|block|khu|cổng|máy|đội|team|mẫu|phòng|căn|vị trí"
        r"|model|size|dây|sảnh|cửa|tháp|dòng|kênh|đường|nhà|hầm|mộ|cột|đốt|đốt sống|chuỗi xung|bản"
        r"|mốc)(?<!tiền nhà)\s",
    ),
    _cue(
        "name",
        7,
        after=r"\s?(?:vô địch|\d(?!\d?(?:h|g|:|/)|[\d.,]{0,7}\s?(?:tr|k|đ|triệu"
        r"|nghìn))|w\b|flair|weighted)",
    ),
)


def numbered_t(match: re.Match[str], number: int) -> NumberedT:
    """Return whether ``T5`` is a weekday, a month, a rank, a floor or a name (``tòa T5``)."""
    scores = {"name": 0.0, "rank": -1.0, "floor": -1.0}
    if number <= _MONTHS + 1:  # the thirteenth salary
        scores["month"] = 0.5 if number > _SATURDAY else -1.0
    if 1 < number <= _SATURDAY:
        scores["weekday"] = -1.0
    return _best(scores, _T, match)  # type: ignore[return-value]
