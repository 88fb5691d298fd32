"""What the page says when something is wrong: kindly, in the visitor's language, and what to do."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
from vits_tts.web.access import make_key

LIMIT = 2000
LONG = " ".join(f"Đây là câu thứ {n} của bài đọc." for n in range(70))[:LIMIT]


def test_texts_that_cannot_be_said(server: Server, browser: Browser) -> None:
    """The reason stands in an alert, in either language, and goes when the text is changed."""
    with opened(browser, server.url, locale="vi-VN") as page:
        alert = page.get_by_role("alert")
        write(page, "")
        page.click("#speak")
        expect(alert).to_contain_text("Hãy viết điều bạn muốn nghe.")
        expect(page.locator("#retry")).to_be_hidden()  # the same again would be as wrong
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
    """A voice that was served when the page was opened, and is no longer."""

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
    """Without a network the page says so; with one again, trying again is one press."""
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
    """Where not even the voices could be asked for, trying again asks for them too."""
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
    """A server that wants one of three keys, speaks for one at a time and little a minute."""
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
    """Where a key is needed it is asked for, kept only if wanted; code takes it from outside."""
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


def give_key(page: Page, key: str) -> None:
    """Type the key and go on."""
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
    """When the server has no room, the page says when it is worth trying again."""
    server, (key, other, _) = guarded
    query = {"text": LONG, "speed": "0.25"}
    headers = {"X-API-Key": other}
    with (
        with_key(browser, server, key, "en-GB") as page,
        httpx.stream("GET", f"{server.url}/tts/stream", params=query, headers=headers, timeout=60),
    ):
        page.click("#speak")
        words = re.compile(r"The server is busy\. Try again in \d+ seconds\.")
        expect(page.get_by_role("alert")).to_contain_text(words)


def test_too_much(guarded: tuple[Server, list[str]], browser: Browser) -> None:
    """Who has had a minute's share hears when there will be more."""
    server, (*_, third) = guarded
    share = "xin chào. " * (LIMIT // 10)

    def spent() -> bool:  # 503 while the listener of another test is still being hung up on
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
    """When the connection breaks, the page says so, and what arrived can still be heard."""
    server, (key, *_) = guarded
    with with_key(browser, server, key, "en-GB") as page:
        write(page, LONG[: LIMIT // 2], speed="0.5")
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
