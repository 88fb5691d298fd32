"""Real messages of all WebSockets match the schemas in `/openapi.json`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS31Validator
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.local import LocalServer, serving_here
from tests.support.server import Reachable, Settings
from tests.support.voices import install_pair

Message = dict[str, Any]
CARTESIA = "/tts/websocket"
ONE = "/v1/text-to-speech/{voice}/stream-input"
SEVERAL = "/v1/text-to-speech/{voice}/multi-stream-input"
LONG = "Một câu dài kể về một ngày nắng đẹp ở miền quê. " * 40


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with a fast voice, on which only one text is spoken at a time."""
    folder = tmp_path_factory.mktemp("messages")
    install_pair(folder / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "limits": {"max_concurrent": 2, "max_concurrent_per_caller": 2, "max_start_delay": 60},
        "agents": {"max_buffer_delay": 60},
    }
    with serving_here(folder, settings) as server:
        yield server


class Described:
    """The schemas of the messages of one WebSocket, and the names of those that were used."""

    def __init__(self, document: Message, path: str) -> None:
        """Take the schemas of a path from an OpenAPI document."""
        self._schemas: Message = document["components"]["schemas"]
        sides = document["paths"][path]["get"]["x-websocket"]
        self._names = {
            side: [each["$ref"].rpartition("/")[2] for each in sides[side]["anyOf"]]
            for side in ("client", "server")
        }
        self.told: set[str] = set()

    @property
    def unused(self) -> set[str]:
        """The messages of the server that are described and were not received."""
        return set(self._names["server"]) - self.told

    def check(self, side: str, message: Message) -> None:
        """Assert that exactly one of the schemas of a side describes a message with all fields."""
        found = [name for name in self._names[side] if self._describes(name, message)]
        assert len(found) == 1, (found, message)
        if side == "server":
            self.told.update(found)

    def _describes(self, name: str, message: Message) -> bool:
        schema = {
            **self._schemas[name],
            "components": {"schemas": self._schemas},
            "unevaluatedProperties": False,
        }
        return bool(OAS31Validator(schema).is_valid(message))


class Talk:
    """A WebSocket whose messages are compared with their description, in both directions."""

    def __init__(self, connection: ClientConnection, described: Described) -> None:
        """Use an open connection."""
        self._connection = connection
        self._described = described

    def send(self, **message: object) -> None:
        """Send a message, which has to be as described."""
        self._described.check("client", message)
        self.send_unchecked(**message)

    def send_unchecked(self, **message: object) -> None:
        """Send a message that need not be as described."""
        self._connection.send(json.dumps(message))

    def until(self, **fields: object) -> Message:
        """Return the next message with these fields; every message has to be as described."""
        while True:
            message: Message = json.loads(self._connection.recv(60))
            self._described.check("server", message)
            if all(message.get(name) == value for name, value in fields.items()):
                return message

    def until_closed(self) -> int:
        """Return the closing code, after the last messages."""
        with pytest.raises(ConnectionClosed) as closed:
            self.until(no_message_has_this=True)
        assert closed.value.rcvd
        return closed.value.rcvd.code


@pytest.fixture(scope="module")
def document(shared: LocalServer) -> Message:
    """Return the server's description."""
    found: Message = httpx.get(f"{shared.url}/openapi.json", timeout=60).json()
    return found


@contextmanager
def talking(server: Reachable, described: Described, path: str, query: str = "") -> Iterator[Talk]:
    """Open a WebSocket."""
    url = server.url.replace("http", "ws", 1) + path.format(voice="pair") + query
    with connect(url, open_timeout=30) as connection:
        yield Talk(connection, described)


def test_messages_of_one_text(shared: LocalServer, document: Message) -> None:
    """Sound, a place, the end, errors and the time-out of ElevenLabs' `stream-input`."""
    described = Described(document, ONE)
    with talking(shared, described, ONE, "?output_format=pcm_16000") as talk:
        talk.send(text=" ", voice_settings={"speed": 1.1, "stability": 0.5}, xi_api_key="none")
        talk.send(
            text="Xin chào các bạn. Tôi",
            generation_config={"chunk_length_schedule": [1]},
            try_trigger_generation=True,
        )
        talk.until(isFinal=None)
        talk.send(played_ms=10)
        assert talk.until()["sent"]["characters"]
        talk.send(text=" là Lan.", flush=True)
        talk.send(text="")
        talk.until(isFinal=True)
        assert talk.until_closed() == 1000
    with talking(shared, described, ONE) as talk:
        talk.send(text="a\x00b")
        assert talk.until()["code"] == talk.until_closed() == 1008
    with talking(shared, described, ONE, "?inactivity_timeout=0.2") as talk:
        assert talk.until(error="input_timeout_exceeded")["code"] == talk.until_closed() == 1008
    assert described.unused == set()


def test_messages_of_several_texts(shared: LocalServer, document: Message) -> None:
    """The same with names, an interruption, and an error that says when to come back."""
    described = Described(document, SEVERAL)
    with talking(shared, described, SEVERAL, "?output_format=pcm_16000") as talk:
        talk.send(text=LONG, context_id="một")
        talk.until(isFinal=None, contextId="một")
        talk.send(context_id="một", played_ms=10)
        talk.send(context_id="một", cancel=True, played_ms=20)
        assert "heard" in talk.until(isFinal=True, contextId="một")
        for name in ("a", "b", "c"):
            talk.send(text="Xin", context_id=name)
        assert talk.until(error="busy", contextId="c")["retry_after"] >= 1
        talk.send(context_id="a", close_context=True)
        talk.until(isFinal=True, contextId="a")
        talk.send(close_socket=True)
        assert talk.until_closed() == 1000
    assert described.unused == set()


def test_messages_of_transcripts(shared: LocalServer, document: Message) -> None:
    """All types of Cartesia's messages, and its form of errors of a context and of the socket."""
    described = Described(document, CARTESIA)
    options: Mapping[str, Any] = {
        "voice": {"mode": "id", "id": "pair"},
        "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000},
        "add_timestamps": True,
        "add_phoneme_timestamps": True,
        "continue": True,
    }
    with talking(shared, described, CARTESIA) as talk:
        talk.send(context_id="a", transcript="Xin chào các bạn. ", **options)
        talk.until(type="timestamps")
        talk.until(type="phoneme_timestamps")
        talk.send(context_id="a", transcript="Tôi", flush=True, **options)
        talk.until(type="flush_done", context_id="a")
        talk.send(context_id="a", played_ms=10)
        talk.until(type="heard", done=False)
        talk.send(context_id="a", transcript="", **{**options, "continue": False})
        talk.until(type="done", context_id="a")
        talk.send(context_id="b", transcript=LONG, **options)
        talk.until(type="chunk", context_id="b")
        talk.send(context_id="b", cancel=True, played_ms=10)
        talk.until(type="cancelled", context_id="b")
        for name in ("c", "d", "e"):
            talk.send(context_id=name, transcript="Xin", **options)
        assert talk.until(error_code="busy", context_id="e")["retry_after"] >= 1
        talk.send_unchecked(transcript="no name")
        talk.until(error_code="field_invalid", context_id=None)
        assert talk.until_closed() == 1008
    assert described.unused == set()


@pytest.mark.parametrize("path", [ONE, SEVERAL, CARTESIA])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Connection": "Upgrade", "Upgrade": "h2c"},
        {"Connection": "keep-alive", "Upgrade": "websocket"},
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "8"},
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
    ],
)
def test_a_request_without_a_handshake(
    shared: LocalServer, document: Message, path: str, headers: dict[str, str]
) -> None:
    """It is answered with 426, as described, and with the protocol to upgrade to."""
    answer = httpx.get(shared.url + path.format(voice="pair"), headers=headers)
    assert answer.status_code == 426
    assert answer.headers["Upgrade"] == "websocket"
    assert answer.headers["Sec-WebSocket-Version"] == "13"
    described = document["paths"][path]["get"]["responses"]["426"]
    schema = described["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": document["components"]}).validate(answer.json())
    assert "upgrade_required" in answer.text
