"""A server's voice, for `say --url` and `batch --url`: a real server, and faulty ones."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import Starter
from tests.support.cli import run
from tests.support.server import Server
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts import Speech
from vits_tts.audio import wav
from vits_tts.cli.remote import Remote
from vits_tts.errors import (
    ConfigError,
    DictionaryNotFound,
    KeyInvalid,
    KeyMissing,
    NotFound,
    SpeedInvalid,
    TextControlCharacters,
    TextUnspeakable,
    Unavailable,
    VitsTtsError,
)
from vits_tts.web.auth import api_keys

VOICES = b'{"default": "a", "voices": [{"name": "a", "licence": "free", "sample_rate": 8000}]}'


def said(remote: Remote, text: str) -> Any:
    """Return all samples of a text."""
    return np.concatenate([window.samples for window in remote.stream(text)])


def test_the_same_speech(server: Server, tmp_path: Path) -> None:
    """A server's speech equals the library's in every sample, also for many portions."""
    install_pair(tmp_path / "voices")
    (tmp_path / "config.yaml").write_text("voice: {name: pair}")
    text = "Nam nam. Lan a!\n\n" * 300
    remote = Remote(server.url, "pair", {"speaker": "minh", "speed": 2, "lexicon": {"lan": "la"}})
    with Speech(config=tmp_path / "config.yaml") as speech:
        here = speech.say(text, speaker="minh", speed=2, lexicon={"lan": "la"})
    assert (remote.name, remote.sample_rate) == ("pair", here.sample_rate)
    assert np.array_equal(said(remote, text), here.samples)


def test_a_dictionary_of_the_server(server: Server) -> None:
    """A server's dictionaries are used by their names."""
    rules = [{"string_to_replace": "Zyx", "type": "alias", "alias": "nam"}]
    path = f"{server.url}/v1/pronunciation-dictionaries/add-from-rules"
    asked = {"name": "of the remote", "rules": rules}
    httpx.post(path, json=asked, timeout=60).raise_for_status()
    remote = Remote(server.url, "pair", {"dictionaries": ["of the remote"]})
    assert len(said(remote, "Zyx")) == 900
    (pinned,) = remote.dictionaries
    change = {"rules": [{**rules[0], "alias": "nam nam"}]}
    path = f"{path.rpartition('/')[0]}/of%20the%20remote/add-rules"
    httpx.post(path, json=change, timeout=60).raise_for_status()
    assert len(said(remote, "Zyx")) == 900  # the version of its start
    again = Remote(server.url, "pair", {"dictionaries": ["of the remote"]})
    assert len(said(again, "Zyx")) == 1700
    assert again.dictionaries != (pinned,)
    assert Remote(server.url, "pair", {"dictionaries": [pinned]}).dictionaries == (pinned,)
    with pytest.raises(DictionaryNotFound):
        said(Remote(server.url, "pair", {"dictionaries": ["none"]}), "Zyx")


def test_errors_are_those_of_the_library(server: Server) -> None:
    """A server's refusal raises the library's error; the message names the server."""
    remote = Remote(server.url, "pair", {})
    with pytest.raises(TextUnspeakable):
        said(remote, "...")
    with pytest.raises(TextControlCharacters):
        said(remote, "a\x07b")
    with pytest.raises(SpeedInvalid, match=f"{server.url}: speed is one of") as raised:
        said(Remote(server.url, "pair", {"speed": "9"}), "nam")
    assert raised.value.field == "speed"
    with pytest.raises(ConfigError, match="there is no voice 'nobody'; there is vi_VN"):
        Remote(server.url, "nobody", {})
    with pytest.raises(NotFound):
        Remote(f"{server.url}/elsewhere", None, {})


def test_command_line(start: Starter, tmp_path: Path) -> None:
    """`say --url` uses a key from the environment; without a key it is refused."""
    install_pair(tmp_path / "server" / "voices")
    key, line = api_keys.make_key("reader")
    with start({"access": {"keys": [line]}, "voice": {"name": "pair"}}) as server:
        say = ("say", "nam", "--url", server.url, "-o", "-")
        done = run(tmp_path, *say, VITS_TTS_API_KEY=key)
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(decode(done.stdout, streamed=True).samples) == 900
        with pytest.raises(KeyMissing, match=server.url):
            Remote(server.url, None, {})


class Unkind:
    """A server that sends prepared answers, once each, and records the requests."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        """Keep the answers."""
        self.answers = list(answers)
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""

    @contextmanager
    def running(self) -> Iterator["Unkind"]:
        """Run it on a free port."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805
                self._answer(handler)

            do_POST = do_GET  # noqa: N815

            def log_message(handler, *_: object) -> None:  # noqa: N805
                """Print nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
            self.url = f"http://127.0.0.1:{listening.server_port}"
            thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield self
            finally:
                listening.shutdown()
                thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append((handler.path, handler.headers.get("Authorization")))
        status, headers, body = self.answers.pop(0)
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value.replace("HERE", self.url))
        handler.end_headers()
        handler.wfile.write(body)


def test_a_server_does_not_command_the_terminal(tmp_path: Path) -> None:
    """Control characters from a server are shown escaped: errors, names, licences."""
    evil = "\x1b]0;owned\x07\u202e\x9b31m"
    shown = r"\x1b]0;owned\x07\u202e\x9b31m"
    error = json.dumps({"error": {"code": "internal", "message": evil}}).encode()
    voices = json.dumps(
        {"default": "a", "voices": [{"name": evil, "licence": evil, "sample_rate": 8000}]}
    ).encode()
    say = ("say", "nam", "-o", "x.wav", "--url")
    answers: list[tuple[int, dict[str, str], bytes]] = [
        (400, {}, error),
        (200, {}, voices),
        (418, {}, evil.encode()),
    ]
    for answer in answers:
        with Unkind(answer).running() as server:
            done = run(tmp_path, *say, server.url)
            (line,) = done.stderr.decode().removesuffix("\n").split("\n")
            assert done.returncode == 2
            assert line.isprintable()
            assert shown in line or answer[0] == 418
    with Unkind((200, {}, VOICES), (500, {}, error)).running() as server:
        (tmp_path / "lines.txt").write_text("nam\n")
        done = run(tmp_path, "batch", "lines.txt", "-o", "out", "--url", server.url)
        (line,) = done.stderr.decode().removesuffix("\n").split("\n")
        assert done.returncode == 1
        assert shown in line
        assert line.isprintable()


class Silent(Unkind):
    """A server that lists its voices, begins to send sound, and then sends nothing more."""

    def __init__(self, begun: bytes) -> None:
        """Begin sound with these bytes; without any, not even its headers are sent."""
        super().__init__()
        self.begun = begun
        self.asked_for_sound = threading.Event()
        self._over = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Silent"]:
        """Run it on a free port."""
        with super().running():
            try:
                yield self
            finally:
                self._over.set()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.command == "GET":
            self.answers = [(200, {}, VOICES)]
            super()._answer(handler)
            return
        if self.begun:
            handler.send_response(200)
            handler.send_header("Content-Length", "9999")
            handler.end_headers()
            handler.wfile.write(self.begun)
        self.asked_for_sound.set()
        self._over.wait()


def busy(status: int = 503) -> tuple[int, dict[str, str], bytes]:
    """Return an answer of a busy server with a Retry-After of zero."""
    body = b'{"error": {"code": "busy", "message": "too much", "field": null}}'
    return status, {"Retry-After": "0"}, body


def sound(samples: int) -> tuple[int, dict[str, str], bytes]:
    """Return an answer with this many samples."""
    return 200, {}, wav.header(8000) + b"\1\2" * samples


def test_busy() -> None:
    """A busy server is asked again at the stated time, a limited number of times."""
    with Unkind((200, {}, VOICES), busy(), busy(429), sound(9)).running() as server:
        assert len(said(Remote(server.url, None, {}), "nam")) == 9
        assert len(server.asked) == 4
    with Unkind(*[busy()] * 9).running() as server:
        with pytest.raises(Unavailable, match="too much"):
            Remote(server.url, None, {})
        assert len(server.asked) == 5


@pytest.mark.parametrize("begun", [b"", wav.header(8000) + b"\1\2"])
def test_closing_hangs_up(begun: bytes) -> None:
    """Closing ends the wait for an answer or for the rest of one."""
    failed: list[VitsTtsError] = []

    def listen(remote: Remote) -> None:
        with pytest.raises(VitsTtsError) as raised:
            said(remote, "nam")
        failed.append(raised.value)

    with Silent(begun).running() as server:
        remote = Remote(server.url, None, {})
        thread = threading.Thread(target=listen, args=(remote,))
        thread.start()
        server.asked_for_sound.wait()
        remote.close()
        thread.join()
        with pytest.raises(Unavailable, match="aborted"):  # and no further request is made
            said(remote, "nam")
    assert isinstance(failed[0], Unavailable)  # not because of a timeout
    assert failed[0].message.endswith("aborted")


def test_redirects_get_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key goes only to the named server, and to no other after a redirect."""
    monkeypatch.setenv("VITS_TTS_API_KEY", "secret")
    with Unkind((302, {"Location": "HERE/away"}, b"")).running() as server:
        with pytest.raises(ConfigError, match="the server answers 302 Found"):
            Remote(server.url, None, {})
        assert server.asked == [("/voices", "Bearer secret")]


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ((200, {}, wav.header(8000) + b"\1"), VitsTtsError, "the response ended early"),
        ((200, {"Content-Length": "999"}, b"x" * 99), VitsTtsError, "the response ended early"),
        ((500, {}, b"<html>"), ConfigError, "the server answers 500 Internal Server Error"),
        ((799, {}, b"[]"), ConfigError, "the server answers 799"),
        (
            (401, {}, b'{"error": {"code": "key_invalid", "message": "who?"}}'),
            KeyInvalid,
            "who?",
        ),
    ],
)
def test_answers_that_are_none(
    answer: tuple[int, dict[str, str], bytes], error: type[Exception], message: str
) -> None:
    """An incomplete answer is not speech, and each error is one clear line."""
    with Unkind((200, {}, VOICES), answer).running() as server:
        remote = Remote(server.url, None, {})
        with pytest.raises(error) as raised:
            said(remote, "nam")
    assert str(raised.value).endswith(message)


@pytest.mark.parametrize("body", [b"hello", b"[]", b'{"voices": [{}]}'])
def test_no_server_of_ours(body: bytes) -> None:
    """A server of another kind is recognised."""
    with (
        Unkind((200, {}, body)).running() as server,
        pytest.raises(ConfigError, match="this is not a vits-tts server"),
    ):
        Remote(server.url, None, {})


@pytest.mark.parametrize(
    "url", ["localhost:8888", "file:///etc", "http://", "http://a/?b=c", "http://me:secret@a"]
)
def test_addresses(url: str) -> None:
    """An invalid address is reported before any request, without its secrets."""
    with pytest.raises(ConfigError, match="--url should") as raised:
        Remote(url, None, {})
    assert "secret" not in str(raised.value)
