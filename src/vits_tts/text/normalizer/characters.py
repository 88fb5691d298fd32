"""Characters: one code for characters that look the same, and no invisible characters."""

import re
import unicodedata
from typing import Final

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.normalizer.rules import Rule, Step
from vits_tts.text.patterns import lazily

_MARKS: Final = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_INVISIBLE: Final = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffc\U000e0000-\U000e0fff\ue000-\uf8ff\ud800-\udfff]"
)
_LATIN_LIKE: Final = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеіјорсухѕһԁԛԝ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο" + "ÐƉðɖ",
    "ABESIJKMHOPCTYXaeijopcyxshdqw" + "ABEZHIKMNOPTYXo" + "ĐĐđđ",
)
_LIKE: Final = "".join(map(chr, _LATIN_LIKE))
_ALL_LATIN: Final = lazily("[\u0000-\u036f\u1e00-\u1eff]+")
_PUNCTUATION: Final = {
    "，": ",",
    "、": ",",
    "。": ". ",
    "！": "!",
    "？": "?",
    "；": ";",
    "：": ":",
    "‐": "-",
    "‑": "-",
    "‒": "-",
    "―": "-",
    "−": "-",
    "﹣": "-",
    "⁄": "/",
    "∕": "/",
    "º": "°",
    "˚": "°",
    "℃": "°C",
    "℉": "°F",
    "㎡": "m²",
    "㎥": "m³",
    "㎞": "km",
    "№": "số ",
    "…": "...",
    "‥": "..",
    "′": "'",
    "″": '"',
    "‛": "'",
    "µ": "μ",
}


def nfc(text: Text) -> Text:
    """Compose letters and marks (NFC), word by word, so that equal words have equal codes."""
    if unicodedata.is_normalized("NFC", text.spoken):
        return text
    return text.rewritten(_recomposed(text.spoken))


def _recomposed(spoken: str) -> list[Edit]:
    edits = []
    for word in re.finditer(r"\S+", spoken):
        composed = unicodedata.normalize("NFC", word[0])
        if composed != word[0]:
            edits.append((word.start(), word.end(), composed))
    return edits


def _compatible(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def _latin(match: re.Match[str]) -> str | None:
    """Return the word with Latin letters in place of similar ones; None if that is impossible."""
    word = match[0].translate(_LATIN_LIKE)
    return word if _ALL_LATIN.fullmatch(word) else None


_COMMANDS: Final = (
    "abla|eq?|u|i|ot|otin|eg|mid|leq|geq|less|gtr|parallel|subseteq|sim|cong|warrow|earrow|exists"
    "|ewline|onumber|ormalsize|atural"
)
"""The letters after ``\\n`` in LaTeX commands such as ``\\nu``, which are no escaped line ends."""


def _path(match: re.Match[str]) -> str:
    r"""Read the drive and the folders of ``C:\Users\An``."""
    folders = match["folders"].replace("\\", " gạch chéo ")
    return f"{match['drive']} hai chấm{folders}"


ESCAPED: Final[tuple[Step, ...]] = (
    Rule(r"(?<!\w)(?P<drive>[A-Z]):(?P<folders>(?:\\[\w.() -]{0,40}[\w.)]){1,12}\\?)", _path),
    Rule(rf"(?<![A-Za-z]:)(?<!\\)(?:\\r)?\\n(?!(?:{_COMMANDS})(?![a-zA-Z]))", "\n", glued=True),
    Rule(r"(?<![A-Za-z]:)(?<!\\)\\r(?=\s|$)", "", glued=True),
    Rule(r"(?<![A-Za-z]:)(?<!\\)\\t(?=\s|[A-ZĐÀ-Ỹ\d])", " ", glued=True),
    Rule(r"\\(?=[\"'])", "", glued=True),
)
"""Rules for texts that were escaped once too often: line ends, tabs and quotation marks."""

SUBSCRIPTS: Final[tuple[Step, ...]] = (
    Rule(r"(?<=log)[₀-₉]{1,3}", lambda match: f"_{_compatible(match)} ", glued=True),
    Rule(r"(?<=\d)[₀-₉]{1,2}", lambda match: f" cơ số {_compatible(match)}", glued=True),
)
"""Rules for bases: of logarithms, and of numbers."""

_PHONETIC: Final = "ɪəɒʊːθðʃʒŋɑɔæʌɛɜˈˌ"
_SOUNDS: Final = {
    "tʃ": "chờ", "dʒ": "giờ", "ʃ": "sờ", "ʒ": "giờ", "θ": "thờ", "ð": "đờ", "ŋ": "ngờ",
    "ə": "ơ", "ɜː": "ơ dài", "ɜ": "ơ dài", "ʌ": "ă", "ɒ": "o ngắn", "ɔː": "o dài", "ɔ": "o",
    "ʊ": "u ngắn", "uː": "u dài", "ɪ": "i ngắn", "iː": "i dài", "æ": "a bẹt", "ɑː": "a dài",
    "ɑ": "a", "ɛ": "e", "eɪ": "ây", "aɪ": "ai", "ɔɪ": "oi", "aʊ": "ao", "əʊ": "âu", "əu": "âu",
    "oʊ": "âu", "ɪə": "ia", "eə": "e ơ", "ʊə": "ua", "ɪd": "ít",
}  # fmt: skip
_SOUND_NAMED: Final = lazily(
    r"(?:(?<!\w)(?:âm|là|thành|hoặc|và|hay|đọc|đuôi|còn lại|cặp)\s?|/[,;]? )$"
)
"""The text before a sound; elsewhere it is the transcription of a short word."""


def _transcribed(match: re.Match[str]) -> str:
    """Read a sound that a sentence names; drop the transcription of a word."""
    said = _SOUNDS.get(match[0].strip("/ "))
    named = said and _SOUND_NAMED.search(match.string, max(0, match.start() - 10), match.start())
    return said if said and named else ""


STEPS: Final[tuple[Step, ...]] = (
    Rule(r"\r\n? | [\x0b\x0c\x85\u2028]", "\n", glued=True),
    Rule(r"\u2029", "\n\n", glued=True),
    Rule(rf"{_INVISIBLE}+ | [\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]+", "", glued=True),
    Rule(
        r"(?<!\w)(?:[B-DF-HJ-NP-TV-Z]\u0302|[ĈĜĤŜŴŶẐ](?!\w)"
        r"|(?:[ÂÊÔ]|[AEO]\u0302)(?=\ ?=\ ?\d{1,3}\ ?[°º]))",
        lambda match: f"góc {unicodedata.normalize('NFD', match[0])[0]}",
    ),
    # no Vietnamese letter has more marks
    Rule(rf"(?<=[{_MARKS}]{{4}})[{_MARKS}]+", "", glued=True),
    nfc,
    *SUBSCRIPTS,
    Rule(
        r"[\uff01-\uff5e\uffe0-\uffe6\u3000\ufb00-\ufb06\U0001d400-\U0001d7ff\u2460-\u2473"
        r"\u2080-\u2089\u2102\u2113\u2115\u211a\u211d\u2124\u2160-\u217f]+",
        _compatible,
        glued=True,
    ),
    Rule(f"[{''.join(_PUNCTUATION)}]", lambda match: _PUNCTUATION[match[0]], glued=True),
    Rule(rf"(?<!\w)\w{{0,40}}[{_LIKE}]\w{{0,40}}", _latin, glued=True),
    Rule(r"∫(?=[^\s/∫]{0,16}/)", "ʃ", glued=True, needs="∫"),  # a sign of sound, often typed so
    Rule(
        rf"(?<![\w/])/(?=[^/\n]{{0,40}}[{_PHONETIC}])[^/\n]{{1,60}}/(?![\w/])",
        _transcribed,
        glued=True,
        needs=_PHONETIC,
    ),  # a transcription after the word itself
    Rule(r"₫(?=[a-zà-ỹ])", "đ", glued=True, needs="₫"),
    Rule(r"[^\S\n]+", " ", glued=True),
)
"""Rules that turn any Unicode string into composed, visible characters with plain spaces."""
