"""Languages of foreign words, decided by the phrase in which a word stands."""

import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Final

from vits_tts.text.normalizer.letter_to_sound import pinyin

_SIGNS: Final = (
    ("sl", re.compile(r"[ćčšžđłńřěůąęż]|(?:vi[cć]|[oe]wski|[aeou]wicz|ski[cć])$")),
    ("pt", re.compile(r"ão|ões|ção|nho$|nha$|[âõ]")),
    ("es", re.compile(r"ñ|(?:guez|ndez|nez|rez|lez|mez|illo|illa|uela)$|[áíóú]")),
    ("fr", re.compile(r"[èêëçœîû]|eau|eux$|aux$|oux$|(?:ois|ault|ard|ouin|ette|ière|ienne)$")),
    ("de", re.compile(r"[äöüß]|sch|(?:mann|stein|burg|berg|bach|haus|dorf|heim|nitz)$")),
    ("it", re.compile(r"(?:cci|gli|zzi|zzo|elli|etti|ini|ucci|oni|cchi|ghi|ello|ella)$|[ìò]")),
    ("nl", re.compile(r"ij|(?:oek|aar|hoven|veld|meer)$|^van$")),
    ("ru", re.compile(r"(?:ov|ev|ova|eva|sky|skiy|skaya|enko|chuk|vich|yev|in)$|kh|zh")),
    ("ja", re.compile(r"(?:moto|mura|yama|hara|kawa|gawa|zaki|saki|shita|hashi|tani|naka|hiro"
        r"|suke|taro|shi|shima"
                      r"|zawa|guchi|uchi|jiro|kazu|yuki)$|^(?:kyo|ryu|shu|tsu)|tsu|yuu")),
    ("ko", re.compile(r"^(?:hyun|jung|seung|joon|kyung|myung|sung|chul|yeon|hyeon|jeong|seong)"
        r"|eon|yeo|eun$|woo$")),
    ("zh", re.compile(r"^(?:zh|x[iu]|q[iu])|(?:iang|iong|uang|iao|zhou|zhong|jing|xing|ying)$")),
)  # fmt: skip
_VOTE_OF_SIGN: Final = 2


class _Table:
    """The words of ``data/foreign.tsv``, kept as the bytes of the file.

    The lines are sorted, so a word is found by bisection. A dictionary of 27,000 strings would take
    ten times as much memory and longer to build.
    """

    def __init__(self) -> None:
        data = resources.files("vits_tts.text").joinpath("data/foreign.tsv").read_bytes()
        start = next(line.start() for line in re.finditer(rb"^[^#]", data, re.MULTILINE))
        self._data = data[start:]
        self._starts = array("I", [0])
        self._starts.extend(newline.end() for newline in re.finditer(rb"\n(?=.)", self._data))

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._starts)

    def __iter__(self) -> Iterator[str]:
        """Yield the words in their order."""
        for start in self._starts:
            yield self._data[start : self._data.index(b"\t", start)].decode()

    def get(self, word: str) -> str:
        """Return the language, a tab and the reading of a word; empty if the table lacks it."""
        key = word.encode() + b"\t"
        data = self._data
        place = bisect_left(self._starts, key, key=lambda start: data[start : start + len(key)])
        start = self._starts[place] if place < len(self._starts) else len(data)
        if not data.startswith(key, start):
            return ""
        end = data.find(b"\n", start)
        return data[start + len(key) : end if end >= 0 else len(data)].decode()


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table()


@lru_cache(maxsize=8192)
def _entry(word: str) -> str:
    return _table().get(word)


def known(word: str) -> tuple[str, str] | None:
    """Return the language and the reading of a lower-case word, or None if the table lacks it."""
    entry = _entry(word)
    return (entry[:2], entry[3:]) if entry else None


def is_english(word: str) -> bool:
    """Return whether the table has the word as an English one."""
    return _entry(word).startswith("en")


def of_phrase(words: Sequence[str]) -> str:
    """Return the code of the language of adjacent lower-case words; ``en`` if it is uncertain."""
    votes: Counter[str] = Counter()
    for word in words:
        entry = _entry(word)
        if entry:
            votes[entry[:2]] += 1
        for language, sign in _SIGNS:
            if sign.search(word):
                votes[language] += _VOTE_OF_SIGN - (language == "ru" and word.endswith("in"))
    if not votes:
        return "en"
    if votes["zh"] and not all(map(pinyin, words)):
        votes["zh"] = 0
    best, count = votes.most_common(1)[0]
    return "en" if votes["en"] >= count else best
