"""`/openapi.json` and `/docs`: the description matches the server."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tornado.routing import URLSpec

from tests.support.fuzzing import fuzzed
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts import errors
from vits_tts.config import Config
from vits_tts.speech import build
from vits_tts.web.app import SpeechApplication
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.base import NotFoundHandler
from vits_tts.web.handlers.assets import FileHandler

KEY, LINE = make_key("schemathesis")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with keys and limits, and a fast voice."""
    folder = tmp_path_factory.mktemp("guarded")
    install_pair(folder / "voices")
    settings: Settings = {
        "server": {"max_text_chars": 200},
        "voice": {"name": "pair"},
        "access": {
            "keys": [LINE],
            "requests_per_minute": 1_000_000,
            "characters_per_minute": 1_000_000_000,
        },
        "limits": {"max_start_delay": 60},
        "usage": {"characters_per_month": 1_000_000_000_000},
    }
    with serving(folder, settings) as running:
        yield running


def described(url: str) -> dict[str, Any]:
    """Return a server's description."""
    response = httpx.get(f"{url}/openapi.json")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    description: dict[str, Any] = response.json()
    return description


def operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all operations of a description."""
    return [operation for path in description["paths"].values() for operation in path.values()]


def test_it_is_openapi(server: Server, guarded: Server) -> None:
    """Both descriptions, with keys and limits and without, are valid OpenAPI 3.1."""
    for url in (server.url, guarded.url):
        description = described(url)
        assert description["openapi"].startswith("3.1.")
        OpenAPIV31SpecValidator(description).validate()


def test_schemathesis_finds_nothing(guarded: Server) -> None:
    """Good and bad requests made from the description pass all checks of schemathesis.

    They cause no error in the log, and no crash of a worker.
    """
    workers = guarded.workers()
    run = fuzzed(guarded.url, "--header", f"Authorization: Bearer {KEY}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "No issues found" in run.stdout
    assert not [line for line in guarded.lines() if line["level"] == "error"]
    assert not [line for line in guarded.lines("request") if line["status"] >= 500]
    assert guarded.workers() == workers


def test_every_path_is_described(server: Server) -> None:
    """The description has the application's paths and methods, without its pages."""
    application = SpeechApplication(Config(), build(Config()))
    rules = [rule for rule in application.wildcard_router.rules if isinstance(rule, URLSpec)]
    there = {
        rule.regex: set(rule.target.methods()) - {"OPTIONS"}
        for rule in rules
        if not issubclass(rule.target, FileHandler | NotFoundHandler)
    }
    paths = described(server.url)["paths"]
    found = {
        path: {
            method
            for regex, methods in there.items()
            if regex.match(re.sub(r"\{\w+\}", "x", path))
            for method in methods
        }
        for path in paths
    }
    assert found == {path: {name.upper() for name in paths[path]} for path in paths}
    assert len(there) == len(paths)


def test_every_error_is_described(guarded: Server) -> None:
    """Each error code of a request is listed under its status, with its headers."""
    codes: dict[str, set[str]] = {}
    for operation in operations(described(guarded.url)):
        for status, response in operation["responses"].items():
            for media in response.get("content", {}).values():
                for part in media.get("schema", {}).get("allOf", ())[1:]:
                    code = part
                    while "properties" in code:  # the fields that lead to it
                        (code,) = code["properties"].values()
                    codes.setdefault(status, set()).update(code["enum"])
            if status in {"429", "503"} and "allOf" in str(response):
                assert "Retry-After" in response["headers"]
            assert "X-Request-ID" in response["headers"]
    classes: list[type[errors.VitsTtsError]] = [errors.VitsTtsError]
    for error in classes:
        classes += error.__subclasses__()
    # Not described: unknown paths and methods, errors of the start, and unreadable heads, which
    # have no path.
    elsewhere = {"not_found", "method_not_allowed", "config_invalid", "unavailable"}
    elsewhere |= {"target_too_long", "head_too_large"}
    # Of interfaces that are described elsewhere: docs/CLIENTS.md, docs/HOME-ASSISTANT.md.
    elsewhere |= {"event_invalid"}
    elsewhere |= {"context_invalid"}  # of WebSockets: docs/REALTIME.md
    expected = {(str(error.status), error.code) for error in classes if error.code not in elsewhere}
    # Codes that clients of OpenAI and ElevenLabs know under their names.
    expected |= {("401", "invalid_api_key"), ("429", "rate_limit_exceeded")}
    expected |= {("401", "needs_authorization"), ("429", "too_many_requests")}
    expected |= {("404", "voice_not_found")}
    assert {(status, code) for status in codes for code in codes[status]} == expected


def test_keys_and_limits_are_described(server: Server, guarded: Server) -> None:
    """The description mentions keys and limits only if the server has them."""
    plain, strict = described(server.url), described(guarded.url)
    assert "securitySchemes" not in plain["components"]
    assert set(strict["components"]["securitySchemes"]) == {"bearer", "header"}
    for description, needed in ((plain, False), (strict, True)):
        speak = description["paths"]["/tts"]["get"]
        assert ("401" in speak["responses"]) == needed
        assert ("429" in speak["responses"]) == needed
        assert ("RateLimit-Limit" in speak["responses"]["200"]["headers"]) == needed
        assert bool(speak.get("security")) == needed
        assert "401" not in description["paths"]["/healthz"]["get"]["responses"]


def test_the_settings_and_voices_are_described(server: Server, guarded: Server) -> None:
    """The description has the server's longest text, and its voices with their licences."""
    description = described(server.url)
    fields = description["components"]["schemas"]["SpeechParameters"]["properties"]
    assert fields["text"]["maxLength"] == 2000
    assert "vi_VN-vais1000-compact" in str(fields["voice"])
    assert "pair" in str(fields["voice"])
    assert "CC BY-NC-SA 4.0" in description["info"]["description"]
    assert "vais1000" not in str(described(guarded.url)["info"])


def test_it_is_kept_by_callers(client: httpx.Client) -> None:
    """The description has an ETag, which HEAD returns too."""
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head("/openapi.json").headers["ETag"] == first.headers["ETag"]


def test_it_can_be_switched_off() -> None:
    """Without `server.docs`, neither the description nor the page exists."""
    for docs in (True, False):
        config = Config.model_validate({"server": {"docs": docs}})
        rules = SpeechApplication(config, build(config)).wildcard_router.rules
        for path in ("/openapi.json", "/docs", "/docs/docs.js"):
            there = any(isinstance(rule, URLSpec) and rule.regex.match(path) for rule in rules)
            assert there == docs


def test_the_page_is_self_contained(server: Server, guarded: Server) -> None:
    """The page needs no key, refers to no other origin, and its policy allows nothing else."""
    for url in (server.url, guarded.url):
        page = httpx.get(f"{url}/docs")
        assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
        assert "http" not in page.text.replace("http-equiv", "").replace("HTTP interface", "")
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe-eval" not in policy
        for name in re.findall(r'src="([^"]+)"', page.text):
            script = httpx.get(f"{url}/{name}")
            assert script.headers["Content-Type"] == "text/javascript; charset=UTF-8"
    assert httpx.get(f"{server.url}/docs/../config.py").status_code == 404
    assert "MIT License" in httpx.get(f"{server.url}/docs/NOTICE.txt").text
