"""Texts that are hard to read: for the rules, for Unicode, and for counting characters."""

import json
import sys
import unicodedata
from collections.abc import Callable
from random import Random
from urllib.parse import quote

from tests.adversary.attack import Attack, Facts, address, message, requests
from tests.adversary.wire import Script

_WRITTEN = [
    "12/11/2026",
    "1.234.567,89",
    "3.14",
    "0912 345 678",
    "+84-912-345-678",
    "7h30",
    "23:59:59",
    "1/2",
    "15,2%",
    "35k",
    "$1,000",
    "1.000đ",
    "100km/h",
    "m²",
    "H2O",
    "MCMXCIV",
    "XXIII",
    "A4",
    "COVID-19",
    "TP.HCM",
    "PGS.TS.",
    "v.v.",
    "a@b.vn",
    "https://a.vn/b?c=d#e",
    "192.168.1.1",
    "#tag",
    "@ten",
    "2-3",
    "2–3",
    "5x10^6",
    "1e308",
    "-0",
    "0x1F",
    "3:2",
    "1.",
    "I.",
    "a)",
    "[[",
    "]]",
    "**đậm**",
    "`mã`",
    "<b>",
    "&amp;",
    "```",
    "| a | b |",
    "$x^2$",
    "😀",
    "👨‍👩‍👧‍👦",
    "🇻🇳",
    "①",
    "Ⅻ",
    "½",
    "℃",
    "‰",
    "№",
]
_SEPARATORS = [
    " ",
    "",
    ",",
    "/",
    "-",
    ".",
    ":",
    ";",
    "\n",
    "\t",
    "–",
    "\u00a0",
    "\u200b",
    " x ",
    "'",
]
_SYLLABLES = ["xin", "chào", "nguyễn", "quốc", "không", "được", "Ơ", "đ", "hello", "Zalo", "ỹ"]


def text(chance: Random, limit: int) -> str:
    """Return a text of up to ``limit`` characters, in one of many difficult forms."""
    made = chance.choice(_KINDS)(chance, limit)
    return made[:limit]


def _repeated(chance: Random, limit: int) -> str:
    """Repeat one thing that has to be read."""
    one = chance.choice(_WRITTEN) + chance.choice(_SEPARATORS)
    return one * (limit // len(one))


def _mixed(chance: Random, limit: int) -> str:
    """Join many things with anything between them."""
    pieces: list[str] = []
    while sum(map(len, pieces[-50:])) < 1 or len(pieces) < limit // 6:
        pieces += (chance.choice(_WRITTEN + _SYLLABLES), chance.choice(_SEPARATORS))
    return "".join(pieces)


def _digits(chance: Random, limit: int) -> str:
    """Return a very long number, perhaps with marks in it."""
    marks = chance.choice(["", ".", ",", " ", "-", "/", "e", "^", ":"])
    every = chance.choice([1, 2, 3, 4, 10])
    group = "".join(chance.choice("0123456789") for _ in range(every))
    return (group + marks) * (limit // (every + len(marks)))


def _one_character(chance: Random, limit: int) -> str:
    """Repeat one character of any kind."""
    while True:
        code = chance.randrange(0x21, sys.maxunicode)
        if unicodedata.category(chr(code)) not in {"Cs", "Cn", "Cc"}:
            return chr(code) * limit


def _any_characters(chance: Random, limit: int) -> str:
    """Return characters from all of Unicode."""
    high = chance.choice([0x250, 0x2FFF, 0xFFFF, sys.maxunicode])
    codes = (chance.randrange(0x20, high) for _ in range(limit))
    return "".join(chr(code) for code in codes if unicodedata.category(chr(code)) != "Cs")


def _marks(chance: Random, limit: int) -> str:
    """Return a letter with many marks, in the order that is most expensive to normalise."""
    classes = ["\u0301", "\u0316", "\u0323", "\u0303", "\u0f71", "\u05b0"]
    some = chance.sample(classes, 2)
    return "a" + "".join(some) * (limit // 2)


def _long_word(chance: Random, limit: int) -> str:
    """Return a very long word."""
    part = chance.choice(["a", "ngh", "xyz", "Aa", "ươ", "đđ", "a1", "a_", "a-", "a'", "A.", "ớ́"])
    return part * (limit // len(part))


def _nested(chance: Random, limit: int) -> str:
    """Return brackets, quotes and markup that open and do not close."""
    opening = chance.choice(
        ["(", "[", "{", '"', "“", "<", "*", "_", "`", "~", "[a](", "<a href=", "|"]
    )
    return opening * (limit // len(opening) - 1) + chance.choice(["", "a", "1", ")"])


def _sentences(chance: Random, limit: int) -> str:
    """Return as many sentences and paragraphs as fit."""
    one = chance.choice(["a.", "a. ", "a!\n\n", "1. ", "a?? ", "a…", "ừ; "])
    return one * (limit // len(one))


def _almost(chance: Random, limit: int) -> str:
    """Return text that nearly matches a rule, followed by text that breaks the match."""
    nearly = chance.choice(
        ["1/", "1.000.", "12:", "a@", "http://", "0912", "XX", "1-", "2^", "www."]
    )
    return nearly * (limit // len(nearly) - 1) + chance.choice(["!", "x", "\n", "@", "/", "…"])


def _plain(chance: Random, limit: int) -> str:
    """Return an ordinary text, short or as long as possible."""
    count = chance.choice([1, 5, 20, limit // 5])
    return " ".join(chance.choice(_SYLLABLES) for _ in range(count)) + "."


def _around_the_limit(chance: Random, limit: int) -> str:
    """Return a text of at least the limit, whose cut falls on different characters."""
    return chance.choice(["a ", "một ", "𝄞 "]) * limit


_KINDS: list[Callable[[Random, int], str]] = [
    _repeated,
    _mixed,
    _digits,
    _one_character,
    _any_characters,
    _marks,
    _long_word,
    _nested,
    _sentences,
    _almost,
    _plain,
    _around_the_limit,
]


def family(chance: Random, facts: Facts) -> Attack:
    """Make the server read, stream or save a hard text, or speak it on OpenAI's path."""
    kind = chance.choice(_KINDS)
    limit = facts.max_text_chars
    beyond = limit + (chance.random() < 0.1)
    limit = chance.choice([20, 200, limit, beyond])
    written = kind(chance, limit)[:limit]
    path = chance.choices(
        ["/normalize", "/tts/stream", "/tts", "/v1/audio/speech"], weights=[5, 3, 2, 1]
    )[0]
    asked: dict[str, object] = {"text": written}
    if path == "/v1/audio/speech":
        asked = {"input": written, "model": "tts-1", "voice": facts.voices[0]}
    elif path != "/normalize":
        asked["voice"] = chance.choice(facts.voices)
        asked["speed"] = chance.choice(["normal", "very_fast", 4, 0.25])
        asked["timestamps"] = chance.choice([None, None, True, "vtt", "srt"])
        asked["format"] = chance.choice(["wav", "wav", "mp3", "opus", "flac", "aac", "pcm"])
    if path != "/v1/audio/speech" and chance.random() < 0.2:
        query = "&".join(f"{name}={_quoted(value)}" for name, value in asked.items() if value)
        sent = message(facts, "GET", f"{path}?{query}")
    else:
        body = json.dumps(asked, ensure_ascii=chance.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )
        sent = message(facts, "POST", path, body, Content_Type="application/json")
    script = Script(
        (sent,),
        source=address(chance),
        answered_within=30 if path == "/normalize" else None,
        hold=chance.choice([0.2, 2, 35, 35]) if path != "/normalize" else 35,
    )
    return requests("texts", f"{kind.__name__.strip('_')} to {path}", script)


def _quoted(value: object) -> str:
    return quote(str(value).lower() if value is True else str(value))
