"""CORS: configured origins, and only those."""

import httpx
import pytest

from vits_tts.web.http.cors import Cors

GOOD = ["https://app.example.vn", "https://a.trusted.example", "https://a.b.trusted.example"]
BAD = [
    "https://app.example.vn.evil.example",
    "http://app.example.vn",
    "https://app.example.vn:444",
    "https://trusted.example",
    "https://evil.example/.trusted.example",
    "https://evil.example@a.trusted.example",
    "null",
]


@pytest.mark.parametrize("origin", GOOD)
def test_allowed(client: httpx.Client, origin: str) -> None:
    """An allowed page may read the answer, its id, and errors."""
    for path in ("/voices", "/nope", "/tts"):
        response = client.get(path, headers={"Origin": origin})
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]
        assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", BAD)
def test_refused(client: httpx.Client, origin: str) -> None:
    """Other pages may not read answers, and no cache gives them those of an allowed page."""
    response = client.get("/voices", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Vary"] == "Origin"


def test_preflight(client: httpx.Client) -> None:
    """A preflight request gets the allowed methods and headers."""
    headers = {
        "Origin": GOOD[0],
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    response = client.options("/tts/stream", headers=headers)
    assert response.status_code == 204
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
    assert response.headers["Access-Control-Allow-Origin"] == GOOD[0]
    refused = client.options("/tts/stream", headers={**headers, "Origin": BAD[0]})
    assert "Access-Control-Allow-Methods" not in refused.headers


def test_preflight_with_other_headers(client: httpx.Client) -> None:
    """An allowed page may send additional headers of client libraries."""
    headers = {
        "Origin": GOOD[0],
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-my-client,x-trace",
    }
    response = client.options("/v1/audio/speech", headers=headers)
    allowed = [name.strip() for name in response.headers["Access-Control-Allow-Headers"].split(",")]
    assert {"x-my-client", "x-trace", "Content-Type"} <= set(allowed)
    assert "Access-Control-Request-Headers" in response.headers["Vary"]
    injected = headers | {"Access-Control-Request-Headers": "x-a; y"}
    answer = client.options("/v1/audio/speech", headers=injected)
    assert "x-a" not in answer.headers["Access-Control-Allow-Headers"]
    stranger = client.options("/v1/audio/speech", headers={**headers, "Origin": BAD[0]})
    assert "Access-Control-Allow-Headers" not in stranger.headers


def test_none_by_default() -> None:
    """Without configured origins there are no CORS headers."""
    assert Cors([]).headers("https://app.example.vn") == {}
    assert Cors([]).preflight("https://app.example.vn", ["GET"]) == {}


def test_everybody() -> None:
    """`*` allows every page."""
    assert Cors(["*"]).headers("https://x.example")["Access-Control-Allow-Origin"]
