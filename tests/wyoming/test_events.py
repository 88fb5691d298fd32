"""The Wyoming protocol by its bytes, over the server of the tests' own process."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.local_server import LocalServer, serving_here
from tests.support.wyoming_events import Settled, answers, event, exchange, frame, settled, sound

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá! Chúng ta đi chơi nhé?"
HOSTILE = {
    "no JSON": b"GET / HTTP/1.1\r\n\r\n",
    "no object": b"[1]\n",
    "no type": b"{}\n",
    "empty line": b"\n",
    "not UTF-8": b"\xff\xfe\n",
    "deep": b'{"type":' + b"[" * 100_000 + b"\n",
    "deep data": frame({"type": "synthesize", "data_length": 100_000}, b"[" * 100_000),
    "endless line": b"a" * 1_000_000,
    "huge data": frame({"type": "synthesize", "data_length": 10**12}),
    "huge payload": frame({"type": "synthesize", "payload_length": 10**12}),
    "negative": frame({"type": "synthesize", "data_length": -1}),
    "true": frame({"type": "synthesize", "data_length": True}),
    "no length": frame({"type": "synthesize", "data_length": "5"}, b"{}   "),
    "data is a list": frame({"type": "synthesize", "data": [1]}),
    "no text": frame({"type": "synthesize", "data": {}}),
    "text is a number": frame({"type": "synthesize", "data": {"text": 5}}),
    "voice is a list": frame({"type": "synthesize", "data": {"text": "a", "voice": [1]}}),
    "name is a list": frame({"type": "synthesize", "data": {"text": "a", "voice": {"name": [1]}}}),
    "ssml": frame({"type": "synthesize", "data": {"text": "a", "text_format": "ssml"}}),
    "long number": b'{"type":"ping","data":' + b"9" * 10_000 + b"}\n",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, Settled]]:
    """Run a server with the voice of two speakers."""
    place = settled(voice={"aliases": {"Minh": "pair/minh"}})
    with serving_here(tmp_path_factory.mktemp("events"), place.settings) as server:
        yield server, place


def played(server: LocalServer, **asked: str) -> bytes:
    """Return the samples that `/tts/stream` gives."""
    answer = httpx.get(f"{server.url}/tts/stream", params=asked, timeout=60)
    return answer.raise_for_status().content[44:]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_events(shared: tuple[LocalServer, Settled], name: str) -> None:
    """An invalid event is refused with a reason, and closes only its own connection."""
    server, place = shared
    (error,) = exchange(place.port, [HOSTILE[name]])
    assert error["type"] == "error"
    assert error["code"] in {"event_invalid", "field_invalid"}
    assert answers(place.port, "audio-stop", [event("synthesize", text="Một.")])
    assert not server.lines("unexpected error")


def test_events_that_are_not_known(shared: tuple[LocalServer, Settled]) -> None:
    """Unknown events are dropped with their payloads, as the protocol requires."""
    unknown = frame({"type": "new-event", "payload_length": 5}, b"\n\0\n\0\n")
    (start,) = answers(shared[1].port, "audio-start", [unknown, event("synthesize", text="Một.")])
    assert (start["rate"], start["width"], start["channels"]) == (8000, 2, 1)


def test_description(shared: tuple[LocalServer, Settled]) -> None:
    """The description names the voices, their languages and speakers; a ping comes back."""
    (info,) = answers(shared[1].port, "info", [event("describe")])
    (program,) = info["tts"]
    assert program["installed"]
    assert program["supports_synthesize_streaming"]
    voices = {voice["name"]: voice for voice in program["voices"]}
    assert list(voices) == ["pair", "Minh"]
    assert [speaker["name"] for speaker in voices["pair"]["speakers"]] == ["lan", "minh"]
    assert not voices["Minh"].get("speakers")
    (pong,) = answers(shared[1].port, "pong", [event("ping", text="còn đó không")])
    assert pong["text"] == "còn đó không"


@pytest.mark.parametrize(
    ("voice", "asked"),
    [
        ({}, {}),
        ({"name": "pair", "speaker": "minh"}, {"speaker": "minh"}),
        ({"name": "Minh"}, {"speaker": "minh"}),
    ],
)
def test_voices_and_speakers(
    shared: tuple[LocalServer, Settled], voice: dict[str, str], asked: dict[str, str]
) -> None:
    """A voice and its speaker may be given by name; the sound is that of HTTP."""
    server, place = shared
    sent = event("synthesize", text=TEXT, **({"voice": voice} if voice else {}))
    events = answers(place.port, "audio-stop", [sent])
    assert sound(events) == played(server, text=TEXT, **asked)
    server.wait_for("request", route="wyoming", status=200)
    counted = 'vits_tts_requests_total{method="other",route="wyoming",status="200"}'
    assert counted in server.metrics()


@pytest.mark.parametrize(
    ("voice", "code"),
    [
        ({"name": "nobody"}, "voice_unknown"),
        ({"language": "fr_FR"}, "voice_unknown"),
        ({"name": "pair", "speaker": "nobody"}, "speaker_unknown"),
    ],
)
def test_unknown_voices(
    shared: tuple[LocalServer, Settled], voice: dict[str, str], code: str
) -> None:
    """An unknown voice is an error that closes the connection; no other voice speaks."""
    (error,) = exchange(shared[1].port, [event("synthesize", text=TEXT, voice=voice)])
    assert (error["type"], error["code"]) == ("error", code)


def test_text_that_streams_in(shared: tuple[LocalServer, Settled]) -> None:
    """However a text is cut, its sound is that of the whole text, which may be sent as well."""
    server, place = shared
    events = answers(
        place.port,
        "synthesize-stopped",
        [
            event("synthesize-start"),
            *(event("synthesize-chunk", text=TEXT[at : at + 7]) for at in range(0, len(TEXT), 7)),
            event("synthesize", text=TEXT),  # for servers that take no pieces
            event("synthesize-stop"),
        ],
    )
    assert sound(events) == played(server, text=TEXT)
    assert [each["type"] for each in events[-2:]] == ["audio-stop", "synthesize-stopped"]


def test_too_long_in_pieces(shared: tuple[LocalServer, Settled]) -> None:
    """Text that streams in has the same limit as any other."""
    pieces = [event("synthesize-chunk", text="a" * 1000)] * 11
    events = exchange(shared[1].port, [event("synthesize-start"), *pieces])
    assert events[-1]["code"] == "text_too_long"


@pytest.mark.parametrize("text", ["", ".", "---", "🙂", "```\n```"])
def test_nothing_to_say(shared: tuple[LocalServer, Settled], text: str) -> None:
    """A text without words is a short silence, so that the conversation continues."""
    heard = sound(answers(shared[1].port, "audio-stop", [event("synthesize", text=text)]))
    assert not any(heard)
    assert 0 < len(heard) / 2 / 8000 < 0.5


def test_limits(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Requests, characters and places count as over HTTP."""
    place = settled(access={"requests_per_minute": 2}, limits={"max_concurrent": 1})
    with serving_here(tmp_path_factory.mktemp("limits"), place.settings) as server:
        for text in ("Một.", "Hai."):
            assert answers(place.port, "audio-stop", [event("synthesize", text=text)])
        (error,) = exchange(place.port, [event("synthesize", text="Ba.")])
        assert error["code"] == "rate_limited"
        assert httpx.get(f"{server.url}/tts/stream?text=a").status_code == 429
