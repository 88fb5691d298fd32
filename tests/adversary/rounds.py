"""The servers that are attacked, and the well-behaved clients of each."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.adversary import files
from tests.adversary.attack import WORKERS, Facts, Target, message
from tests.support.ports import free_port
from tests.support.redis import redis_server
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE

_KEY = "vtts_adversary-has-this-key-and-others-have-theirs"
_HONEST_KEY = "vtts_honest-callers-have-this-key-which-nobody-attacks-with"
_MEBIBYTE = 1 << 20
_BYTES_A_SECOND = 2 * 22050
_TEXTS = [
    "Xin chào các bạn.",
    "Hôm nay trời đẹp quá, chúng ta cùng đi dạo quanh hồ nhé!",
    "Giá vàng tăng 15,2% so với ngày 12/11/2026.\n\nCác chuyên gia cho rằng đà tăng còn tiếp tục.",
    "Một câu ngắn. Rồi một câu nữa. Và một câu dài hơn một chút để kết thúc đoạn này.",
]
_PACED = (
    "Đây là một bài đọc dài hơn, dành cho người nghe theo đúng nhịp của giọng đọc. Câu thứ hai nói "
    "về thời tiết ở Hà Nội, nơi mùa thu đã về. Câu thứ ba thì kể chuyện một con mèo lười."
)


@dataclass(frozen=True)
class Round:
    """One kind of server."""

    name: str
    settings: Settings
    facts: Facts
    memory_bytes: int
    """The maximum of a worker's private memory."""
    idle_bytes: int
    """The maximum once all clients have left."""

    @property
    def grace_seconds(self) -> float:
        """The time in which the server has to end."""
        return float(self.settings["server"]["graceful_timeout"])

    @property
    def honest_key(self) -> str | None:
        """The key of the well-behaved clients."""
        return _HONEST_KEY if self.facts.key else None


def _line(name: str, key: str) -> str:
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


OPEN = Round(
    "open, default limits",
    {
        "server": {"workers": WORKERS, "graceful_timeout": 15},
        "voice": {"others": ["pair"]},
        "audio": {"max_bytes": "64MiB"},
    },
    Facts(
        key=None,
        max_text_chars=10_000,
        max_body_bytes=256 * 1024,
        max_header_bytes=256 * 1024,
        max_connections=1000,
        voices=(EMBEDDED_VOICE, "pair"),
    ),
    memory_bytes=(128 + 128 + 512) * _MEBIBYTE,
    idle_bytes=(128 + 128 + 192) * _MEBIBYTE,
)
KEYS = Round(
    "keys, small limits",
    {
        "server": {
            "workers": WORKERS,
            "graceful_timeout": 15,
            "max_text_chars": 600,
            "max_body_bytes": "16KiB",
            "max_header_bytes": "16KiB",
            "max_connections": 60,
            "request_seconds": 3,
            "keep_alive_seconds": 5,
        },
        "access": {
            "keys": [_line("adversary", _KEY), _line("honest", _HONEST_KEY)],
            "requests_per_minute": 6000,
            "characters_per_minute": 600_000,
        },
        "limits": {"max_concurrent": 12, "slow_client_seconds": 5},
        "voice": {"others": ["pair"], "load": "first_use"},
        "cache": {"memory": {"max_bytes": "1MiB"}},
        "audio": {"max_bytes": "4MiB", "max_age_seconds": 60},
    },
    Facts(
        key=_KEY,
        max_text_chars=600,
        max_body_bytes=16 * 1024,
        max_header_bytes=16 * 1024,
        max_connections=60,
        voices=(EMBEDDED_VOICE, "pair"),
    ),
    memory_bytes=(128 + 1 + 256) * _MEBIBYTE,
    idle_bytes=(128 + 1 + 128) * _MEBIBYTE,
)
ROUNDS = {"open": OPEN, "keys": KEYS}


@contextmanager
def started(round_: Round, folder: Path) -> Iterator[Target]:
    """Run a round's server with its own Redis; check that it is ready and works."""
    install_pair(folder / "voices")
    (folder / "lexicon.yaml").write_text(files.LEXICON, encoding="utf-8")
    temporary = folder / "temporary"
    temporary.mkdir()
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(folder / "redis"))
        operations = free_port()
        settings = {
            **round_.settings,
            "server": {**round_.settings["server"], "operations_port": operations},
            "text": {"lexicon": ["lexicon.yaml"]},
            "cache": {**round_.settings.get("cache", {}), "redis": {"url": redis.url}},
        }
        environment = {"TMPDIR": str(temporary)}
        server = stack.enter_context(
            serving(folder, settings, environment=environment, ready=False)
        )
        server.wait_for("worker ready", WORKERS)
        host, port = _public(server, operations)
        target = Target((host, port), ("127.0.0.1", operations), folder, redis, server, settings)
        yield target


def _public(server: Server, operations: int) -> tuple[str, int]:
    """Return the address that is not the operations port's."""
    for line in server.lines("serving"):
        host, _, port = line["url"].removeprefix("http://").partition(":")
        if int(port) != operations:
            return host, int(port)
    raise AssertionError(server.explain())


def write_errands(round_: Round, target: Target) -> Path:
    """Request every honest text once, and write the file for the well-behaved clients.

    The answers before any attack are the expected ones for later.
    """
    key = round_.honest_key
    facts = Facts(**{**vars(round_.facts), "key": key})
    headers = {"X-API-Key": key} if key else {}
    listeners: list[dict[str, Any]] = []
    with httpx.Client(base_url=_url(target), headers=headers, timeout=60) as client:
        for number, text in enumerate([*_TEXTS, _PACED]):
            answer = client.post("/tts/stream", json={"text": text})
            answer.raise_for_status()
            (target.folder / f"samples-{number}").write_bytes(answer.content[44:])
            body = json.dumps({"text": text}).encode()
            sent = message(facts, "POST", "/tts/stream", body, Content_Type="application/json")
            listeners.append(
                {
                    "name": "paced" if text is _PACED else "stream",
                    "request": sent.decode(),
                    "samples": f"samples-{number}",
                    "bytes_a_second": _BYTES_A_SECOND if text is _PACED else 0,
                }
            )
    with target.redis.client() as client_of_redis:
        names = [name.decode().split(":") for name in client_of_redis.keys("*:s*:*:*")]
    target.honest_voices = frozenset(parts[2] for parts in names)
    body = json.dumps({"text": "Ngày 12/11 giá 35k."}).encode()
    free = [
        ("voices", message(facts, "GET", "/voices")),
        ("reading", message(facts, "POST", "/normalize", body, Content_Type="application/json")),
    ]
    visits = [
        {"name": name, "request": sent.decode(), "samples": None, "bytes_a_second": 0}
        for name, sent in free
    ]
    host, port = target.address
    place = {
        "host": host,
        "port": port,
        "master": target.server.process.pid,
        "folder": str(target.folder),
        "callers": [
            {"source": "127.0.1.1", "errands": listeners[:-1]},
            {"source": "127.0.1.2", "errands": listeners[:-1]},
            {"source": "127.0.1.3", "errands": listeners[-1:]},
            {"source": "127.0.1.4", "errands": visits},
        ],
    }
    path = target.folder / "errands.json"
    path.write_text(json.dumps(place), encoding="utf-8")
    return path


def _url(target: Target) -> str:
    host, port = target.address
    return f"http://{host}:{port}"


def left_behind(target: Target) -> list[str]:
    """Return files that a server should have removed at its end: temporary and unfinished ones."""
    temporary = [f"temporary/{path.name}" for path in (target.folder / "temporary").iterdir()]
    audio = target.folder / "audio"
    unfinished = [f"audio/{path.name}" for path in audio.glob(".*.part")] if audio.is_dir() else []
    return temporary + unfinished
