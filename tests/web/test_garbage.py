"""Requests leave nothing behind that only a garbage collection would find."""

import gc
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from vits_tts.web.app import SpeechApplication


@pytest.fixture
def collector() -> Iterator[None]:
    """Keep the objects that the collector finds, and let it search only when asked.

    It searches only among objects that are made from now on: those of all modules of tests are a
    hundred times as many.
    """
    gc.freeze()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/tts/stream?text=nam", 200),
        ("POST", "/tts?text=nam", 200),
        ("GET", "/normalize?text=nam", 200),
        ("GET", "/healthz", 200),
    ],
)
async def test_requests_form_no_cycles(
    local_application: SpeechApplication,
    local_client: httpx.AsyncClient,
    method: str,
    path: str,
    status: int,
) -> None:
    """The objects of a request, which may hold its sound, are freed at its end."""
    await local_application.speech.voices.load("pair")
    for _ in range(10):
        assert (await local_client.request(method, path)).status_code == status
    gc.collect()
    found = Counter(type(thing).__name__ for thing in gc.garbage)
    assert found["ClientConnection"] == found["RequestContext"] == found["Pcm"] == 0, found
