"""Exchanged tones: hỏi written for ngã, or ngã for hỏi (``củng tốt``, ``hổ trợ``, ``suy nghỉ``).

Half of the speakers of Vietnamese say both tones alike, so this is the most frequent error of
spelling. The written word is mostly a syllable itself. So a word is changed only if counted pairs
of syllables and the words around speak for the other tone, and clearly against the written one.
"""

import math
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.normalizer import people, restore
from vits_tts.text.normalizer.rules import Step
from vits_tts.text.normalizer.slips import ranks
from vits_tts.text.patterns import lazily

_HOI, _NGA = "\u0309", "\u0303"
_EXCHANGED: Final = {_HOI: _NGA, _NGA: _HOI}
_TONE: Final = lazily(f"[{_HOI}{_NGA}]")
_LETTER: Final = lazily("[ảẳẩẻểỉỏổởủửỷãẵẫẽễĩõỗỡũữỹ]")
_JOINING: Final = frozenset("@/?=&-_")
"""Characters that join a word to an address or to another word."""
_NEAREST: Final = 3
"""Words on each side that are weighed, with nothing but a space between."""
_REACH: Final = 32
"""Characters that hold these words and their end."""
_END: Final = lazily(r"[^\w ]|\d|_")
_USUAL: Final = 250
"""Words of a lower rank in frequency are hardly ever an error."""
_LIKELY: Final = 5.0
_CLEAR: Final = 8.0
"""How much likelier pairs make the other tone, as a natural logarithm."""
_OFTEN: Final = 200
"""Count of a pair that is a word for certain, as ``thư giãn``."""
_SURE: Final = 0.9
"""Probability that the other tone needs when the words around are weighed, too."""
_MOSTLY_RIGHT: Final = frozenset(
    "nổi kỹ sửa nữa cũ cải tĩnh tỉnh ngủ bả nở nghĩ vả quỷ rủ nổ ngũ bã nỗ rũ cãi giản hãi kỷ đãng"
    " sữa nỡ mẽ mả nghỉ đỗ lỏi vã vẽ cõi kẽ lủng nhỡ rẽ lở nửa quãng nỗi đẽ mãnh sẻ mải tã"
    " sỉ".split()
)
"""Words that talk has in the right place four times of five, so that they need more evidence."""
_KEPT: Final = frozenset("bão mỡ vãi củ xả vỏ mẩu ngả rỗ gẩy".split())
"""Right words that talk often has beside words beside which newspapers do not have them."""
_WORDS: Final = frozenset(
    ["củng cố", "hà tĩnh", "đả kích", "đả phá", "đả đảo", "đả thông", "ẩu đả", "vẩn vơ", "vẩn đục",
     "lẩn vẩn", "tỷ mỷ", "phũ phàng", "phũ với", "rỏ giọt", "rỏ từng", "rỏ dãi"]
)  # fmt: skip
"""Right words that are too rare for the pairs."""
_PRIOR_SHARE: Final = 0.5
_UNKNOWN_PRIOR: Final = 1e-7


class _Side(NamedTuple):
    """The nearest words on one side, the nearest first, and the state of the place beside it."""

    words: tuple[str, ...]
    state: int


def step(known: Callable[[str], bool]) -> Step:
    """Return the step. Words for which ``known`` is true are left unchanged."""

    @lru_cache(maxsize=8192)
    def weighed(word: str) -> bool:
        """Return whether a word may be an error."""
        usual = ranks().get(word, _USUAL) < _USUAL
        return not usual and word not in _KEPT and exchanged(word) in ranks() and not known(word)

    def corrected(text: Text) -> Text:
        """Return the text with its exchanged tones corrected."""
        spoken = text.spoken
        edits: list[Edit] = []
        for letter in _LETTER.finditer(spoken):
            start, end = _word_around(spoken, letter.start())
            word = spoken[start:end]
            if not word or not weighed(word):
                continue
            if meant := _meant(word, _before(spoken, start), _after(spoken, end)):
                edits.append((start, end, meant))
        return text.rewritten(edits) if edits else text

    return corrected


def _word_around(spoken: str, place: int) -> tuple[int, int]:
    """Return where the word of small letters with the letter at ``place`` starts and ends.

    The two are equal for a part of an address, of a number or of a word with capitals.
    """
    start, end = place, place + 1
    while start and spoken[start - 1].islower():
        start -= 1
    size = len(spoken)
    while end < size and spoken[end].islower():
        end += 1
    front, back = spoken[start - 1 : start], spoken[end : end + 1]
    if front.isalnum() or front in _JOINING or back.isalnum() or back in _JOINING:
        return start, start
    if back in ".:" and spoken[end + 1 : end + 2].isalnum():
        return start, start
    return start, end


def _before(spoken: str, start: int) -> _Side:
    """Return the words before a word and the state of the place before it."""
    front = spoken[max(0, start - _REACH) : start]
    if not front.endswith(" "):
        return _Side((), _state(front[-1:], restore.START))
    parts = front[:-1].lower().rsplit(" ", _NEAREST)
    if len(parts) <= _NEAREST and start > _REACH:
        del parts[0]  # a part of a longer word
    words = tuple(parts[: -_NEAREST - 1 : -1])
    return _side(words, _state(front[-2:-1], restore.START))


def _after(spoken: str, end: int) -> _Side:
    """Return the words after a word and the state of the place after it."""
    back = spoken[end : end + _REACH]
    if not back.startswith(" "):
        return _Side((), _state(back[:1], restore.END))
    parts = _END.split(back[1:].lower(), maxsplit=1)[0].split(" ")
    return _side(tuple(parts[:_NEAREST]), _state(back[1:2], restore.END))


def _state(beside: str, edge: int) -> int:
    """Return the state for the character beside a word: a number, another word or an edge."""
    return restore.NUMBER if beside.isdigit() else restore.UNKNOWN if beside.isalpha() else edge


def _side(words: tuple[str, ...], state: int) -> _Side:
    """Return the words up to the first that is no syllable, and the state beside the word."""
    places = ranks()
    for count, word in enumerate(words):
        if word not in places:
            words = words[:count]
            break
    return _Side(words, places[words[0]] if words else state)


def exchanged(word: str) -> str:
    """Return a word with the other one of the two tones; empty if it has neither."""
    letters = unicodedata.normalize("NFD", word)
    tone = _TONE.search(letters)
    if tone is None:
        return ""
    other = letters[: tone.start()] + _EXCHANGED[tone[0]] + letters[tone.end() :]
    return unicodedata.normalize("NFC", other)


@lru_cache(maxsize=8192)
def _meant(word: str, before: _Side, after: _Side) -> str:
    """Return the word with the other tone if that is meant; else nothing."""
    pairs = {f"{before.words[0]} {word}"} if before.words else set()
    pairs |= {f"{word} {after.words[0]}"} if after.words else set()
    if not _WORDS.isdisjoint(pairs):
        return ""
    other = exchanged(word)
    written, place = ranks().get(word), ranks().get(other)
    if place is None:
        return ""
    gain = _gain(written, place, before.state, after.state)
    if gain < _LIKELY:
        return ""
    if written is None:
        return other
    if word in _MOSTLY_RIGHT and gain < _CLEAR and not _is_word(written, place, before, after):
        return ""
    words = (*before.words[::-1], people.plain(word), *after.words)
    at = len(before.words)
    fixed = tuple((place, one) for place, one in enumerate(words) if place != at)
    beside = (
        restore.START if before.words else before.state,
        restore.END if after.words else after.state,
    )
    both = tuple(sorted(((word, written), (other, place)), key=lambda one: one[1]))
    syllable, sure = restore.likeliest(words, fixed, beside, ((words[at], both),))[at]
    return other if syllable == other and sure >= _SURE else ""


def _is_word(written: int, other: int, before: _Side, after: _Side) -> bool:
    """Return whether the other tone makes a word with a neighbour, and the written one none."""
    count = restore.counted_pairs().count
    front = before.words and not count(before.state, written)
    back = after.words and not count(written, after.state)
    return bool(
        (front and count(before.state, other) >= _OFTEN)
        or (back and count(other, after.state) >= _OFTEN)
    )


def _gain(written: int | None, other: int, before: int, after: int) -> float:
    """Return how much likelier the other tone is than the written one, as a natural logarithm."""
    pairs = restore.counted_pairs()
    count, priors = pairs.count, pairs.priors
    prior = _UNKNOWN_PRIOR if written is None else priors[written]
    gain = _PRIOR_SHARE * math.log(priors[other] / prior)
    gain += math.log((count(before, other) + 1) * (count(other, after) + 1))
    if written is not None:
        gain -= math.log((count(before, written) + 1) * (count(written, after) + 1))
    return gain
