"""The Wyoming protocol, by its reference client."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import Starter
from tests.support.server import Server, serving, start_in
from tests.support.voices import install_pair
from tests.support.wyoming import (
    Event,
    Heard,
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    client,
    hear,
    say,
)
from tests.support.wyoming_events import Settled, exchange, frame, settled
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.web.auth.api_keys import make_key

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá! Chúng ta đi chơi nhé?"
LONG = " ".join(f"Đây là câu số {number}, nói về một ngày mưa." for number in range(120))

ALIASES = {"Minh": "pair/minh"}
Shared = tuple[Server, Settled]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Run a server with the default voice and one of two speakers."""
    folder = tmp_path_factory.mktemp("wyoming")
    install_pair(folder / "voices")
    place = settled(voice={"others": ["pair"], "aliases": ALIASES}, logging={"level": "debug"})
    with serving(folder, place.settings) as server:
        yield server, place


def played(server: Server, text: str, **asked: str) -> Any:
    """Return the samples that `/tts/stream` gives for a text."""
    answer = httpx.get(f"{server.url}/tts/stream", params={"text": text, **asked}, timeout=60)
    return np.frombuffer(answer.raise_for_status().content[44:], "<i2")


def run(talk: Any) -> Any:
    """Run a conversation with a time limit."""
    return asyncio.run(asyncio.wait_for(talk, 60))


def test_describe(shared: Shared) -> None:
    """`info` names the voices, their languages and speakers, and that text may stream in."""
    from wyoming.info import Describe, Info

    async def talk() -> Any:
        async with client.AsyncClient.from_uri(shared[1].uri) as connected:
            await connected.write_event(Describe().event())
            return await connected.read_event()

    event = run(talk())
    assert Info.is_type(event.type)
    (program,) = Info.from_event(event).tts
    assert program.installed
    assert program.supports_synthesize_streaming
    voices = {voice.name: voice for voice in program.voices}
    assert list(voices) == [EMBEDDED_VOICE, "pair", "Minh"]
    assert not voices["Minh"].speakers
    assert voices[EMBEDDED_VOICE].languages == ["vi_VN"]
    assert [speaker.name for speaker in voices["pair"].speakers or []] == ["lan", "minh"]
    assert all(voice.installed and voice.attribution.name for voice in program.voices)


def test_synthesize(shared: Shared) -> None:
    """A text gives the same samples as over HTTP, and a line in the log."""
    server, place = shared
    heard = say(place.uri, TEXT)
    assert heard.complete
    assert heard.chunks > 5
    assert np.array_equal(heard.samples, played(server, TEXT))
    (line,) = server.wait_for("request", route="wyoming", status=200)[-1:]
    assert line["audio_seconds"] == pytest.approx(len(heard.samples) / heard.rate, abs=0.01)
    assert server.counted('vits_tts_requests_total{method="other",route="wyoming",status="200"}')


def test_voices_and_speakers(shared: Shared) -> None:
    """A voice may be given by name or by language, and a speaker may follow."""
    _, place = shared
    assert say(place.uri, "Một hai ba.", name="pair").level == pytest.approx(0.25, 0.01)
    assert say(place.uri, "Một hai ba.", name="pair", speaker="minh").level == pytest.approx(
        0.5, 0.01
    )
    assert say(place.uri, "Một hai ba.", name="Minh").level == pytest.approx(0.5, 0.01)
    vietnamese = say(place.uri, "Một hai ba.", language="vi")
    assert np.array_equal(vietnamese.samples, say(place.uri, "Một hai ba.").samples)


def test_text_that_streams_in(shared: tuple[Server, Settled]) -> None:
    """Sound begins while text still comes, and equals the sound of the whole text."""
    server, place = shared
    text = "Câu đầu tiên ở đây. Câu thứ hai thì đến sau! Và câu cuối cùng không có dấu"
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]

    async def talk() -> Heard:
        async with client.AsyncClient.from_uri(place.uri) as connected:
            await connected.write_event(SynthesizeStart().event())
            for piece in pieces[:4]:
                await connected.write_event(SynthesizeChunk(text=piece).event())
            first = await connected.read_event()
            assert first.type == "audio-start"  # though the text continues
            second = await connected.read_event()
            for piece in pieces[4:]:
                await connected.write_event(SynthesizeChunk(text=piece).event())
            await connected.write_event(Synthesize(text=text).event())  # for older servers
            await connected.write_event(SynthesizeStop().event())
            begun = Heard(rate=first.data["rate"], data=second.payload)
            return await hear(connected, begun, streamed=True)

    heard = run(talk())
    assert heard.complete
    assert heard.stopped
    assert np.array_equal(heard.samples, played(server, text))


def test_several_at_once_and_in_a_row(shared: Shared) -> None:
    """Connections do not wait for each other; each may send several requests and pings."""
    server, place = shared
    texts = [f"Người gọi số {number} nói câu này." for number in range(6)]

    async def alone(text: str) -> Heard:
        async with client.AsyncClient.from_uri(place.uri) as connected:
            await connected.write_event(Synthesize(text=text).event())
            return await hear(connected)

    async def in_a_row() -> list[Heard]:
        async with client.AsyncClient.from_uri(place.uri) as connected:
            for text in texts[:3]:
                await connected.write_event(Synthesize(text=text).event())
            heard = [await hear(connected) for _ in range(3)]
            await connected.write_event(Event("ping", {"text": "còn đó không"}))
            pong = await connected.read_event()
            assert (pong.type, pong.data) == ("pong", {"text": "còn đó không"})
            return heard

    async def talk() -> list[Any]:
        return await asyncio.gather(in_a_row(), *map(alone, texts))

    row, *others = run(talk())
    for text, heard in zip(texts, others, strict=True):
        assert np.array_equal(heard.samples, played(server, text))
    for heard, same in zip(row, others, strict=False):
        assert np.array_equal(heard.samples, same.samples)


def test_a_client_who_leaves(shared: tuple[Server, Settled]) -> None:
    """After a client leaves, no further speech is made."""
    server, place = shared

    async def talk() -> None:
        async with client.AsyncClient.from_uri(place.uri) as connected:
            await connected.write_event(Synthesize(text=LONG).event())
            for _ in range(3):
                await connected.read_event()

    run(talk())
    (line,) = server.wait_for("request", route="wyoming", status=499)
    assert line["audio_seconds"] < 200
    until_idle = "vits_tts_scheduler_waiting_pieces 0.0"
    server.wait_until(lambda: until_idle in server.metrics(), "an idle scheduler")


def test_unfinished_events_and_slow_readers(start: Starter) -> None:
    """Incomplete events, stalled texts and unread sound end a connection in time."""
    place = settled(
        server={"request_seconds": 0.5, "keep_alive_seconds": 0.5},
        limits={"slow_client_seconds": 1},
    )
    with start(place.settings) as server:
        (error,) = exchange(place.port, [b'{"type":'])
        assert error["code"] == "event_invalid"
        events = exchange(place.port, [frame({"type": "synthesize-start"})])
        assert [event["type"] for event in events] == ["error"]
        assert events[0]["code"] == "event_invalid"
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", place.port))
            connection.sendall(frame({"type": "synthesize", "data": {"text": LONG}}))
            server.wait_for("caller reads too slowly, dropped")
            server.wait_for("request", route="wyoming", status=499)


def test_a_request_that_costs_too_much(start: Starter) -> None:
    """It is ended with an error that says so, and counted by the stage that it was in."""
    place = settled(limits={"request_cpu_seconds": 0.2})
    with start(place.settings) as server:
        heard = say(place.uri, LONG)
        assert (heard.error, heard.complete) == ("request_too_costly", False)
        server.wait_for("request", route="wyoming", status=503, error="request_too_costly")
        ended = 'vits_tts_requests_too_costly_total{route="wyoming",stage="synthesis"}'
        assert server.counted(ended) == 1
        assert say(place.uri, "Một.").complete


def test_places(start: Starter) -> None:
    """A request without a place is refused while another one is under way."""
    place = settled(limits={"max_concurrent": 1})
    with start(place.settings):

        async def talk() -> Heard:
            async with client.AsyncClient.from_uri(place.uri) as first:
                await first.write_event(Synthesize(text=LONG).event())
                await first.read_event()
                async with client.AsyncClient.from_uri(place.uri) as second:
                    await second.write_event(Synthesize(text="Một.").event())
                    return await hear(second)

        assert run(talk()).error == "busy"


def test_networks(start: Starter, tmp_path: Path) -> None:
    """Only networks of the settings may connect; with API keys they must be set."""
    place = settled(wyoming={"networks": ["192.0.2.0/24"]})
    with start(place.settings, pair=True) as server:
        assert exchange(place.port, []) == []
        server.wait_for(
            "connection refused: its address is not in wyoming.networks", caller="127.0.0.1"
        )
    _, line = make_key("app")
    path = tmp_path / "config.yaml"
    path.write_text(f"access: {{keys: ['{line}']}}\nwyoming: {{uri: '{place.uri}'}}\n")
    done = start_in(tmp_path)
    assert done.returncode != 0
    assert "wyoming.networks: should say which networks may connect" in done.stderr
    place.settings["wyoming"]["networks"] = ["127.0.0.1"]
    place.settings["access"] = {"keys": [line]}
    with start(place.settings, ready=False, pair=True) as server:
        server.wait_for("worker ready")
        assert say(place.uri, "Một.").complete


def test_a_clean_end(start: Starter) -> None:
    """SIGTERM closes idle connections, and speech under way is completed."""
    place = settled()
    with start(place.settings) as server:

        async def talk() -> tuple[Any, Heard]:
            connect = client.AsyncClient.from_uri
            async with connect(place.uri) as idle, connect(place.uri) as speaking:
                await speaking.write_event(Synthesize(text=TEXT * 3).event())
                begun = Heard(rate=(await speaking.read_event()).data["rate"])
                server.process.send_signal(signal.SIGTERM)
                closed = await idle.read_event()
                return closed, await hear(speaking, begun)

        closed, heard = run(talk())
        assert closed is None
        assert heard.complete
        assert server.stop() == 0
        assert server.wait_for("request", route="wyoming", status=200)


def test_workers_share_the_port(start: Starter) -> None:
    """Each of several workers serves the port."""
    place = settled(server={"workers": 2})
    with start(place.settings, pair=True) as server:
        server.wait_for("worker ready", 2)

        async def one(number: int) -> Heard:
            async with client.AsyncClient.from_uri(place.uri) as connected:
                await connected.write_event(Synthesize(text=f"Số {number}.").event())
                return await hear(connected)

        async def talk() -> list[Heard]:
            return await asyncio.gather(*map(one, range(3)))

        def both() -> bool:
            assert all(heard.complete for heard in run(talk()))
            lines = server.lines("request")
            return len({line["process"] for line in lines if line["route"] == "wyoming"}) == 2

        server.wait_until(both, "requests at both workers")


def test_switching_it_off(start: Starter) -> None:
    """A reload with Wyoming switched off ends its port; all else continues."""
    place = settled()
    with start(place.settings, pair=True) as server:
        assert say(place.uri, "Một.").complete
        server.configure({"wyoming": {"uri": None}, "voice": {"name": "pair"}})
        server.process.send_signal(signal.SIGHUP)

        def off() -> bool:
            heard = say(place.uri, "Một.")
            return not heard.complete and not heard.data

        server.wait_until(_quietly(off), "the protocol to be off")
        server.wait_ready()  # a worker that drains says that it is not


def _quietly(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Return a condition for which a broken connection counts as closed."""

    def held() -> bool:
        try:
            return condition()
        except ConnectionError:
            return True

    return held
