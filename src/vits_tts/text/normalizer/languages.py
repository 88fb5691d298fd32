"""Languages of foreign words, decided by the phrase in which a word stands."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from vits_tts.text.normalizer.letter_to_sound import pinyin
from vits_tts.text.normalizer.tables import SortedFile
from vits_tts.text.patterns import lazily

_SIGNS: Final = (
    ("sl", lazily(r"[ćčšžđłńřěůąęż]|(?:vi[cć]|[oe]wski|[aeou]wicz|ski[cć])$")),
    ("pt", lazily(r"ão|ões|ção|nho$|nha$|[âõ]")),
    ("es", lazily(r"ñ|(?:guez|ndez|nez|rez|lez|mez|illo|illa|uela)$|[áíóú]")),
    ("fr", lazily(r"[èêëçœîû]|eau|eux$|aux$|oux$|(?:ois|ault|ard|ouin|ette|ière|ienne)$")),
    ("de", lazily(r"[äöüß]|sch|(?:mann|stein|burg|berg|bach|haus|dorf|heim|nitz)$")),
    ("it", lazily(r"(?:cci|gli|zzi|zzo|elli|etti|ini|ucci|oni|cchi|ghi|ello|ella)$|[ìò]")),
    ("nl", lazily(r"ij|(?:oek|aar|hoven|veld|meer)$|^van$")),
    ("ru", lazily(r"(?:ov|ev|ova|eva|sky|skiy|skaya|enko|chuk|vich|yev|in)$|kh|zh")),
    ("ja", lazily(r"(?:moto|mura|yama|hara|kawa|gawa|zaki|saki|shita|hashi|tani|naka|hiro"
        r"|suke|taro|shi|shima"
                      r"|zawa|guchi|uchi|jiro|kazu|yuki)$|^(?:kyo|ryu|shu|tsu)|tsu|yuu")),
    ("ko", lazily(r"^(?:hyun|jung|seung|joon|kyung|myung|sung|chul|yeon|hyeon|jeong|seong)"
        r"|eon|yeo|eun$|woo$")),
    ("zh", lazily(r"^(?:zh|x[iu]|q[iu])|(?:iang|iong|uang|iao|zhou|zhong|jing|xing|ying)$")),
)  # fmt: skip
_VOTE_OF_SIGN: Final = 2


@lru_cache(maxsize=1)
def _table() -> SortedFile:
    return SortedFile("foreign.tsv")


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
