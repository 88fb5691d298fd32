"""What others are going to make: who may count on it, and for how long."""

from pathlib import Path

from tests.support.voices import install_pair
from vits_tts.config import load
from vits_tts.scheduling.playback import Playback
from vits_tts.speech.pipeline import build
from vits_tts.speech.prospects import Prospects
from vits_tts.types import Prosody, Sentence, SpeechRequest


def test_who_comes_to_it_first_makes_it() -> None:
    """Whoever gets to a sentence later has it for nothing, whoever gets there sooner has not."""
    now = 100.0
    prospects = Prospects(lambda: now)
    with prospects.promised({"near": 2.0, "far": 60.0}):
        assert prospects.made("near", 2.0)
        assert prospects.made("far", 70.0)
        assert not prospects.made("far", 0.0)
        assert not prospects.made("other", 1000.0)
        now = 155.0
        assert prospects.made("far", 5.0)
    assert not prospects.made("near", 1000.0)


def test_a_listener_is_counted_for_what_comes_too_late_from_others(tmp_path: Path) -> None:
    """The end of a long text costs who asks for it alone, and nothing who reads along."""
    install_pair(tmp_path / "voices")
    path = tmp_path / "config.yaml"
    path.write_text(f"voice: {{name: pair, folder: {tmp_path / 'voices'}}}", "utf-8")
    speech = build(load(path))
    texts = [f"câu thứ {number} của một bài rất dài" for number in range(50)]

    def request(first: int, last: int) -> SpeechRequest:
        said = tuple(Sentence(text, 0.25) for text in texts[first:last])
        return SpeechRequest("pair", said, Prosody(1.0, 0.667, 0.8))

    book = speech._missing(request(0, 50))
    assert len(book) == 50
    after = [missing.after for missing in book.values()]
    assert after == sorted(after)
    with speech._prospects.promised({key: missing.after for key, missing in book.items()}):
        assert not speech._missing(request(0, 50))
        assert not speech._missing(request(0, 3))
        assert len(speech._missing(request(40, 43))) == 3
    assert len(speech._missing(request(0, 3))) == 3
    demand = speech._demand(request(0, 3), [])
    assert (demand.start, demand.seconds) == (0.0, 0.0)
    assert demand.rate > 0  # of what turns out to be theirs to make


def test_what_is_owed_after_all() -> None:
    """A sentence whose maker has left is owed to whoever goes on alone."""
    playback = Playback(0.0)
    playback.owe(4.0)
    assert playback.owed == 4.0
    stretch = playback.expect(4.0, owed=True)
    playback.hand(4.0, stretch)
    assert playback.owed == 0.0
