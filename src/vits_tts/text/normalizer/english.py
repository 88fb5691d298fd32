"""English phrases: function words, and words that are also Vietnamese, read by context."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import resources
from typing import Final

from vits_tts.text.aligned import Edit, Text
from vits_tts.text.normalizer import languages
from vits_tts.text.normalizer.rules import apart
from vits_tts.text.patterns import lazily
from vits_tts.text.syllables import is_syllable

_PHRASE: Final = lazily(
    r"(?<![\w@#/.'’-])[A-Za-z]{1,18}(?:['’][A-Za-z]{1,3})?(?:[ -][A-Za-z]{1,18}"
    r"(?:['’][A-Za-z]{1,3})?){0,60}(?![\w@/])"
)
_WORD: Final = lazily(r"[A-Za-z]+(?:['’][A-Za-z]{1,3})?")
_SOME: Final = frozenset(
    "the of and to in on an do me no can go my at by for with is be all you it we day from your"
    " this not up one out run cat".split()
)
"""Words of which a text needs at least one, or an apostrophe, before phrases are searched."""


@lru_cache(maxsize=1)
def _function_words() -> dict[str, tuple[str, bool]]:
    """Return the reading of each function word, and whether it is a common Vietnamese word too."""
    text = resources.files("vits_tts.text").joinpath("data/english.tsv").read_text("utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {word.removeprefix("!"): (said, word[0] == "!") for word, said in lines}


class English:
    """A step that reads the function words of English phrases."""

    def __init__(self, known: Callable[[str], bool]) -> None:
        """Keep the function that returns whether the package's lexicon has a word."""
        self._known = known

    def __call__(self, text: Text) -> Text:
        """Return the text with its English function words read."""
        spoken = text.spoken
        if _SOME.isdisjoint(spoken.lower().replace("-", " ").split()) and not (
            "'" in spoken or "’" in spoken
        ):
            return text
        edits = list(self._edits(text.spoken))
        return text.rewritten(edits) if edits else text

    def _edits(self, spoken: str) -> Iterator[Edit]:
        for phrase in _PHRASE.finditer(spoken):
            words = list(_WORD.finditer(spoken, *phrase.span()))
            lower = [word[0].lower().replace("’", "'") for word in words]
            certain = [self._certain(word) for word in lower]
            for place, word in enumerate(words[:-1]):
                if word[0] == "The" and words[place + 1][0][0].isupper():
                    certain[place] = True
            for place, word in enumerate(words):
                entry = _function_words().get(lower[place])
                if entry and self._english(place, lower, certain, words, entry):
                    start, end = word.span()
                    yield start, end, apart(spoken, start, end, entry[0])

    def _certain(self, word: str) -> bool:
        if "'" in word and word in _function_words():
            return True
        return not is_syllable(word) and (languages.is_english(word) or self._known(word))

    @staticmethod
    def _english(
        place: int,
        lower: list[str],
        certain: list[bool],
        words: list[re.Match[str]],
        entry: tuple[str, bool],
    ) -> bool:
        """Return whether the function word at ``place`` has English neighbours."""
        if "'" in lower[place]:
            return True
        little = _function_words()
        last = len(lower) - 1

        def near(other: int) -> bool:
            if not 0 <= other <= last:
                return False
            return certain[other] or (lower[other] in little and not little[lower[other]][1])

        vietnamese = entry[1]
        joined = words[0].string[words[place].end() : words[place].end() + 1] == "-" or (
            place > 0 and words[0].string[words[place].start() - 1] == "-"
        )
        around = any(certain[max(0, place - 2) : place + 3])
        if joined and "to" in lower and len(lower) > 2:  # noqa: PLR2004
            return True  # as in day-to-day
        if vietnamese:
            return around and near(place - 1) and near(place + 1)
        if lower[place] == "the" and certain[place]:
            return True
        return around and (near(place - 1) or near(place + 1))
