"""Systematic names of organic compounds (3-methylbut-1-ene, butan-2-ol), read part by part."""

import re
from typing import Final

from vits_tts.text.normalizer.rules import Rule
from vits_tts.text.numbers import Numbers
from vits_tts.text.patterns import lazily

_COUNTS: Final = {"di": "đi", "tri": "tờ ri", "tetra": "tê tờ ra"}
_GROUPS: Final = {
    "methyl": "mê tin",
    "metyl": "mê tin",
    "ethyl": "ê tin",
    "etyl": "ê tin",
    "propyl": "pờ rô pin",
    "phenyl": "phê nin",
    "chloro": "cờ lo rô",
    "clo": "cờ lo",
    "bromo": "bờ rôm mô",
    "brom": "bờ rôm",
    "fluoro": "phờ lo rô",
    "iodo": "i ốt đô",
    "nitro": "ni tờ rô",
    "amino": "a mi nô",
    "hydroxy": "hi đờ rô xi",
}
_CHAINS: Final = {
    "meth": ("mét", "mê t"),
    "met": ("mét", "mê t"),
    "eth": ("ét", "ê t"),
    "et": ("ét", "ê t"),
    "prop": ("pờ rốp", "pờ rô p"),
    "but": ("bút", "bu t"),
    "pent": ("pen", "pen t"),
    "hex": ("héc", "héc x"),
    "hept": ("hép", "hép t"),
    "oct": ("óc", "óc t"),
}
"""Names of the chains before a consonant or the end, and before a vowel."""
_ENDS: Final = {
    "ane": "an",
    "ene": "en",
    "yne": "in",
    "an": "an",
    "en": "en",
    "in": "in",
    "a": "a",
    "diene": "đi en",
    "đien": "đi en",
    "diol": "đi ôn",
    "triol": "tờ ri ôn",
    "ol": "ôn",
    "one": "on",
    "on": "on",
    "al": "an",
    "amine": "a min",
}
_PLACE: Final = r"\d{1,2}(?:,\d{1,2}){0,4}[-−]"
_GROUP: Final = rf"(?:{'|'.join(_COUNTS)})?(?:{'|'.join(_GROUPS)})"
_END: Final = "|".join(sorted(_ENDS, key=len, reverse=True))
_PATTERN: Final = (
    rf"(?<![\w,])(?=[\w,−]{{1,24}}[-−])(?:{_PLACE})?(?i:(?:{_GROUP}[-−]?(?:{_PLACE})?){{0,4}}"
    rf"(?:{'|'.join(_CHAINS)})(?:ane?|a|en)?(?:[-−]{_PLACE}(?:{_END}))?)(?!\w)"
)
_PARTS: Final = lazily(
    rf"(?P<place>\d{{1,2}})|(?P<group>(?:{'|'.join(_COUNTS)})?(?:{'|'.join(_GROUPS)}))"
    rf"|(?P<chain>{'|'.join(_CHAINS)})(?P<vowel>ane?|a|en)?|(?P<end>{_END})"
)


class Compounds:
    """Reads names of compounds with the words of one region."""

    def __init__(self, numbers: Numbers) -> None:
        """Keep the words for numbers."""
        self._numbers = numbers

    def step(self) -> Rule:
        """Return the step. A name has a hyphen and the number of an atom."""
        return Rule(_PATTERN, self.named, needs="-−")

    def named(self, match: re.Match[str]) -> str | None:
        """Read ``2,2-dimethylbut-1-ene``: the numbers of atoms, the groups, the chain, its end."""
        if not re.search(r"\d", match[0]):
            return None
        words = []
        for part in _PARTS.finditer(match[0].lower()):
            if part["place"]:
                words.append(self._numbers.whole(part["place"]))
            elif part["group"]:
                name = part["group"]
                count = next((one for one in _COUNTS if name.startswith(one)), "")
                words += [_COUNTS[count]] if count else []
                words.append(_GROUPS[name.removeprefix(count)])
            elif part["chain"]:
                alone, before_vowel = _CHAINS[part["chain"]]
                vowel = part["vowel"]
                words.append(before_vowel + _ENDS[vowel] if vowel else alone)
            else:
                words.append(_ENDS[part["end"]])
        return " ".join(words)
