"""Text in as a stream: its speech, on a real voice."""

import asyncio
import re
from collections.abc import Coroutine, Iterable
from typing import Any

import numpy as np
import pytest

from vits_tts.config import Config
from vits_tts.errors import TextControlCharacters, TextTooLong
from vits_tts.speech import (
    Reader,
    RequestStats,
    Speech,
    SpeechOptions,
    TextPace,
    TextStream,
    build,
)
from vits_tts.types import Samples

_WRITERS_PAUSE = 3.0
TEXT = (
    "Dạ vâng, em chào anh. Số dư của anh là 1.200.000 đồng, tính đến ngày 5/3. Anh ở TP. HCM ạ?"
    "\n\nCảm ơn anh đã gọi!"
)


async def spoken(
    speech: Speech,
    pieces: Iterable[str],
    stats: RequestStats,
    pace: TextPace = TextPace(),  # noqa: B008
) -> list[Samples | None]:
    """Return the windows of a text that comes in pieces."""
    stream = speech.text_stream(SpeechOptions(), Reader(), stats, pace)
    for piece in pieces:
        stream.add(piece)
        await asyncio.sleep(0)
    stream.finish()
    return [pcm.samples if pcm else None async for pcm in stream.windows()]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end."""
    asyncio.run(asyncio.wait_for(work, 120))


def test_its_sound_is_that_of_the_whole_text() -> None:
    """The same samples, pauses among them, and the same words at the same places."""

    async def work() -> None:
        speech = build(Config())
        speech.start()
        await speech.voices.load(speech.voices.default)
        stats, whole = RequestStats(), RequestStats()
        request, whole.timeline = await speech.timed(TEXT)
        expected = np.concatenate([pcm.samples async for pcm in speech.stream(request, whole)])
        windows = await spoken(speech, TEXT, stats)
        assert windows.pop() is None
        got = np.concatenate([window for window in windows if window is not None])
        np.testing.assert_array_equal(got, expected)
        assert stats.timeline
        assert stats.timeline.described() == whole.timeline.described()
        await speech.close()

    run(work())


def test_it_speaks_before_the_text_has_ended() -> None:
    """A sentence is heard while the next is written; the pause of the writer is no gap."""

    async def work() -> None:
        speech = build(Config())
        speech.start()
        await speech.voices.load(speech.voices.default)
        stats = RequestStats()
        stream = speech.text_stream(SpeechOptions(), Reader(), stats, TextPace())
        windows = stream.windows()
        stream.add("Xin chào các bạn. Hôm nay")
        first = await anext(windows)
        assert first
        assert len(first.samples)
        while stats.heard < 1:
            waiting = asyncio.ensure_future(anext(windows))
            await asyncio.wait({waiting}, timeout=0.5)
            if not waiting.done():
                break
        # The listener has heard all of it when the writer goes on.
        await asyncio.sleep(stats.audio_seconds + _WRITERS_PAUSE)
        stream.add(" trời đẹp. ")
        stream.finish()
        if not waiting.done():
            assert await waiting
        rest = [pcm async for pcm in windows]
        assert rest[-1] is None
        assert stats.gap_seconds < _WRITERS_PAUSE / 2  # a busy machine may be late itself
        assert stats.sentences == 2
        await speech.close()

    run(work())


def test_a_clause_is_spoken_if_the_rest_is_slow() -> None:
    """Its words are not said again."""

    async def work() -> None:
        speech = build(Config())
        speech.start()
        await speech.voices.load(speech.voices.default)
        stats = RequestStats()
        stream = speech.text_stream(SpeechOptions(), Reader(), stats, TextPace(0.05))
        windows = stream.windows()
        stream.add("Dạ vâng, số dư của anh là 1.2")
        assert await anext(windows)
        stream.add("00.000 đồng ạ. ")
        stream.finish()
        assert [pcm async for pcm in windows][-1] is None
        assert stats.timeline
        said = " ".join(sentence.spoken for sentence in stats.timeline.sentences)
        words = "dạ vâng số dư của anh là một triệu hai trăm nghìn đồng ạ"
        assert re.findall(r"\w+", said) == words.split()
        await speech.close()

    run(work())


def test_chunks_wait_for_their_length_or_a_trigger() -> None:
    """Sentences are held until that number of characters have come."""

    async def work() -> None:
        speech = build(Config())
        speech.start()
        await speech.voices.load(speech.voices.default)
        stats = RequestStats()
        pace = TextPace(chunk_lengths=(60,))
        stream = speech.text_stream(SpeechOptions(), Reader(), stats, pace)
        windows = stream.windows()
        first = asyncio.ensure_future(anext(windows))
        stream.add("Xin chào các bạn. ")
        await asyncio.wait({first}, timeout=1)
        assert stats.sentences == 0
        stream.trigger()
        assert await first
        stream.flush()
        stream.finish()
        assert [pcm async for pcm in windows][-2:] == [None, None]
        await speech.close()

    run(work())


def test_what_cannot_be_spoken_is_refused() -> None:
    """Control characters, and more text than waits for its speech."""
    speech = build(Config())
    stream: TextStream = speech.text_stream(SpeechOptions(), Reader(), RequestStats(), TextPace())
    with pytest.raises(TextControlCharacters):
        stream.add("xin\x00chào")
    stream.add(" ")
    with pytest.raises(TextTooLong):
        stream.add("a" * 10_000)
    asyncio.run(speech.close())
