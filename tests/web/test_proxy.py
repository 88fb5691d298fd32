"""Behind a proxy: URLs as callers see them, and headers from nobody else."""

import httpx
import pytest

from tests.conftest import Starter


def url(server_url: str, **headers: str) -> str:
    """Return where `/tts` says the file is, the hash and suffix cut off."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = httpx.get(f"{server_url}/tts?text=xin", headers=given).json()
    return str(answer["audio_url"]).removesuffix(f"/audio/{answer['hash']}.wav")


def test_forwarded_headers(start: Starter) -> None:
    """A trusted proxy's words make the URL; what it cannot mean is left aside."""
    with start() as server:
        plain = server.url
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
def test_untrusted(start: Starter, settings: dict[str, list[str]]) -> None:
    """From anybody else they mean nothing, in URLs and in the log."""
    with start({"server": settings}) as server:
        assert (
            url(server.url, X_Forwarded_Host="evil.example", X_Forwarded_Proto="https")
            == server.url
        )
        httpx.get(f"{server.url}/voices", headers={"X-Forwarded-For": "1.2.3.4"})
        assert server.wait_for("request", route="voices")[0]["caller"] == "127.0.0.1"


def test_configured_url(start: Starter) -> None:
    """`server.public_url` wins over everything."""
    with start({"server": {"public_url": "https://speech.example.vn/tts-api/"}}) as server:
        assert url(server.url, X_Forwarded_Host="x.example") == "https://speech.example.vn/tts-api"


def test_caller_in_the_log(start: Starter) -> None:
    """Behind a trusted proxy the log names the caller, not the proxy."""
    with start() as server:
        httpx.get(f"{server.url}/voices", headers={"X-Forwarded-For": "9.9.9.9, 1.2.3.4"})
        assert server.wait_for("request", route="voices")[0]["caller"] == "1.2.3.4"


def test_one_socket_for_both_kinds_of_address(start: Starter) -> None:
    """Listening on `::`, a proxy that comes by IPv4 is known as well."""
    with start({"server": {"host": "::"}}, ready=False) as server:
        server.url = server.url.replace("[::]", "127.0.0.1")
        server.wait_ready()
        assert url(server.url, X_Forwarded_Proto="https").startswith("https://")


def test_callers_that_are_no_addresses(start: Starter) -> None:
    """What is no address does not get into the log."""
    with start() as server:
        httpx.get(f"{server.url}/voices", headers={"X-Forwarded-For": "x" * 3000})
        assert server.wait_for("request", route="voices")[0]["caller"] == "127.0.0.1"
