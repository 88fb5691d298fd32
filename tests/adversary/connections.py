"""Connections: many, idle, slow, abandoned, reset, or full of requests without a reader."""

from collections.abc import Callable
from random import Random

from tests.adversary.attack import Attack, Facts, address, message, requests
from tests.adversary.wire import Ending, Reading, Script

_GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def family(chance: Random, facts: Facts) -> Attack:
    """Hold, fill or abandon connections."""
    kind = chance.choice(_KINDS)
    scripts = kind(chance, facts)
    return requests("connections", kind.__name__.strip("_").replace("_", " "), *scripts)


def _source(chance: Random, number: int) -> str:
    """Return one of very many addresses."""
    return f"127.0.{3 + number // 250 % 250}.{1 + (number + chance.randrange(3)) % 250}"


def _one_source(chance: Random) -> str:
    """Return the address of a client with many connections, which no other client shares."""
    return f"127.0.254.{chance.randrange(1, 255)}"


def _idle(chance: Random, facts: Facts) -> list[Script]:
    """Return more connections than the limit, which send nothing, or too little."""
    count = chance.choice([10, 100, min(2 * facts.max_connections + 200, 2500)])
    first = chance.choice([b"", b"", b"GET /", _GET])
    one = chance.random() < 0.5
    here = _one_source(chance)
    hold = chance.choice([1.0, 5.0, 20.0])
    return [
        Script(
            (first,) if first else (),
            source=here if one else _source(chance, number),
            hold=hold,
            quiet=hold,
        )
        for number in range(count)
    ]


def _slow_senders(chance: Random, facts: Facts) -> list[Script]:
    """Return requests that are sent byte by byte."""
    body = b'{"text": "xin"}'
    whole = message(facts, "POST", "/tts/stream", body, Content_Type="application/json")
    size = chance.choice([1, 7])
    parts = tuple(whole[at : at + size] for at in range(0, len(whole), size))
    count = chance.choice([1, 20, 100])
    hold = chance.choice([3.0, 10.0, 45.0])
    return [Script(parts, 0.5, source=_source(chance, at), hold=hold) for at in range(count)]


def _slow_readers(chance: Random, facts: Facts) -> list[Script]:
    """Return listeners that read nothing, or a few hundred bytes a second."""
    some = "một hai ba bốn năm sáu bảy. " * (facts.max_text_chars // 28)
    body = b'{"text": "%b", "voice": "%b"}' % (some.encode(), chance.choice(facts.voices).encode())
    sent = message(facts, "POST", "/tts/stream", body, Content_Type="application/json")
    count = chance.choice([1, 8, 70])
    here = _one_source(chance)
    one = chance.random() < 0.5
    reading = chance.choice([Reading.SLOW, Reading.NEVER])
    hold = chance.choice([5.0, 20.0, 70.0])
    return [
        Script(
            (sent,),
            reading=reading,
            source=here if one else _source(chance, number),
            hold=hold,
            quiet=hold,
        )
        for number in range(count)
    ]


def _leavers(chance: Random, facts: Facts) -> list[Script]:
    """Return clients that request a long text and leave, repeatedly."""
    count = chance.choice([1, 10, 60])
    path = chance.choice(["/tts/stream", "/tts", "/normalize"])
    scripts = []
    for number in range(count):
        words = f"câu thứ {chance.randrange(1 << 30)} của bài này rất dài. "
        text = (words * (facts.max_text_chars // len(words))).encode()
        body = b'{"text": "%b", "voice": "%b"}' % (text, chance.choice(facts.voices).encode())
        sent = message(facts, "POST", path, body, Content_Type="application/json")
        scripts.append(
            Script(
                (sent,),
                source=_source(chance, number),
                hold=chance.choice([0.01, 0.1, 1.0]),
                enough=chance.choice([1, 5000, 1 << 30]),
                ending=chance.choice(list(Ending)),
            )
        )
    return scripts


def _pipelined(chance: Random, facts: Facts) -> list[Script]:
    """Return one connection with thousands of requests, whose answers are read or not."""
    key = f"X-API-Key: {facts.key}\r\n".encode() if facts.key else b""
    path = chance.choice([b"/healthz", b"/voices", b"/nowhere", b"/metrics", b"/openapi.json"])
    path = chance.choice([path, b"/tts/stream?text=xin", b"/normalize?text=xin"])
    one = b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (path, key)
    count = chance.choice([10, 300, 4000])
    reading = chance.choice([Reading.WHOLE, Reading.NEVER, Reading.SLOW])
    hold = chance.choice([2.0, 10.0])
    return [Script((one * count,), reading=reading, source=address(chance), hold=hold, quiet=1)]


def _half_closed(chance: Random, facts: Facts) -> list[Script]:
    """Return clients that close their sending side after a request, or send unexpected bytes."""
    junk = chance.choice([b"", b"\r\n", b"junk", bytes(100_000), _GET * 50])
    body = b'{"text": "xin"}'
    path = chance.choice(["/tts/stream", "/normalize", "/tts"])
    sent = message(facts, "POST", path, body, Content_Type="application/json")
    ending = chance.choice([Ending.HALF, Ending.RESET])
    return [Script((sent + junk,), ending=ending, source=address(chance), hold=10)] * 3


def _hammer(chance: Random, facts: Facts) -> list[Script]:
    """Return many clients that request the same path at once, which is not speech."""
    path = chance.choice(
        ["/metrics", "/voices", "/openapi.json", "/docs/rapidoc-min.js", "/", "/nowhere", "/readyz"]
    )
    method = chance.choice(["GET", "HEAD", "OPTIONS"])
    count = chance.choice([20, 100])
    sent = message(facts, method, path)
    return [
        Script((sent,), source=_source(chance, at), hold=20, answered_within=15)
        for at in range(count)
    ]


def _crowd(chance: Random, facts: Facts) -> list[Script]:
    """Return more simultaneous listeners than can be served."""
    count = chance.choice([10, 80])
    voice = chance.choice(facts.voices)
    scripts = []
    for number in range(count):
        asked = f"/tts/stream?text=nguoi+thu+{chance.randrange(1 << 30)}&voice={voice}"
        sent = message(facts, "GET", asked)
        scripts.append(Script((sent,), source=_source(chance, number), hold=30))
    return scripts


_KINDS: list[Callable[[Random, Facts], list[Script]]] = [
    _idle,
    _slow_senders,
    _slow_readers,
    _leavers,
    _leavers,
    _pipelined,
    _pipelined,
    _half_closed,
    _hammer,
    _crowd,
]
