"""Words that are cut by a mark so that filters do not find them: ``ch.ết``, ``t/ù``, ``n.g.u``.

A consonant alone is no word, so the mark is not the end of a sentence. The parts are joined if they
make a frequent syllable, and if the second part is rare alone: ``b.anh`` is *bạn. Anh*.
"""

import re
from typing import Final

from vits_tts.text.letters import CAPITALS, SMALLS
from vits_tts.text.normalizer.rules import Rule, Step, after, before
from vits_tts.text.normalizer.slips import rank
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_ONSETS: Final = "ngh|[cgknpt]h|ng|gi|qu|tr|[bcdđghklmnpqrstvx]"
_FREQUENT: Final = 3000
_SELDOM: Final = 2000
"""Ranks in frequency: of the joined syllable at most, of the second part alone at least."""
_TIMES_RARER: Final = 2
_ALONE: Final = frozenset({"ngu"})
"""Words whose rest is one letter without a mark."""

_CUT_BEFORE: Final = lazily(rf"(?<![\w.@/])[{SMALLS}]{{1,3}}[./][{SMALLS}]{{1,5}}\ $")
_CUT_AFTER: Final = lazily(rf"\ (?i:{_ONSETS})[./][{SMALLS}]{{1,5}}(?![\w@/]|\.\w)")
"""Another word that is cut, beside which nearly any syllable may be meant: ``t.ử v.ong``."""


def steps() -> tuple[Step, ...]:
    """Return the steps, of which the first joins letters that are all apart."""
    small = f"[{SMALLS}]"
    return (
        Rule(
            rf"(?<![\w.@/]){small}(?:\.{small}){{2,5}}(?![\w@/]|\.\w)",
            _spelled,
            needs=".",
        ),
        Rule(
            rf"(?<![\w.@/&-])(?P<onset>(?i:{_ONSETS}))[./](?P<rest>{small}{{1,5}}|[{CAPITALS}]{{1,5}})"
            r"(?![\w@/&]|\.\w)",
            _cut,
            needs="./",
        ),
    )


def _spelled(match: re.Match[str]) -> str | None:
    """Join ``n.g.u``."""
    joined = match[0].replace(".", "")
    marked = not joined.isascii() or joined in _ALONE
    return joined if marked and is_syllable(joined) and rank(joined) <= _FREQUENT else None


def _cut(match: re.Match[str]) -> str | None:
    """Join ``ch.ết``."""
    onset, rest = match["onset"], match["rest"]
    if rest.isupper() and len(rest) > 1 and not onset.isupper():
        return None
    joined = f"{onset}{rest}".lower()
    if rest.isupper() != onset.isupper() and not (onset[0].isupper() and rest.islower()):
        return None
    if _CUT_BEFORE.search(before(match)) or _CUT_AFTER.match(after(match)):
        return f"{onset}{rest}" if is_syllable(joined) else None
    place = rank(joined)
    rare = rank(rest.lower()) > max(_SELDOM, _TIMES_RARER * place)
    if joined in _ALONE or (place <= _FREQUENT and rare and len(rest) > joined.isascii()):
        return f"{onset}{rest}"
    return None
