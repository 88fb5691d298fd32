"""`/docs` in a real browser: it shows the interface and lets visitors try it."""

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import opened
from tests.support.server import Server

# A promise, because polling would need `eval`, which the page's policy forbids.
_CAN_PLAY = """audio => !audio.error && (
    audio.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || new Promise(settle => {
        audio.addEventListener("canplay", () => settle(true), {once: true});
        audio.addEventListener("error", () => settle(false), {once: true});
    })
)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_path_is_shown(browser: Browser, server: Server, scheme: str) -> None:
    """The page draws itself from the description, without other origins, in both colour schemes."""
    with opened(browser, server.url, color_scheme=scheme) as page:
        page.goto("/docs")
        expect(page.get_by_text("Stream speech").first).to_be_visible()
        description = page.request.get("/openapi.json").json()
        methods = [method for path in description["paths"].values() for method in path]
        expect(page.locator("rapi-doc .endpoint-head")).to_have_count(len(methods))
        expect(page.get_by_text("CC BY-NC-SA 4.0").first).to_be_visible()
        expect(page.get_by_text("AUTHENTICATION")).to_have_count(0)  # this server has no keys
        assert page.locator("rapi-doc").get_attribute("theme") == scheme


def test_it_can_be_tried_out(browser: Browser, server: Server) -> None:
    """A filled-in request is sent to this server, and the sound can be played."""
    with opened(browser, server.url) as page:
        page.goto("/docs")
        page.get_by_text("Stream speech").first.click()
        page.locator("[data-pname=text]").fill("xin chao")
        page.locator("[data-pname=voice]").fill("pair")
        page.locator("[data-pname=speed]").fill("2")
        with page.expect_response("**/tts/stream?*") as answered:
            page.get_by_role("button", name="TRY").click()
        assert answered.value.status == 200
        assert answered.value.headers["content-type"] == "audio/wav"
        player = page.locator("audio")
        expect(player).to_be_visible()
        assert player.evaluate(_CAN_PLAY)
