"""Emoji: removed, or read by name if the settings say so."""

import re
from typing import Final, Literal, TypeAlias

from vits_tts.text.normalizer.rules import Rule, Step

Emoji: TypeAlias = Literal["drop", "read"]

_NAMES: Final = {
    "😀": "mặt cười",
    "😁": "mặt cười toe",
    "😂": "cười ra nước mắt",
    "🤣": "cười lăn lộn",
    "😊": "mặt cười",
    "😍": "mắt trái tim",
    "😘": "hôn gió",
    "😢": "mặt buồn",
    "😭": "khóc to",
    "😡": "tức giận",
    "😱": "hoảng sợ",
    "😴": "buồn ngủ",
    "🤔": "suy nghĩ",
    "👍": "đồng ý",
    "👎": "không đồng ý",
    "👏": "vỗ tay",
    "🙏": "cảm ơn",
    "💪": "cố lên",
    "❤": "trái tim",
    "🧡": "trái tim cam",
    "💛": "trái tim vàng",
    "💚": "trái tim xanh lá",
    "💙": "trái tim xanh",
    "💜": "trái tim tím",
    "💔": "trái tim tan vỡ",
    "💕": "hai trái tim",
    "🔥": "lửa",
    "🎉": "chúc mừng",
    "🎂": "bánh sinh nhật",
    "🎁": "quà",
    "🌹": "hoa hồng",
    "🌸": "hoa anh đào",
    "⭐": "ngôi sao",
    "✨": "lấp lánh",
    "☀": "mặt trời",
    "🌧": "mưa",
    "⚽": "bóng đá",
    "🏆": "cúp vô địch",
    "🥇": "huy chương vàng",
    "🥈": "huy chương bạc",
    "🥉": "huy chương đồng",
    "✅": "dấu tích",
    "❌": "dấu nhân",
    "⚠": "cảnh báo",
    "📞": "điện thoại",
    "☎": "điện thoại",
    "📍": "địa điểm",
    "🏠": "nhà",
    "🚗": "ô tô",
    "✈": "máy bay",
    "☕": "cà phê",
    "🍺": "bia",
    "🇻🇳": "cờ Việt Nam",
}
_PICTURES: Final = (
    "\U0001f000-\U0001faff\u2600-\u27bf\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u231a\u231b\u2328"
    "\u23cf\u23e9-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2934\u2935\u3030\u303d\u3297\u3299"
    "\u20e3"
)
_EMOTICONS: Final = (
    r"(?<![\w:;='])(?<![<>≤≥!](?==))(?<!\b[xyzn]\ )(?<![=>]\ [a-zA-Z]\ )"
    r"(?:[:;=]-?[)(DPp3*](?![\w)])|:v{1,12}|:\)\)+|=\)\)+|<3|\^_?\^|xD|T_T|\ :3(?=\s|$))(?!\w)"
)


def steps(emoji: Emoji) -> tuple[Step, ...]:
    """Return the steps that remove emoji and emoticons or, with ``read``, name the common ones."""
    # "củ" means a million, and adverts draw its bulb to hide the price: 3🍠5
    million = Rule("[🍠🥔🥕](?<=\\d.)(?=\\d)", "tr", glued=True, needs="🍠🥔🥕")
    drop = Rule(rf"(?:[{_PICTURES}]\ ?)+", " ", glued=True)
    laughs = Rule(
        r"(?<=\w)\ ?(?:[:;=]\){2,20}|[:=]\({2,20}|=\]{2,20}|:[vV](?!\w))",
        " ",
        glued=True,
        needs=":;=",
    )
    emoticons = Rule(_EMOTICONS, "", glued=True)
    if emoji == "drop":
        return million, drop, laughs, emoticons
    named = Rule(
        "|".join(map(re.escape, sorted(_NAMES, key=len, reverse=True))), _named, glued=True
    )
    return million, named, drop, laughs, emoticons


def _named(match: re.Match[str]) -> str:
    return f", {_NAMES[match[0]]}, "
