"""Make new texts: sentences of about five seconds whose words differ each time."""

import random
from typing import Final

from vits_tts.text.split import MAX_CHARS

WORDS: Final = (
    "sáng nay|trời trong xanh|gió nhẹ|thổi qua|hàng cây|ven hồ|mọi người|cùng nhau|đi dạo|"
    "ngôi nhà|cánh đồng|con đường|dòng sông|mùa xuân|mùa thu|bầu trời|ánh nắng|cơn mưa|"
    "tiếng chim|đàn bò|bữa cơm|gia đình|bạn bè|trường học|thầy giáo|học sinh|quyển sách|"
    "câu chuyện|bài hát|chiếc xe|thành phố|làng quê|khu vườn|bông hoa|quả cam|ly cà phê|"
    "công việc|buổi chiều|đêm khuya|ngọn núi|bãi biển|con thuyền|ngư dân|chợ sớm|rau tươi|"
    "nụ cười|ước mơ|hy vọng|ký ức|tuổi thơ|âm nhạc|bức tranh|cửa sổ|mái nhà|ngọn đèn|"
    "nhìn thấy|lắng nghe|trở về|đứng lại|bước tới|kể lại|mang theo|giữ gìn|chờ đợi|yêu thương|"
    "rất đẹp|thật vui|bình yên|rộng lớn|nhỏ bé|xa xôi|gần gũi|ấm áp|mát mẻ|yên tĩnh"
).split("|")
SENTENCE_CHARACTERS: Final = 92
LONGEST_WHOLE: Final = MAX_CHARS - 4
"""Just under the length above which the server splits a sentence at its clauses."""
LONG: Final = 252
_CLAUSE: Final = 6


class Texts:
    """A source of texts; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        """Start a sequence of random numbers."""
        self._random = random.Random(seed)  # noqa: S311  # nothing secret

    def sentence(self, characters: int = SENTENCE_CHARACTERS) -> str:
        """Return a sentence of about this many characters, with a comma after every few words."""
        said = ""
        while len(said) < characters - 4:
            clause = self._random.sample(WORDS, _CLAUSE)
            for word in clause:
                if len(said) + len(word) < characters:
                    said += f" {word}"
            said += ","
        return f"{said.strip(' ,').capitalize()}."

    def sentences(self, count: int) -> list[str]:
        """Return several sentences."""
        return [self.sentence() for _ in range(count)]
