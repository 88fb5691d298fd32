"""The conversation on the page: an answer is spoken while it is written, and interrupted."""

import hashlib
import re

from playwright.sync_api import Browser, expect

from tests.conftest import LocalStarter
from tests.support.browser import opened
from tests.support.page import TAP, heard, shown, slices
from tests.support.server import Server, until
from tests.web.test_page import streamed

_KEY = "a-key-of-the-page"


def test_the_answer_is_spoken_while_it_is_written(server: Server, browser: Browser) -> None:
    """Sound begins before the text is complete, and all of the text is spoken."""
    with opened(browser, server.url, script=TAP, locale="en-GB") as page:
        page.click("#converse")
        until(lambda: slices(page), "sound", lambda: shown(page))
        begun = page.inner_text("#answer")
        expect(page.locator("#status")).to_contain_text("Done", timeout=60_000)
        answer = page.inner_text("#answer")
        assert 0 < len(begun) < len(answer)
        assert answer.startswith(begun.strip())
        expect(page.locator("#converse")).to_have_text("Hear an answer")
        sound = heard(page)
        whole = streamed(server, text=answer)
        assert 0.8 < len(sound.samples) / sound.sample_rate / (len(whole) / 16000) < 1.25


def test_an_answer_is_interrupted(start_here: LocalStarter, browser: Browser) -> None:
    """The page shows how much was heard; it has a token in place of the key in the address."""
    line = f"page:{hashlib.sha256(_KEY.encode()).hexdigest()}"
    addresses: list[str] = []
    with (
        start_here({"access": {"keys": [line]}}) as server,
        opened(browser, server.url, script=TAP, locale="vi-VN") as page,
    ):
        page.on("websocket", lambda socket: addresses.append(socket.url))
        page.fill("#key", _KEY)
        page.press("#key", "Tab")
        expect(page.locator("#licence")).not_to_be_empty()
        page.click("#converse")
        until(lambda: page.evaluate("document.querySelector('#now').textContent") >= "0:02",
              "two seconds of sound", lambda: shown(page))  # fmt: skip
        page.click("#converse")
        expect(page.locator("#converse")).to_have_text("Nghe trả lời")
        expect(page.locator("#heard")).to_contain_text("ký tự")
        count, written = map(int, re.findall(r"\d+", page.inner_text("#heard")))
        assert 0 < count < written
        assert len(page.inner_text("#answer s")) in {written - count, written - count - 1}
        first = slices(page)
        page.click("#play")  # the sound so far can be heard again
        until(lambda: slices(page) > first, "the sound again", lambda: shown(page))
        page.keyboard.press("Control+Enter")
        expect(page.locator("#status")).to_have_text("Đang đọc.")
        expect(page.locator("#converse")).to_have_text("Nghe trả lời")
    assert _KEY not in addresses[0]
    assert "token=" in addresses[0]
