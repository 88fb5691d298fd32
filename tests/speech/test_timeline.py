"""Timelines for any text and any voice, and the subtitles made of them."""

import io
import json
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import groupby, islice, pairwise
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reading import cases
from tests.support.voices import install_joe, install_pair
from vits_tts.cache.serialization import pack, unpack
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference.engine import Engine
from vits_tts.speech.rate_conversion import converted_timing
from vits_tts.speech.subtitles import SubtitleFormat, subtitles
from vits_tts.speech.timeline import DETAILS, Detail, TimedSentence, TimedWord, Timeline
from vits_tts.speech.timing import word_timing
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.text.split import Reading, split
from vits_tts.types import Pcm, Prosody, Timing
from vits_tts.voice import installed, manifest

EMBEDDED = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
PAUSE = 0.3
ANY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=80),
    st.text(
        st.sampled_from("aăơưệđTP.,;:!?-–'\"“”()<>&*0123456789%$/ \n😀 <b>--> 35k/kg 15,2% 7h30"),
        max_size=80,
    ),
)


@cache
def normaliser() -> Normalizer:
    """Build the normaliser with the default settings."""
    return Normalizer()


@cache
def embedded() -> Engine:
    """Load the embedded voice."""
    return Engine(manifest.read(EMBEDDED))


@pytest.fixture(scope="module")
def humming(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Load the voice that outputs constant samples, without durations of phonemes."""
    folder = tmp_path_factory.mktemp("voices")
    return Engine(manifest.read(install_pair(folder)), folder=folder / "pieces")


def timed(
    text: str,
    engine: Engine,
    length_scale: float = 1.0,
    details: tuple[Detail, ...] = (),
    change: Callable[[Timing], Timing] = lambda timing: timing,
    sample_rate: int | None = None,
) -> Timeline:
    """Return the timeline of a text, whose sentences a voice really begins to speak.

    ``change`` is done to the times of each sentence.
    """
    reading_text = normaliser()(text)
    reading = Reading(reading_text, split(reading_text, PAUSE, PAUSE))
    about = engine.manifest
    rate = sample_rate or about.sample_rate
    timeline = Timeline(text, reading, rate)
    timeline.details = details
    for number, sentence in enumerate(reading.sentences):
        phonemes = Phonemizer().phonemes(sentence.text, about.phoneme_type, about.espeak_voice)
        ids, _ = about.phoneme_ids(phonemes)
        synthesis = engine.begin(ids, Prosody(length_scale, 0.667, 0.8), seed=number)
        timing = change(word_timing(sentence.text, phonemes, about, synthesis))
        timeline.begin(timing)
        timeline.pass_by(timing.samples)
        timeline.pass_by(round(sentence.pause * rate))
    return timeline


def assert_in_order(text: str, sentences: Sequence[TimedSentence], seconds: float) -> None:
    """Assert that times and places rise within the sound and the text, and are correct."""
    clock, place = 0.0, 0
    for sentence in sentences:
        assert clock <= sentence.start_seconds <= sentence.end_seconds
        assert text[sentence.start : sentence.end] == sentence.text
        clock = sentence.start_seconds
        for word in sentence.words:
            assert clock <= word.start_seconds <= word.end_seconds <= sentence.end_seconds
            assert place <= word.start <= word.end <= len(text)
            assert text[word.start : word.end] == word.text
            clock, place = word.end_seconds, word.start
        clock = sentence.end_seconds
    assert clock <= seconds + 1e-4


def cues(text: str, form: SubtitleFormat) -> list[webvtt.Caption]:
    """Return the cues that another library parses."""
    return webvtt.from_buffer(io.BytesIO(text.encode()), form).captions if text else []


def ms(timestamp: str) -> int:
    """Return a time in milliseconds."""
    hours, minutes, seconds = timestamp.split(":")
    return round((int(hours) * 60 + int(minutes)) * 60_000 + float(seconds) * 1000)


def assert_readable(sentences: Sequence[TimedSentence], form: SubtitleFormat) -> None:
    """Assert that subtitles are short, in order, without overlap, and contain the whole source."""
    found = cues(subtitles(sentences, form), form)
    last = 0
    for cue in found:
        assert last <= ms(cue.start) < ms(cue.end)
        last = ms(cue.end)
        lines = plain(cue).split("\n")
        assert 1 <= len(lines) <= 2
        assert max(map(len, lines)) <= 42
    said = [part for part in sentences if part.start_seconds < part.end_seconds and part.words]
    written = "".join("".join(part.text.split()) for part in said)
    shown = "".join("".join(plain(cue).split()) for cue in found)
    assert shown == (written.replace("-->", "→") if form == "srt" else written)


def plain(cue: webvtt.Caption) -> str:
    """Return a cue's text without times of words and escapes."""
    text = re.sub(r"<\d\d:\d\d:\d\d\.\d{3}>", "", cue.raw_text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=ANY, length_scale=st.sampled_from([0.3, 1.0, 2.5]))
def test_any_text(text: str, length_scale: float) -> None:
    """For any text, times and places rise, and the duration is the sum of the parts."""
    timeline = timed(text, embedded(), length_scale)
    assert_in_order(text, timeline.sentences, timeline.seconds)
    assert not any(sentence.estimated for sentence in timeline.sentences)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=ANY)
def test_any_text_without_durations(humming: Engine, text: str) -> None:
    """A voice without durations has estimated times, which are marked as estimates."""
    timeline = timed(text, humming)
    assert_in_order(text, timeline.sentences, timeline.seconds)
    assert all(sentence.estimated for sentence in timeline.sentences)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=ANY, form=st.sampled_from(["srt", "vtt"]))
def test_any_subtitles(humming: Engine, text: str, form: SubtitleFormat) -> None:
    """Another library parses the subtitles of any text; they contain the whole source."""
    assert_readable(timed(text, humming).sentences, form)


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["joe", EMBEDDED_VOICE])
def test_words_are_where_the_sound_is(tmp_path: Path, shared_pieces: Path, voice: str) -> None:
    """Sound begins with the first word, within three frames; words are loud and pauses quiet."""
    joe = manifest.read(install_joe(tmp_path))
    engine = Engine(joe, folder=shared_pieces) if voice == "joe" else embedded()
    text = "một, hai, ba, bốn, năm."
    phonemes = Phonemizer().espeak(text, "vi")
    ids, _ = engine.manifest.phoneme_ids(phonemes)
    synthesis = engine.begin(ids, Prosody(1.3, 0.667, 0.8), seed=1)
    words = word_timing(text, phonemes, engine.manifest, synthesis).words.tolist()
    sound = np.concatenate([pcm.samples for pcm in synthesis]).astype(float)
    loudness = np.sqrt(np.mean(sound**2))

    def level(start: int, end: int) -> float:
        return float(np.sqrt(np.mean(sound[start:end] ** 2)) / loudness)

    hop, margin = synthesis.hop, synthesis.sample_rate // 30
    onset = next(at for at in range(0, len(sound), hop) if level(at, at + hop) > 0.2)
    assert abs(onset - words[0][2]) <= 3 * hop
    assert min(level(start, end) for _, _, start, end in words) > 0.6
    for (_, _, _, end), (_, _, start, _) in pairwise(words):
        assert level(end + margin, start - margin) < 0.1


def stored(timing: Timing) -> Timing:
    """Return times as they come back from Redis."""
    pcm = Pcm(np.zeros(timing.samples, np.int16), 16000, timing=timing)
    back = unpack(pack(pcm)).timing
    assert back
    return back


def assert_lips(sentences: Sequence[TimedSentence]) -> None:
    """Assert that phonemes lie in their words, in order, and the mouth has no gap."""
    for sentence in sentences:
        for word in sentence.words:
            clock = word.start_seconds
            assert word.phonemes is not None
            for phoneme in word.phonemes:
                assert clock <= phoneme.start_seconds <= phoneme.end_seconds <= word.end_seconds
                clock = phoneme.end_seconds
        clock = sentence.start_seconds
        assert sentence.visemes is not None
        for shape in sentence.visemes:
            assert 0 <= shape.viseme <= 21
            assert clock == shape.start_seconds < shape.end_seconds
            clock = shape.end_seconds
        assert clock == sentence.end_seconds or not sentence.visemes
        for before, after in pairwise(sentence.visemes):
            assert before.viseme != after.viseme or before.name != after.name


READ_TEXTS = [
    case.written
    for _, found in groupby(cases(), attrgetter("category"))
    for case in islice(found, 1)
]


@pytest.mark.parametrize("text", READ_TEXTS)
def test_phonemes_lie_in_their_words(text: str) -> None:
    """Phonemes of real speech fill their words, also at another rate and from the cache."""
    found = timed(text, embedded(), 1.0, DETAILS)
    assert_lips(found.sentences)
    assert_in_order(text, found.sentences, found.seconds)
    for word in (word for sentence in found.sentences for word in sentence.words):
        assert word.phonemes
        assert word.phonemes[0].start_seconds == word.start_seconds
        assert word.phonemes[-1].end_seconds == word.end_seconds
    again = timed(text, embedded(), 1.0, DETAILS, stored)
    assert again.described() == found.described()
    rate = partial(converted_timing, from_rate=16000, to_rate=11025)
    assert_lips(timed(text, embedded(), 1.0, DETAILS, rate, 11025).sentences)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, derandomize=True)
@given(text=ANY, length_scale=st.sampled_from([0.3, 1.0]))
def test_lips_of_any_text(text: str, length_scale: float) -> None:
    """For any text, phonemes lie in their words, and the mouth has no gap."""
    assert_lips(timed(text, embedded(), length_scale, DETAILS).sentences)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(text=ANY)
def test_lips_without_durations(humming: Engine, text: str) -> None:
    """Phonemes of a voice without durations share the estimated times of their words."""
    assert_lips(timed(text, humming, 1.0, DETAILS).sentences)


def test_the_mouth_closes_in_pauses() -> None:
    """The mouth is closed before, between and after clauses, and not between words."""
    (sentence,) = timed("một hai, ba bốn.", embedded(), 1.3, DETAILS).sentences
    assert sentence.visemes
    closed = [shape for shape in sentence.visemes if shape.viseme == 0]
    words = sentence.words
    pause = (words[1].end_seconds, words[2].start_seconds)
    assert [(shape.start_seconds, shape.end_seconds) for shape in closed] == [
        (0.0, words[0].start_seconds),
        pause,
        (words[-1].end_seconds, sentence.end_seconds),
    ]
    assert {shape.name for shape in closed} == {"sil"}


def test_no_details_unless_asked_for() -> None:
    """Phonemes and visemes are in no answer that did not ask for them."""
    (plain,) = timed("một hai", embedded()).sentences
    assert "visemes" not in plain.described()
    assert "phonemes" not in plain.described()["words"][0]
    (one,) = timed("một hai", embedded(), details=("phonemes",)).sentences
    assert one.visemes is None
    assert one.words[0].phonemes


def test_written_and_spoken_words() -> None:
    """Several spoken words may have one place in the source; sentences begin after the pauses."""
    text = "Tăng 15,2% nhé! Giá **35k/kg**, mở cửa 7h 👍."
    timeline = timed(text, embedded())
    first, second = timeline.sentences
    assert [(word.text, word.spoken) for word in first.words] == [
        ("Tăng", "tăng"),
        *(("15,2", spoken) for spoken in ("mười", "lăm", "phẩy", "hai")),
        *(("%", spoken) for spoken in ("phần", "trăm")),
        ("nhé", "nhé"),
    ]
    assert first.text == "Tăng 15,2% nhé!"
    assert second.start_seconds == pytest.approx(first.end_seconds + PAUSE, abs=2e-4)
    assert [word.spoken for word in second.words] == second.spoken.replace(",", "").strip(
        " ."
    ).split()


@pytest.mark.parametrize("text", ["1" * 600, "VTV" * 200, "[a](b)" * 120, "a.vn/" + "b/" * 90])
def test_long_places_are_shared(humming: Engine, text: str) -> None:
    """The source of very many spoken words is not repeated for each of them."""
    timeline = timed(text, humming)
    assert_in_order(text, timeline.sentences, timeline.seconds)
    words = [word for sentence in timeline.sentences for word in sentence.words]
    assert len(words) > 100
    assert max(len(word.text) for word in words) <= 100
    assert len(json.dumps(timeline.described())) < 400 * (len(words) + len(timeline.sentences))
    assert sum(len(sentence.text) for sentence in timeline.sentences) <= len(text)
    assert_readable(timeline.sentences, "vtt")


def test_silent_sentences_take_no_time() -> None:
    """A sentence without sound has its place and no duration."""
    text = normaliser()("Một. Hai.")
    timeline = Timeline("Một. Hai.", Reading(text, split(text, 0.0, 0.0)), 1000)
    timeline.begin(None)
    timeline.begin(Timing(500, np.array([[0, 3, 100, 400]], np.int32), estimated=False))
    timeline.pass_by(500)
    one, two = timeline.news()
    assert (one.start_seconds, one.end_seconds, one.words) == (0.0, 0.0, ())
    assert (two.start_seconds, two.end_seconds) == (0.0, 0.5)
    assert two.words == (TimedWord("Hai", "hai", 5, 8, 0.1, 0.4),)
    assert timeline.news() == []
    assert cues(subtitles(timeline.sentences, "srt"), "srt")[0].text == "Hai."


def test_cues_end_with_clauses() -> None:
    """A long sentence is divided at its pauses, and every second of it has a cue."""
    text = (
        "Sáng nay trời nhiều mây, không mưa, gió nhẹ thổi qua những cánh đồng lúa chín vàng, "
        "còn chiều tối và đêm có mưa rào rải rác và có nơi có dông, trời lạnh dần."
    )
    (sentence,) = timed(text, embedded()).sentences[:1]
    found = cues(subtitles([sentence], "vtt"), "vtt")
    assert len(found) >= 2
    assert all(plain(cue).endswith((",", ".")) for cue in found)
    for before, after in pairwise(found):
        assert before.end == after.start
    assert ms(found[0].start) == round(sentence.words[0].start_seconds * 1000)
    assert ms(found[-1].end) == round(sentence.end_seconds * 1000)


def test_words_have_their_times_in_webvtt() -> None:
    """Each word except a cue's first has its time before it, the same as in JSON."""
    text = "Mở cửa <hàng> 15,2 giờ."
    (sentence,) = timed(text, embedded()).sentences
    written = subtitles([sentence], "vtt")
    starts = {word.start: word.start_seconds for word in reversed(sentence.words)}
    times = [ms(found) / 1000 for found in re.findall(r"<(\d\d:\d\d:\d\d\.\d{3})>", written)]
    assert times == pytest.approx(sorted(starts.values())[1:], abs=1e-3)
    assert "&lt;hàng&gt;" in written
