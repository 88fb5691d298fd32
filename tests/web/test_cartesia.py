"""Cartesia's paths, spoken to by Cartesia's own client and by hand, with sound checked."""

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.conftest import Starter
from tests.support.decoding import DECODERS
from tests.support.local_server import LocalServer, serving_here
from tests.support.server import AnyServer, Server, Settings, serving
from tests.support.sound import Sound, assert_speech
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.web.auth.api_keys import make_key

VOICE = "6ccbfb76-1fc6-48f7-b71d-91ac6298247b"
TEXT = "Xin chào các bạn. Hôm nay là ngày 5/3, giá là 1.200 đồng. Tôi ở TP. Huế đã lâu!"
LONG = " ".join(f"Câu số {number} kể về một ngày nắng đẹp ở miền quê." for number in range(60))
RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 22050}
Message = dict[str, Any]
ENDS: Message = {"continue": False}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with one name of Cartesia's voices."""
    settings: Settings = {
        "cartesia": {"voices": {VOICE: EMBEDDED_VOICE}},
        "limits": {"max_start_delay": 30},
    }
    with serving(tmp_path_factory.mktemp("cartesia"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with a tiny voice, for tests of messages in which any sound will do."""
    settings: Settings = {
        "cartesia": {"voices": {VOICE: "pair"}},
        "limits": {"max_start_delay": 30},
    }
    with serving_here(tmp_path_factory.mktemp("small"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def expected(shared: Server) -> bytes:
    """Return the sound of the text as `/tts/stream` sends it."""
    return over_http(shared, TEXT)


def over_http(server: AnyServer, text: str, **options: object) -> bytes:
    """Return the sound of a text, as our own path answers it."""
    asked = {"text": text, "format": "pcm", "sample_rate": 22050, **options}
    answer = httpx.post(f"{server.url}/tts/stream", json=asked, timeout=60)
    answer.raise_for_status()
    return answer.content


@contextmanager
def socket(server: AnyServer, query: str = "", **headers: str) -> Iterator[ClientConnection]:
    """Open a WebSocket."""
    url = f"{server.url.replace('http', 'ws', 1)}/tts/websocket{query}"
    with connect(url, additional_headers=headers, open_timeout=30) as connection:
        yield connection


def send(connection: ClientConnection, transcript: str = "", **more: object) -> None:
    """Send a piece of a transcript; clauses are not spoken alone unless ``more`` says so."""
    message = {
        "context_id": "một",
        "model_id": "sonic-3",
        "transcript": transcript,
        "voice": {"mode": "id", "id": VOICE},
        "language": "vi",
        "output_format": RAW,
        "continue": True,
        "max_buffer_delay_ms": 60_000,
    }
    connection.send(json.dumps(message | more))


def until_done(connection: ClientConnection, name: str = "một") -> list[Message]:
    """Return the messages of a context up to its last one."""
    messages = []
    while True:
        message: Message = json.loads(connection.recv(60))
        if message["context_id"] != name:
            continue
        messages.append(message)
        if message["type"] in {"done", "error", "cancelled"}:
            return messages


def sound(messages: list[Message]) -> bytes:
    """Return the sound of messages."""
    return b"".join(base64.b64decode(message.get("data") or "") for message in messages)


def energy(data: bytes) -> float:
    """Return the energy of samples, which a shift by a part of a sample does not change."""
    return float(np.square(np.frombuffer(data, "<i2").astype(np.float64)).sum())


def assert_same(heard: bytes, alone: bytes) -> None:
    """Assert that a sound is that of HTTP, but for pauses of which a late sentence has a part."""
    assert energy(heard) == pytest.approx(energy(alone), rel=0.02)
    assert 0 <= len(alone) - len(heard) < 22050 * 2


# --- the official client -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(shared: Server) -> Iterator[Any]:
    """Return Cartesia's client, pointed here by its options of addresses."""
    cartesia = pytest.importorskip("cartesia", reason="needs the group `clients`")
    sockets = shared.url.replace("http", "ws", 1)
    with cartesia.Cartesia(
        api_key="none", base_url=shared.url, websocket_base_url=sockets, max_retries=0
    ) as made:
        yield made


def test_the_official_client_over_http(client: Any, expected: bytes) -> None:
    """`generate` returns the sound of our own path, and `generate_sse` the same in events."""
    options: dict[str, Any] = {
        "model_id": "sonic-3",
        "transcript": TEXT,
        "voice": {"mode": "id", "id": VOICE},
        "output_format": RAW,
    }
    assert client.tts.generate(**options).read() == expected
    events = list(client.tts.generate_sse(**options, add_timestamps=True, context_id="một"))
    assert b"".join(event.audio for event in events if event.type == "chunk") == expected
    words = [
        word
        for event in events
        if event.type == "timestamps"
        for word in event.word_timestamps.words
    ]
    assert " ".join(words) == TEXT
    assert events[-1].type == "done"
    assert {event.context_id for event in events} == {"một"}


def phonemes_of(shared: Server, text: str) -> list[Message]:
    """Return the phonemes of a text with their times, as our own path answers them."""
    asked = {"text": text, "timestamps": "phonemes"}
    answer = httpx.post(f"{shared.url}/tts", json=asked, timeout=60)
    sentences = answer.raise_for_status().json()["timestamps"]["sentences"]
    words = [word for sentence in sentences for word in sentence["words"]]
    return [phoneme for word in words for phoneme in word["phonemes"]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of old names in `websockets`
def test_the_official_client_reads_phonemes(shared: Server, client: Any) -> None:
    """Phonemes with their times come as events and over a socket, those of our own path."""
    options: dict[str, Any] = {
        "model_id": "sonic-3",
        "voice": {"mode": "id", "id": VOICE},
        "output_format": RAW,
        "add_phoneme_timestamps": True,
    }
    expected = phonemes_of(shared, TEXT)
    assert len(expected) > 50
    events = list(client.tts.generate_sse(**options, transcript=TEXT))
    with client.tts.websocket_connect() as connection:
        context = connection.context("một", **options, max_buffer_delay_ms=5000)
        context.push(TEXT)
        context.no_more_inputs()
        received = list(context.receive())
    for kind, timed in (("sse", events), ("socket", received)):
        assert {event.type for event in timed} >= {"chunk", "phoneme_timestamps"}, kind
        assert not any(event.type == "timestamps" for event in timed), kind
        found = [event.phoneme_timestamps for event in timed if event.type == "phoneme_timestamps"]
        names = [name for one in found for name in one.phonemes]
        assert names == [phoneme["phoneme"] for phoneme in expected], kind
        starts = [start for one in found for start in one.start]
        ends = [end for one in found for end in one.end]
        assert starts == pytest.approx([phoneme["start_seconds"] for phoneme in expected], abs=0.01)
        assert ends == pytest.approx([phoneme["end_seconds"] for phoneme in expected], abs=0.01)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of old names in `websockets`
def test_the_official_client_over_a_socket(client: Any, expected: bytes) -> None:
    """A context takes word by word; two contexts share a socket, and one of them is cancelled."""
    with client.tts.websocket_connect() as connection:
        options: dict[str, Any] = {
            "model_id": "sonic-3",
            "voice": {"mode": "id", "id": VOICE},
            "output_format": RAW,
            "add_timestamps": True,
            "max_buffer_delay_ms": 5000,
        }
        other = connection.context("hai", **options)
        other.push(LONG)
        context = connection.context("một", **options)
        for word in TEXT.split(" "):
            context.push(f"{word} ")
        other.cancel()
        context.no_more_inputs()
        heard, words = b"", []
        for event in context.receive():
            if event.context_id == "hai":
                continue
            if event.type == "chunk":
                heard += event.audio
            elif event.type == "timestamps":
                words += event.word_timestamps.words
        assert_same(heard, expected)
        assert " ".join(words) == TEXT


def test_the_official_client_reads_errors(client: Any) -> None:
    """Errors over HTTP have the client's classes, with our message."""
    cartesia = pytest.importorskip("cartesia", reason="needs the group `clients`")
    options: dict[str, Any] = {"model_id": "sonic-3", "transcript": TEXT, "output_format": RAW}
    with pytest.raises(cartesia.NotFoundError, match="there is no voice 'nobody'"):
        client.tts.generate(**options, voice={"mode": "id", "id": "nobody"})


# --- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["raw", "wav"])
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"])
def test_encodings(shared: Server, expected: bytes, container: str, encoding: str) -> None:
    """Every encoding has the samples of our own path, within its precision."""
    options = {"container": container, "encoding": encoding, "sample_rate": 22050}
    answer = httpx.post(
        f"{shared.url}/tts/bytes",
        json={"transcript": TEXT, "voice": VOICE, "output_format": options},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    true = np.frombuffer(expected, "<i2") / 32768
    if container == "wav":
        heard, rate = soundfile.read(io.BytesIO(answer.content))
    else:
        subtypes = {"pcm_s16le": "PCM_16", "pcm_f32le": "FLOAT"}
        heard, rate = soundfile.read(
            io.BytesIO(answer.content),
            samplerate=22050,
            channels=1,
            format="RAW",
            subtype=subtypes.get(encoding, encoding[4:].upper().replace("MULAW", "ULAW")),
        )
    assert (rate, len(heard)) == (22050, len(true))
    law = "law" in encoding
    assert np.all(np.abs(heard - true) <= (np.abs(true) / 16 + 0.001 if law else 0))


@pytest.mark.parametrize("container", ["mp3", "flac", "ogg"])
def test_containers(shared: Server, expected: bytes, container: str) -> None:
    """Compressed containers are those of our own path."""
    options = {"container": container, "sample_rate": 24000, "bit_rate": 64000}
    if container == "flac":
        del options["bit_rate"]
    answer = httpx.post(
        f"{shared.url}/tts/bytes",
        json={"transcript": TEXT, "voice": {"id": VOICE}, "output_format": options},
        timeout=60,
    )
    name = {"ogg": "opus"}.get(container, container)
    decoded = DECODERS[name](answer.content, 24000)
    assert decoded.seconds == pytest.approx(len(expected) / 2 / 22050, abs=0.2)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"voice": VOICE}, 400, "text_missing"),
        ({"transcript": "a\x00b"}, 400, "text_control_characters"),
        ({"transcript": 5}, 400, "field_invalid"),
        ({"transcript": TEXT, "voice": "nobody"}, 404, "voice_unknown"),
        ({"transcript": TEXT, "voice": {"mode": "embedding"}}, 404, "voice_unknown"),
        ({"transcript": TEXT, "output_format": {"container": "midi"}}, 400, "format_invalid"),
        (
            {"transcript": TEXT, "output_format": {"container": "raw", "encoding": "pcm_s8"}},
            400,
            "format_invalid",
        ),
        (
            {"transcript": TEXT, "output_format": {"container": "wav", "sample_rate": 5}},
            400,
            "sample_rate_invalid",
        ),
        ({"transcript": TEXT, "speed": "warp"}, 400, None),
    ],
)
def test_errors(small: LocalServer, body: Message, status: int, code: str | None) -> None:
    """Errors have Cartesia's form and our codes, on both paths."""
    for path in ("bytes", "sse"):
        answer = httpx.post(f"{small.url}/tts/{path}", json=body)
        assert answer.status_code == status
        told = answer.json()
        assert told["status_code"] == status
        assert code in {told["error_code"], None}


def test_speed(shared: Server) -> None:
    """`generation_config.speed` is a rate, `speed` a name."""
    base = {"transcript": TEXT, "voice": VOICE, "output_format": RAW}
    fast = httpx.post(f"{shared.url}/tts/bytes", json={**base, "speed": "fast"}, timeout=60)
    assert fast.content == over_http(shared, TEXT, speed="fast")
    rate = {"generation_config": {"speed": 1.5, "emotion": "happy"}}
    fast = httpx.post(f"{shared.url}/tts/bytes", json={**base, **rate}, timeout=60)
    assert fast.content == over_http(shared, TEXT, speed=1.5)


@pytest.fixture(scope="module")
def dictionary(shared: Server) -> str:
    """Make a dictionary, and return its id."""
    rules = [{"type": "alias", "string_to_replace": "Zalo", "alias": "con mèo"}]
    answer = httpx.post(
        f"{shared.url}/v1/pronunciation-dictionaries/add-from-rules",
        json={"name": "brands", "rules": rules},
    )
    answer.raise_for_status()
    made: str = answer.json()["id"]
    return made


def test_a_dictionary_is_used(shared: Server, dictionary: str) -> None:
    """Over HTTP, in events and on the socket its words are said; an unknown one is an error."""
    text = "Tôi mở Zalo."
    expected = over_http(shared, text, dictionaries=["brands"])
    assert expected != over_http(shared, text)
    body: Message = {"transcript": text, "voice": VOICE, "output_format": RAW}
    for name in (dictionary, "brands"):
        asked = {**body, "pronunciation_dict_id": name}
        answer = httpx.post(f"{shared.url}/tts/bytes", json=asked, timeout=60)
        assert answer.content == expected
    with socket(shared) as connection:
        send(connection, "Tôi mở Za", pronunciation_dict_id=dictionary)
        send(connection, "lo.", **ENDS)
        assert sound(until_done(connection)) == expected
        send(connection, text, context_id="hai", pronunciation_dict_id="none")
        assert until_done(connection, "hai")[-1]["error_code"] == "dictionary_not_found"
    asked = {**body, "pronunciation_dict_id": "none"}
    for path in ("bytes", "sse"):
        answer = httpx.post(f"{shared.url}/tts/{path}", json=asked)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "dictionary_not_found")


def test_events_of_a_long_text(shared: Server) -> None:
    """Its first sentence is heard before the rest is read; sound and words are those of all."""
    asked: Message = {"transcript": LONG, "voice": VOICE, "output_format": RAW}
    answer = httpx.post(f"{shared.url}/tts/sse", json={**asked, "add_timestamps": True}, timeout=90)
    lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert sound(events) == over_http(shared, LONG)
    times = [event["word_timestamps"] for event in events if "word_timestamps" in event]
    assert " ".join(word for one in times for word in one["words"]) == LONG
    assert events[-1]["type"] == "done"


# --- the socket ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_sound_is_that_of_http(shared: Server, expected: bytes, size: int) -> None:
    """However the transcript is cut; word times cover the sound in order."""
    with socket(shared) as connection:
        for start in range(0, len(TEXT), size):
            send(connection, TEXT[start : start + size], add_timestamps=True)
        send(connection, **ENDS)
        messages = until_done(connection)
    assert_same(sound(messages), expected)
    times = [message["word_timestamps"] for message in messages if "word_timestamps" in message]
    assert " ".join(word for one in times for word in one["words"]) == TEXT
    starts = [start for one in times for start in one["start"]]
    assert starts == sorted(starts)
    assert times[-1]["end"][-1] <= len(expected) / 2 / 22050 + 0.01
    assert messages[-1] == {
        "type": "done",
        "done": True,
        "status_code": 200,
        "context_id": "một",
    }


def test_words_have_no_tags(small: LocalServer) -> None:
    """Tags and pauses are left out of the words around them, and inside of one."""
    text = 'Tạm <emotion value="sad"/>biệt[pause 0.1s]nhé <b>V</b>iệt <spell>A1</spell>, 2 < 3.'
    with socket(small) as connection:
        send(connection, text, add_timestamps=True, **ENDS)
        messages = until_done(connection)
    times = [message["word_timestamps"] for message in messages if "word_timestamps" in message]
    words = [word for one in times for word in one["words"]]
    assert words == ["Tạm", "biệt", "nhé", "Việt", "A1,", "2", "<", "3."]


def test_normalized_words(small: LocalServer) -> None:
    """With `use_normalized_timestamps` words are those that are spoken."""
    with socket(small) as connection:
        asked: Message = {"add_timestamps": True, "use_normalized_timestamps": True}
        send(connection, "Có 15 người.", **asked, **ENDS)
        messages = until_done(connection)
    times = [message["word_timestamps"] for message in messages if "word_timestamps" in message]
    assert times[0]["words"] == ["có", "mười", "lăm", "người"]


def test_flush(shared: Server) -> None:
    """A flush speaks all text so far and is reported; the context continues."""
    with socket(shared) as connection:
        send(connection, "Tôi là")
        send(connection, " Lan", flush=True)
        while (message := json.loads(connection.recv(60)))["type"] != "flush_done":
            assert message["type"] == "chunk"
        assert (message["flush_id"], message["done"]) == (1, False)
        send(connection, "Vâng ạ.", **ENDS)
        heard, alone = sound(until_done(connection)), over_http(shared, "Vâng ạ.")
        assert energy(heard) == pytest.approx(energy(alone), rel=0.05)
        assert len(heard) >= len(alone)  # there is a pause before it, as between sentences


def test_without_a_buffer_each_piece_is_spoken(small: LocalServer) -> None:
    """`max_buffer_delay_ms` of 0 speaks each submission as it comes, as agents send sentences."""
    with socket(small) as connection:
        send(connection, "Xin chào các bạn.", max_buffer_delay_ms=0)
        while (message := json.loads(connection.recv(60)))["type"] != "flush_done":
            assert message["type"] == "chunk"


def test_one_message_is_a_whole_transcript(shared: Server, expected: bytes) -> None:
    """Without `continue` the context ends with its text."""
    with socket(shared) as connection:
        send(connection, TEXT, **{"continue": None})
        assert sound(until_done(connection)) == expected


def test_contexts_are_apart(shared: Server) -> None:
    """An error ends its own context; the socket and the other contexts continue."""
    with socket(shared) as connection:
        send(connection, "Xin chào", context_id="hai")
        send(connection, "a\x00b")
        told = until_done(connection)[-1]
        assert (told["type"], told["error_code"]) == ("error", "text_control_characters")
        assert (told["status_code"], told["done"]) == (400, True)
        send(connection, "x", context_id="ba", voice={"id": "nobody"})
        assert until_done(connection, "ba")[-1]["error_code"] == "voice_unknown"
        send(connection, " các bạn.", context_id="hai", **ENDS)
        assert_same(sound(until_done(connection, "hai")), over_http(shared, "Xin chào các bạn."))


def test_a_context_can_be_interrupted(shared: Server) -> None:
    """Sound stops; the answer says which characters it had, and which of them were played."""
    with socket(shared) as connection:
        send(connection, LONG)
        messages: list[Message] = []
        while len(sound(messages)) < 22050 * 2:
            messages.append(json.loads(connection.recv(60)))
        connection.send(json.dumps({"context_id": "một", "cancel": True, "played_ms": 700}))
        messages += until_done(connection)
        last = messages[-1]
        assert (last["type"], last["done"]) == ("cancelled", True)
        seconds = len(sound(messages)) / 2 / 22050
        assert last["sent"]["ms"] == pytest.approx(seconds * 1000, abs=1)
        assert 0 < last["sent"]["characters"] < len(LONG)
        assert last["heard"]["ms"] == 700
        assert 0 < last["heard"]["characters"] <= last["sent"]["characters"]
        # The rest of what was sent is played meanwhile, and the name may be used again.
        connection.send(json.dumps({"context_id": "một", "played_ms": 10**6}))
        told = json.loads(connection.recv(60))
        assert (told["type"], told["heard"]) == ("heard", last["sent"])
        send(connection, "Vâng ạ.", **ENDS)
        assert sound(until_done(connection)) == over_http(shared, "Vâng ạ.")


def test_a_wrong_message_after_cancelling(shared: Server) -> None:
    """It is answered by an error, and the end of the cancelled context is still reported."""
    with socket(shared) as connection:
        for name in ("một", "hai", "ba"):
            send(connection, LONG, context_id=name)
            connection.recv(60)
            connection.send(json.dumps({"context_id": name, "cancel": True}))
            connection.send(json.dumps({"context_id": name, "speed": "x"}))
            ends = {until_done(connection, name)[-1]["type"] for _ in range(2)}
            assert ends == {"cancelled", "error"}


def test_a_place_of_a_context_that_has_ended(shared: Server) -> None:
    """A client that plays what was sent long ago may ask how far it has come, word by word."""
    with socket(shared) as connection:
        send(connection, TEXT, add_timestamps=True, **ENDS)
        messages = until_done(connection)
        times = [message["word_timestamps"] for message in messages if "word_timestamps" in message]
        ends = {
            word: round(end * 1000) + 1
            for one in times
            for word, end in zip(one["words"], one["end"], strict=True)
        }
        for word in ("chào", "1.200", "Huế"):
            connection.send(json.dumps({"context_id": "một", "played_ms": ends[word]}))
            heard = json.loads(connection.recv(60))["heard"]
            assert heard["characters"] == TEXT.index(word) + len(word)
        connection.send(json.dumps({"context_id": "hai", "played_ms": 1}))
        assert json.loads(connection.recv(60))["error_code"] == "context_invalid"


def test_a_message_without_a_context_ends_the_socket(small: LocalServer) -> None:
    """The error says why, before the socket is closed with 1008."""
    with socket(small) as connection:
        send(connection, "Xin chào", context_id=None)
        assert json.loads(connection.recv(10))["error_code"] == "field_invalid"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(10)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1008


def test_keys(start: Starter) -> None:
    """A key comes by header, by `api_key` in the URL, or with the first message."""
    key, line = make_key("lan")
    with start({"access": {"keys": [line]}}, pair=True) as server:
        given = {"voice": "pair", "continue": False}
        ways: list[tuple[str, dict[str, str], Message]] = [
            ("", {"X-API-Key": key}, {}),
            ("", {"Authorization": f"Bearer {key}"}, {}),
            (f"?api_key={key}&cartesia_version=2026-03-01", {}, {}),
            ("", {}, {"api_key": key}),
            (f"?access_token=Bearer%20{key}", {}, {}),
            ("", {}, {"token": f"Bearer {key}"}),
        ]
        for query, headers, first in ways:
            with socket(server, query, **headers) as connection:
                send(connection, "Xin chào.", **given, **first)
                assert sound(until_done(connection))
        with pytest.raises(InvalidStatus) as refused, socket(server, "?api_key=x"):
            pass
        assert refused.value.response.status_code == 401
        for wrong in ({}, {"token": "\ud800"}, {"api_key": "vttk_\ud800.\ud800"}):
            with socket(server) as connection:
                send(connection, "Xin chào.", **given, **wrong)
                assert json.loads(connection.recv(10))["status_code"] == 401


def test_speech(shared: Server, expected: bytes) -> None:
    """The sound that is compared above is speech."""
    samples = np.frombuffer(expected, "<i2") / 32768
    assert_speech(Sound(samples, 22050), shortest=4, longest=12)
    assert shared.lines("unexpected error") == []
