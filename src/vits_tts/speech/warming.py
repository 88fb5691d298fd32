"""Filling the shared cache with an application's fixed phrases."""

from collections.abc import Callable, Sequence
from contextlib import aclosing

from vits_tts.errors import RequestError
from vits_tts.speech.options import SpeechOptions
from vits_tts.speech.pipeline import Speech
from vits_tts.speech.request_stats import RequestStats
from vits_tts.types import SpeechRequest


async def warm(
    speech: Speech, texts: Sequence[str], options: SpeechOptions, done: Callable[[], None]
) -> tuple[int, int]:
    """Synthesise all ``texts`` into the shared cache; call ``done`` after each.

    Return how many sentences were synthesised, and how many were cached already.

    Raises:
        RequestError: a text cannot be spoken; the texts before it are cached.
        ConfigError: the shared cache cannot be written.

    """
    tally = RequestStats()
    try:
        requests = [
            await _numbered(speech, number, text, options) for number, text in enumerate(texts, 1)
        ]
        speech.start()
        for request in requests:
            await speech.voices.load(request.voice)  # without a time limit
            async with aclosing(speech.stream(request, tally, audience="batch")) as stream:
                async for _ in stream:
                    pass
            await speech.stored()
            done()
    finally:
        await speech.close()
    return tally.sentences - tally.outcome.hits, tally.outcome.hits


async def _numbered(
    speech: Speech, number: int, text: str, options: SpeechOptions
) -> SpeechRequest:
    try:
        return await speech.request(text, options)
    except RequestError as error:
        raise RequestError(f"phrase {number}: {error.message}") from None
