"""Behind a proxy: URLs as clients see them, and forwarded headers only from trusted proxies."""

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import LocalStarter, Starter
from tests.support.local import LocalServer, Settings, serving_here


def url(server_url: str, **headers: str) -> str:
    """Return the URL that `/tts` gives for the file, without hash and suffix."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.get(f"{server_url}/tts?text=xin", headers=given).json()
    return str(answer["audio_url"]).removesuffix(f"/audio/{answer['hash']}.wav")


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with the default settings of proxies."""
    with serving_here(tmp_path_factory.mktemp("default"), pair=True) as server:
        yield server


def test_forwarded_headers(default: LocalServer) -> None:
    """Headers of a trusted proxy make the URL; invalid values are ignored."""
    plain = default.url
    assert url(plain) == plain
    assert url(plain, Host="speech.example.vn") == "http://speech.example.vn"
    assert (
        url(plain, X_Forwarded_Proto="https", X_Forwarded_Host="speech.example.vn")
        == "https://speech.example.vn"
    )
    assert (
        url(
            plain,
            X_Forwarded_Proto="https",
            X_Forwarded_Host="evil.example, speech.example.vn",
            X_Forwarded_Port="8443",
            X_Forwarded_Prefix="/speech/v1/",
        )
        == "https://speech.example.vn:8443/speech/v1"
    )
    for bad in (
        {"X_Forwarded_Proto": "javascript"},
        {"X_Forwarded_Host": "a/b<c>"},
        {"X_Forwarded_Port": "99999999"},
        {"X_Forwarded_Prefix": "/.."},
    ):
        assert url(plain, **bad) == plain
    assert url(plain, X_Forwarded_Prefix="//evil.example") == plain


@pytest.mark.parametrize("settings", [{"trusted_proxies": []}, {"trusted_proxies": ["10.0.0.0/8"]}])
def test_untrusted(start_here: LocalStarter, settings: dict[str, list[str]]) -> None:
    """Headers from other addresses are ignored, in URLs and in the log."""
    with start_here({"server": settings}, pair=True) as server:
        assert (
            url(server.url, X_Forwarded_Host="evil.example", X_Forwarded_Proto="https")
            == server.url
        )
        httpx.get(f"{server.url}/voices", headers={"X-Forwarded-For": "1.2.3.4"})
        assert server.wait_for("request", route="voices")[0]["caller"] == "127.0.0.1"


def test_configured_url(start_here: LocalStarter) -> None:
    """`server.public_url` takes precedence over all headers."""
    settings: Settings = {"server": {"public_url": "https://speech.example.vn/tts-api/"}}
    with start_here(settings, pair=True) as server:
        assert url(server.url, X_Forwarded_Host="x.example") == "https://speech.example.vn/tts-api"


def test_relative_url(start_here: LocalStarter) -> None:
    """`relative` makes URLs that begin with the path, and with a prefix from the proxy."""
    with start_here({"server": {"public_url": "relative"}}, pair=True) as server:
        answer = httpx.get(f"{server.url}/tts", params={"text": "Một."}, timeout=60).json()
        assert answer["audio_url"] == f"/audio/{answer['hash']}.wav"
        assert httpx.get(server.url + answer["audio_url"]).status_code == 200
        headers = {"X-Forwarded-Prefix": "/tts-api"}
        behind = httpx.get(f"{server.url}/tts", params={"text": "Một."}, headers=headers).json()
        assert behind["audio_url"] == f"/tts-api{answer['audio_url']}"
        page = {"Origin": server.url, "Content-Type": "text/plain"}  # still known as its own page
        assert httpx.post(f"{server.url}/tts", headers=page).status_code == 400


def test_caller_in_the_log(default: LocalServer) -> None:
    """Behind a trusted proxy, the log has the address of the client."""
    default.forget()
    httpx.get(f"{default.url}/voices", headers={"X-Forwarded-For": "9.9.9.9, 1.2.3.4"})
    assert default.wait_for("request", route="voices")[0]["caller"] == "1.2.3.4"


def test_one_socket_for_both_kinds_of_address(start: Starter) -> None:
    """A server that listens on `::` recognises a proxy that connects over IPv4."""
    with start({"server": {"host": "::"}}, ready=False, pair=True) as server:
        server.url = server.url.replace("[::]", "127.0.0.1")
        server.wait_ready()
        assert url(server.url, X_Forwarded_Proto="https").startswith("https://")


def test_callers_that_are_no_addresses(default: LocalServer) -> None:
    """A value that is not an address is not logged."""
    default.forget()
    httpx.get(f"{default.url}/voices", headers={"X-Forwarded-For": "x" * 3000})
    assert default.wait_for("request", route="voices")[0]["caller"] == "127.0.0.1"
