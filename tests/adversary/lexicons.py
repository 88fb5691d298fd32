"""Lexicons of requests: readings and words that multiply the cost of a text."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.adversary.attack import Attack, Facts, address, message, requests
from tests.adversary.wire import Script

_MOST_WORDS = 1000


def family(chance: Random, facts: Facts) -> Attack:
    """Read a text with a hostile lexicon."""
    kind = chance.choice(_KINDS)
    asked = kind(chance, facts)
    path = chance.choices(["/normalize", "/tts/stream", "/tts"], weights=[3, 1, 1])[0]
    body = json.dumps(asked, ensure_ascii=chance.random() < 0.3).encode("utf-8", "surrogatepass")
    sent = message(facts, "POST", path, body, Content_Type="application/json")
    script = Script(
        (sent,),
        source=address(chance),
        answered_within=20 if path == "/normalize" else None,
        hold=25 if path == "/normalize" else chance.choice([1, 5, 25]),
    )
    return requests("lexicons", f"{kind.__name__.strip('_').replace('_', ' ')} to {path}", script)


def _long_readings(chance: Random, facts: Facts) -> dict[str, Any]:
    """Return a word that is everywhere in the text, and the longest reading that fits."""
    word = chance.choice(["a", "1", "ă", "xin"])
    separator = chance.choice([" ", ". ", ", ", "\n\n"])
    count = facts.max_text_chars // len(word + separator)
    room = facts.max_body_bytes - 6 * count * len(word + separator) - 200
    length = min(max(room, 200), chance.choice([200, 201, 4000, 200_000]))
    reading = chance.choice(["b", "b ", "1", "b. ", "ơ"]) * length
    return {"text": (word + separator) * count, "lexicon": {word: reading[:length]}}


def _words_that_begin_alike(chance: Random, facts: Facts) -> dict[str, Any]:
    """Return the largest number of words with one beginning, and a text of that beginning."""
    first = chance.choice(["a", "xin", "một"])
    second = chance.choice([" ", "-", "."])
    words = {f"{first}{second}{'b' * (number % 90)}{number}": "b" for number in range(_MOST_WORDS)}
    return {"text": f"{first} " * (facts.max_text_chars // (len(first) + 1)), "lexicon": words}


def _many_words(chance: Random, facts: Facts) -> dict[str, Any]:
    """Return the largest number of words, or one more, each in the text."""
    count = _MOST_WORDS + chance.choice([-1, 0, 1])
    words = {f"w{number}": f"số {number}" for number in range(count)}
    return {"text": " ".join(words)[: facts.max_text_chars], "lexicon": words}


def _readings_that_are_read_again(chance: Random, facts: Facts) -> dict[str, Any]:
    """Return readings that contain words of the lexicon, or much text that must be read in turn."""
    del facts
    again = chance.choice(["a a", "1.000.000", "12/11/2026 " * 9, "😀" * 20, "http://a.b/c"])
    return {"text": "a " * 1000, "lexicon": {"a": again, "b": "a", again[:50]: "a"}}


def _odd_words(chance: Random, facts: Facts) -> dict[str, Any]:
    """Return words and readings of odd types, odd characters, or in the form of patterns."""
    words: list[Any] = [
        "/(a+)+$/",
        "/a/",
        "//",
        "\ud800",
        "a\u0000",
        "A" * 5000,
        " a ",
        "ạ̣̣",
        "İ",
        "ß",
    ]
    words += ["", " ", ".", "a.b", "ﬀ", "a\nb", "\u202e" + "a", "1", "Ǆ", "ſ", "K"]
    readings: list[Any] = [
        "b",
        "",
        " ",
        "\ud800",
        "\u0000",
        None,
        1,
        ["b"],
        {"c": "d"},
        "\\1",
        "\\g<0>",
    ]
    some = {chance.choice(words): chance.choice(readings) for _ in range(chance.randint(1, 8))}
    written = " ".join(word for word in some if isinstance(word, str)) * 50
    lexicon = chance.choice([some, some, some, list(some), "a", 1, [], {}, None])
    return {"text": (written or "a")[: facts.max_text_chars], "lexicon": lexicon}


_KINDS: list[Callable[[Random, Facts], dict[str, Any]]] = [
    _long_readings,
    _words_that_begin_alike,
    _many_words,
    _readings_that_are_read_again,
    _odd_words,
]
