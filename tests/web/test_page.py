"""The page at `/` in a real browser: entering text, playing sound, and all other functions."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import opened
from tests.support.page import TAP, heard, shown, slices, wait_heard, write
from tests.support.server import Server, until
from tests.support.sound import decode
from vits_tts.audio import formats

TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"
LONG = " ".join(f"Hôm nay là ngày {n}, trời nắng to và gió thổi nhẹ." for n in range(38))
NASTY = "Nói: \"xin chào\", 'bạn ơi'! $HOME `id` $(id) \\ \\n 100% %s {x} 😀 <b> & !\nDòng hai."
PHONE = {"width": 360, "height": 740}


def streamed(server: Server, **speech: object) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    """Return the samples of `/tts/stream`."""
    answer = httpx.post(f"{server.url}/tts/stream", json=speech, timeout=60)
    return np.frombuffer(answer.raise_for_status().content[44:], "<i2")


def test_text_in_sound_out(server: Server, browser: Browser) -> None:
    """Every sample of the stream is played; each slice starts where the last one ended."""
    expected = streamed(server, text=TEXT, speed=1.25)
    with opened(browser, server.url, script=TAP, locale="vi-VN") as page:
        write(page, TEXT, speed="1.25")
        page.click("#speak")
        sound = wait_heard(page, len(expected))
        assert np.array_equal(sound.samples, expected)
        assert sound.sample_rate == 16000
        for start, length, following in zip(
            sound.starts[:-1], sound.lengths[:-1], sound.starts[1:], strict=True
        ):
            assert following == pytest.approx(start + length, abs=1e-3)
        seconds = f"{len(expected) / 16000:.1f} giây".replace(".", ",")
        expect(page.locator("#status")).to_have_text(f"Đã đọc xong, {seconds}.", timeout=30_000)
        assert page.inner_text("#length") == seconds
        assert page.inner_text("#first").endswith(" ms")
        assert float(page.inner_text("#factor").replace(",", ".")) > 0
        first = slices(page)
        page.click("#play")  # again, from memory
        assert np.array_equal(wait_heard(page, len(expected), first).samples, expected)


def test_sound_before_the_end_and_stop(server: Server, browser: Browser) -> None:
    """Sound starts during synthesis, and stopping also stops the server's work."""
    asked = []
    with opened(browser, server.url, script=TAP, locale="en-GB") as page:
        page.on("request", lambda request: asked.append(request.url))
        # Slow, so that the server cannot have sent everything before the button is pressed.
        slow = {"offline": False, "latency": 0, "uploadThroughput": -1, "downloadThroughput": 4e5}
        page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
        write(page, LONG)
        with page.expect_response("**/tts/stream") as answer:
            page.keyboard.press("Control+Enter")
        until(lambda: slices(page), "sound", lambda: shown(page))
        page.keyboard.press("Escape")
        request = answer.value.header_value("x-request-id")
        assert server.wait_for("request", request_id=request)[0]["status"] == 499
        expect(page.locator("#status")).to_have_text("Stopped.")
        expect(page.locator("#speak")).to_have_text("Speak")
        assert tallest(page) > 20  # the waveform shows the received part, too
        first = slices(page)
        page.focus("#position")
        page.keyboard.press("Home")
        page.click("#play")  # the received part is still available
        again = wait_heard(page, 1, first).samples
        assert np.array_equal(again, heard(page).samples[: len(again)])
    assert sum(url.endswith("/tts/stream") for url in asked) == 1


def test_voice_speaker_and_speed(server: Server, browser: Browser) -> None:
    """The chosen voice, speaker and speed are heard, and the waveform's height shows the level."""
    heights = {}
    with opened(browser, server.url, script=TAP) as page:
        write(page, "xin chao", voice="pair")
        expect(page.locator("#licence")).to_contain_text("unknown; see the voice's model card")
        for speaker, speed in [("lan", "1"), ("minh", "2")]:
            first = slices(page)
            expected = streamed(
                server, text="xin chao", voice="pair", speaker=speaker, speed=float(speed)
            )
            page.select_option("#speaker", speaker)
            page.select_option("#speed", speed)
            page.click("#speak")
            assert np.array_equal(wait_heard(page, len(expected), first).samples, expected)
            expect(page.locator("#speak")).to_have_text("Speak")
            heights[speaker] = tallest(page)
        page.select_option("#voice", index=0)
        expect(page.locator("#speaker")).to_be_hidden()
        expect(page.locator("#licence a")).to_have_text("CC BY-NC-SA 4.0")
        expect(page.locator("#licence")).to_contain_text("not for commercial use")
    assert heights["minh"] / heights["lan"] == pytest.approx(2**0.7, rel=0.1)


def test_try_a_voice(server: Server, browser: Browser) -> None:
    """A button speaks a sentence with the chosen voice and speed; the text stays as it is."""
    with opened(browser, server.url, script=TAP, locale="vi-VN") as page:
        write(page, "xin chao", voice="pair", speed="2")
        with page.expect_request("**/tts/stream") as asked:
            page.click("#try")
        speech = json.loads(asked.value.post_data or "")
        assert (speech["voice"], speech["speed"]) == ("pair", 2)
        wait_heard(page, len(streamed(server, **speech)))
        assert page.input_value("#text") == "xin chao"
        page.select_option("#voice", index=0)
        with page.expect_request("**/tts/stream") as asked:
            page.click("#try")
        other = json.loads(asked.value.post_data or "")
        assert (other["text"], other.get("voice")) == (speech["text"], None)


def tallest(page: Page) -> int:
    """Return the height of the highest bar of the waveform, in pixels."""
    return int(
        page.evaluate("""() => {
          const canvas = document.querySelector("canvas");
          const { width, height } = canvas;
          const copy = new OffscreenCanvas(width, height);
          const pen = copy.getContext("2d", { willReadFrequently: true });
          pen.drawImage(canvas, 0, 0);
          const { data } = pen.getImageData(0, 0, width, height);
          const columns = Array.from({ length: width }, (_, x) => x);
          const rows = Array.from({ length: height }, (_, y) => y);
          const filled = (x) => rows.filter((y) => data[(y * width + x) * 4 + 3] > 200).length;
          return Math.max(...columns.map(filled));
        }""")
    )


def test_position(server: Server, browser: Browser) -> None:
    """The position is a slider: arrow keys move it, and playback continues from there."""
    expected = streamed(server, text="xin chao", voice="pair", speaker="lan")
    with opened(browser, server.url, script=TAP) as page:
        write(page, "xin chao", voice="pair")
        page.click("#speak")
        expect(page.locator("#speak")).to_have_text("Speak")
        first = slices(page)
        page.focus("#position")
        page.keyboard.press("Home")
        for _ in range(10):
            page.keyboard.press("ArrowRight")  # a hundredth of a second each
        page.click("#play")
        rest = wait_heard(page, 1, first).samples
        assert np.array_equal(rest, expected[-len(rest) :])
        assert len(expected) - len(rest) == pytest.approx(0.1 * 8000, abs=100)


def test_download(server: Server, browser: Browser, tmp_path: Path) -> None:
    """Every format of the server can be downloaded, with the samples that were played."""
    expected = streamed(server, text=TEXT)
    with opened(browser, server.url, script=TAP) as page:
        write(page, TEXT)
        page.click("#speak")
        offered = page.locator("#format option").all_inner_texts()
        assert [option.lower() for option in offered] == formats.offered()
        for name in ("wav", "flac"):
            page.select_option("#format", name)
            with page.expect_download() as download:
                page.click("#download")
            assert download.value.suggested_filename == f"speech.{name}"
            download.value.save_as(tmp_path / name)
    header_says_how_long = decode((tmp_path / "wav").read_bytes())
    assert np.array_equal(np.round(header_says_how_long.samples * 32768), expected)
    samples, _ = soundfile.read(tmp_path / "flac", dtype="int16")
    assert np.array_equal(samples, expected)


def test_reading(server: Server, browser: Browser) -> None:
    """The page shows the spoken text, with the source beside each rewritten part."""
    with opened(browser, server.url) as page:
        write(page, "Gặp nhau ngày 20/11 nhé 😀, mang 5kg gạo.")
        expect(page.locator("mark")).to_have_count(2)
        assert page.locator("mark small").all_inner_texts() == ["20/11", "5kg"]
        said = [text.split("\n")[0] for text in page.locator("mark").all_text_contents()]
        assert said[0].startswith("20/11hai mươi tháng mười một")
        assert said[1].startswith("5kgnăm ki lô gam")
        page.fill("#text", "Không có gì khác.")
        expect(page.locator("#reading")).to_have_text("không có gì khác.")
        expect(page.locator("mark")).to_have_count(0)


def test_copied_code_runs(server: Server, browser: Browser, tmp_path: Path) -> None:
    """Copied code runs and speaks the same text, with all kinds of characters."""
    node, _ = compute_driver_executable()
    commands = {"curl": "sh", "python": sys.executable, "javascript": str(node)}
    allowed = ["clipboard-read", "clipboard-write"]
    with opened(browser, server.url, permissions=allowed, locale="vi-VN") as page:
        write(page, NASTY, voice="pair", speaker="minh", speed="1.5")
        for language in commands:
            page.click(f"#tab-{language}")
            page.click("#copy")
            expect(page.locator("#copy")).to_have_text("Đã chép")
            code = until(partial(copied, page), "a copy")
            (tmp_path / f"{language}.mjs").write_text(code, encoding="utf-8")
    expected = streamed(server, text=NASTY, voice="pair", speaker="minh", speed=1.5)
    for language, command in commands.items():
        program = [command, f"{language}.mjs"]
        subprocess.run(program, cwd=tmp_path, check=True, timeout=60)
        path = tmp_path / "speech.wav"
        sound = decode(path.read_bytes(), streamed=True).samples * 32768
        assert np.array_equal(sound, expected), language
        path.unlink()


def copied(page: Page) -> str:
    """Return the code that the page shows, after the clipboard holds it."""
    code = page.locator("#code").text_content() or ""
    return code if page.evaluate("navigator.clipboard.readText()") == code else ""


def test_copy_without_a_clipboard(server: Server, browser: Browser) -> None:
    """Copying works over plain HTTP, where browsers give pages no clipboard."""
    hidden = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
    with opened(browser, server.url, script=hidden, locale="en-GB") as page:
        write(page, "xin chào")
        code = page.inner_text("#code")
        page.click("#copy")
        expect(page.locator("#copy")).to_have_text("Copied")
        page.fill("#text", "")
        page.press("#text", "Control+v")
        assert page.input_value("#text").strip() == code.strip()
