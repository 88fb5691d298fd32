"""SSML on ElevenLabs' WebSockets, over real sockets: the sound is that of HTTP."""

import base64
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.local import LocalServer, serving_here
from tests.support.server import Reachable, Settings
from tests.support.voices import install_pair

Message = dict[str, Any]
DOCUMENT = """<?xml version="1.0"?>
<speak>
  <p><s>Xin chào</s><s>Giá là <say-as interpret-as="cardinal">1200</say-as> đồng</s></p>
  <prosody rate="slow">Đọc <break time="250ms"/> chậm, <mark name="here"/>nhé &amp; mãi.</prosody>
  <voice name="pair/minh">Tôi &lt;là&gt; Minh.</voice>
  <sub alias="Liên Hợp Quốc">LHQ</sub> họp.<break/>
</speak>"""
FRAGMENTS = (
    'Cuộc họp của <sub alias="Liên Hợp Quốc">LHQ</sub> rất dài. Rồi <break time="0.25s"/>'
    'hết. <prosody rate="fast">Câu một. <voice name="pair/minh">Câu hai.</voice></prosody> '
    'Số <say-as interpret-as="digits">12</say-as> nhé.<break time="0.5s"/>'
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with a fast voice, whose samples show the speaker and the speed."""
    folder = tmp_path_factory.mktemp("ssml")
    install_pair(folder / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "limits": {"max_start_delay": 60},
        "server": {"max_text_chars": 2000},
        "agents": {"max_contexts": 60},
    }
    with serving_here(folder, settings) as server:
        yield server


@contextmanager
def socket(
    server: Reachable, path: str = "stream-input", **query: str
) -> Iterator[ClientConnection]:
    """Open a WebSocket on which SSML is read."""
    query = {
        "output_format": "pcm_8000",
        "max_buffer_delay_ms": "60000",
        "enable_ssml_parsing": "true",
        **query,
    }
    url = httpx.URL(f"{server.url}/v1/text-to-speech/pair/{path}", params=query)
    with connect(str(url.copy_with(scheme="ws")), open_timeout=60) as connection:
        yield connection


def send(connection: ClientConnection, **message: object) -> None:
    """Send a message."""
    connection.send(json.dumps(message))


def rest(connection: ClientConnection) -> list[Message]:
    """Return all messages until the server closes the socket normally."""
    return [json.loads(message) for message in connection]


def sound(messages: list[Message]) -> bytes:
    """Return the sound of messages."""
    return b"".join(base64.b64decode(message.get("audio") or "") for message in messages)


def over_http(server: Reachable, document: str) -> tuple[bytes, list[Message]]:
    """Return the samples of a document, and its words with their times and places."""
    asked = {"text": document, "input": "ssml"}
    answer = httpx.post(f"{server.url}/tts/stream", json=asked, timeout=60).raise_for_status()
    told = httpx.post(f"{server.url}/tts", json={**asked, "timestamps": True}, timeout=60)
    sentences = told.raise_for_status().json()["timestamps"]["sentences"]
    return answer.content[44:], [word for sentence in sentences for word in sentence["words"]]


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("text", [DOCUMENT, FRAGMENTS])
def test_the_sound_and_times_are_those_of_http(shared: LocalServer, text: str, size: int) -> None:
    """However it is cut; each word is heard at its place in the markup that was sent."""
    document = text if text is DOCUMENT else f"<speak>{text}</speak>"
    moved = document.index(text)
    samples, words = over_http(shared, document)
    with socket(shared) as connection:
        for start in range(0, len(text), size):
            send(connection, text=text[start : start + size])
        send(connection, text="")
        messages = rest(connection)
    assert sound(messages) == samples
    starts: dict[int, float] = {}
    characters, base = "", 0.0
    for alignment in filter(None, (message.get("alignment") for message in messages)):
        for number, start in enumerate(alignment["charStartTimesMs"]):
            starts[len(characters) + number] = base + start
        base += alignment["charStartTimesMs"][-1] + alignment["charDurationsMs"][-1]
        characters += "".join(alignment["chars"])
    assert characters == text
    first = {word["start"]: word for word in reversed(words)}  # of those that one place is read as
    assert len(first) > 10
    for word in first.values():
        place = word["start"] - moved
        assert starts[place] == pytest.approx(word["start_seconds"] * 1000, abs=20), word


def test_without_the_parameter_tags_are_boundaries(shared: LocalServer) -> None:
    """As before; a break is a pause in any case."""
    with socket(shared, enable_ssml_parsing="false") as connection:
        send(connection, text='<prosody rate="slow">Xin chào</prosody> bạn.<break time="1s"/>')
        send(connection, text="")
        found = sound(rest(connection))
    assert found == over_http(shared, '<speak>Xin chào bạn.<break time="1s"/></speak>')[0]


def test_a_sentence_with_an_element_does_not_wait_for_the_end(shared: LocalServer) -> None:
    """Its sound comes while the text is being written; a flush breaks no open element."""
    with socket(shared) as connection:
        send(connection, text='Cuộc họp của <sub alias="Liên Hợp Quốc">LHQ</sub> rất dài. <prosody')
        first = json.loads(connection.recv(60))
        assert "".join(first["alignment"]["chars"]).endswith("LHQ</sub> rất dài.")
        send(connection, text=" rate='slow'>Vâng", flush=True)
        send(connection, text=" ạ.</prosody>")
        send(connection, text="")
        heard = [message.get("normalizedAlignment") for message in rest(connection)]
    assert ["".join(one["chars"]) for one in heard if one and one["chars"]] == ["vâng ạ."]


def hostile() -> Iterator[str]:
    """Yield fifty broken documents."""
    yield from (
        '<!DOCTYPE speak [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><speak>&b;</speak>',
        '<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak>a</speak>',
        "<speak>" + "<p>" * 300,
        "<prosody rate='slow'>" * 90 + "a",
        "<speak><emphasis>a</emphasis></speak>",
        '<speak xml:lang="fr">a</speak>',
        "<speak>&undefined;</speak>",
        "<speak>" + "&#55296;</speak>",
        "<speak>a",
        "<!-- a",
        "<sub alias='" + "a" * 1900,
        "<speak>" + "a " * 1100,  # more than may wait
        "<audio src='http://localhost/a.wav'/>",
        "</speak>",
        "<voice name='nobody'>a</voice>",
        "<break time='61s'/>",
    )
    generator = random.Random(50)  # noqa: S311
    for _ in range(34):
        tags = generator.choices(["<p>", "<s>", "<prosody rate='2'>", "<voice name='pair'>"], k=4)
        closing = [f"</{tag[1:].split()[0].rstrip('>')}>" for tag in tags]  # in the wrong order
        yield "".join(tags) + "a" + "".join(closing) + "<prosody rate='x'>a</prosody>"


def test_a_broken_document_ends_only_its_context(shared: LocalServer) -> None:
    """Fifty of them on one socket, each with an error; another context continues."""
    documents = list(hostile())
    assert len(documents) == 50
    with socket(shared, "multi-stream-input") as connection:
        send(connection, context_id="good", text="Xin chào ")
        for number, document in enumerate(documents):
            send(connection, context_id=str(number), text=document)
            send(connection, context_id=str(number), text=" ", flush=True)
            send(connection, context_id=str(number), close_context=True, flush=True)
        send(connection, context_id="good", text="<break/> các bạn.")
        send(connection, close_socket=True)
        messages = rest(connection)
    failed = {message["contextId"]: message["error"] for message in messages if "error" in message}
    assert set(failed) == {str(number) for number in range(50)}
    assert set(failed.values()) <= {"markup_invalid", "markup_unsupported", "text_too_long"}
    said = [message for message in messages if message.get("audio")]
    assert {message["contextId"] for message in said} == {"good"}
    assert sound(said) == over_http(shared, "<speak>Xin chào <break/> các bạn.</speak>")[0]


def test_an_error_of_one_text_closes_its_socket(shared: LocalServer) -> None:
    """With the error's code, and the place in all that was sent."""
    with socket(shared) as connection:
        send(connection, text="Xin chào.\nTôi ")
        send(connection, text="<prosody rate='x'>a</prosody>")
        while "error" not in (told := json.loads(connection.recv(60))):
            pass
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert told["error"] == "markup_invalid"
    assert "<prosody> at line 2, column 5" in told["message"]
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1008


def test_tags_of_cartesia(shared: LocalServer) -> None:
    """Pauses and spelling; those that change the voice have no effect, and are not said."""
    text = 'Mã là <spell>AB-12</spell>. <speed ratio="1.5"/>Chờ <break time="0.25s"/> nhé.'
    document = (
        '<speak>Mã là <say-as interpret-as="characters">AB-12</say-as>. Chờ '
        '<break time="0.25s"/> nhé.</speak>'
    )
    encoding = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000}
    asked = {"model_id": "sonic-3", "context_id": "a", "output_format": encoding}
    url = shared.url.replace("http", "ws", 1) + "/tts/websocket"
    with connect(url, open_timeout=60) as connection:
        for piece in (*text, ""):
            send(connection, **asked, transcript=piece, **{"continue": bool(piece)})
        heard = b""
        while (message := json.loads(connection.recv(60)))["type"] != "done":
            heard += base64.b64decode(message.get("data", ""))
    assert heard == over_http(shared, document)[0]
    body = {**asked, "transcript": text}
    whole = httpx.post(f"{shared.url}/tts/bytes", json=body, timeout=60).raise_for_status()
    assert whole.content == heard


def cartesia_sound(server: Reachable, text: str, **more: object) -> bytes:
    """Return the sound of a text on Cartesia's WebSocket, sent character by character."""
    encoding = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000}
    asked = {"model_id": "sonic-3", "context_id": "a", "output_format": encoding, **more}
    url = server.url.replace("http", "ws", 1) + "/tts/websocket"
    heard = b""
    with connect(url, open_timeout=60) as connection:
        for piece in (*text, ""):
            send(connection, **asked, transcript=piece, **{"continue": bool(piece)})
        while (message := json.loads(connection.recv(60)))["type"] != "done":
            heard += base64.b64decode(message.get("data", ""))
    return heard


def test_volume_over_all_interfaces(shared: LocalServer) -> None:
    """OpenAI's path and Cartesia's take the volume as `/tts` does."""
    text = "Xin chào. Tôi là Lan."
    plain, soft = (
        httpx.post(f"{shared.url}/tts/stream", json={"text": text, "volume": volume}).content[44:]
        for volume in (1, 0.5)
    )
    assert plain != soft
    config = {"generation_config": {"volume": 0.5}}
    assert cartesia_sound(shared, text, **config) == soft
    encoding = {"container": "raw", "sample_rate": 8000}
    body = {"transcript": text, "output_format": encoding, **config}
    assert httpx.post(f"{shared.url}/tts/bytes", json=body).raise_for_status().content == soft
    asked = {"model": "a", "input": text, "response_format": "wav", "volume": 0.5}
    answer = httpx.post(f"{shared.url}/v1/audio/speech", json=asked).raise_for_status()
    assert answer.content[44:] == soft
    refused = httpx.post(f"{shared.url}/v1/audio/speech", json={**asked, "volume": 5})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "volume")


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("tts", {"turns": [{"text": ""}]}, "turns[0].text is empty"),
        ("tts", {"turns": "x"}, "turns must be a list of objects, and the request JSON"),
        ("tts", {"text": "Xin chào", "input": "ssml"}, "an SSML document begins with <speak>"),
        ("tts", {"text": "a<break/>b", "input": "ssml"}, "an SSML document begins with <speak>"),
        ("tts/bytes", {"transcript": "a", "voice": {"mode": "embedding"}}, "voice needs an id"),
        (
            "tts/bytes",
            {"transcript": "a", "generation_config": {"speed": "x"}},
            "generation_config.speed must be a number, not a text",
        ),
        (
            "tts/bytes",
            {"transcript": "a", "generation_config": 5},
            "generation_config must be an object, not a number",
        ),
    ],
)
def test_errors_are_clear(shared: LocalServer, path: str, body: Message, told: str) -> None:
    """They say which value is wrong, in the words of the interface."""
    answer = httpx.post(f"{shared.url}/{path}", json=body)
    assert 400 <= answer.status_code < 500
    assert told in answer.text
