"""Requests that come in the last moment of a process, when its threads have ended already."""

import httpx

from vits_tts.web.app import SpeechApplication


async def test_the_threads_have_ended(
    local_application: SpeechApplication, local_client: httpx.AsyncClient
) -> None:
    """A text that has to be read, and one that only has to be spoken, get 503."""
    await local_application.speech.voices.load("pair")
    known, new = {"text": "một"}, {"text": "hai"}
    assert (await local_client.post("/tts/stream", json=known)).status_code == 200
    await local_application.speech.close()
    for asked in (known, new):
        answer = await local_client.post("/tts/stream", json=asked)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert answer.headers["Retry-After"] == "1"
