"""Take pictures of the page into a given folder: `scripts/screenshots`."""

import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, expect

from tests.support.browser import opened, running_browser
from tests.support.server import serving

PORT: Final = 8888
MAX_BYTES: Final = 150_000
DESKTOP: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
PICTURES: Final[dict[str, dict[str, Any]]] = {
    "page-light": {"locale": "vi-VN", "color_scheme": "light", "viewport": DESKTOP},
    "page-dark": {"locale": "en-GB", "color_scheme": "dark", "viewport": DESKTOP},
    "page-phone": {"locale": "vi-VN", "color_scheme": "light", "viewport": PHONE},
}


def main(folder: Path) -> None:
    """Play the example in the page, and take each picture."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        serving(Path(place), {"server": {"port": PORT}, "cache": {"memory": {"max_bytes": 0}}}),
        running_browser() as browser,
    ):
        # The pictures show the time to the first sound. It should be that of a warm server, and of
        # sentences that are synthesised, not cached.
        for number in range(5):
            text = f"Câu thứ {number} chỉ để làm nóng máy."
            httpx.get(f"http://localhost:{PORT}/tts/stream", params={"text": text})
        for name in PICTURES:
            take(browser, folder / f"{name}.png", PICTURES[name])


def take(browser: Browser, path: Path, options: dict[str, Any]) -> None:
    """Speak the example, go to its middle and take the picture."""
    with opened(browser, f"http://localhost:{PORT}", **options) as page:
        expect(page.locator("mark").first).to_be_visible()
        page.click("#speak")
        expect(page.locator("#download")).to_be_enabled()
        page.keyboard.press("Escape")
        page.fill("#position", "4")
        if path.stem == "page-phone":
            page.evaluate("document.querySelector('.choices').scrollIntoView()")
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=path)
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path} has {path.stat().st_size} bytes; {MAX_BYTES} are enough")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
