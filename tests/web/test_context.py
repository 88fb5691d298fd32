"""Requests without HTTP: lines over TCP also have keys, limits and a log."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from tests.support.voices import install_pair
from vits_tts.audio.formats import Encoding
from vits_tts.config import Config
from vits_tts.errors import ContextInvalid, KeyMissing, RateLimited
from vits_tts.speech import RequestStats, SpeechOptions, TextPace, build
from vits_tts.web.app import SpeechApplication
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.context import RequestContext
from vits_tts.web.sockets.context import SpokenContext

KEY, LINE = make_key("reader")
HEADERS = {"X-API-Key": KEY}
SENTENCES = 20
LONG = ". ".join(["một hai ba bốn năm sáu bảy tám chín mười"] * SENTENCES)


class LineClient:
    """A client of a TCP connection that sends lines of text and gets samples."""

    def __init__(self, writer: asyncio.StreamWriter, *, stalled: bool) -> None:
        """Begin with nothing sent; a ``stalled`` client reads nothing after the first samples."""
        self._stalled = stalled
        self.gone = False
        self.sent_bytes = 0
        self.first_byte: float | None = None
        self.context: RequestContext | None = None
        self._writer = writer

    def hung_up(self) -> bool:
        """Return whether the connection is closed."""
        return self._writer.is_closing()

    def abort(self) -> None:
        """Close the connection."""
        self.gone = True
        self._writer.transport.abort()

    def closed(self) -> None:
        """Stop the request."""
        assert self.context
        self.context.disconnected()

    def seconds_left(self) -> float | None:
        """Return None: the time that the client needs is unknown."""
        return None

    async def send(self, data: bytes) -> None:
        """Send samples, and wait until the client has read them."""
        if self._stalled and self.sent_bytes:
            await asyncio.Event().wait()
        self.sent_bytes += len(data)
        self._writer.write(data)
        await self._writer.drain()


class Lines:
    """A server of that protocol, over the services of an application."""

    def __init__(self, application: SpeechApplication) -> None:
        """Keep the application, whose services it uses."""
        self.services = application.services
        self.contexts: list[RequestContext] = []
        self.errors: list[Exception] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak the line that a connection sends; ``-`` before it means that no key is sent."""
        line = (await reader.readline()).decode().strip()
        client = LineClient(writer, stalled=line == LONG)
        context = client.context = RequestContext(
            self.services,
            client,
            RequestStats(),
            request_id=f"line-{len(self.contexts)}",
            route="lines",
            method="LINE",
            address="192.0.2.7",
        )
        self.contexts.append(context)
        context.begin({})
        status = 200
        try:
            await context.admit({} if line.startswith("-") else HEADERS)
            with context.place(heard=True):
                await context.while_connected(self._speak(context, client, line))
        except (KeyMissing, RateLimited) as error:
            context.error_code, status = error.code, error.status
            context.log_error(type(error), error, None)
        finally:
            context.finished()
            context.log_request(status)
            writer.close()

    async def _speak(self, context: RequestContext, client: LineClient, line: str) -> None:
        await context.count_written(line)
        speech = self.services.speech
        request = await speech.request(line, reader=context.reader(heard=True))
        async with aclosing(speech.stream(request, context.stats)) as stream:
            async for pcm in stream:
                await client.send(pcm.samples.tobytes())


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    """Return a server whose clients need a key and may send a thousand characters a minute."""
    install_pair(tmp_path / "voices")
    settings = {
        "voice": {"name": "pair", "folder": tmp_path / "voices"},
        "access": {"keys": [LINE], "characters_per_minute": 1000},
    }
    config = Config.model_validate(settings)
    return Lines(SpeechApplication(config, build(config)))


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """Collect the fields of each request's line in the log."""
    found: list[dict[str, Any]] = []

    def keep(line: object) -> None:
        record = getattr(line, "record", {})
        if record["message"] == "request":
            found.append(record["extra"])

    logger.enable("vits_tts")
    number = logger.add(keep, level="DEBUG")
    yield found
    logger.remove(number)
    logger.disable("vits_tts")


async def ask(port: int, line: str) -> bytes:
    """Return the whole answer to a line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line}\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()


def run(lines: Lines, story: "Coroutine[Any, Any, None]", ports: list[int]) -> None:
    """Run a client beside the server; ``ports`` gives it the server's port."""

    async def served() -> None:
        server = await asyncio.start_server(lines.serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        lines.services.speech.start()
        await lines.services.speech.voices.load("pair")
        async with server, asyncio.timeout(60):
            await story
            await lines.services.state.idle.wait()
        await lines.services.speech.close()

    asyncio.run(served())


def test_a_protocol_without_http(lines: Lines, logged: list[dict[str, Any]]) -> None:
    """Keys, limits, places, statistics and the log work as they do for HTTP."""
    ports: list[int] = []

    async def story() -> None:
        assert await ask(ports[0], "xin chào các bạn")
        assert await ask(ports[0], "-xin chào") == b""
        assert await ask(ports[0], "một " * 300) == b""

    run(lines, story(), ports)
    spoken, refused, limited = logged
    assert (spoken["route"], spoken["method"], spoken["status"]) == ("lines", "LINE", 200)
    assert (spoken["key"], spoken["caller"]) == ("reader", "192.0.2.7")
    assert spoken["sentences"] == 1
    assert spoken["bytes"] == lines.contexts[0].client.sent_bytes > 1000
    assert (refused["status"], refused["error"]) == (401, "key_missing")
    assert "key" not in refused
    assert (limited["status"], limited["error"]) == (429, "rate_limited")
    assert lines.services.state.served == 3
    assert lines.contexts[0].caller == "key/reader"
    assert lines.contexts[1].caller == "address/192.0.2.7"


def test_a_process_that_ends_cuts_it_off(lines: Lines, logged: list[dict[str, Any]]) -> None:
    """The end of the process stops the request, and the log says that it was not completed."""
    ports: list[int] = []

    async def story() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports[0])
        writer.write(f"{LONG}\n".encode())
        assert await reader.readexactly(100)
        assert len(lines.services.state) == 1
        await lines.services.state.cut_off()
        await reader.read()  # the connection ends
        writer.close()

    run(lines, story(), ports)
    assert [line["status"] for line in logged] == [499]
    assert lines.contexts[0].stats.heard < SENTENCES
    assert lines.contexts[0].text == LONG[:100], "a long text is not kept for its line in the log"


def test_flushes_that_nobody_takes(lines: Lines) -> None:
    """Flushes of a text on a socket wait for their sound up to a number."""

    async def story() -> None:
        encoding = Encoding("pcm", 22050)
        speech = lines.services.speech
        context = SpokenContext(speech, SpeechOptions(), encoding, TextPace(), "all", 100)
        for _ in range(500):
            context.flush()
        with pytest.raises(ContextInvalid):
            context.flush()

    run(lines, story(), [])
