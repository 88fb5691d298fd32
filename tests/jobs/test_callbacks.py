"""Callbacks of jobs: signed, repeated, and never sent where the operator does not allow it."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair

KEYS = [bytes([number]) * 32 for number in (1, 2)]
SECRET, PREVIOUS = ("whsec_" + base64.b64encode(key).decode() for key in KEYS)


class Receiver:
    """Receives callbacks; its first answers are given, later ones are 204."""

    def __init__(self, answers: list[int], location: str = "") -> None:
        """Listen on a free port; the answer 0 is none: the connection stays open."""
        self.messages: list[tuple[dict[str, str], bytes]] = []
        self.taken = threading.Event()
        self.release = threading.Event()
        self.content = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.messages.append((headers, body))
                status = answers.pop(0) if answers else 204
                if status == 0:
                    receiver.release.wait(60)
                    return
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", str(len(receiver.content)))
                self.end_headers()
                self.wfile.write(receiver.content if status != 204 else b"")
                if status == 204:
                    receiver.taken.set()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def receiving(*answers: int, location: str = "") -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(list(answers), location)
    try:
        yield receiver
    finally:
        receiver.close()


def settings(**callbacks: Any) -> Settings:
    """Return settings with the small voice, which allow callbacks to two names of this machine."""
    return {
        "voice": {"name": "pair"},
        "callbacks": {
            "hosts": ["localhost", "127.0.0.1"],
            "secret": SECRET,
            "previous_secret": PREVIOUS,
            "timeout_seconds": 1,
            **callbacks,
        },
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server that may post to this machine."""
    folder = tmp_path_factory.mktemp("callbacks")
    install_pair(folder / "voices")
    with serving(folder, settings(private_networks=["127.0.0.0/8"])) as found:
        yield found


def submit(server: Server, url: str) -> httpx.Response:
    """Ask for a job with a callback."""
    body = {"items": [{"text": "Xong thì báo."}], "callback_url": url}
    return httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60)


def test_signed_and_repeated(server: Server) -> None:
    """A receiver that fails and hangs gets the same message again, signed with both secrets."""
    with receiving(503, 0) as receiver:
        begun = submit(server, f"http://localhost:{receiver.port}/done").json()["id"]
        assert receiver.taken.wait(60), server.explain()
    assert len(receiver.messages) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.messages}) == 1
    for headers, body in receiver.messages:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in KEYS]
        assert headers["webhook-signature"] == " ".join(f"v1,{each}" for each in expected)
    content = json.loads(receiver.messages[-1][1])
    assert content["type"] == "job.succeeded"
    assert content["data"]["id"] == begun
    assert content["data"]["counts"]["succeeded"] == 1


def test_the_content_of_an_answer_does_not_matter(server: Server) -> None:
    """A receiver that has answered 200 has the message, however much it says besides."""
    with receiving(200) as large, receiving() as next_one:
        large.content = bytes(1024 * 1024)
        submit(server, f"http://127.0.0.1:{large.port}/hook")
        until(lambda: large.messages, "the message")
        # A repetition would be due after one second, before this one.
        submit(server, f"http://127.0.0.1:{next_one.port}/hook")
        assert next_one.taken.wait(60)
        log = server.explain()
        assert len(large.messages) == 1
    assert "the callback failed" not in log


def test_redirects_are_not_followed(server: Server) -> None:
    """A redirect to an inner address is a refusal: nothing is sent there."""
    with receiving() as inner:
        inside = f"http://127.0.0.1:{inner.port}/inside"
        with receiving(307, location=inside) as receiver:
            begun = submit(server, f"http://localhost:{receiver.port}/").json()["id"]
            server.wait_for("callback failed", reason="status 307")
            server.wait_until(lambda: receiver.messages, "the message")
        assert begun in receiver.messages[0][1].decode()
        assert not inner.messages


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "ftp://localhost/",
        "http://localhost@example.org/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:0/",
        "not a url",
    ],
)
def test_other_hosts_are_refused(server: Server, url: str) -> None:
    """A host that the operator does not name is refused when the job is requested."""
    answer = submit(server, url)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("callback_refused", "callback_url")


def test_inner_addresses_and_restarts(tmp_path: Path) -> None:
    """A name with an inner address gets nothing; the message outlives the server until it may."""
    install_pair(tmp_path / "voices")
    with receiving() as receiver:
        with serving(tmp_path, settings()) as first:
            begun = submit(first, f"http://localhost:{receiver.port}/").json()["id"]
            first.wait_for("callback failed", reason="the host has no public address")
            assert not receiver.messages
        with serving(tmp_path, settings(private_networks=["127.0.0.0/8"])) as second:
            assert receiver.taken.wait(60), second.explain()
    assert begun in receiver.messages[0][1].decode()


def test_no_secret(tmp_path: Path) -> None:
    """Without a secret no callback is taken, because it could not be signed."""
    install_pair(tmp_path / "voices")
    with serving(tmp_path, settings(secret=None)) as server:
        assert submit(server, "http://localhost/").json()["error"]["code"] == "callback_refused"
