"""Short-lived tokens in place of keys, over several workers, on HTTP and on WebSockets."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts.errors import KeyInvalid, TokenExpired
from vits_tts.web.auth import tokens
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.auth.tokens import Token

KEY, LINE = make_key("app")
SECRET = "a secret of at least sixteen characters"  # noqa: S105
KEYED = {"Authorization": f"Bearer {KEY}"}
SPEECH = {"text": "Xin chào."}


def settings(folder: Path) -> Settings:
    """Return the settings of a replica that shares its secret with others."""
    install_pair(folder / "voices")
    return {
        "voice": {"name": "pair"},
        "access": {"keys": [LINE], "max_token_seconds": 600},
        "audio": {"secret": SECRET},
        "server": {"workers": 2, "cors_origins": ["https://app.example.vn"]},
    }


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with a key and two workers."""
    folder = tmp_path_factory.mktemp("tokens")
    with serving(folder, settings(folder)) as server:
        yield server


def made(server: Server, **asked: object) -> dict[str, Any]:
    """Return the answer with a new token."""
    answer = httpx.post(f"{server.url}/v1/tokens", json=asked, headers=KEYED)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return answer.status_code, answer.json()["error"]["code"]


def test_a_token_speaks(shared: Server) -> None:
    """It is a key for speech on our own path and on others, whichever worker answers."""
    told = made(shared, scope="speech", expires_in=60)
    assert (told["scope"], told["expires_in"]) == ("speech", 60)
    assert told["expires"] == pytest.approx(time.time() + 60, abs=30)
    headers = bearer(told["token"])
    for _ in range(4):  # each is a new connection, and the workers take turns
        answer = httpx.post(f"{shared.url}/tts/stream", json=SPEECH, headers=headers)
        assert answer.status_code == 200
    body = {"model": "tts-1", "input": "Xin chào."}
    answer = httpx.post(f"{shared.url}/v1/audio/speech", json=body, headers=headers)
    assert answer.status_code == 200
    asked = {"transcript": "Xin chào.", "voice": "pair"}
    keyed = {"X-API-Key": told["token"]}
    assert httpx.post(f"{shared.url}/tts/bytes", json=asked, headers=keyed).status_code == 200


def test_a_token_does_nothing_else(shared: Server) -> None:
    """It neither lists voices, nor makes jobs or tokens."""
    headers = bearer(made(shared)["token"])
    assert code(httpx.get(f"{shared.url}/voices", headers=headers)) == (403, "scope_insufficient")
    for path in ("/v1/tokens", "/v1/jobs"):
        answer = httpx.post(f"{shared.url}{path}", json={}, headers=headers)
        assert code(answer) == (403, "scope_insufficient")


def test_a_token_opens_sockets(shared: Server) -> None:
    """As a parameter of the URL or in the first message, of both kinds of sockets."""
    token, url = made(shared)["token"], shared.url.replace("http", "ws", 1)
    cartesia = {"context_id": "một", "transcript": "Xin chào.", "voice": "pair"}
    for query, first in (
        (f"?token={token}", {}),
        (f"?access_token={token}", {}),
        ("", {"token": token}),
    ):
        with connect(f"{url}/tts/websocket{query}") as connection:
            connection.send(json.dumps({**cartesia, **first}))
            assert json.loads(connection.recv(30))["type"] == "chunk"
    path = f"{url}/v1/text-to-speech/pair/stream-input"
    for query, first in ((f"?token={token}", {}), ("", {"token": token})):
        with connect(f"{path}{query}") as connection:
            connection.send(json.dumps({"text": "Xin chào. ", "flush": True, **first}))
            assert json.loads(connection.recv(30))["audio"]


def test_the_origin_is_checked_too(shared: Server) -> None:
    """A token does not admit pages of origins that the settings do not allow."""
    url = f"{shared.url.replace('http', 'ws', 1)}/tts/websocket?token={made(shared)['token']}"
    with connect(url, additional_headers={"Origin": "https://app.example.vn"}):
        pass
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(url, additional_headers={"Origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_an_expired_token(shared: Server) -> None:
    """It is refused with a code of its own; a secret of the settings is that of all replicas."""
    old = tokens.signed(SECRET, Token("speech", int(time.time()) - 1, "app"))
    answer = httpx.post(f"{shared.url}/tts/stream", json=SPEECH, headers=bearer(old))
    assert code(answer) == (401, "token_expired")
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{shared.url.replace('http', 'ws', 1)}/tts/websocket?token={old}"),
    ):
        pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        tokens.signed("another secret", Token("speech", 2**40, "app")),
        tokens.signed(SECRET, Token("speech", 2**40, "no such key")),
        tokens.signed(SECRET, Token("speech", 2**40, None)),
        tokens.PREFIX,
        f"{tokens.PREFIX}.",
        f"{tokens.PREFIX}{'A' * 5000}.{'A' * 43}",
    ],
)
def test_a_token_that_is_none(shared: Server, token: str) -> None:
    """A forged token, or one whose key is gone, is an unknown key."""
    answer = httpx.post(f"{shared.url}/tts/stream", json=SPEECH, headers=bearer(token))
    assert code(answer) == (401, "key_invalid")


def test_each_part_is_signed() -> None:
    """Any change of a token makes it invalid."""
    token = tokens.signed(SECRET, Token("speech", 2000, "app"))
    assert tokens.verified(SECRET, token, 1999) == Token("speech", 2000, "app")
    with pytest.raises(TokenExpired):
        tokens.verified(SECRET, token, 2000)
    payload, _, signature = token.removeprefix(tokens.PREFIX).partition(".")
    later = base64.urlsafe_b64encode(b'["speech",9000,"app"]').rstrip(b"=").decode()
    for changed in (f"{later}.{signature}", f"{payload}.{signature[:-1]}", f"{payload}.é"):
        with pytest.raises(KeyInvalid):
            tokens.verified(SECRET, tokens.PREFIX + changed, 0)


@pytest.mark.parametrize(
    "asked",
    [{"expires_in": 0}, {"expires_in": 601}, {"expires_in": "x"}, {"scope": "jobs"}, {"scope": 5}],
)
def test_a_bad_request_for_a_token(shared: Server, asked: dict[str, object]) -> None:
    """Times and scopes are checked."""
    answer = httpx.post(f"{shared.url}/v1/tokens", json=asked, headers=KEYED)
    assert code(answer) == (400, "field_invalid")


def test_a_token_needs_a_key(shared: Server) -> None:
    """Without a key there is none."""
    assert code(httpx.post(f"{shared.url}/v1/tokens", json={})) == (401, "key_missing")
