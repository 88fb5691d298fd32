"""Headings of chapters in plain text."""

import re
from typing import Final

HEADING: Final = re.compile(
    r"^(?=[ \t]*(?:#{1,3}[ \t]+\S|(?:chương|phần|hồi|quyển|chapter|part)[ \t]+(?:\d+|[ivxlc]+|"
    r"thứ|một|hai|ba|bốn|năm|sáu|bảy|tám|chín|mười|mở|kết|one|two|three|four|five|six|seven|"
    r"eight|nine|ten)\b))",
    re.IGNORECASE | re.MULTILINE,
)
"""The beginning of a line that is a heading of a chapter in plain text."""
