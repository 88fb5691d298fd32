"""ElevenLabs' WebSockets, over real sockets, with sound checked against the answer over HTTP."""

import base64
import json
import signal
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.conftest import Starter
from tests.support.certificates import make_certificate
from tests.support.decoding import DECODERS
from tests.support.local_server import LocalServer, serving_here
from tests.support.server import AnyServer, Server, Settings, serving
from tests.support.sound import assert_speech
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.errors import Busy
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.sockets.places import Places

RACHEL = "21m00Tcm4TlvDq8ikWAM"
TEXT = "Xin chào các bạn. Hôm nay là ngày 5/3, giá là 1.200 đồng. Tôi ở TP. Huế đã lâu!"
LONG = " ".join(f"Câu số {number} kể về một ngày nắng đẹp ở miền quê." for number in range(60))
Message = dict[str, Any]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with one name of ElevenLabs' voices."""
    settings: Settings = {
        "elevenlabs": {"voices": {RACHEL: EMBEDDED_VOICE}},
        "limits": {"max_start_delay": 30},
    }
    with serving(tmp_path_factory.mktemp("sockets"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with a tiny voice, for tests of messages in which any sound will do."""
    settings: Settings = {
        "elevenlabs": {"voices": {RACHEL: "pair"}},
        "limits": {"max_start_delay": 30},
    }
    with serving_here(tmp_path_factory.mktemp("small"), settings) as server:
        yield server


@contextmanager
def socket(
    server: AnyServer,
    path: str = "stream-input",
    headers: dict[str, str] | None = None,
    **query: str,
) -> Iterator[ClientConnection]:
    """Open a WebSocket; clauses are not spoken alone unless the query says so."""
    query = {"output_format": "pcm_22050", "max_buffer_delay_ms": "60000", **query}
    url = httpx.URL(f"{server.url}/v1/text-to-speech/{RACHEL}/{path}", params=query)
    with connect(
        str(url.copy_with(scheme="ws")), additional_headers=headers, open_timeout=30
    ) as connection:
        yield connection


def send(connection: ClientConnection, **message: object) -> None:
    """Send a message."""
    connection.send(json.dumps(message))


def receive(connection: ClientConnection) -> Message:
    """Return the next message."""
    message: Message = json.loads(connection.recv(60))
    return message


def rest(connection: ClientConnection) -> list[Message]:
    """Return all messages until the server closes the socket normally."""
    return [json.loads(message) for message in connection]  # raises if it is not closed normally


def sound(messages: list[Message]) -> bytes:
    """Return the sound of messages."""
    return b"".join(base64.b64decode(message.get("audio") or "") for message in messages)


def over_http(server: AnyServer, text: str, output: str = "pcm_22050") -> bytes:
    """Return the sound of a text, as HTTP answers it."""
    answer = httpx.post(
        f"{server.url}/v1/text-to-speech/{RACHEL}/stream",
        params={"output_format": output},
        json={"text": text},
        timeout=60,
    )
    answer.raise_for_status()
    return answer.content


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_sound_is_that_of_http(shared: Server, size: int) -> None:
    """The pieces do not matter; alignments have each character as it was sent, in order."""
    with socket(shared) as connection:
        send(connection, text=" ", voice_settings={"stability": 0.5})
        for start in range(0, len(TEXT), size):
            send(connection, text=TEXT[start : start + size])
        send(connection, text="")
        messages = rest(connection)
    assert sound(messages) == over_http(shared, TEXT)
    assert [message["isFinal"] for message in messages[-2:]] == [None, True]
    alignments = [message["alignment"] for message in messages if message.get("alignment")]
    characters = "".join("".join(alignment["chars"]) for alignment in alignments)
    assert characters == f" {TEXT}"
    seconds = sum(
        alignment["charStartTimesMs"][-1] + alignment["charDurationsMs"][-1]
        for alignment in alignments
    )
    assert seconds / 1000 == pytest.approx(len(sound(messages)) / 2 / 22050, abs=0.05)


def test_pauses_are_those_of_http(shared: Server) -> None:
    """A break inside the text is silence of that length, also at its end and between flushes."""
    text = 'Xin chào <break time="0.4s"/> các bạn. [pause 0.3s] Hẹn gặp lại.<break time="0.5s"/>'
    with socket(shared) as connection:
        for character in text:
            send(connection, text=character)
        send(connection, text="")
        messages = rest(connection)
    assert sound(messages) == over_http(shared, text)
    alignments = [message["alignment"] for message in messages if message.get("alignment")]
    characters = "".join("".join(alignment["chars"]) for alignment in alignments)
    assert text.startswith(characters)
    with socket(shared) as connection:
        send(connection, text="Xin chào.", flush=True)
        send(connection, text='<break time="1s"/>', flush=True)
        send(connection, text="")
        pause = sound(rest(connection))[-2 * 22050 :]
    assert not any(pause)


@pytest.fixture(scope="module")
def locators(shared: Server) -> list[Message]:
    """Make a dictionary, and return it as a client of ElevenLabs names it."""
    rules = [
        {"type": "alias", "string_to_replace": "Zalo", "alias": "da lô"},
        {"type": "phoneme", "string_to_replace": "Nhân", "phoneme": "ɲan˧", "alphabet": "ipa"},
    ]
    answer = httpx.post(
        f"{shared.url}/v1/pronunciation-dictionaries/add-from-rules",
        json={"name": "brands", "rules": rules},
    )
    answer.raise_for_status()
    made = answer.json()
    return [{"pronunciation_dictionary_id": made["id"], "version_id": made["version_id"]}]


@pytest.mark.parametrize("path", ["stream-input", "multi-stream-input"])
def test_dictionaries_are_used_as_over_http(
    shared: Server, locators: list[Message], path: str
) -> None:
    """The first message names them; their words are said in all pieces of the text."""
    text = "Zalo của anh Nhân. Tôi mở Zalo lúc 5 giờ, rồi gọi cho Nhân!"
    answer = httpx.post(
        f"{shared.url}/v1/text-to-speech/{RACHEL}/stream",
        params={"output_format": "pcm_22050"},
        json={"text": text, "pronunciation_dictionary_locators": locators},
        timeout=60,
    )
    with socket(shared, path) as connection:
        send(connection, text=" ", pronunciation_dictionary_locators=locators)
        for character in text:
            send(connection, text=character)
        if path == "stream-input":
            send(connection, text="")
        else:
            send(connection, close_socket=True)
        assert sound(rest(connection)) == answer.content
    assert answer.content != over_http(shared, text)


def test_an_unknown_dictionary_is_told(small: LocalServer) -> None:
    """It closes the socket of one text; of several texts it ends only the one that names it."""
    unknown = [{"pronunciation_dictionary_id": "nothing"}]
    with socket(small) as connection:
        send(connection, text=" ", pronunciation_dictionary_locators=unknown)
        assert receive(connection)["error"] == "dictionary_not_found"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008
    assert closed.value.rcvd.reason.startswith("dictionary_not_found")
    with socket(small, "multi-stream-input") as connection:
        send(connection, text="a ", context_id="a", pronunciation_dictionary_locators=unknown)
        told = receive(connection)
        assert (told["error"], told["contextId"]) == ("dictionary_not_found", "a")
        send(connection, text="Xin chào. ", context_id="b")
        send(connection, close_socket=True)
        assert sound(rest(connection))


@pytest.mark.parametrize("output", ["mp3_44100_128", "ulaw_8000", "pcm_16000"])
def test_formats(shared: Server, output: str) -> None:
    """Formats are those of HTTP."""
    with socket(shared, output_format=output) as connection:
        send(connection, text=f"{TEXT} ")
        send(connection, text="")
        assert sound(rest(connection)) == over_http(shared, TEXT, output)


def test_sound_comes_before_the_text_has_ended(shared: Server) -> None:
    """A sentence is spoken when it is certain; a flush speaks the rest and keeps the socket."""
    with socket(shared) as connection:
        send(connection, text="Xin chào các bạn. Tôi là")
        first = receive(connection)
        assert first["alignment"]["chars"] == list("Xin chào các bạn.")
        send(connection, text=" Lan", flush=True)
        send(connection, text=" Vâng. ")
        send(connection, text="")
        heard = "".join(
            "".join(message["alignment"]["chars"])
            for message in [first, *rest(connection)]
            if message.get("alignment")
        )
        assert heard.strip() == "Xin chào các bạn. Tôi là Lan Vâng."


def test_a_clause_is_spoken_if_the_writer_is_slow(shared: Server) -> None:
    """After `max_buffer_delay_ms` the first clause is heard alone."""
    with socket(shared, max_buffer_delay_ms="50") as connection:
        send(connection, text="Dạ vâng thưa anh, số dư")
        assert "".join(receive(connection)["alignment"]["chars"]) == "Dạ vâng thưa anh,"


def test_chunks_wait_for_their_length(shared: Server) -> None:
    """`chunk_length_schedule` holds sentences back; a trigger does not wait, nor does auto_mode."""
    config = {"chunk_length_schedule": [500]}
    with socket(shared) as connection:
        send(connection, text="Xin chào các bạn. ", generation_config=config)
        with pytest.raises(TimeoutError):
            connection.recv(0.7)
        send(connection, text="Tôi", try_trigger_generation=True)
        assert receive(connection)["audio"]
    with socket(shared, auto_mode="true") as connection:
        send(connection, text="Xin chào các bạn. ", generation_config=config)
        assert receive(connection)["audio"]


def test_several_contexts(shared: Server) -> None:
    """Each has its own text and its own end; the socket ends when it is told to."""
    texts = {"một": "Xin chào các bạn.", "hai": "Cảm ơn rất nhiều!"}
    with socket(shared, "multi-stream-input") as connection:
        for name, text in texts.items():
            send(connection, text=f"{text} ", context_id=name)
        for name in texts:
            send(connection, context_id=name, flush=True)
            send(connection, context_id=name, close_context=True)
        send(connection, close_socket=True)
        messages = rest(connection)
    for name, text in texts.items():
        own = [message for message in messages if message["contextId"] == name]
        assert own[-1]["isFinal"]
        assert sound(own) == over_http(shared, text)


def test_a_context_can_be_interrupted(shared: Server) -> None:
    """Its sound stops long before its end, and another context speaks on the same socket."""
    whole = len(over_http(shared, LONG[:200]))
    with socket(shared, "multi-stream-input") as connection:
        send(connection, text=LONG + " ", context_id="một")
        assert receive(connection)["audio"]
        send(connection, context_id="một", close_context=True)
        messages = []
        while not (message := receive(connection)).get("isFinal"):
            messages.append(message)
        assert len(sound(messages)) < 12 * whole
        send(connection, text="Vâng ạ. ", context_id="hai", flush=True)
        assert receive(connection)["contextId"] == "hai"


def test_a_bad_text_ends_its_context_only(small: LocalServer) -> None:
    """The error names the context; the other contexts continue."""
    with socket(small, "multi-stream-input") as connection:
        send(connection, text="xin\x00chào", context_id="một")
        message = receive(connection)
        while message.get("isFinal"):
            message = receive(connection)
        assert message["error"] == "text_control_characters"
        assert message["contextId"] == "một"
        send(connection, text="Vâng ạ. ", context_id="hai", flush=True)
        while (message := receive(connection))["contextId"] != "hai":
            pass
        assert message["audio"]


def test_a_socket_ends_after_a_context_that_failed(small: LocalServer) -> None:
    """The client has asked for the end while the error of its last context was not known yet."""
    with socket(small, "multi-stream-input") as connection:
        send(connection, text='<break time="99s"/>Vâng ạ.', context_id="một", flush=True)
        send(connection, close_socket=True)
        messages = rest(connection)
    assert [message["error"] for message in messages] == ["markup_invalid"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": 5},
        {"text": "a", "flush": []},
        {"text": "a", "voice_settings": {"speed": 99}},
        {"text": "a", "generation_config": {"chunk_length_schedule": "x"}},
        {"played_ms": "no number"},
        {"close_socket": {}},
    ],
)
def test_a_wrong_field_ends_its_context_only(small: LocalServer, wrong: Message) -> None:
    """If the message is an object that names a context; else nothing is known to end but all."""
    with socket(small, "multi-stream-input") as connection:
        send(connection, text="Vâng ", context_id="hai")
        send(connection, text="Xin ", context_id="một")
        send(connection, **wrong, context_id="một")
        told = {}
        while "error" not in told:
            told = receive(connection)
            assert told["contextId"] == "một"
        assert told["error"].endswith("_invalid")
        send(connection, text="ạ. ", context_id="hai")
        send(connection, close_socket=True)
        messages = [message for message in rest(connection) if message["contextId"] == "hai"]
        assert "".join(messages[0]["alignment"]["chars"]).strip() == "Vâng ạ."
    for unnamed in (wrong, {**wrong, "context_id": 5}, {**wrong, "context_id": "\ud800"}):
        with socket(small, "multi-stream-input") as connection:
            send(connection, **unnamed)
            assert receive(connection)["error"].endswith("_invalid")
            with pytest.raises(ConnectionClosed):
                connection.recv(60)


@pytest.mark.parametrize(
    ("message", "code", "error"),
    [
        ("no JSON", 1007, "json_invalid"),
        ("[1]", 1007, "json_invalid"),
        ('{"text": 5}', 1008, "field_invalid"),
        ('{"text": "a\\u0000b"}', 1008, "text_control_characters"),
        (json.dumps({"text": "a", "voice_settings": {"speed": 99}}), 1008, None),
    ],
)
def test_bad_messages_are_told_and_end_the_socket(
    small: LocalServer, message: str, code: int, error: str | None
) -> None:
    """A message says why, and the code of the closing frame fits."""
    with socket(small) as connection:
        connection.send(message)
        told = receive(connection)
        assert told["error"] == error or error is None
        assert told["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(10)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == code


def test_a_message_has_a_limit(small: LocalServer) -> None:
    """A larger one closes the socket with 1009."""
    with socket(small) as connection:
        connection.send("x" * 70_000)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(10)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1009


def test_an_idle_socket_is_closed(small: LocalServer) -> None:
    """After `inactivity_timeout` seconds, with a message that says so."""
    with socket(small, inactivity_timeout="1") as connection:
        assert receive(connection)["error"] == "input_timeout_exceeded"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(10)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("query", "status"),
    [({"output_format": "mp3_1"}, 400), ({"inactivity_timeout": "x"}, 400)],
)
def test_a_bad_url_is_refused_before_the_upgrade(
    small: LocalServer, query: dict[str, Any], status: int
) -> None:
    """As a request over HTTP is."""
    with pytest.raises(InvalidStatus) as refused, socket(small, **query):
        pass
    assert refused.value.response.status_code == status


def test_foreign_pages_are_refused(small: LocalServer) -> None:
    """A page of another origin may not open a socket."""
    headers = {"Origin": "https://evil.example"}
    for query in ({}, {"xi-api-key": "any"}):
        with pytest.raises(InvalidStatus) as refused, socket(small, headers=headers, **query):
            pass
        assert refused.value.response.status_code == 403


def test_keys(start: Starter) -> None:
    """A key comes by header, by query or with the first message; without one nothing is said."""
    key, line = make_key("lan")
    settings: Settings = {
        "access": {"keys": [line]},
        "elevenlabs": {"voices": {RACHEL: "pair"}},
    }
    with start(settings, pair=True) as server:
        ways: list[tuple[dict[str, Any], Message]] = [
            ({"headers": {"xi-api-key": key}}, {}),
            ({"xi-api-key": key}, {}),
            ({}, {"xi_api_key": key}),
            ({}, {"authorization": f"Bearer {key}"}),
            ({}, {"authorization": key}),
            ({"authorization": f"Bearer {key}"}, {}),
            # a proxy's own authentication is no key, so the first message may bring one
            ({"headers": {"Authorization": "Basic bGFu"}}, {"xi_api_key": key}),
        ]
        for options, first in ways:
            with socket(server, **options) as connection:
                send(connection, text="Xin chào. ", **first)
                send(connection, text="")
                assert sound(rest(connection))
        with pytest.raises(InvalidStatus) as refused, socket(server, headers={"xi-api-key": "x"}):
            pass
        assert refused.value.response.status_code == 401
        for wrong in ({}, {"xi_api_key": "x"}, {"authorization": f"Basic {key}"}):
            with socket(server) as connection:
                send(connection, text="Xin chào. ", **wrong)
                assert receive(connection)["code"] == 1008


def test_strangers_lock_nobody_out(tmp_path: Path) -> None:
    """As many sockets without a key as there are places leave all places to callers with keys."""
    key, line = make_key("lan")
    settings: Settings = {
        "access": {"keys": [line], "open_operations": True},
        "agents": {"max_sockets": 8, "key_seconds": 120},
        "elevenlabs": {"voices": {RACHEL: "pair"}},
        "voice": {"name": "pair"},
    }
    install_pair(tmp_path / "voices")
    with serving(tmp_path, settings) as server, ExitStack() as stack:
        stranger, other = (stack.enter_context(socket(server)) for _ in range(2))
        for _ in range(6):  # strangers have a quarter of the places
            with pytest.raises(InvalidStatus) as refused, socket(server):
                pass
            assert refused.value.response.status_code == 503
            assert refused.value.response.headers["Retry-After"]
        known = [stack.enter_context(socket(server, headers={"xi-api-key": key})) for _ in range(8)]
        with pytest.raises(InvalidStatus) as refused, socket(server, headers={"xi-api-key": key}):
            pass
        assert refused.value.response.status_code == 503
        for connection in known:
            send(connection, text="Xin chào. ")
            send(connection, text="")
        assert all(sound(rest(connection)) for connection in known)
        server.wait_until(lambda: "\nvits_tts_sockets 2.0" in server.metrics(), "all closed")
        send(stranger, text="Xin chào. ", xi_api_key=key)
        send(stranger, text="")
        assert sound(rest(stranger))
        with socket(server):  # its place of a stranger is free again
            send(other, text="Xin chào. ", xi_api_key="wrong")
            assert receive(other)["error"] == "key_invalid"
            assert closing_code(other) == 1008


def test_an_address_has_a_part_of_the_places_of_strangers() -> None:
    """So that one machine cannot take them all; a proxy that stands for many clients can."""
    places = Places()
    leave = [places.take_as_stranger("a") for _ in range(4)]
    with pytest.raises(Busy):
        places.check_stranger(64, "a")
    for address in ("b", None):
        places.check_stranger(64, address)
    leave[0]()
    places.check_stranger(64, "a")
    leave += [places.take_as_stranger(None) for _ in range(13)]
    with pytest.raises(Busy):
        places.check_stranger(64, "b")
    places.check(1)
    for each in leave[1:]:
        each()
    places.check_stranger(1, "b")


def test_a_key_has_to_come_soon(tmp_path: Path) -> None:
    """A socket without one is closed; a key that comes when all places are taken gets an error."""
    key, line = make_key("lan")
    settings: Settings = {
        "access": {"keys": [line], "open_operations": True},
        "agents": {"max_sockets": 1, "key_seconds": 1},
        "elevenlabs": {"voices": {RACHEL: "pair"}},
        "voice": {"name": "pair"},
    }
    install_pair(tmp_path / "voices")
    with serving(tmp_path, settings) as server:
        with socket(server) as stranger:
            assert receive(stranger)["error"] == "key_missing"
            assert closing_code(stranger) == 1008
        server.wait_until(lambda: "\nvits_tts_sockets 0.0" in server.metrics(), "no socket open")
        with socket(server, headers={"xi-api-key": key}), socket(server) as late:
            send(late, text="Xin chào. ", xi_api_key=key)
            assert receive(late)["error"] == "busy"
            assert closing_code(late) == 1013


def closing_code(connection: ClientConnection) -> int:
    """Return the code with which the server closes a socket."""
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(30)
    assert closed.value.rcvd
    return closed.value.rcvd.code


def test_limits(start: Starter) -> None:
    """A socket too many gets 503; a context too many is refused, and the others continue."""
    settings: Settings = {
        "agents": {"max_sockets": 1, "max_contexts": 1},
        "elevenlabs": {"voices": {RACHEL: "pair"}},
    }
    with (
        start(settings, pair=True) as server,
        socket(server, "multi-stream-input") as connection,
    ):
        with pytest.raises(InvalidStatus) as refused, socket(server):
            pass
        assert refused.value.response.status_code == 503
        send(connection, text="Xin", context_id="một")
        send(connection, text="Xin", context_id="hai")
        message = receive(connection)
        assert (message["error"], message["contextId"]) == ("context_invalid", "hai")
        send(connection, context_id="một", flush=True)
        assert receive(connection)["contextId"] == "một"


def test_contexts_finish_before_the_process_ends(start: Starter) -> None:
    """After SIGTERM a text is spoken to its end."""
    settings: Settings = {"elevenlabs": {"voices": {RACHEL: EMBEDDED_VOICE}}}
    with start(settings) as server:
        expected = over_http(server, TEXT)
        with socket(server) as connection:
            send(connection, text=TEXT[:30])
            messages = [receive(connection)]
            server.process.send_signal(signal.SIGTERM)
            server.wait_for_text("draining")
            send(connection, text=TEXT[30:])
            send(connection, text="")
            messages += rest(connection)
        assert sound(messages) == expected
        assert server.process.wait(30) == 0


def test_a_quiet_socket_does_not_hold_up_the_end(start: Starter) -> None:
    """It is closed with 1001."""
    settings: Settings = {"elevenlabs": {"voices": {RACHEL: "pair"}}}
    with start(settings, pair=True) as server, socket(server, "multi-stream-input") as connection:
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(30)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1001
        assert server.process.wait(30) == 0


def test_a_slow_reader_pauses_synthesis(start: Starter) -> None:
    """Drop a reader that takes nothing, long before all of its text was made."""
    settings: Settings = {
        "elevenlabs": {"voices": {RACHEL: EMBEDDED_VOICE}},
        "cache": {"memory": {"max_bytes": 0}},
        "limits": {"slow_client_seconds": 2},
    }
    with start(settings) as server:
        url = f"{server.url}/v1/text-to-speech/{RACHEL}/stream-input?output_format=pcm_44100"
        with connect(url.replace("http", "ws", 1), max_queue=1) as connection:
            for number in range(3):
                send(connection, text=f"{LONG} Lần {number}. ")
            send(connection, text="")
            server.wait_for_text("caller reads too slowly, dropped")


def test_many_sockets_at_once(small: LocalServer) -> None:
    """Every one gets its own sound, from a server that has learned how long a sentence takes.

    The voice is a tiny one, so that also a busy machine has the power for all of them; its sound
    depends on the length of a text.
    """

    def text(number: int) -> str:
        return f"Đây là cuộc trò chuyện {'lớn ' * number}số {number}."

    for number in range(12, 18):
        over_http(small, text(number))

    def talk(number: int) -> bytes:
        with socket(small) as connection:
            for word in text(number).split():
                send(connection, text=f"{word} ")
            send(connection, text="")
            return sound(rest(connection))

    with ThreadPoolExecutor(12) as pool:
        sounds = list(pool.map(talk, range(12)))
    assert len(set(sounds)) == 12
    assert sounds[3] == over_http(small, text(3))


@pytest.mark.filterwarnings("ignore:ConnectionClosed.code:DeprecationWarning")
@pytest.mark.parametrize("output", ["pcm_22050", "mp3_44100_128"])
def test_the_official_client(secure: Server, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    """ElevenLabs' own client, with its option `base_url`, speaks a generator of words."""
    elevenlabs = pytest.importorskip("elevenlabs", reason="needs the group `clients`")
    certificate = str(secure.log.parent / "one.pem")
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    context = ssl.create_default_context(cafile=certificate)
    with httpx.Client(timeout=60, verify=context) as http:
        client = elevenlabs.ElevenLabs(base_url=secure.url, api_key="none", httpx_client=http)
        speech = client.text_to_speech
        words = (f"{word} " for word in TEXT.split())
        heard = b"".join(
            speech.convert_realtime(RACHEL, text=words, model_id="eleven_v3", output_format=output)
        )
        alone = b"".join(speech.stream(RACHEL, text=TEXT, output_format=output))
    decode = DECODERS[output.partition("_")[0]]
    rate = int(output.split("_")[1])
    spoken, expected = decode(heard, rate), decode(alone, rate)
    assert_speech(spoken, shortest=4, longest=12)
    assert np.square(spoken.samples).sum() == pytest.approx(
        np.square(expected.samples).sum(), rel=0.02
    )
    assert 0 <= expected.seconds - spoken.seconds + 0.05 < 1  # pauses shrink if words come late


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with TLS, which ElevenLabs' client asks for on its sockets."""
    folder = tmp_path_factory.mktemp("secure")
    make_certificate(folder, "one")
    settings: Settings = {
        "agents": {"max_buffer_delay": 60},
        "elevenlabs": {"voices": {RACHEL: EMBEDDED_VOICE}},
        "limits": {"max_start_delay": 30},
        "server": {"tls_certificate": "one.pem", "tls_key": "one.key"},
    }
    with serving(folder, settings, ready=False) as server:
        trusted = ssl.create_default_context(cafile=str(folder / "one.pem"))
        with httpx.Client(verify=trusted, timeout=60) as ready:
            server.wait_until(lambda: ready.get(f"{server.url}/readyz").is_success, "ready")
        yield server


def test_a_context_tells_how_much_was_heard(shared: Server) -> None:
    """A cancelled context tells the characters that were sent, and those that were played."""
    with socket(shared, "multi-stream-input") as connection:
        send(connection, text=LONG + " ", context_id="một")
        messages: list[Message] = []
        while len(sound(messages)) < 2 * 22050 * 4:
            messages.append(receive(connection))
        send(connection, context_id="một", cancel=True, played_ms=1500)
        while not messages[-1].get("isFinal"):
            messages.append(receive(connection))
        last = messages[-1]
        assert last["sent"]["ms"] == pytest.approx(len(sound(messages)) / 2 / 22.05, abs=1)
        assert last["heard"]["ms"] == 1500
        assert 0 < last["heard"]["characters"] < last["sent"]["characters"] < len(LONG)
        heard, alignments = 0, [one["alignment"] for one in messages if one.get("alignment")]
        times = zip(
            alignments[0]["charStartTimesMs"], alignments[0]["charDurationsMs"], strict=True
        )
        heard = sum(start + duration <= 1501 for start, duration in times)
        assert last["heard"]["characters"] == pytest.approx(heard, abs=1)
        send(connection, context_id="một", played_ms=0)
        assert receive(connection)["heard"] == {"characters": 0, "ms": 0}
        send(connection, context_id="một", text="Vâng ạ. ", flush=True)  # the name begins anew
        assert receive(connection)["audio"]
