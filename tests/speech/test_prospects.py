"""Planned sentences: a request may count on sentences that others are going to make."""

from pathlib import Path

from tests.support.voices import install_pair
from vits_tts.config import load
from vits_tts.scheduling.playback import Playback
from vits_tts.speech.keyed_request import keyed_request
from vits_tts.speech.pipeline import build
from vits_tts.speech.prospects import PlannedSentences
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.request_streamer import RequestStreamer
from vits_tts.speech.sentence_synthesizer import SentenceJob
from vits_tts.types import Level, Prosody, Sentence


def test_who_comes_to_it_first_makes_it() -> None:
    """A listener that needs a planned sentence before it is ready has to make it."""
    now = 100.0
    prospects = PlannedSentences(lambda: now)
    with prospects.promised({"near": 2.0, "far": 60.0}):
        assert prospects.made("near", 2.0)
        assert prospects.made("far", 70.0)
        assert not prospects.made("far", 0.0)
        assert not prospects.made("other", 1000.0)
        now = 155.0
        assert prospects.made("far", 5.0)
    assert not prospects.made("near", 1000.0)


def test_a_listener_is_counted_for_what_comes_too_late_from_others(tmp_path: Path) -> None:
    """A listener pays for sentences that others would make too late.

    The end of a long text costs only the listener that requested it.
    """
    install_pair(tmp_path / "voices")
    path = tmp_path / "config.yaml"
    path.write_text(f"voice: {{name: pair, folder: {tmp_path / 'voices'}}}", "utf-8")
    speech = build(load(path))
    texts = [f"câu thứ {number} của một bài rất dài" for number in range(50)]

    manifest = speech.voices.find("pair")
    streamer = speech._saved_files._streamer
    assert isinstance(streamer, RequestStreamer)

    def jobs(first: int, last: int) -> list[SentenceJob]:
        said = [Sentence(text, 0.25) for text in texts[first:last]]
        request = keyed_request(manifest, said, Prosody(1.0, 0.667, 0.8), Level())
        return streamer._synthesizer.jobs(request, RequestStats())

    book = streamer._missing(jobs(0, 50))
    assert len(book) == 50
    after = [missing.after for missing in book.values()]
    assert after == sorted(after)
    with streamer._planned.promised({key: missing.after for key, missing in book.items()}):
        assert not streamer._missing(jobs(0, 50))
        assert not streamer._missing(jobs(0, 3))
        assert len(streamer._missing(jobs(40, 43))) == 3
    assert len(streamer._missing(jobs(0, 3))) == 3
    demand = streamer._demand(jobs(0, 3), [])
    assert (demand.start, demand.seconds) == (0.0, 0.0)
    assert demand.rate > 0  # the rest becomes its own work


def test_what_is_owed_after_all() -> None:
    """A sentence whose maker has left counts for the listener that continues alone."""
    playback = Playback(0.0)
    playback.owe(4.0)
    assert playback.owed == 4.0
    stretch = playback.expect(4.0, owed=True)
    playback.hand(4.0, stretch)
    assert playback.owed == 0.0
