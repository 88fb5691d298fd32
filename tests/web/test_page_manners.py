"""The page for all visitors: languages, colours, keyboard, phones, assistive technology."""

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.browser import barriers, opened
from tests.support.page import TAP, shown, slices, write
from tests.support.server import Server, until
from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE, EMBEDDED_VOICE

PHONE: ViewportSize = {"width": 360, "height": 740}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
OUTLINED = """
  () => [document.activeElement, document.activeElement.closest(".wave")]
    .some((element) => element && getComputedStyle(element).outlineStyle === "solid")
"""


@pytest.mark.parametrize(
    ("locale", "scheme", "size"),
    [("vi-VN", "light", PHONE), ("fr-FR", "dark", DESKTOP)],
)
def test_no_barriers(
    server: Server, browser: Browser, locale: str, scheme: str, size: ViewportSize
) -> None:
    """axe-core finds no serious barrier, nothing is wider than the screen, targets are large."""
    with opened(
        browser, server.url, script=TAP, locale=locale, color_scheme=scheme, viewport=size
    ) as page:
        write(page, "Gặp nhau lúc 8h30 ngày 20/11.", voice="pair")
        expect(page.locator("mark").first).to_be_visible()
        page.click("#speak")
        until(lambda: slices(page), "sound", lambda: shown(page))
        assert page.get_attribute("html", "lang") == locale[:2].replace("fr", "en")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.emulate_media(reduced_motion="reduce")
        moving = "getComputedStyle(document.querySelector('#speak')).transitionDuration"
        assert page.evaluate(moving) == "0s"
        page.fill("#text", "")
        expect(page.locator("#speak")).to_have_text({"vi": "Đọc"}.get(locale[:2], "Speak"))
        page.click("#speak")
        expect(page.get_by_role("alert")).to_be_visible()
        assert barriers(page) == []
        small = page.evaluate("""
          () => [...document.querySelectorAll("button, select, input:not([type=checkbox])")]
            .filter((control) => control.checkVisibility())
            .filter((control) => control.getBoundingClientRect().height < 44)
            .map((control) => control.outerHTML)
        """)
        assert small == []


@pytest.mark.parametrize("width", [320, 360, 390, 600, 1280])
def test_names_of_voices_are_not_cut(server: Server, browser: Browser, width: int) -> None:
    """The list of voices is wide enough for the names of the bundled voices, beside its button."""
    size: ViewportSize = {"width": width, "height": 740}
    with opened(browser, server.url, locale="vi-VN", viewport=size) as page:
        expect(page.locator("#try")).to_be_enabled()
        names = [EMBEDDED_VOICE, EMBEDDED_COMMERCIAL_VOICE]
        room, widest = page.evaluate(
            """
            (names) => {
              const list = document.querySelector("#voice");
              const { font, paddingLeft, paddingRight } = getComputedStyle(list);
              const pen = document.createElement("canvas").getContext("2d");
              pen.font = font;
              const widths = names.map((name) => pen.measureText(name).width);
              const padding = parseFloat(paddingLeft) + parseFloat(paddingRight);
              return [list.clientWidth - padding, Math.max(...widths)];
            }
            """,
            names,
        )
        assert room >= widest > 100
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_language(server: Server, browser: Browser) -> None:
    """All words change with the language, which is remembered; the text stays Vietnamese."""
    with opened(browser, server.url, locale="vi-VN") as page:
        vietnamese = words(page)
        page.click("text=English")
        english = words(page)
        assert page.get_attribute("html", "lang") == "en"
        assert page.get_attribute("#text", "lang") == "vi"
        same = {name for name, word in vietnamese.items() if english[name] == word}
        assert same == set()
        assert all(vietnamese.values())
        assert all(english.values())
        page.reload()
        assert words(page) == english
        page.click("text=Tiếng Việt")
        assert words(page) == vietnamese


def words(page: Page) -> dict[str, str]:
    """Return the page's own words, by the element that they belong to."""
    found: dict[str, str] = page.evaluate("""
      () => Object.fromEntries([
        ["title", document.title],
        ...[...document.querySelectorAll("[data-word]")]
          .map((element) => [element.dataset.word, element.textContent]),
        ...[...document.querySelectorAll("[data-label]")]
          .map((element) => [element.dataset.label, element.getAttribute("aria-label")]),
      ])
    """)
    return found


def test_both_languages_say_everything(server: Server, browser: Browser) -> None:
    """Every text exists in both languages, with the same placeholders."""
    with opened(browser, server.url) as page:
        texts: dict[str, dict[str, str]] = page.evaluate("""async () => {
          const { WORDS } = await import("./page/words.js");
          const flat = ({ errors, ...words }) => ({ ...words, ...errors });
          return { vi: flat(WORDS.vi), en: flat(WORDS.en) };
        }""")
    assert texts["vi"].keys() == texts["en"].keys()
    places = {
        language: {name: sorted(set(_places(text))) for name, text in found.items()}
        for language, found in texts.items()
    }
    assert places["vi"] == places["en"]


def _places(text: str) -> list[str]:
    return [part.partition("}")[0] for part in text.split("{")[1:]]


def test_dark_and_light(server: Server, browser: Browser) -> None:
    """The system's colour scheme is used until the visitor chooses one, which is remembered."""
    with opened(browser, server.url, color_scheme="dark") as page:
        assert brightness(page) < 0.2
        page.emulate_media(color_scheme="light")
        until(lambda: brightness(page) > 0.8, "light")
        page.click("#theme")
        assert brightness(page) < 0.2
        assert page.get_attribute("#theme", "aria-pressed") == "true"
        page.reload()
        assert brightness(page) < 0.2
        page.click("#theme")
        assert brightness(page) > 0.8
        page.emulate_media(color_scheme="dark")  # equalled the system's: follows it again
        until(lambda: brightness(page) < 0.2, "dark")


def brightness(page: Page) -> float:
    """Return the brightness of the page's background, 0 to 1."""
    color: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    channels = [float(part) for part in color.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(channels) / 3 / 255


def test_keyboard(server: Server, browser: Browser) -> None:
    """All controls can be reached and used without a mouse, and the focus is visible."""
    with opened(browser, server.url, script=TAP, locale="en-GB") as page:
        write(page, "xin chao", voice="pair")
        page.focus("#text")
        page.keyboard.press("Control+Enter")
        until(lambda: slices(page), "sound", lambda: shown(page))
        expect(page.locator("#download")).to_be_enabled()
        page.focus(".skip")  # the first of all
        reached = set()
        for _ in range(40):  # once around
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            name = page.evaluate("document.activeElement.id")
            reached.add(name)
            assert name == "text" or page.evaluate(OUTLINED), name  # the whole card shows it
        controls = "language theme text voice speaker speed speak play position format download"
        assert {*controls.split(), "tab-curl", "copy", "code"} <= reached
        page.focus("#tab-curl")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.id") == "tab-python"
        expect(page.locator("#code")).to_contain_text("urllib.request")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#code")).to_contain_text("await fetch")
