"""A real browser with pages of other origins, and with other names for this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.conftest import Starter
from tests.support.browser import running_browser
from tests.support.foreign_page import foreign_page
from tests.support.server import Server, Settings
from tests.support.voices import install_pair

EVIL, GOOD = "evil.example", "app.example.vn"
ATTEMPTS = """
async (target) => {
  const settled = (element, attribute, address) =>
    new Promise((resolve) => {
      for (const event of ["load", "error", "canplaythrough"]) {
        element.addEventListener(event, () => resolve(event));
      }
      element[attribute] = address;
      document.body.append(element);
    });
  const asked = (path, options) =>
    fetch(target + path, options).then((answer) => answer.type, () => "failed");
  const form = document.createElement("form");
  form.method = "post";
  form.action = `${target}/tts`;
  form.target = "frame";
  const field = document.createElement("input");
  [field.name, field.value] = ["text", "form"];
  form.append(field);
  const frame = document.createElement("iframe");
  frame.name = "frame";
  document.body.append(frame, form);
  const answered = new Promise((resolve) => frame.addEventListener("load", resolve));
  form.submit();
  await answered;
  const body = new URLSearchParams({ text: "post" });
  return {
    image: await settled(new Image(), "src", `${target}/tts?text=image`),
    audio: await settled(new Audio(), "src", `${target}/tts/stream?text=audio`),
    opaque: await asked("/tts", { method: "POST", mode: "no-cors", body }),
    readable: await asked("/tts?text=readable"),
    asked: await asked("/tts?text=asked", { headers: { "X-API-Key": "x" } }),
  };
}
"""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """Run another web server, which answers under every name; return its port."""
    with foreign_page() as port:
        yield port


@pytest.fixture(scope="module")
def resolving() -> Iterator[Browser]:
    """Run a browser in which other host names resolve to this machine."""
    rules = ", ".join(f"MAP {name} 127.0.0.1" for name in (EVIL, GOOD))
    # Without Chromium's own new checks, which other browsers lack: the test is about the server.
    unchecked = "--disable-features=LocalNetworkAccessChecks"
    with running_browser(f"--host-resolver-rules={rules}", unchecked) as running:
        yield running


@pytest.fixture
def page(resolving: Browser) -> Iterator[Page]:
    """Open an empty page."""
    context = resolving.new_context()
    yield context.new_page()
    context.close()


def _empty(route: Route) -> None:
    """Answer with an empty page without a policy."""
    route.fulfill(content_type="text/html", body="<!doctype html><body></body>")


def made(server: Server) -> tuple[int, int]:
    """Return the number of files, and of successful requests for speech."""
    files = list((server.folder / "audio").glob("[0-9a-f]*.*"))
    spoken = [
        line
        for line in server.lines("request")
        if line["status"] == 200 and line["route"] in {"tts", "stream"}
    ]
    return len(files), len(spoken)


def settings(folder: Path) -> Settings:
    """Return settings with a fast voice."""
    install_pair(folder / "server" / "voices")
    return {"voice": {"name": "pair"}, "server": {"cors_origins": [f"http://{GOOD}:*"]}}


@pytest.mark.parametrize("origins", [True, False])
def test_a_foreign_page_makes_nothing(
    start: Starter, tmp_path: Path, page: Page, elsewhere: int, *, origins: bool
) -> None:
    """Images, sound, forms and fetches of a foreign page create no file and no speech."""
    given = settings(tmp_path)
    if not origins:
        del given["server"]
    with start(given) as server:
        page.goto(f"http://{EVIL}:{elsewhere}/")
        outcome = page.evaluate(ATTEMPTS, server.url)
        assert (outcome["image"], outcome["audio"]) == ("error", "error")
        assert (outcome["readable"], outcome["asked"]) == ("failed", "failed")
        page.evaluate("(url) => { location = url; }", f"{server.url}/tts?text=link")
        page.wait_for_url(f"{server.url}/**")
        server.wait_for("request", count=5, status=403)
        assert made(server) == (0, 0)


def test_an_allowed_page_and_our_own_can_do_all_that(
    start: Starter, tmp_path: Path, page: Page, elsewhere: int
) -> None:
    """The same requests work from an origin of `server.cors_origins` and from the server's page."""
    with start(settings(tmp_path)) as server:
        page.goto(f"http://{GOOD}:{elsewhere}/")
        outcome = page.evaluate(ATTEMPTS, server.url)
        assert outcome["audio"] == "canplaythrough"
        assert (outcome["opaque"], outcome["readable"]) == ("opaque", "cors")
        server.wait_for("request", count=5, status=200)
        assert made(server)[0] == 5  # image, form, post, readable, asked
        page.route("**/embedding", _empty)
        page.goto(f"{server.url}/embedding")
        outcome = page.evaluate(ATTEMPTS, server.url)
        assert (outcome["audio"], outcome["readable"]) == ("canplaythrough", "basic")


def test_a_name_that_is_made_to_lead_here(start: Starter, tmp_path: Path, page: Page) -> None:
    """A page whose host name resolves to this machine gets nothing, although it is same-origin."""
    with start(settings(tmp_path)) as server:
        port = server.url.rpartition(":")[2]
        page.route("**/attack", _empty)  # as before the name resolved to this machine
        page.goto(f"http://{EVIL}:{port}/attack")
        outcome = page.evaluate(ATTEMPTS, "")
        assert (outcome["image"], outcome["audio"]) == ("error", "error")
        read = page.evaluate("async () => (await fetch('/voices')).status")
        assert read == 421
        server.wait_for("request", count=6, status=421)
        assert made(server) == (0, 0)
