"""Requests of web pages: the pages that may call, and the host names of the server."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Starter
from tests.support.nginx import bare_nginx
from tests.support.server import Server, Settings
from tests.support.voices import install_pair

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CROSS = {"Sec-Fetch-Site": "cross-site"}
NAVIGATION = {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ALLOWED = "https://app.example.vn"
FOREIGN: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "/tts?text=mot", {**CROSS, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
    ("GET", "/tts/stream?text=mot", {**CROSS, "Sec-Fetch-Dest": "audio"}),
    ("GET", "/tts?text=mot", {"Sec-Fetch-Site": "same-site"}),
    ("GET", "/tts?text=mot", NAVIGATION),
    ("GET", "/tts/stream?text=mot", NAVIGATION),
    ("GET", "/voices", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}),
    ("GET", "/voices", CROSS),
    ("GET", "/metrics", CROSS),
    ("POST", "/tts", {**NAVIGATION, **FORM, "Origin": "https://evil.example"}),
    ("POST", "/tts", {**CROSS, **FORM, "Origin": "https://app.example.vn.evil.example"}),
    ("POST", "/tts", {**CROSS, "Content-Type": "application/json", "Origin": "null"}),
    ("POST", "/tts", {**CROSS, **FORM, "Referer": "https://app.example.vn@evil.example/"}),
    ("POST", "/tts", {**CROSS, **FORM, "Referer": "http://["}),
    ("POST", "/v1/audio/speech", {**CROSS, "Origin": "https://evil.example"}),
    # Over plain HTTP to another machine, browsers send no Sec-Fetch-Site.
    ("POST", "/tts", {**FORM, "Origin": "https://evil.example"}),
    ("POST", "/tts", {"Content-Type": "text/plain; application/json", "Origin": "http://[x"}),
    ("POST", "/tts", {**FORM, "Origin": "null"}),
    ("GET", "/voices", {"Origin": "http://127.0.0.1:1"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), FOREIGN)
def test_foreign_pages_are_refused(
    server: Server, method: str, path: str, headers: dict[str, str]
) -> None:
    """Requests from a page of another origin are refused, and answers cannot be embedded there."""
    files = list((server.log.parent / "audio").glob("*"))
    body = b"text=hai" if method == "POST" else None
    refused = httpx.request(method, f"{server.url}{path}", content=body, headers=headers)
    assert refused.status_code == 403
    problem = refused.json()["error"]
    assert problem["code"] == "origin_refused"
    assert "server.cors_origins" in problem["message"]
    assert list((server.log.parent / "audio").glob("*")) == files


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/tts?text=mot", {}),  # curl
        ("POST", "/tts", FORM),
        ("GET", "/tts/stream?text=mot", {"Sec-Fetch-Site": "same-origin"}),
        ("GET", "/tts/stream?text=mot", {"Sec-Fetch-Site": "none"}),  # typed, or an extension's
        ("GET", "/audio/HASH.wav", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "audio"}),
        ("GET", "/audio/HASH.wav", NAVIGATION),  # a link that was followed
        ("GET", "/voices", NAVIGATION),
        ("GET", "/", CROSS),
        ("GET", "/openapi.json", CROSS),
        ("POST", "/tts", {**CROSS, **FORM, "Origin": ALLOWED}),
        ("GET", "/tts?text=mot", {**CROSS, "Origin": ALLOWED}),
        ("GET", "/tts/stream?text=mot", {**CROSS, "Referer": f"{ALLOWED}/"}),  # its <audio>
        ("POST", "/tts", {**FORM, "Origin": ALLOWED}),
        ("POST", "/tts", {**FORM, "Origin": "SERVER"}),
        ("POST", "/tts", {**FORM, "Origin": "http://a.vn", "X-Forwarded-Host": "a.vn"}),
        ("POST", "/tts", {**FORM, "Origin": "https://a.vn", "X-Forwarded-Host": "a.vn:443"}),
        ("POST", "/tts", {**FORM, "Origin": "https://a.vn", "Host": "a.vn"}),
        # A browser asks before it sends these requests for another page, and gets no permission.
        ("POST", "/tts", {"Content-Type": "application/json", "Origin": "http://a.vn"}),
        ("GET", "/tts?text=mot", {"X-API-Key": "x", "Origin": "http://a.vn"}),
    ],
)
def test_who_may_call_as_before(
    server: Server, method: str, path: str, headers: dict[str, str]
) -> None:
    """Programs, the server's page, links, allowed origins, and pages behind proxies may call."""
    saved = httpx.get(f"{server.url}/tts?text=tep").json()["hash"]
    path = path.replace("HASH", saved)
    headers = {name: value.replace("SERVER", server.url) for name, value in headers.items()}
    json = headers.get("Content-Type") == "application/json"
    body = (b'{"text": "hai"}' if json else b"text=hai") if method == "POST" else None
    answer = httpx.request(method, f"{server.url}{path}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def test_preflights_are_answered(server: Server) -> None:
    """Every preflight request gets an answer, which says whether the page may continue."""
    for origin, may in ((ALLOWED, True), ("https://evil.example", False)):
        asked = {**CROSS, "Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = httpx.options(f"{server.url}/tts", headers=asked)
        assert answer.status_code == 204
        assert ("Access-Control-Allow-Origin" in answer.headers) is may


def test_embedding(server: Server, start: Starter, tmp_path: Path) -> None:
    """No answer may be embedded elsewhere, unless other origins may call."""
    assert httpx.get(f"{server.url}/voices").headers[POLICY] == "cross-origin"
    install_pair(tmp_path / "server" / "voices")
    with (
        start({"voice": {"name": "pair"}}) as strict,
        httpx.Client(base_url=strict.url) as client,
    ):
        for path in ("/", "/voices", "/tts/stream?text=mot", "/nope", "/healthz"):
            assert client.get(path).headers[POLICY] == "same-origin"
        allowed = client.get("/tts?text=mot", headers={**CROSS, "Origin": ALLOWED})
        assert allowed.json()["error"]["code"] == "origin_refused"
    with start({"voice": {"name": "pair"}, "server": {"cors_origins": ["*"]}}) as lax:
        assert httpx.get(f"{lax.url}/tts?text=mot", headers=NAVIGATION).status_code == 200
        assert httpx.get(f"{lax.url}/voices").headers[POLICY] == "cross-origin"


POLICY = "Cross-Origin-Resource-Policy"


def asked_as(server: Server, host: str | None, path: str = "/voices") -> tuple[int, str]:
    """Request a path under a host name and return status and error code; PORT is the server's."""
    address, port = server.url.removeprefix("http://").split(":")
    head = "" if host is None else f"Host: {host.replace('PORT', port)}\r\n"
    version = "1.0" if host is None else "1.1"
    with socket.create_connection((address, int(port)), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/{version}\r\n{head}Connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status, _, body = answer.decode().partition("\r\n\r\n")
    code = httpx.Response(200, content=body).json()["error"]["code"] if "error" in body else ""
    return int(status.split()[1]), code


@pytest.mark.parametrize("path", ["/", "/voices", "/tts?text=mot", "/healthz", "/openapi.json"])
@pytest.mark.parametrize(
    "host", ["evil.example:PORT", "localhost.evil.example:PORT", "127.0.0.1.evil:PORT", "x:PORT"]
)
def test_rebound_names_are_refused(server: Server, host: str, path: str) -> None:
    """On a loopback address, every request under a foreign host name is refused."""
    assert asked_as(server, host, path) == (421, "host_unknown")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:PORT",
        "localhost:PORT",
        "LOCALHOST.:PORT",
        "speech.localhost:PORT",
        "[::1]:PORT",
        "192.168.1.5:PORT",
        "speech.example.vn",  # a proxy keeps the name of the request
        "speech.example.vn:8443",
        "speech-1:8888",
        "x:" + "9" * 400,
        None,
    ],
)
def test_names_that_are_taken(server: Server, host: str | None) -> None:
    """Addresses, localhost, and names from a proxy, with any port, are accepted."""
    assert asked_as(server, host) == (200, "")


def test_names_of_the_settings(start: Starter, tmp_path: Path) -> None:
    """`server.public_url` adds a name; `server.allowed_hosts` excludes all others."""
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "server": {"public_url": "http://speech.example.vn:1/"},
    }
    with start(settings) as server:
        assert asked_as(server, "speech.example.vn:PORT") == (200, "")
        assert asked_as(server, "evil.example:PORT") == (421, "host_unknown")
    settings["server"]["allowed_hosts"] = ["speech", "*.example.org"]
    with start(settings) as server:
        for host in ("speech:80", "a.example.org", "A.b.Example.org:PORT", "localhost"):
            assert asked_as(server, host) == (200, "")
        assert asked_as(server, "speech.example.vn") == (200, "")
        for host in ("evil.example", "example.org", "aexample.org", "evil.example:8443"):
            assert asked_as(server, host) == (421, "host_unknown")


def test_names_of_services(start: Starter, tmp_path: Path) -> None:
    """A server for other machines accepts every name, such as those of Compose and Kubernetes."""
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {"voice": {"name": "pair"}, "server": {"host": "0.0.0.0"}}  # noqa: S104
    with start(settings, ready=False) as server:
        server.url = server.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        server.wait_ready()
        for host in ("speech-1:PORT", "speech.vits-tts.svc.cluster.local:PORT"):
            assert asked_as(server, host) == (200, "")


def test_a_proxy_that_says_nothing(server: Server, tmp_path: Path) -> None:
    """Behind an nginx with a minimal configuration, the page's own requests work."""
    with bare_nginx(tmp_path / "nginx", server) as url:
        assert httpx.get(url).status_code == 200
        page = {"Origin": url, "Referer": f"{url}/"}
        spoken = httpx.post(f"{url}/tts/stream", json={"text": "mot"}, headers=page)
        assert spoken.content.startswith(b"RIFF")
        assert httpx.get(f"{url}/voices", headers={"Sec-Fetch-Site": "same-origin"}).is_success
        form: dict[str, Any] = {"data": {"text": "mot"}, "headers": {"Origin": "http://evil.vn"}}
        assert httpx.post(f"{url}/tts", **form).status_code == 403
