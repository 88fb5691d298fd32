"""Bodies: JSON, forms and chunks that are invalid, deep, large, endless or mislabelled."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.adversary.attack import Attack, Facts, address, message, requests
from tests.adversary.wire import Ending, Script

_PATHS = ["/tts", "/tts/stream", "/normalize", "/v1/audio/speech"]
_FIELDS = ["text", "speed", "voice", "speaker", "format", "sample_rate", "bit_rate", "timestamps"]
_FIELDS += ["lexicon", "input", "model", "response_format", "stream_format", "instructions"]
_JSON = "application/json"


def family(chance: Random, facts: Facts) -> Attack:
    """Send a bad body to a path that accepts one."""
    kind = chance.choice(_KINDS)
    script = kind(chance, facts)
    return requests("bodies", kind.__name__.strip("_").replace("_", " "), script)


def _script(chance: Random, sent: bytes, **options: Any) -> Script:
    options = {"source": address(chance), "hold": 20, "quiet": 5, **options}
    return Script((sent,), **options)


def _posted(chance: Random, facts: Facts, body: bytes, kind: str = _JSON, **options: Any) -> Script:
    sent = message(facts, "POST", chance.choice(_PATHS), body, Content_Type=kind)
    return _script(chance, sent, **{"answered_within": 15, **options})


def _wrong_types(chance: Random, facts: Facts) -> Script:
    """Return parameters of every type but the right one."""
    numbers = ["1e400", "-1e400", "1" + "0" * 309, "-" + "9" * 4000, "1e-400", "NaN", "Infinity"]
    numbers += ["-0", "1.5e300", "9" * 5000, "0." + "0" * 4000 + "1", "-1", "2147483648"]
    others = ["null", "true", "[]", "{}", '""', '"\\ud800"', '"\\u0000"', '"\\udc00\\ud800"']
    others += ['["a"]', '{"id": 1}', '{"id": "\\ud800"}', '" "', f'"{"x" * 3000}"', "[[[]]]"]
    some = chance.sample(_FIELDS, chance.randint(1, len(_FIELDS)))
    pairs = [f'"{name}": {chance.choice(numbers + others)}' for name in some]
    if chance.random() < 0.7 and "text" not in some:
        pairs += ['"text": "xin"', '"input": "xin"', '"model": "tts-1"']
    return _posted(chance, facts, ("{" + ", ".join(pairs) + "}").encode())


def _one_wrong_parameter(chance: Random, facts: Facts) -> Script:
    """Return a valid request except for one number, which is invalid for any format and speed."""
    name = chance.choice(["sample_rate", "bit_rate", "speed", "speaker"])
    number = chance.choice(["1" + "0" * 309, "1e309", "-1e309", "1" + "0" * 308, "NaN", "1e15"])
    value = chance.choice([number, f'"{number}"'])
    body = f'{{"text": "xin chào", "format": "mp3", "{name}": {value}}}'
    return _posted(chance, facts, body.encode())


def _deep(chance: Random, facts: Facts) -> Script:
    """Return JSON that is nested as deeply as a body can be."""
    count = chance.choice([100, 900, 1100, 50_000, facts.max_body_bytes // 2 - 20])
    inner = chance.choice(["", "1", '"a"'])
    nested = "[" * count + inner + "]" * count
    if chance.random() < 0.3:
        count //= 6
        nested = '{"a":' * count + "1" + "}" * count
    body = nested if chance.random() < 0.3 else f'{{"text": {nested}}}'
    return _posted(chance, facts, body.encode()[: facts.max_body_bytes])


def _many_members(chance: Random, facts: Facts) -> Script:
    """Return an object with the largest number of members that fits."""
    room = facts.max_body_bytes - 40
    pairs = chance.choice(['"":1,', '"text":"a",', '"a%d":{},', '"\\u0061%d":[],'])
    pieces: list[str] = []
    size = 0
    while size < room - 20:
        pieces.append(pairs % len(pieces) if "%d" in pairs else pairs)
        size += len(pieces[-1])
    return _posted(chance, facts, ('{"text":"xin",' + "".join(pieces) + '"z":1}').encode())


def _not_json(chance: Random, facts: Facts) -> Script:
    """Return bytes that are declared as JSON."""
    good = json.dumps({"text": "xin chào", "voice": facts.voices[0]}).encode()
    cut = good[: chance.randrange(len(good))]
    flipped = bytearray(good)
    for _ in range(3):
        flipped[chance.randrange(len(good))] = chance.randrange(256)
    wide = good.decode().encode(chance.choice(["utf-16", "utf-32", "utf-7"]))
    marked = b"\xef\xbb\xbf" * chance.randint(1, 3) + good
    junk = chance.randbytes(chance.randrange(1, 2000))
    twice = good + good
    body = chance.choice([cut, bytes(flipped), wide, marked, junk, twice, b"\x00" * 999])
    kind = chance.choice([_JSON, "application/json; charset=utf-16", "application/x+json", ""])
    return _posted(chance, facts, body, kind)


def _form(chance: Random, facts: Facts) -> Script:
    """Return a form of very many, very long or badly encoded fields."""
    room = facts.max_body_bytes - 64
    field = chance.choice(
        [b"&", b"a&", b"a=&", b"=&", b"text=a&", b"%61=%62&", b"%", b"+=+&", b";"]
    )
    body = b"text=xin&" + field * (room // len(field))
    if chance.random() < 0.2:
        body = b"text=" + chance.choice([b"%ff%fe", b"%", b"%u1234", b"%C3%28", b"%00"])
    return _posted(chance, facts, body, "application/x-www-form-urlencoded")


def _multipart(chance: Random, facts: Facts) -> Script:
    """Return a multipart form: very many parts, nested, with endless heads, or without parts."""
    bound = chance.choice(["b", "x" * 70, "x" * 5000, '"a b"', "b; boundary=c", "'", ""])
    mark = b"--" + bound.strip('"').encode()
    disposition = chance.choice(
        [
            b'Content-Disposition: form-data; name="text"',
            b"Content-Disposition: form-data; name=" + b"a" * 5000,
            b"Content-Disposition: form-data" + b'; x="\\"' * 500,
            b"Content-Disposition: form-data; name*=utf-8''%ff",
            b'Content-Disposition: form-data; name="text"; filename="' + b"../" * 500 + b'"',
            b"A: b\r\n" * 500,
            b"",
        ]
    )
    part = mark + b"\r\n" + disposition + b"\r\n\r\nxin\r\n"
    count = chance.choice([1, 50, (facts.max_body_bytes - 200) // len(part)])
    body = part * max(count, 1) + chance.choice([mark + b"--\r\n", mark + b"--", b"", mark])
    kind = f"multipart/form-data; boundary={bound}"
    return _posted(chance, facts, body[: facts.max_body_bytes + 10], kind)


def _too_large(chance: Random, facts: Facts) -> Script:
    """Return a body that is larger than allowed, a little or by far."""
    size = facts.max_body_bytes + chance.choice([1, 1000, facts.max_body_bytes, 20_000_000])
    body = b'{"text": "' + b"a" * size + b'"}'
    return _posted(chance, facts, body, hold=60)


def _says_another_length(chance: Random, facts: Facts) -> Script:
    """Return a body whose length differs from the one in its head."""
    body = b'{"text": "xin"}'
    lengths = ["0", "-1", "+15", "15, 15", "15, 16", "1e1", "0x0f", "15 ", "1" + "0" * 30, "", "٣"]
    length = chance.choice([*lengths, str(len(body) + 5), str(len(body) - 5), "999999999999"])
    whole = message(facts, "POST", chance.choice(_PATHS), body, Content_Type=_JSON)
    sent = whole.replace(b"Content-Length: 15", f"Content-Length: {length}".encode())
    ending = chance.choice([Ending.CLOSE, Ending.HALF, Ending.RESET])
    return _script(chance, sent, ending=ending, hold=5)


def _chunks(chance: Random, facts: Facts) -> Script:
    """Return a body in chunks: tiny ones, with extensions and trailers, or with invalid sizes."""
    body = b'{"text": "xin ch\xc3\xa0o"}'
    sizes = [b"-1", b"0x5", b"g", b"", b" 5", b"5 ", b"+5", b"ffffffffffffffff", b"0" * 5000 + b"5"]
    extension = b";" + chance.choice([b"a=b", b"a" * 5000, b'a="\r\n"', b"\x00"])
    one = [b"%x" % 1 + b"\r\n" + bytes([byte]) + b"\r\n" for byte in body]
    many = [b"1%b\r\na\r\n" % extension] * chance.choice([3, 2000])
    bad = [chance.choice(sizes) + b"\r\nabcde\r\n"]
    bare = [b"5\n", b"abcde\n"]
    trailers = b"0\r\n" + b"A: b\r\n" * chance.choice([0, 1, 500, 20_000]) + b"\r\n"
    last = chance.choice([b"0\r\n\r\n", trailers])
    chunks = [*chance.choice([one, one, many, bad, bare]), last]
    head = message(
        facts, "POST", chance.choice(_PATHS), Content_Type=_JSON, Transfer_Encoding="chunked"
    )
    return _script(chance, head + b"".join(chunks), hold=10)


def _never_complete(chance: Random, facts: Facts) -> Script:
    """Return a body of which two parts come, and then nothing."""
    body = json.dumps({"text": "xin chào"}).encode()
    whole = message(facts, "POST", chance.choice(_PATHS), body, Content_Type=_JSON)
    at = chance.randrange(1, len(whole) - 1)
    hold = chance.choice([1, 5, 40])
    return Script((whole[:at], whole[at:-1]), 0.5, source=address(chance), hold=hold)


def _compressed(chance: Random, facts: Facts) -> Script:
    """Return a body that is declared as compressed."""
    coding = chance.choice(["gzip", "deflate", "br", "identity", "gzip, gzip", "\u00ff"])
    body = chance.choice([b"\x1f\x8b\x08\x00", b'{"text": "xin"}']) + bytes(500)
    sent = message(
        facts, "POST", chance.choice(_PATHS), body, Content_Type=_JSON, Content_Encoding=coding
    )
    return _script(chance, sent, answered_within=15)


_KINDS: list[Callable[[Random, Facts], Script]] = [
    _wrong_types,
    _wrong_types,
    _one_wrong_parameter,
    _deep,
    _many_members,
    _not_json,
    _form,
    _multipart,
    _too_large,
    _says_another_length,
    _chunks,
    _never_complete,
    _compressed,
]
