"""Spelling rules of languages, from letters to sounds, for names without a lexicon entry.

Each language has a list of pairs: a pattern, and sounds separated by spaces (IPA symbols known to
:mod:`vits_tts.text.normalizer.foreign`; empty for a silent letter). The first pattern that matches
at a place is used. ``^`` and ``$`` are the ends of the word.
"""

from typing import Final

_VOWEL: Final = "[aeiouyàâäáéèêëíîïóôöòõúùûüœæåø]"

_COMMON: Final = [
    ("a", "a"), ("e", "e"), ("i", "i"), ("o", "o"), ("u", "u"), ("y", "i"), ("bb?", "b"),
    ("d", "d"), ("f", "f"), ("g", "g"), ("h", "h"), ("j", "dʒ"), ("k", "k"), ("l", "l"),
    ("m", "m"), ("n", "n"), ("p", "p"), ("q", "k"), ("r", "r"), ("s", "s"), ("t", "t"),
    ("v", "v"), ("w", "w"), ("x", "k s"), ("z", "z"),
]  # fmt: skip

FRENCH: Final = [
    ("ç", "s"), ("eaux?", "o"), ("aux?", "o"), ("ou[xst]?$", "u"), ("ou", "u"), ("oy", "w a i"),
    ("oi[st]?", "w a"), ("ain|aim|ein|eim", "ɛ n"), (f"in(?!{_VOWEL}|n)|im(?=[pb])", "ɛ n"),
    ("ien(?![aeiouyn])", "i ɛ n"), (f"un(?!{_VOWEL}|n)", "ə n"), (f"(?:an|en)(?!{_VOWEL}|n)",
    "ɑ n"),
    (f"on(?!{_VOWEL}|n)", "o n"), ("(?:am|em)(?=[pb])", "ɑ m"), ("om(?=[pb])", "o m"),
    ("œu|oeu|eu[xst]?", "ə"), ("aî|ai[st]?$|ai", "ɛ"), ("ei", "ɛ"), ("illes?$|ille", "i"),
    ("gn", "nh"), ("ch", "ʃ"), ("ph", "f"), ("th", "t"), ("qu", "k"), ("gu(?=[eiéè])", "g"),
    ("g(?=[eiéèy])", "ʒ"), ("c(?=[eiéèy])", "s"), ("c", "k"), ("j", "ʒ"), ("ss", "s"),
    (f"(?<={_VOWEL})s(?={_VOWEL})", "z"), ("er$|ez$|et$|ers$", "e"), ("és?$|ées?$", "e"),
    ("(?<=[bcdfghjklmnpqrstvxz])es?$", ""), ("(?<=[aiou])[tdspxz]s?$", ""), ("(?<=n)[tdsg]s?$", ""),
    ("é", "e"), ("è|ê|ë", "ɛ"), ("â|à", "a"), ("î|ï", "i"), ("ô", "o"), ("û|ù|ü", "u"), ("h", ""),
    ("u", "u"), ("e(?=[nrslt][^aeiouy])", "ɛ"), ("y", "i"), ("o", "o"), ("w", "v"),
    *_COMMON,
]  # fmt: skip
GERMAN: Final = [
    ("aa|ah", "a"), ("ee|eh", "e"), ("oo|oh", "o"),
    ("sch", "ʃ"), ("tsch", "tʃ"), ("ch(?=s)", "k"), ("(?<=[aou])ch", "k"), ("ch", "k"), ("ck", "k"),
    ("ß|ss", "s"), ("^st", "ʃ t"), ("^sp", "ʃ p"), (f"s(?={_VOWEL})", "z"), ("tz", "s"), ("z", "z"),
    ("ei|ai|ey|ay", "aɪ"), ("eu|äu", "ɔɪ"), ("au", "aʊ"), ("ie", "i"), ("ä", "ɛ"), ("ö", "ə"),
    ("ü", "y"), ("v", "f"), ("w", "v"), ("j", "j"), ("qu", "k v"), ("pf", "f"), ("ph", "f"),
    ("th", "t"), ("(?<=[aeiouäöü])h", ""), ("er$", "ə"), ("e$", "ə"), ("ig$", "i k"), ("x", "k s"),
    ("c", "k"), ("y", "i"), *_COMMON,
]  # fmt: skip
SPANISH: Final = [
    ("ll", "j"), ("ñ", "nh"), ("ch", "tʃ"), ("qu", "k"), ("gu(?=[eiéí])", "g"), ("gü", "g w"),
    ("g(?=[eiéí])", "h"), ("j", "h"), ("c(?=[eiéí])", "s"), ("c", "k"), ("z", "s"), ("h", ""),
    ("v", "v"), ("rr", "r"), ("ge", "h e"), ("y(?=[aeiou])", "j"), ("y$", "i"), ("á", "a"),
    ("é", "e"), ("í", "i"), ("ó", "o"), ("ú|ü", "u"), ("x", "s"), ("ua", "w a"), ("ue", "w e"),
    ("w", "w"), *_COMMON,
]  # fmt: skip
PORTUGUESE: Final = [
    ("nh", "nh"), ("lh", "l i"), ("ch", "ʃ"), ("ção$", "s aʊ"), ("ão", "aʊ"), ("ões", "o i"),
    ("ç", "s"),
    ("qu(?=[ei])", "k"), ("gu(?=[ei])", "g"), ("g(?=[ei])", "ʒ"), ("j", "ʒ"), ("c(?=[eiéí])", "s"),
    ("c", "k"), ("x", "ʃ"), ("ss", "s"), ("rr", "h"), ("h", ""), ("á|à|â|ã", "a"), ("é", "ɛ"),
    ("ê", "e"), ("í", "i"), ("ó", "ɔ"), ("ô|õ", "o"), ("ú", "u"), ("o$", "u"), ("z$", "s"),
    *_COMMON,
]  # fmt: skip
ITALIAN: Final = [
    ("gli", "l i"), ("gn", "nh"), ("sci(?=[aou])", "ʃ"), ("sc(?=[ei])", "ʃ"), ("cc(?=[ei])", "tʃ"),
    ("ci(?=[aou])", "tʃ"), ("c(?=[ei])", "tʃ"), ("ch", "k"), ("cc?", "k"), ("ggi(?=[aou])", "dʒ"),
    ("gi(?=[aou])", "dʒ"), ("gg?(?=[ei])", "dʒ"), ("gh", "g"), ("zz?", "z"), ("qu", "k w"), ("h",
    ""),
    ("à", "a"), ("è|é", "ɛ"), ("ì", "i"), ("ò", "o"), ("ù", "u"), ("j", "i"), ("ll", "l"),
    ("tt", "t"), ("ss", "s"), ("rr", "r"), ("nn", "n"), ("mm", "m"), ("pp", "p"), *_COMMON,
]  # fmt: skip
DUTCH: Final = [
    ("sch", "s k"), ("ijk", "aɪ k"), ("ij|ei", "aɪ"), ("ou|au", "aʊ"), ("ui", "ɔɪ"), ("oe", "u"),
    ("ie", "i"), ("eu", "ə"), ("aa", "a"), ("ee", "e"), ("oo", "o"), ("uu", "u"), ("ch", "k"),
    ("g", "h"), ("j", "j"), ("w", "v"), ("v", "v"), ("th", "t"), ("c(?=[ei])", "s"), ("ck|c", "k"),
    ("en$", "ə n"), ("e$", "ə"), *_COMMON,
]  # fmt: skip
RUSSIAN: Final = [
    ("shch", "ʃ"), ("sh", "ʃ"), ("ch", "tʃ"), ("zh", "ʒ"), ("kh", "x"), ("ts", "s"), ("yu", "j u"),
    ("ya", "j a"), ("yo", "j o"), ("ye", "j e"), ("iy$|yi$|yy$|ij$", "i"), ("ov$", "o p"),
    ("ev$", "e p"),
    ("w", "v"), ("j", "j"), ("c", "k"), ("y", "i"), ("'|’", ""), ("e", "e"), *_COMMON,
]  # fmt: skip
SLAVIC: Final = [
    ("sz|š|ś|ş", "ʃ"), ("cz|č|ć|ci(?=[aou])", "tʃ"), ("ž|ż|rz|ź|ř", "ʒ"), ("ch", "x"),
    ("dž|đ|dj", "dʒ"),
    ("nj|ń|ň", "nh"), ("lj", "l i"), ("ł", "w"), ("ó", "u"), ("ą", "o n"), ("ę", "e n"), ("c", "s"),
    ("j", "j"), ("w", "v"), ("vić$|vic$", "v i tʃ"), ("ski$|sky$", "s k i"), ("á|ă|â", "a"),
    ("é|ě", "e"),
    ("í|ý|î", "i"), ("ú|ů", "u"), ("y", "i"), *_COMMON,
]  # fmt: skip
JAPANESE: Final = [
    ("sh", "ʃ"), ("ch", "tʃ"), ("tsu", "s u"), ("ts", "s"), ("j", "dʒ"), ("fu", "f u"), ("y", "j"),
    ("ō|ou(?=$|[^aeiou])|oo", "o"), ("ū|uu", "u"), ("ai", "aɪ"), ("ei", "e"), ("kk", "k"), ("tt",
    "t"),
    ("ss", "s"), ("pp", "p"), ("n(?=[pbm])", "m"), ("r", "r"), ("z", "z"), ("w", "w"), *_COMMON,
]  # fmt: skip
KOREAN: Final = [
    ("yeo", "j ə"), ("yeong", "j ə ŋ"), ("eo", "ə"), ("eu", "ɯ"), ("ae", "ɛ"), ("oe", "w e"),
    ("wo", "w ə"),
    ("ui", "ɯ i"), ("yoo|yu", "j u"), ("oo|woo|u", "u"), ("ee", "i"), ("ya", "j a"), ("yo", "j o"),
    ("ch|jj", "tʃ"), ("j", "tʃ"), ("ss", "s"), ("sh", "s"), ("kk", "k"), ("tt", "t"), ("pp", "p"),
    ("ng", "ŋ"), ("hy", "h i"), ("ky|gy", "k i"), ("my", "m i"), ("by", "b i"), ("ry", "r i"),
    ("y$", "i"), ("r$", "l"), ("e", "e"), ("o", "o"), *_COMMON,
]  # fmt: skip

LATIN: Final = [
    ("qu", "k w"), ("c(?=[eiy])", "s"), ("ch", "k"), ("cc?", "k"), ("ph", "f"), ("th", "t"),
    ("y", "i"),
    ("x(?=[aeiouy])", "s"), ("x", "k s"), ("ll", "l"), ("mm", "m"), ("nn", "n"), ("rr", "r"),
    ("ss", "s"),
    ("tt", "t"), ("pp", "p"), ("g(?=[eiy])", "g"), ("s", "s"), ("j", "dʒ"), ("o(?=n$|l$|z)",
    "o"), *_COMMON,
]  # fmt: skip
"""Scientific words in Vietnamese spelling: creatinin, metyl, sunfat."""

RULES: Final = {
    "la": LATIN,
    "fr": FRENCH, "de": GERMAN, "es": SPANISH, "pt": PORTUGUESE, "it": ITALIAN, "nl": DUTCH,
    "ru": RUSSIAN, "sl": SLAVIC, "ja": JAPANESE, "ko": KOREAN,
}  # fmt: skip

PINYIN_INITIALS: Final = {
    "zh": "tr", "ch": "tr", "sh": "s", "b": "b", "p": "p", "m": "m", "f": "ph", "d": "đ", "t": "th",
    "n": "n", "l": "l", "g": "c", "k": "kh", "h": "h", "j": "ch", "q": "ch", "x": "x", "r": "r",
    "z": "ch", "c": "x", "s": "x", "y": "d", "w": "u", "": "",
}  # fmt: skip
PINYIN_FINALS: Final = {
    "iang": "iêng", "iong": "ung", "uang": "oang", "ueng": "uâng", "ang": "ang", "eng": "âng",
    "ing": "inh",
    "ong": "ung", "iao": "iêu", "ian": "iên", "uai": "oai", "uan": "oan", "uo": "ua", "ua": "oa",
    "ui": "uây", "un": "uân", "iu": "iêu", "ie": "iê", "ia": "ia", "in": "in", "ai": "ai",
    "ei": "ây",
    "ao": "ao", "ou": "âu", "an": "an", "en": "ân", "er": "ơ", "ue": "uê", "ve": "uê", "a": "a",
    "o": "ô",
    "e": "ơ", "i": "i", "u": "u", "v": "uy", "ü": "uy",
}  # fmt: skip
