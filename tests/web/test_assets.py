"""The files of the page: served from memory, without a key, under a strict policy."""

import re

import httpx
import pytest

from tests.conftest import LocalStarter
from tests.support.voices import install_pair


def test_page_and_its_files(client: httpx.Client) -> None:
    """`/` is HTML; all files that it names exist with the right type on the same server."""
    page = client.get("/")
    assert page.headers["Content-Type"] == "text/html; charset=UTF-8"
    assert "{{" not in page.text
    assert not re.search(r"<style|<script(?![^>]*src)|\s(style|on\w+)=", page.text)
    types = {
        "js": "text/javascript; charset=UTF-8",
        "css": "text/css; charset=UTF-8",
        "svg": "image/svg+xml",
        "woff2": "font/woff2",
    }
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)
    assert {name.rpartition(".")[2] for name in named} == set(types)
    for name in named:
        answer = client.get(f"/{name}")
        assert answer.headers["Content-Type"] == types[name.rpartition(".")[2]]
        assert len(answer.content) > 100
    assert client.get("/docs").status_code == 200  # the page links to it


def test_policy(client: httpx.Client) -> None:
    """The policy forbids other origins, inline code, frames, and forms that leave the server."""
    policy = client.get("/").headers["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == "'none'"
    assert {source for name, source in rules.items() if name.endswith("-src")} == {
        "'none'",
        "'self'",
    }


@pytest.mark.parametrize("path", ["/", "/page/app.js"])
def test_unchanged_files_are_not_sent_again(client: httpx.Client, path: str) -> None:
    """A browser that has the file gets 304.

    It asks each time, so an upgrade is visible at once.
    """
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(first.content)


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/nothing.js",
        "/page/..%2Fapp.py",
        "/page/%2e%2e/app.py",
        "/page/%2Fetc%2Fpasswd",
        "/page/app.js%00",
        "/page/APP.JS",
    ],
)
def test_nothing_else_is_there(client: httpx.Client, path: str) -> None:
    """Only the names of the table are served; the requested name is never used as a path."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_other_methods(client: httpx.Client) -> None:
    """The page accepts only GET and HEAD."""
    answer = client.post("/docs", json={})  # a POST of `/` is for Piper's clients
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_switched_off(start_here: LocalStarter, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With `server.page` off, neither the page nor its files exist."""
    folder = tmp_path_factory.mktemp("voices")
    install_pair(folder)
    voice = {"name": "pair", "folder": str(folder)}
    with start_here({"server": {"page": False}, "voice": voice}) as server:
        assert httpx.get(f"{server.url}/page/app.js").status_code == 404
        for method in ("GET", "HEAD"):
            led = httpx.request(method, f"{server.url}/")
            assert led.status_code == 307
            assert httpx.URL(server.url).join(led.headers["Location"]).path == "/docs"
    switches = {"page": False, "docs": False}
    with start_here({"server": switches, "voice": voice}) as server:
        assert httpx.get(f"{server.url}/").status_code == 404
