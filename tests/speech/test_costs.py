"""The expected cost of a sentence, learned from real synthesis."""

import asyncio
from pathlib import Path

from tests.support.voices import install_pair
from vits_tts.config import load
from vits_tts.scheduling.urgency import Urgency
from vits_tts.speech.keyed_request import keyed_request
from vits_tts.speech.pipeline import build
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.request_streamer import RequestStreamer
from vits_tts.types import Level, Prosody, Sentence

NOW = Urgency(deadline=0.0, since=0.0)


async def test_a_crowd_that_begins_does_not_make_a_voice_look_slow(tmp_path: Path) -> None:
    """First windows alone change the cost of a start, and only whole sentences that of speech."""
    install_pair(tmp_path / "voices")
    path = tmp_path / "config.yaml"
    path.write_text(f"voice: {{name: pair, folder: {tmp_path / 'voices'}}}", "utf-8")
    speech = build(load(path))
    streamer = speech._saved_files._streamer
    assert isinstance(streamer, RequestStreamer)
    synthesizer = streamer._synthesizer
    guess = synthesizer.pace("pair")
    assert guess.guessed
    assert synthesizer.pace("pair") is guess

    synthesizer.voices.start()
    synthesizer.start()
    try:
        await asyncio.wrap_future(synthesizer.voices.ready)
        pace = synthesizer.pace("pair")
        assert not pace.guessed
        assert pace.start(60) != guess.start(60)
        assert synthesizer.pace("pair") is pace

        start, rate = pace.first_window.value, pace.per_second.value
        said = [Sentence(f"câu thứ {number} của một bài rất rất dài", 0.25) for number in range(9)]
        manifest = speech.voices.find("pair")
        request = keyed_request(manifest, said, Prosody(1.0, 0.667, 0.8), Level())
        *begun, whole = synthesizer.jobs(request, RequestStats())
        for job in begun:
            made = job.make(lambda: NOW)
            await anext(made)
            await made.aclose()
        assert pace.first_window.value != start
        assert pace.per_second.value == rate
        windows = [pcm async for pcm in whole.make(lambda: NOW)]
        assert len(windows) > 1
        assert pace.per_second.value != rate
    finally:
        synthesizer.close()
        synthesizer.voices.close()
