"""Long texts whose rest is read while their beginning is heard, compared with the whole reading."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.reading import cases
from tests.support.voices import install_pair
from tests.text.test_incremental import PARAGRAPHS, UNMARKED
from vits_tts.config import Config
from vits_tts.errors import RequestError, TextTooLong, TextUnspeakable
from vits_tts.markup.dialogue import Turn, text_of
from vits_tts.speech import RequestStats, Speech, SpeechOptions, build
from vits_tts.speech.sentence_stream import JobQueue
from vits_tts.types import Samples, SpeechRequest

if TYPE_CHECKING:
    from vits_tts.scheduling.playback import Playback

pytestmark = pytest.mark.anyio

SENTENCE = "Hôm nay trời nắng to và gió thổi nhẹ trên cánh đồng lúa. "
LONG = SENTENCE * 40
CASES = list(cases())
TEXTS = {
    "paragraphs": "\n\n".join(PARAGRAPHS * 2),
    "a name after the first word": "Ở TP. " + LONG,
    "a first line without tone marks": f"{UNMARKED} {LONG}",
    "a quotation that stays open": f"Anh nói: “{LONG}",
    "an early paragraph": f"Chương một.\n\n{LONG}",
    "no end of a sentence": LONG.replace(".", ","),
    "no sound in the first sentence": f"你好。 {LONG}",
    "a very long text": "\n".join(PARAGRAPHS) * 18,
    "many cases": "\n".join(case.written for case in CASES[::4]),
    "signs before it": f"*** --- ***\n\n{LONG}",
}


@asynccontextmanager
async def speaking(folder: Path, **server: object) -> AsyncIterator[Speech]:
    """Run a pipeline with the voice whose samples show nothing but lengths."""
    install_pair(folder)
    settings = Config.model_validate(
        {
            "voice": {"name": "pair", "folder": folder},
            "server": {"max_text_chars": 10**6, **server},
            "cache": {"memory": {"max_bytes": 0}},
        }
    )
    speech = build(settings)
    speech.start()
    await speech.voices.load(speech.voices.default)
    try:
        yield speech
    finally:
        await speech.close()


async def samples(speech: Speech, request: SpeechRequest, stats: RequestStats) -> Samples:
    """Return the whole sound of a request."""
    async with aclosing(speech.stream(request, stats)) as stream:
        return np.concatenate([pcm.samples async for pcm in stream])


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
async def test_its_sentences_are_those_of_the_whole_text(name: str, tmp_path: Path) -> None:
    """All sentences have the same words, keys and pauses; only certain ones are said early."""
    async with speaking(tmp_path) as speech:
        completed: list[SpeechRequest] = []

        async def complete(request: SpeechRequest) -> None:
            completed.append(request)

        text = TEXTS[name]
        whole = await speech.request(text)
        request, timeline = await speech.opening(text, complete=complete)
        assert timeline is None
        found = [(part.text, part.key, part.pause) for part in request.sentences]
        if request.unread:
            assert not completed
            async with aclosing(request.unread.read()) as portions:
                async for sentences, pause in portions:
                    found[-1] = (*found[-1][:2], pause)
                    found += [(part.text, part.key, part.pause) for part in sentences]
        assert completed == [whole]
        assert found == [(part.text, part.key, part.pause) for part in whole.sentences]


OPENED = {
    "paragraphs",
    "an early paragraph",
    "a name after the first word",
    "no sound in the first sentence",
    "a very long text",
    "many cases",
    "signs before it",
}


def test_many_cases_are_of_all_kinds() -> None:
    """The text of many cases has some of each category."""
    assert {case.category for case in CASES[::4]} == {case.category for case in CASES}


async def test_certain_beginnings_are_opened_early(tmp_path: Path) -> None:
    """The comparison is not one of the whole reading with itself; the other texts are read whole.

    Their first sentences could be read in another way by what follows within reach.
    """
    async with speaking(tmp_path) as speech:
        opened = {name for name, text in TEXTS.items() if (await speech.opening(text))[0].unread}
        assert opened >= OPENED
        assert "a quotation that stays open" not in opened
        for text in (SENTENCE, f"{LONG}[pause 1s] {LONG}", f"<speak>{LONG}</speak>"):
            assert (await speech.opening(text))[0].unread is None
        dialogue = (Turn(LONG), Turn("Vâng.", speaker="minh"))
        options = SpeechOptions(turns=dialogue)
        assert (await speech.opening(text_of(dialogue), options))[0].unread is None


@pytest.mark.parametrize("name", ["paragraphs", "an early paragraph", "signs before it"])
async def test_its_sound_is_that_of_the_whole_text(name: str, tmp_path: Path) -> None:
    """The samples, the pauses among them, and the times and places of all words are the same."""
    async with speaking(tmp_path) as speech:
        stats, whole = RequestStats(), RequestStats()
        request, whole.timeline = await speech.timed(TEXTS[name])
        expected = await samples(speech, request, whole)
        opened, stats.timeline = await speech.opening(TEXTS[name], timed=True)
        assert opened.unread
        np.testing.assert_array_equal(await samples(speech, opened, stats), expected)
        assert stats.timeline
        assert whole.timeline
        assert stats.timeline.described() == whole.timeline.described()
        assert stats.sentences == len(stats.expected_seconds) == len(request.sentences)


async def test_errors_of_the_whole_text(tmp_path: Path) -> None:
    """Only a text whose spoken form is too long fails after its beginning was heard."""
    async with speaking(tmp_path, max_text_chars=3000) as speech:
        for text in (f"{LONG}\x07", "." * 2000, LONG * 2, f"{LONG}[pause 61s]"):
            with pytest.raises(RequestError):
                await speech.opening(text)
        with pytest.raises(TextTooLong):
            await speech.opening(f"{SENTENCE * 10}{'98765432 ' * 250}")
        long = f"{SENTENCE * 10}{'WWW ' * 600}"
        with pytest.raises(TextTooLong):
            await speech.request(long)
        request, _ = await speech.opening(long)
        async with aclosing(speech.stream(request, RequestStats())) as stream:
            assert (await anext(stream)).nbytes
            with pytest.raises(TextTooLong):
                async for _ in stream:
                    pass


async def test_a_long_text_without_any_words(tmp_path: Path) -> None:
    """It is refused before a stream begins."""
    async with speaking(tmp_path) as speech:
        with pytest.raises(TextUnspeakable):
            await speech.opening("你好。\n" * 400)


async def test_the_claim_of_a_stream_has_the_whole_text(tmp_path: Path) -> None:
    """Before it is read it counts by its length, then by its sentences, and nothing is left."""
    async with speaking(tmp_path) as speech:
        claims: list[Playback] = []
        stats = RequestStats()
        text = " ".join(f"Đây là câu thứ {number} của bài này." for number in range(60))
        whole = await speech.request(text)
        request, _ = await speech.opening(text)
        streamer = speech._streamer
        expected = sum(job.speech for job in streamer.jobs(whole, stats))
        queue = JobQueue(streamer.jobs(request, stats), complete=False)
        stream = streamer.stream_jobs(request, queue, stats, admitted=claims.append)
        async with aclosing(stream):
            owed = [claims[0].owed + stats.audio_seconds async for _ in stream]
        assert owed[0] == pytest.approx(expected, rel=0.6)
        assert owed[3] == pytest.approx(expected, rel=0.4)
        assert claims[0].owed < 0.01


async def test_a_stream_that_is_left_reads_no_more(tmp_path: Path) -> None:
    """The reading of the rest ends with the stream."""
    async with speaking(tmp_path) as speech:
        completed: list[SpeechRequest] = []

        async def complete(request: SpeechRequest) -> None:
            completed.append(request)

        request, _ = await speech.opening(TEXTS["a very long text"], complete=complete)
        async with aclosing(speech.stream(request, RequestStats())) as stream:
            await anext(stream)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [task for task in tasks if "_read_rest" in repr(task)]
        assert not completed
