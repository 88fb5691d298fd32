"""Web addresses, mail addresses and hashtags, read as they are dictated."""

import re
from functools import lru_cache
from typing import Final

from vits_tts.text.aligned import Text
from vits_tts.text.letters import CAPITALS, SMALLS, spelled
from vits_tts.text.normalizer import foreign, languages
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.restore import frequency, joined
from vits_tts.text.normalizer.rules import Rule, Step, Where
from vits_tts.text.numbers import DIGITS
from vits_tts.text.syllables import is_syllable, unmarked

_LABEL: Final = r"[A-Za-z0-9À-ỹ_-]{1,63}"
_TOP: Final = (
    "com|vn|net|org|edu|gov|info|io|me|ly|tv|co|app|dev|ai|xyz|shop|online|asia|biz|us|uk|jp|cn|sg"
    "|gle|gl|eu|kr|tw|hk|page|site|store|tech|cloud|blog|news|club|fr|de"
)
_PATH: Final = r"(?:[:/?\#][^\s<>\"“”]{0,2000})?"
_FILES: Final = (
    "pdf|docx?|xlsx?|pptx?|txt|md|csv|zip|rar|jpe?g|png|gif|mp[34]|exe|html?|ya?ml|json|py|js|css|tar|gz|7z|iso|apk|dwg|psd|svg|webp|avi|mkv|sql|log|conf|cfg|ini|env|toml|sh|bat|cpp|java|ipynb"
    "|cnf|php|xml|lock|bak|deb|rpm|jar|msi|pem|crt|jsx|tsx|vbs|dmg|dll"
)
_MARKS: Final = {
    ".": "chấm", "@": "a còng", "-": "gạch ngang", "_": "gạch dưới", "/": "gạch chéo",
    ":": "hai chấm", "?": "hỏi", "=": "bằng", "&": "và", "#": "thăng", "%": "phần trăm",
    "+": "cộng", "~": "ngã",
}  # fmt: skip
_TOPS: Final = {
    "com": "com", "vn": "vê nờ", "net": "nét", "org": "oóc", "edu": "e đu", "gov": "gốp",
    "info": "in phô", "html": "hát tê mờ lờ", "www": "vê kép vê kép vê kép", "ai": "ây ai",
}  # fmt: skip
_LONGEST_SPELLED: Final = 3
_LONGEST_UNPRONOUNCED: Final = 5
_LONGEST_SPLIT: Final = 40
_CODE: Final = re.compile(r"\d{2,}[A-Z][A-Z\d]{2,}|[A-Z]{1,4}\d{3,}[A-Z\d]*")


_SENTENCES: Final = re.compile(r"(?=[^.]{0,6}[à-ỹđ])[^\W\d_]{1,7}\.(?:ai|co|me|us)")
"""A Vietnamese word and the first one of the next sentence, which looks like a domain."""


class Urls:
    """Reads addresses, mentions and hashtags."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Keep the lexicon, which has the readings of names."""
        self._lexicon = lexicon

    def steps(self) -> tuple[Step, ...]:
        """Return the steps: mail and web addresses, then hashtags and mentions."""
        return (
            Rule(
                rf"(?<![\w.+-])[\w.+-]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{1,5}}",
                self.address,
                needs="@",
            ),
            Rule(r"(?<!\w)(?:https?|ftp)://[^\s<>\"“”]{1,2000}", self.address, needs="/"),
            Rule(
                rf"(?<![\w@.-])(?:{_LABEL}\.){{1,4}}(?:{_TOP}|COM|NET|COM\.VN|(?<=[A-Z]{{3}}\.)VN)(?![\w-])(?!\.\w){_PATH}",
                self.address,
                needs=".",
            ),
            Where(
                rf"(?i)\.(?:{_FILES})(?!\w)",
                Rule(
                    rf"(?<![\w@./-])[\w-]{{1,40}}(?:/[\w-]{{1,40}}){{1,6}}\.(?:{_FILES})(?!\w)(?!\.\w)",
                    self.address,
                    needs="/",
                ),
                Rule(
                    rf"(?i)(?<![\w@./-])[\w-]{{1,63}}(?:\.[\w-]{{1,40}}){{0,4}}\.(?:{_FILES})(?!\w)(?!\.\w)",
                    self.address,
                    needs=".",
                ),
            ),
            Rule(r"(?<![\w\#])\#(?P<tag>(?=\d{0,9}[^\W\d])\w{1,60})", self.tag, needs="#"),
            Rule(r"(?<![\w@])@(?P<name>[A-Za-z][\w.]{0,40}\w)", self.mention, needs="@"),
        )

    def address(self, match: re.Match[str]) -> str:
        """Read a mail or web address mark by mark. A mark at its end belongs to the sentence."""
        if _SENTENCES.fullmatch(match[0]) and is_syllable(match[0].partition(".")[0].lower()):
            return match[0].replace(".", ". ")  # ơi.ai, two sentences
        written = match[0].rstrip(".,;:!?)]}'…")
        rest = match[0][len(written) :]
        if self._lexicon.knows(written.lower()):
            return self._lexicon(Text(written)).spoken + rest
        bare = re.sub(r"^(?:https?|ftp)://", "", written).rstrip("/")
        pieces = re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", bare)
        return " ".join(filter(None, map(self._piece, pieces))) + rest

    def tag(self, match: re.Match[str]) -> str:
        """Read ``#HàNội`` as its words, and ``#2611ABX``, the number of an order, as a code."""
        if _CODE.fullmatch(match["tag"]):
            pieces = re.findall(r"\d+|[A-Z]+", match["tag"])
            said = (self._piece(piece) if piece.isdecimal() else spelled(piece) for piece in pieces)
            return f"thăng {' '.join(said)}"
        return f"thăng {self._words(match['tag'])}"

    def mention(self, match: re.Match[str]) -> str:
        """Read ``@ten``."""
        pieces = re.findall(r"[^\W\d_]+|\d+|[._]", match["name"])
        return " ".join(["a còng", *filter(None, map(self._piece, pieces))])

    def _piece(self, piece: str) -> str:
        if piece.isdecimal():
            return " ".join(DIGITS[int(digit)] for digit in piece)
        if piece[0].isalpha():
            return _TOPS.get(piece.lower()) or self._word(piece)
        return _MARKS.get(piece, "")

    def _words(self, tag: str) -> str:
        """Return the words of a hashtag, split at capitals, underscores and digits."""
        words = re.findall(
            rf"[{CAPITALS}]?[{SMALLS}]+|[{CAPITALS}]+|\d+|[^\W\d_]", tag.replace("_", " ")
        )
        return " ".join(filter(None, map(self._piece, words)))

    def _word(self, word: str) -> str:
        """Return the reading of a name: by the lexicon, in syllables, spelled, or by its sounds."""
        known = self._lexicon(Text(word)).spoken
        if known != word:
            return known
        lower = word.lower()
        split = _split(lower) if len(lower) <= _LONGEST_SPLIT else ()
        english = len(lower) > _LONGEST_SPELLED and languages.is_english(lower)
        if split and min(map(len, split)) > 1 and not english:
            meant = joined(split)
            return " ".join(meant or map(self._syllable, split))
        unpronounced = len(lower) <= _LONGEST_UNPRONOUNCED and re.search("[^aeiouy]{3}", lower)
        if len(lower) <= _LONGEST_SPELLED or (unpronounced and not languages.is_english(lower)):
            return spelled(lower)
        return foreign.said(lower[:30])

    def _syllable(self, part: str) -> str:
        """Return the reading of a syllable without marks: viet is việt."""
        known = self._lexicon(Text(part)).spoken
        return known if known != part else unmarked().get(part, part)


@lru_cache(maxsize=4096)
def _split(word: str) -> tuple[str, ...]:
    """Return the letters as the fewest possible syllables, or none.

    Dynamic programming: ``best[end]`` is the division of the first ``end`` letters with the fewest
    syllables; of two, the one with the more frequent ones (``ngoc anh``, not ``ngo canh``).
    """
    best: list[tuple[int, int, tuple[str, ...]] | None] = [(0, 0, ())]
    for end in range(1, len(word) + 1):
        ways = [
            (count + 1, total + frequency(part), (*head, part))
            for start in range(max(0, end - 7), end)
            if (way := best[start]) is not None and _may_be_syllable(part := word[start:end])
            for count, total, head in (way,)
        ]
        best.append(min(ways, default=None))
    return best[-1][2] if best[-1] else ()


def _may_be_syllable(part: str) -> bool:
    return is_syllable(part) or part in unmarked()
