"""Text in as a stream: its speech, on a real voice."""

import asyncio
import re
from collections.abc import Coroutine, Iterable
from typing import Any

import numpy as np
import pytest

from tests.support.voices import install_pair
from vits_tts.config import Config
from vits_tts.errors import MarkupInvalid, TextControlCharacters, TextTooLong
from vits_tts.speech import (
    Reader,
    RequestStats,
    Speech,
    SpeechOptions,
    TextPace,
    TextStream,
    build,
)
from vits_tts.speech.timeline import TimedWord, Timeline
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


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Return settings with a tiny voice."""
    folder = tmp_path_factory.mktemp("voices")
    install_pair(folder)
    return Config.model_validate({"voice": {"name": "pair", "folder": folder}})


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


@pytest.mark.parametrize(
    "text",
    [
        "Xin chào [pause 0.5s] các bạn. <break time='300ms'/> Hẹn gặp lại.",
        "[pause 0.1s]Tôi là [pause 0s] Lan.[pause 0.2s]\n[pause 0.3s] Vâng ạ.<<<sil#250>>>",
        "Vâng. <think>[pause 5s]</think>[pause 0.5s]<!-- [pause 5s] -->Xong rồi. [pause 0.5s] ",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_pauses_are_those_of_the_whole_text(pair: Config, text: str, size: int) -> None:
    """Sound and silence are the same to the sample, and words have the same places and times."""

    async def work() -> None:
        speech = build(pair)
        speech.start()
        await speech.voices.load(speech.voices.default)
        stats, whole = RequestStats(), RequestStats()
        request, whole.timeline = await speech.timed(text)
        expected = np.concatenate([pcm.samples async for pcm in speech.stream(request, whole)])
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        windows = await spoken(speech, pieces, stats)
        assert windows.pop() is None
        got = np.concatenate([window for window in windows if window is not None])
        np.testing.assert_array_equal(got, expected)
        assert stats.timeline
        assert words(stats.timeline) == words(whole.timeline)
        assert stats.audio_seconds == pytest.approx(whole.audio_seconds)
        await speech.close()

    run(work())


def words(timeline: Timeline) -> list[TimedWord]:
    """Return all words with their places and times."""
    return [word for sentence in timeline.sentences for word in sentence.words]


def test_pauses_can_be_off(pair: Config) -> None:
    """With `markup.inline: false` the marks are words, as in whole texts."""
    off = pair.model_copy(update={"markup": pair.markup.model_copy(update={"inline": False})})

    async def work() -> None:
        speech = build(off)
        speech.start()
        await speech.voices.load(speech.voices.default)
        stats = RequestStats()
        await spoken(speech, "Xin chào [pause 0.5s] bạn. ", stats)
        assert stats.timeline
        assert len(words(stats.timeline)) > len("xin chào bạn".split())
        await speech.close()

    run(work())


def test_silence_alone_is_given_at_a_flush(pair: Config) -> None:
    """Between two flushes, as clients send it that speak sentence by sentence."""

    async def work() -> None:
        speech = build(pair)
        speech.start()
        await speech.voices.load(speech.voices.default)
        stream = speech.text_stream(SpeechOptions(), Reader(), RequestStats(), TextPace())
        stream.add("Xin chào.")
        stream.flush()
        stream.add(' <break time="1.5s"/> ')
        stream.finish()
        windows = [pcm async for pcm in stream.windows()]
        silence = windows[-2]
        assert silence
        assert silence.seconds == 1.5
        assert not silence.samples.any()
        assert windows[-3] is windows[-1] is None
        await speech.close()

    run(work())


@pytest.mark.parametrize("text", ["Xin chào [pause 61s] bạn.", "Vâng. " + "[pause 40s]" * 2])
def test_a_pause_has_a_limit(pair: Config, text: str) -> None:
    """A longer one is an error, as in a whole text."""

    async def work() -> None:
        speech = build(pair)
        speech.start()
        await speech.voices.load(speech.voices.default)
        with pytest.raises(MarkupInvalid, match="up to 60 s"):
            await spoken(speech, text, RequestStats())
        await speech.close()

    run(work())


@pytest.mark.parametrize(
    "pieces",
    [
        ["Vâng. [pause 60s] "] * 11,
        ["Vâng. [pau", "se 60s] Dạ, "] * 11,
        ["Vâng. ", *['<break time="60s"/> A. '] * 11],
        ["Vâng.\n", *["[pause 30s]\nDạ.\n<<<sil#30000>>>\n"] * 11],
    ],
)
def test_all_pauses_of_a_text_have_a_limit(pair: Config, pieces: list[str]) -> None:
    """Ten minutes of pauses are given; the first one beyond ends the text with an error."""

    async def work() -> None:
        speech = build(pair)
        speech.start()
        await speech.voices.load(speech.voices.default)
        allowed = RequestStats()
        await spoken(speech, pieces[:-1], allowed)
        assert allowed.audio_seconds > 540
        stats = RequestStats()
        with pytest.raises(MarkupInvalid, match="all pauses together last up to 600 s"):
            await spoken(speech, pieces, stats)
        await speech.close()

    run(work())


@pytest.mark.slow
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
        # The listener has heard all of it when the writer continues.
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
