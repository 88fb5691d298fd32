"""Errors on the page: in the visitor's language, with a suggestion."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.browser import barriers, opened
from tests.support.page import TAP, shown, slices, write
from tests.support.server import Server, Settings, serving, until
from tests.support.sound import decode
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.web.auth.api_keys import make_key

LIMIT = 2000
LONG = " ".join(f"Đây là câu thứ {n} của bài đọc." for n in range(70))[:LIMIT]


def test_texts_that_cannot_be_said(server: Server, browser: Browser) -> None:
    """An alert shows the reason in either language, and disappears when the text is changed."""
    with opened(browser, server.url, locale="vi-VN") as page:
        alert = page.get_by_role("alert")
        write(page, "")
        page.click("#speak")
        expect(alert).to_contain_text("Hãy viết điều bạn muốn nghe.")
        expect(page.locator("#retry")).to_be_hidden()  # the same request would fail again
        page.click("#language")
        expect(alert).to_contain_text("Write what you would like to hear.")
        page.fill("#text", "...!? 😀")
        page.click("#speak")
        expect(alert).to_contain_text("This text has no letter and no digit that could be read.")
        assert page.get_attribute("#text", "aria-invalid") == "false"
        page.fill("#text", "a " * 1001)
        assert page.get_attribute("#text", "aria-invalid") == "true"
        page.click("#speak")
        words = "The text has 2,002 characters; at most 2,000 are read at a time. Please split it."
        expect(alert).to_contain_text(words)
        page.fill("#text", "xin chào")
        expect(alert).to_be_hidden()
        page.click("#speak")
        expect(page.locator("#download")).to_be_enabled()
        expect(alert).to_be_hidden()


def test_voice_that_is_gone(server: Server, browser: Browser) -> None:
    """A voice that was removed after the page was opened is reported."""

    def with_another(route: Route) -> None:
        answer = route.fetch()
        voices = answer.json()
        voices["voices"].append({**voices["voices"][-1], "name": "gone"})
        route.fulfill(response=answer, json=voices)

    with opened(browser, server.url, locale="vi-VN") as page:
        page.route("**/voices", with_another)
        page.reload()
        write(page, "xin chào", voice="gone")
        page.click("#speak")
        expect(page.get_by_role("alert")).to_contain_text("Hãy chọn giọng khác.")


def test_no_network(server: Server, browser: Browser) -> None:
    """Without a network the page says so; later, one press tries again."""
    with opened(browser, server.url, script=TAP, locale="en-GB") as page:
        write(page, "xin chào")
        page.context.set_offline(True)
        page.click("#speak")
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        page.context.set_offline(False)
        page.click("#retry")
        until(lambda: slices(page), "sound", lambda: shown(page))
        expect(page.get_by_role("alert")).to_be_hidden()


def test_voices_that_came_late(server: Server, browser: Browser) -> None:
    """If the voices could not be loaded, trying again also loads them."""
    with opened(browser, server.url, script=TAP, locale="en-GB") as page:
        page.route("**/voices", lambda route: route.abort())
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        expect(page.locator("#voice")).to_have_text("no voice yet")
        page.unroute("**/voices")
        page.click("#retry")
        expect(page.locator("#speak")).to_be_focused()
        expect(page.locator("#voice option").first).to_have_text(EMBEDDED_VOICE)
        until(lambda: slices(page), "sound", lambda: shown(page))
        expect(page.get_by_role("alert")).to_be_hidden()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """Run a server with three keys, one place for streams and a small rate limit."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = [make_key(name) for name in ("page", "other", "third")]
    settings: Settings = {
        "server": {"max_text_chars": LIMIT, "workers": 1},
        "access": {"keys": [entry for _, entry in keys], "characters_per_minute": LIMIT},
        "limits": {"max_concurrent": 1},
    }
    with serving(folder, settings) as running:
        yield running, [key for key, _ in keys]


def test_key(guarded: tuple[Server, list[str]], browser: Browser, tmp_path: Path) -> None:
    """The page asks for a needed key and stores it only on request; code reads it from outside."""
    server, (key, *_) = guarded
    with opened(browser, server.url, script=TAP, locale="vi-VN") as page:
        expect(page.locator("#key")).to_be_focused()
        assert barriers(page) == []
        alert = page.get_by_role("alert")
        page.click("#speak")
        expect(alert).to_contain_text("Máy chủ cần khoá API.")
        for wrong in ("wrong", "khoá"):
            give_key(page, wrong)
            expect(alert).to_contain_text("Máy chủ không biết khoá này.")
            give_key(page, "")
            expect(alert).to_be_hidden()
        give_key(page, key)
        expect(alert).to_be_hidden()
        write(page, "xin chào")
        expect(page.locator("#reading")).to_have_text("xin chào")
        page.click("#speak")
        until(lambda: slices(page), "sound", lambda: shown(page))
        expect(page.locator("#download")).to_be_enabled()
        node, _ = compute_driver_executable()
        for tab, command in (("curl", "sh"), ("python", sys.executable), ("javascript", node)):
            page.click(f"#tab-{tab}")
            code = page.inner_text("#code")
            assert key not in code
            program = tmp_path / f"{tab}.mjs"
            program.write_text(code, encoding="utf-8")
            environment = {**os.environ, "VITS_TTS_API_KEY": key}
            subprocess.run([command, program], cwd=tmp_path, env=environment, check=True)
            assert decode((tmp_path / "speech.wav").read_bytes(), streamed=True).seconds > 0.5
            (tmp_path / "speech.wav").unlink()
        page.reload()
        expect(page.locator("#key")).to_have_value("")
        page.fill("#key", key)
        page.keyboard.press("Control+Enter")  # without leaving the field
        until(lambda: slices(page), "sound", lambda: shown(page))
        page.check("#keep")
        give_key(page, key)
        page.reload()
        expect(page.locator("#key")).to_have_value(key)
        write(page, "xin chào")
        page.uncheck("#keep")
        page.reload()
        expect(page.locator("#key")).to_have_value("")


def test_nothing_moves_under_a_press(guarded: tuple[Server, list[str]], browser: Browser) -> None:
    """No control moves between a press and its release, though voices come or the key is left."""
    server, (key, *_) = guarded
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    tall = {"width": 600, "height": 2600}  # all controls are in one column, and none is scrolled
    with opened(browser, server.url, locale="vi-VN", viewport=tall) as page:
        expect(page.locator("#key")).to_be_focused()
        page.route("**/voices", hold)
        give_key(page, key)
        until(lambda: page.evaluate("1") and held, "the request for voices", lambda: shown(page))
        expect(page.locator("#reading")).not_to_have_text("–")
        with pressing(page, "#tab-python"), page.expect_response("**/voices"):
            held.pop().continue_()
        expect(page.locator("#voice option").first).to_have_text(EMBEDDED_VOICE)
        page.fill("#key", f"{key} ")
        with pressing(page, "#tab-curl"):
            expect(page.locator("#key")).not_to_be_focused()
            assert not held
        until(lambda: page.evaluate("1") and held, "the request for voices", lambda: shown(page))
        held.pop().continue_()


@contextmanager
def pressing(page: Page, selector: str) -> Iterator[None]:
    """Press a tab, and release it after the block; assert that it does not move."""
    tab = page.locator(selector)
    box = tab.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    yield
    page.evaluate("() => new Promise((shown) => setTimeout(shown, 100))")
    assert tab.bounding_box() == box
    page.mouse.up()
    expect(tab).to_have_attribute("aria-selected", "true")


def give_key(page: Page, key: str) -> None:
    """Type the key and continue."""
    page.fill("#key", key)
    page.press("#key", "Tab")


@contextmanager
def with_key(browser: Browser, server: Server, key: str, locale: str) -> Iterator[Page]:
    """Open the page and give it the key."""
    with opened(browser, server.url, script=TAP, locale=locale) as page:
        give_key(page, key)
        write(page, "xin chào")
        yield page


def test_busy(guarded: tuple[Server, list[str]], browser: Browser) -> None:
    """A busy server makes the page say when to try again."""
    server, (key, other, _) = guarded
    query = {"text": LONG, "speed": "0.25"}
    headers = {"X-API-Key": other}
    with with_key(browser, server, key, "en-GB") as page, ExitStack() as listeners:
        write(page, "câu này chưa ai nghe")  # nothing of it is cached
        # The test before may still use the only place.
        until(lambda: server.under_way() == 1, "no request but that for the metrics")
        taking = httpx.stream(
            "GET", f"{server.url}/tts/stream", params=query, headers=headers, timeout=60
        )
        response = listeners.enter_context(taking)
        assert response.status_code == 200  # sound has begun, so the place is in use
        page.click("#speak")
        words = re.compile(r"The server is busy\. Try again in \d+ seconds\.")
        expect(page.get_by_role("alert")).to_contain_text(words)


def test_too_much(guarded: tuple[Server, list[str]], browser: Browser) -> None:
    """A visitor over the rate limit is told when requests are possible again."""
    server, (*_, third) = guarded
    share = "xin chào. " * (LIMIT // 10)

    def spent() -> bool:  # 503 while a stream of another test is still being closed
        query, headers = {"text": share}, {"X-API-Key": third}
        url = f"{server.url}/tts/stream"
        return httpx.get(url, params=query, headers=headers, timeout=60).status_code == 429

    with with_key(browser, server, third, "vi-VN") as page:
        until(spent, "a share that is used up")
        write(page, share)
        page.click("#speak")
        words = re.compile(r"Bạn đã nghe nhiều trong một lúc\. Hãy thử lại sau \d+ giây\.")
        expect(page.get_by_role("alert")).to_contain_text(words)


def test_lost_in_the_middle(guarded: tuple[Server, list[str]], browser: Browser) -> None:
    """The page reports a broken connection, and the received part can be played."""
    server, (key, *_) = guarded
    with with_key(browser, server, key, "en-GB") as page:
        write(page, LONG[: LIMIT // 2], speed="0.5")
        # Four times the rate of the sound, so that most is on the way when the server is killed.
        slow = {"offline": False, "latency": 0, "uploadThroughput": -1, "downloadThroughput": 2**17}
        page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
        page.click("#speak")
        until(lambda: slices(page), "sound", lambda: shown(page))
        os.kill(server.workers()[0], signal.SIGKILL)
        words = "The connection was lost on the way. What arrived can still be heard."
        expect(page.get_by_role("alert")).to_contain_text(words)
        page.keyboard.press("Escape")
        first = slices(page)
        page.focus("#position")
        page.keyboard.press("Home")
        page.click("#play")
        until(lambda: slices(page) > first, "sound again", lambda: shown(page))
