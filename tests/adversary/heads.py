"""Heads of requests: malformed, ambiguous, huge, numerous, or with false values."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.adversary.attack import Attack, Facts, address, message, requests
from tests.adversary.wire import Ending, Script

_PATHS = ["/tts", "/tts/stream", "/normalize", "/voices", "/v1/models", "/healthz", "/metrics", "/"]
_PATHS += ["/audio/" + "0" * 40 + ".wav", "/openapi.json", "/docs", "/page/", "/readyz"]
_LINE = b"\r\n"
_WEB_SOCKET = (
    b"GET /tts HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def family(chance: Random, facts: Facts) -> Attack:
    """Send a bad head."""
    kind = chance.choice(_KINDS)
    script = kind(chance, facts)
    return requests("heads", kind.__name__.strip("_").replace("_", " "), script)


def _script(chance: Random, sent: bytes, **options: Any) -> Script:
    options = {"source": address(chance), "hold": 10, "quiet": 2, **options}
    return Script((sent,), **options)


def _good(facts: Facts, chance: Random, **headers: str) -> bytes:
    return message(facts, "GET", chance.choice(_PATHS), None, **headers)


def _spoilt(chance: Random, facts: Facts) -> Script:
    """Return a valid head with some bytes changed, doubled, removed or inserted."""
    sent = bytearray(_good(facts, chance))
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(sent))
        odd = chance.choice(
            [b"\x00", b"\r", b"\n", b":", b" ", b"\t", b"\xff", b"\x7f", b"%", b"\x0b"]
        )
        way = chance.randrange(3)
        sent[at : at + (way > 0)] = b"" if way == 1 else odd
    return _script(chance, bytes(sent), ending=chance.choice(list(Ending)))


def _request_line(chance: Random, facts: Facts) -> Script:
    """Return a request line that is invalid, or valid and rare."""
    del facts
    method = chance.choice(
        ["GET", "get", "BREW", "G" * 9999, "PRI", "CONNECT", "TRACE", "*", "G\x00T"]
    )
    target = chance.choice(
        [
            "*",
            "//",
            "/" * 5000,
            "/../../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/audio/..%2f..%2fconfig.yaml",
            "/audio/%00.wav",
            "/page/../../config.yaml",
            "http://elsewhere.example/tts",
            "http://[::1",
            "http://:99999999/",
            "/tts?text=%ff",
            "/tts?text=%",
            "/tts#fragment",
            "/\u00e9".encode().decode("latin-1"),
            "/v1/models/" + "%2F" * 3000,
            "/a" * 20000,
            "",
        ]
    )
    version = chance.choice(
        ["HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.11", "ICY", ""]
    )
    lead = chance.choice(["", "", "\r\n", "\r\n" * 5000, "\n", " "])
    sent = f"{lead}{method} {target} {version}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return _script(chance, sent.encode("latin-1"))


def _two_lengths(chance: Random, facts: Facts) -> Script:
    """Return a request that contains a second one, for servers that count its bytes differently."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    lengths = [b"Content-Length: 5", b"Content-Length: %d" % (len(inner) + 5), b"Content-Length: 0"]
    codings = [
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding:\tchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        b"Transfer-Encoding:\r\n chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"transfer-encoding: CHUNKED",
    ]
    lines = chance.sample(lengths + codings, chance.randint(2, 3))
    lines.insert(0, b"POST /normalize HTTP/1.1\r\nHost: localhost")
    if facts.key:
        lines.insert(1, f"X-API-Key: {facts.key}".encode())
    sent = _LINE.join(lines) + b"\r\n\r\n0\r\n\r\n" + inner
    return _script(chance, sent, hold=4)


def _many_lines(chance: Random, facts: Facts) -> Script:
    """Return a head of as many lines as fit."""
    line = chance.choice(
        [b"a:b\r\n", b"a:\r\n", b"A%d: b\r\n", b"Accept: audio/wav\r\n", b" x\r\n"]
    )
    room = facts.max_header_bytes - 300
    lines: list[bytes] = []
    size = 0
    while size < room:
        lines.append(line % len(lines) if b"%d" in line else line)
        size += len(lines[-1])
    sent = _good(facts, chance)[:-2] + b"".join(lines) + _LINE
    return _script(chance, sent, answered_within=None)


def _one_long_line(chance: Random, facts: Facts) -> Script:
    """Return one header with a value that is expensive to parse."""
    room = facts.max_header_bytes - 400
    name, unit = chance.choice(
        [
            ("Accept", "audio/wav;q=0.1,"),
            ("Accept", "a;"),
            ("Accept", ","),
            ("Accept-Encoding", "gzip;q=0,"),
            ("If-None-Match", '"a",'),
            ("If-None-Match", 'W/"'),
            ("If-None-Match", '"'),
            ("Range", "bytes=0-1,"),
            ("Range", "bytes=" + "9" * 50),
            ("Authorization", "Bearer "),
            ("Authorization", "Bearer" + " " * 1000),
            ("Cookie", "a=b;"),
            ("Cookie", "a=\\"),
            ("X-Forwarded-For", "1.2.3.4,"),
            ("X-Forwarded-For", " "),
            ("X-Forwarded-Prefix", "/a"),
            ("X-Forwarded-Prefix", "/a~."),
            ("X-Forwarded-Host", "a."),
            ("X-Request-ID", "a"),
            ("Content-Type", "application/json;a="),
            ("Content-Type", 'multipart/form-data; boundary="'),
            ("Content-Type", ";;"),
            ("Origin", "https://a."),
            ("Connection", "close,"),
            ("Expect", "100-continue,"),
            ("traceparent", "00-"),
            ("tracestate", "a=b,"),
            ("baggage", "a=b;c,"),
        ]
    )
    value = unit * (room // len(unit))
    method = chance.choice(["GET", "POST", "HEAD", "OPTIONS"])
    path = chance.choice(["/audio/" + "0" * 40 + ".wav", "/tts/stream?text=xin", "/voices", "/tts"])
    body = b'{"text": "xin"}' if method == "POST" else None
    sent = message(facts, method, path, body, **{name.replace("-", "_"): value})
    return _script(chance, sent, answered_within=10)


def _wrong_values(chance: Random, facts: Facts) -> Script:
    """Return headers that the server reads, with invalid values."""
    names = ["Accept", "Range", "If-Range", "If-None-Match", "Host", "Origin", "Content-Type"]
    names += ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"]
    names += ["X-Forwarded-Prefix", "Authorization", "X-API-Key", "X-Request-ID", "Expect"]
    names += [
        "Connection",
        "Upgrade",
        "traceparent",
        "Sec-Fetch-Site",
        "Access-Control-Request-Method",
    ]
    values = ["", " ", "\u00ff\u00fe", "a" * 2000, "*", "null", "bytes=-", "bytes=5-1", "bytes=-0"]
    values += ["audio/*;q=nan", "audio/*;q=-1", "audio/*;q=1e999", "::1", "1.2.3.4:80", "[::1%lo]"]
    values += [
        "%00",
        "100-continue",
        "close, upgrade",
        "h2c",
        "00-" + "f" * 32 + "-" + "0" * 16 + "-01",
    ]
    values += [
        "evil.example",
        "http://evil.example",
        "cross-site",
        "0",
        "-1",
        "99999",
        "/../..",
        "\t",
    ]
    some = chance.sample(names, chance.randint(1, 6))
    headers = {name.replace("-", "_"): chance.choice(values) for name in some}
    method = chance.choice(["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
    body = b'{"text": "xin"}' if method == "POST" else None
    path = chance.choice([*_PATHS, "/tts?text=xin", "/tts/stream?text=xin"])
    sent = message(facts, method, path, body, **headers)
    return _script(chance, sent, hold=30)


def _query(chance: Random, facts: Facts) -> Script:
    """Return a query with very many fields, or with bad encoding."""
    room = facts.max_header_bytes - 400
    unit = chance.choice(
        ["a&", "&", "text=a&", "%61=%62&", "a=", "%", "%ff", "+", ";", "text=%0a&"]
    )
    query = "text=xin&" + unit * (chance.choice([10, room]) // len(unit))
    path = chance.choice(["/tts/stream", "/normalize", "/tts", "/voices", "/healthz", "/nowhere"])
    sent = message(facts, "GET", f"{path}?{query}")
    return _script(chance, sent, answered_within=15, hold=30)


def _too_large(chance: Random, facts: Facts) -> Script:
    """Return a head that is larger than allowed, or that does not end."""
    beyond = facts.max_header_bytes + chance.choice([-200, 0, 1, 5000, 3_000_000])
    end = chance.choice([b"\r\n\r\n", b""])
    return _script(chance, b"GET / HTTP/1.1\r\nX: " + b"a" * beyond + end, hold=5)


def _another_protocol(chance: Random, facts: Facts) -> Script:
    """Return the beginning of a conversation that is not HTTP/1."""
    del facts
    sent = chance.choice(
        [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(200),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
            b"*1\r\n$4\r\nPING\r\n",
            b"SSH-2.0-x\r\n",
            b"EHLO x\r\n",
            b"\x00" * 4000,
            chance.randbytes(3000),
            _WEB_SOCKET,
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        ]
    )
    return _script(chance, sent, ending=chance.choice(list(Ending)), hold=4)


_KINDS: list[Callable[[Random, Facts], Script]] = [
    _spoilt,
    _spoilt,
    _request_line,
    _two_lengths,
    _many_lines,
    _one_long_line,
    _one_long_line,
    _wrong_values,
    _wrong_values,
    _query,
    _too_large,
    _another_protocol,
]
