"""Pronunciation dictionaries on the page: made, heard, used, changed by two people at once."""

import httpx
import numpy as np
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import opened
from tests.support.page import TAP, Heard, shown, slices, wait_heard, write
from tests.support.server import Server, until

PATH = "/v1/pronunciation-dictionaries"
NAME = "Tên & nhãn"


def spoken(server: Server, **speech: object) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """Return the samples of `/tts/stream`."""
    answer = httpx.post(f"{server.url}/tts/stream", json=speech, timeout=60)
    return np.frombuffer(answer.raise_for_status().content[44:], "<i2")


def pressed(page: Page, button: str, count: int) -> Heard:
    """Press a button, and return the ``count`` samples that are heard from then on."""
    until(lambda: page.inner_text("#speak") == "Speak", "silence", lambda: shown(page))
    first = slices(page)
    page.click(button)
    return wait_heard(page, count, first)


def rules(page: Page) -> list[list[str]]:
    """Return the words and readings that the page shows."""
    found: list[list[str]] = page.evaluate("""
      () => [...document.querySelectorAll("#rules li")]
        .map((item) => [item.children[0].textContent, item.children[1].textContent])
    """)
    return found


def test_a_dictionary_is_made_heard_and_used(server: Server, browser: Browser) -> None:
    """Words are heard before and after they are added, and texts are read with them."""
    alias = '<speak><sub alias="da lô &amp; bạn">Zalo</sub></speak>'
    phoneme = '<speak><phoneme alphabet="ipa" ph="ɲan˧">Nhan</phoneme></speak>'
    with opened(browser, server.url, script=TAP, locale="en-GB") as page:
        write(page, "Zalo của anh Nhan.")
        expect(page.locator("#rule")).to_be_hidden()
        page.select_option("#dictionary", label="a new one…")
        page.fill("#rule-word", " Zalo ")
        page.fill("#rule-reading", "da lô & bạn")
        wanted = spoken(server, text=alias, input="ssml")
        assert np.array_equal(pressed(page, "#rule-hear", len(wanted)).samples, wanted)
        page.click("#rule-add")  # the name is missing
        expect(page.locator("#dictionary-name")).to_be_focused()
        page.fill("#dictionary-name", NAME)
        page.keyboard.press("Enter")  # not in the form of rules
        page.click("#rule-add")
        expect(page.locator("#dictionary option:checked")).to_have_text(NAME)
        expect(page.locator("#reading")).to_contain_text("da lô")
        page.fill("#rule-word", "Nhan")
        page.select_option("#rule-type", "phoneme")
        page.fill("#rule-reading", "no such sound ☃")
        page.click("#rule-add")
        expect(page.locator("#dictionary-problem")).to_contain_text("check the symbols")
        page.fill("#rule-reading", "ɲan˧")
        page.click("#rule-add")
        until(lambda: len(rules(page)) == 2, "the second rule", lambda: shown(page))
        expect(page.locator("#dictionary-problem")).to_be_hidden()
        assert rules(page) == [["Zalo", "da lô & bạn"], ["Nhan", "/ɲan˧/"]]
        wanted = spoken(server, text=phoneme, input="ssml")
        hear = "#rules li:nth-child(2) button:text('Hear')"
        assert np.array_equal(pressed(page, hear, len(wanted)).samples, wanted)
        wanted = spoken(server, text="Zalo của anh Nhan.", dictionaries=[NAME])
        assert len(wanted) != len(spoken(server, text="Zalo của anh Nhan."))
        assert np.array_equal(pressed(page, "#speak", len(wanted)).samples, wanted)
        expect(page.locator("#code-words")).to_contain_text(NAME)
        page.reload()
        page.select_option("#dictionary", label=NAME)
        until(lambda: len(rules(page)) == 2, "the rules again", lambda: shown(page))
        page.click("#rules li:nth-child(1) button:text('Remove')")
        until(lambda: rules(page) == [["Nhan", "/ɲan˧/"]], "removal", lambda: shown(page))
        expect(page.locator("#reading")).not_to_contain_text("bạn")


def test_changes_of_others_are_not_lost(server: Server, browser: Browser) -> None:
    """A change on an old version is refused, and the page shows the latest one."""
    rule = {"type": "alias", "string_to_replace": "Vbee", "alias": "vi bi"}
    made = httpx.post(f"{server.url}{PATH}/add-from-rules", json={"name": "team", "rules": [rule]})
    address = f"{server.url}{PATH}/{made.raise_for_status().json()['id']}"
    with opened(browser, server.url, locale="vi-VN") as page:
        page.select_option("#dictionary", label="team")
        until(lambda: rules(page) == [["Vbee", "vi bi"]], "the rule", lambda: shown(page))
        other = {**rule, "string_to_replace": "<b>Zalo</b>"}
        httpx.post(f"{address}/add-rules", json={"rules": [other]}).raise_for_status()
        page.click("#rules li button:text('Bỏ')")
        expect(page.locator("#dictionary-problem")).to_contain_text("người khác")
        until(lambda: len(rules(page)) == 2, "the latest rules", lambda: shown(page))
        page.click("#rules li button:text('Bỏ')")
        until(lambda: rules(page) == [["<b>Zalo</b>", "vi bi"]], "removal", lambda: shown(page))
        httpx.delete(address).raise_for_status()
        page.fill("#rule-word", "Viettel")
        page.fill("#rule-reading", "viết theo")
        page.click("#rule-add")
        expect(page.locator("#dictionary-problem")).to_contain_text("không còn")
