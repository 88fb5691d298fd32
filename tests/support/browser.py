"""A real Chromium, driven by Playwright, and its messages while a page is open."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

_FINDER = Path(__file__).parent.parent.parent / "scripts" / "browser"
_FLAGS = [
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
_MILLISECONDS = 30_000


def find_browser() -> str | None:
    """Return the path of a Chromium, or None if none is installed."""
    found = subprocess.run([_FINDER], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


@contextmanager
def running_browser(*flags: str) -> Iterator[Browser]:
    """Run a headless Chromium with further ``flags``; skip the test if none is installed.

    While it runs, Playwright's event loop occupies this thread: leave it before using asyncio.
    """
    path = find_browser()
    if path is None:
        pytest.skip("there is no Chromium (Debian: chromium; see scripts/programs)")
    expect.set_options(timeout=_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, url: str, *, script: str = "", **options: Any) -> Iterator[Page]:
    """Open ``url`` in a context of its own; at the end, assert that the page had no errors.

    Errors are exceptions, violations of its Content-Security-Policy, requests to another origin,
    and messages in the console other than those of answers with 4xx or 5xx. ``script`` runs before
    the page's own; ``options`` are Playwright's for the context (`locale`, `viewport`, ...).
    """
    context = browser.new_context(base_url=url, **options)
    context.set_default_timeout(_MILLISECONDS)
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
    page.on("console", lambda message: _note(complaints, message.type, message.text))
    page.on("request", lambda request: _note_foreign(complaints, url, request.url))
    if script:
        page.add_init_script(script)
    try:
        page.goto(url)
        yield page
    finally:
        context.close()
    assert not complaints, complaints


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind in {"error", "warning"} and "Failed to load resource" not in text:
        complaints.append(f"{kind}: {text}")


def _note_foreign(complaints: list[str], origin: str, url: str) -> None:
    if not url.startswith((origin, "blob:", "data:")):
        complaints.append(f"asked of elsewhere: {url}")


def barriers(page: Page) -> list[str]:
    """Return the barriers for people with disabilities that axe-core finds, serious or worse."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {[node['html'] for node in rule['nodes']]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
    ]
