"""`<audio>` in Chromium, in a page of another origin, on every kind of link, with seeking."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import running_browser
from tests.support.foreign_page import foreign_page
from tests.support.local import LocalServer, Settings, serving_here
from vits_tts.web.auth.api_keys import make_key

KEY, LINE = make_key("app")
HEADERS = {"X-API-Key": KEY}
TEXT = "Một con vịt xoè ra hai cái cánh. Nó kêu rằng quác quác quác, quạc quạc quạc."
PLAY = """
async ([address, crossorigin]) => {
  const audio = new Audio();
  if (crossorigin) audio.crossOrigin = "anonymous";
  const heard = (event) =>
    new Promise((resolve, reject) => {
      audio.addEventListener(event, resolve, { once: true });
      audio.addEventListener("error", () => reject(new Error(audio.error.message)));
    });
  const ready = heard("loadedmetadata");
  audio.src = address;
  await ready;
  const { duration } = audio;
  const seekable = audio.seekable.length ? audio.seekable.end(0) : 0;
  const sought = heard("seeked");
  audio.currentTime = duration * 0.75;
  await sought;
  const place = audio.currentTime;
  const ended = heard("ended");
  await audio.play();
  await ended;
  return { duration, seekable, place, end: audio.currentTime };
}
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Run a server of a foreign page; return its origin."""
    with foreign_page() as port:
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a headless Chromium that plays sound without a click."""
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, elsewhere: str) -> Iterator[Page]:
    """Open the foreign page."""
    with browser.new_context() as context:
        opened = context.new_page()
        opened.goto(elsewhere)
        yield opened


def played(page: Page, address: str, *, crossorigin: bool = False) -> dict[str, Any]:
    """Play a URL from three quarters of its duration to its end."""
    heard: dict[str, Any] = page.evaluate(PLAY, [address, crossorigin])
    return heard


def assert_sought(heard: dict[str, Any]) -> None:
    """Assert that the player knew the duration and reached the requested position."""
    assert 3 < heard["duration"] < 15
    assert heard["seekable"] == pytest.approx(heard["duration"], abs=0.1)
    assert heard["place"] == pytest.approx(heard["duration"] * 0.75, abs=0.1)
    assert heard["end"] == pytest.approx(heard["duration"], abs=0.3)


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with keys that signs its links."""
    settings: Settings = {"access": {"keys": [LINE]}, "audio": {"links": "signed"}}
    with serving_here(tmp_path_factory.mktemp("signing"), settings) as running:
        yield running


@pytest.mark.parametrize("name", ["wav", "mp3", "ogg", "flac"])
def test_signed_file(signing: LocalServer, page: Page, name: str) -> None:
    """A signed file plays from the requested position."""
    params = {"text": TEXT, "format": name}
    saved = httpx.get(f"{signing.url}/tts", params=params, headers=HEADERS, timeout=60).json()
    assert_sought(played(page, saved["audio_url"]))


@pytest.mark.parametrize("name", ["wav", "mp3", "ogg", "flac"])
def test_signed_stream(signing: LocalServer, page: Page, name: str) -> None:
    """A signed stream that was never requested before plays from the requested position."""
    params = {"text": f"{TEXT} Dạng {name}.", "format": name}
    link = httpx.get(f"{signing.url}/tts/link", params=params, headers=HEADERS).json()
    assert_sought(played(page, link["audio_url"]))


def test_open_file(tmp_path: Path, page: Page) -> None:
    """A file that needs no key plays without a signature."""
    with serving_here(tmp_path, {"access": {"keys": [LINE]}, "audio": {"links": "open"}}) as server:
        asked = f"{server.url}/tts"
        saved = httpx.get(asked, params={"text": TEXT}, headers=HEADERS, timeout=60).json()
        assert_sought(played(page, saved["audio_url"]))


def test_page_that_may_call(tmp_path: Path, page: Page, elsewhere: str) -> None:
    """A page of an allowed origin plays files and streams of a server without keys."""
    with serving_here(tmp_path, {"server": {"cors_origins": [elsewhere]}}) as server:
        saved = httpx.get(f"{server.url}/tts", params={"text": TEXT}, timeout=60).json()
        assert_sought(played(page, saved["audio_url"], crossorigin=True))
        query = httpx.QueryParams(text=f"{TEXT} Thế thôi.")
        assert_sought(played(page, f"{server.url}/tts/stream?{query}", crossorigin=True))


def test_strangers_play_nothing(tmp_path: Path, page: Page) -> None:
    """A foreign page without any of these permissions plays nothing."""
    with serving_here(tmp_path, pair=True) as server:
        query = httpx.QueryParams(text=TEXT)
        outcome = page.evaluate(
            "async (a) => { const audio = new Audio(a); return await new Promise((done) => {"
            'audio.onerror = () => done("refused"); audio.onloadedmetadata = () => done("heard");'
            "}); }",
            f"{server.url}/tts/stream?{query}",
        )
        assert outcome == "refused"
