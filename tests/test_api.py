"""The Python API: `from vits_tts import Speech`, in processes and loops of all kinds."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.dictionaries import make_dictionary
from tests.support.server import clean_environment
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_pair
from vits_tts import AsyncSpeech, Speech
from vits_tts.dictionaries.rules import Rule
from vits_tts.errors import (
    ConfigError,
    DictionaryNotFound,
    FieldInvalid,
    MarkupInvalid,
    SpeakerUnknown,
    SpeedInvalid,
    TextControlCharacters,
    TextEmpty,
    TextUnspeakable,
    VoiceError,
    VoiceUnknown,
)

RATE = 8000


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return settings of a folder with a fast voice of two speakers and pauses of 0.1 s."""
    folder = tmp_path_factory.mktemp("api")
    install_pair(folder / "voices")
    path = folder / "config.yaml"
    path.write_text("voice: {sentence_pause: 0.1, paragraph_pause: 0.2}\n")
    return path


@pytest.fixture(scope="module")
def pair(settings: Path) -> Iterator[Speech]:
    """Return the API with the fast voice."""
    with Speech("pair", config=settings) as speech:
        yield speech


def test_say(pair: Speech) -> None:
    """All samples of a text are returned, by speaker and speed."""
    said = pair.say("nam")
    assert said.sample_rate == RATE
    assert said.samples.dtype == np.int16
    assert len(said.samples) == 900
    assert said.samples.max() == pytest.approx(0.25 * 32768, abs=2)
    other = pair.say("nam", speaker="minh", speed=2)
    assert len(other.samples) == 450
    assert other.samples.max() == pytest.approx(0.5 * 32768, abs=2)
    assert np.array_equal(pair.say("nam", speaker=1, speed=2).samples, other.samples)
    assert pair.say("Zyx", lexicon={"zyx": "nam"}).seconds == said.seconds
    assert (pair.voice.name, pair.voice.speakers) == ("pair", ("lan", "minh"))


def test_whole(tmp_path: Path) -> None:
    """A speech of which nothing is heard before the end has no short window at its beginning."""
    path = tmp_path / "config.yaml"
    path.write_text("cache: {memory: {max_bytes: 0}}\n")
    text = "Hôm nay trời đẹp, cả nhà cùng nhau đi dạo quanh hồ."
    with Speech(config=path) as speech:
        heard = [window.samples.astype(int) for window in speech.stream(text)]
        stored = [window.samples.astype(int) for window in speech.stream(text, whole=True)]
        assert len(stored) < len(heard)
        assert len(stored[0]) > 4 * len(heard[0])
        both = np.concatenate(heard), np.concatenate(stored), speech.say(text).samples
        assert np.abs(both[0] - both[1]).max() <= 1
        assert np.array_equal(both[1], both[2])


def test_ssml_and_turns(tmp_path: Path, pair: Speech) -> None:
    """SSML and turns may name speakers, and voices of the settings with another sample rate."""
    one, two = pair.say("nam.").samples, pair.say("nam.", speaker="minh").samples
    gap = np.zeros(RATE // 2, np.int16)
    document = '<speak>nam.<break time="0.5s"/><voice name="pair/minh">nam.</voice></speak>'
    expected = np.concatenate([one, gap, two])
    assert np.array_equal(pair.say(ssml=document).samples, expected)
    assert np.array_equal(pair.say("[pause 0.5s]").samples, gap)
    turns = [{"text": "nam."}, {"text": "nam.", "speaker": "minh"}]
    assert np.array_equal(pair.say(turns=turns).samples, expected)
    bad: tuple[dict[str, Any], ...] = (
        {"text": "a", "turns": turns},
        {},
        {"turns": [{"who": "x"}]},
        {"turns": []},
    )
    for wrong in bad:
        with pytest.raises((FieldInvalid, TextEmpty)):
            pair.say(**wrong)
    install_pair(tmp_path / "voices")
    install_pair(tmp_path / "voices", "wide", 16000)
    path = tmp_path / "config.yaml"
    path.write_text("voice: {others: [wide], aliases: {Minh: wide/minh}}\n")
    with Speech("pair", config=path) as speech:
        said = speech.say(turns=[{"text": "nam.", "pause": 1}, {"text": "nam.", "voice": "Minh"}])
    assert len(said.samples) == 1100 + RATE + 550
    path.write_text("voice: {aliases: {Minh: none}}\n")
    with pytest.raises(ConfigError, match=r"voice\.aliases"):
        Speech("pair", config=path)


def test_dictionaries(tmp_path: Path, pair: Speech) -> None:
    """Dictionaries are used by name or version, the first one before others, also in SSML."""
    version = make_dictionary(tmp_path / "known", "brands", Rule("Zyx", alias="nam"))
    make_dictionary(tmp_path / "known", "others", Rule("Zyx", alias="nam nam"))
    install_pair(tmp_path / "voices")
    path = tmp_path / "config.yaml"
    path.write_text("dictionaries: {folder: known}\n")
    one, two, plain = (pair.say(text).samples for text in ("nam", "nam nam", "Zyx"))
    with Speech("pair", config=path) as speech:
        assert np.array_equal(speech.say("Zyx").samples, plain)
        for names in (["brands"], [f"brands@{version}"], ["brands", "others"]):
            assert np.array_equal(speech.say("Zyx", dictionaries=names).samples, one)
        said = speech.say(ssml="<speak>Zyx</speak>", dictionaries=["others", "brands"])
        assert np.array_equal(said.samples, two)
        windows = list(speech.stream("Zyx", dictionaries=["brands"]))
        assert np.array_equal(np.concatenate([window.samples for window in windows]), one)
        windows = list(speech.speak(iter(["Z", "yx"]), dictionaries=["brands"]))
        assert np.array_equal(np.concatenate([window.samples for window in windows]), one)
        said, sentences = speech.timed("Zyx", dictionaries=["brands"])
        assert np.array_equal(said.samples, one)
        assert [word.text for sentence in sentences for word in sentence.words] == ["Zyx"]
        assert speech.seconds("Zyx", dictionaries=["brands"]) == len(one) / RATE
        assert speech.dictionary_versions(["brands"]) == (f"brands@{version}",)
        assert speech.dictionary_versions() == ()  # the settings name none
        with pytest.raises(DictionaryNotFound):
            speech.timed("Zyx", dictionaries=["nothing"])
        with pytest.raises(DictionaryNotFound):
            next(speech.speak(iter(["Zyx"]), dictionaries=["nothing"]))
        for unknown in ("nothing", "brands@" + "0" * 24):
            with pytest.raises(DictionaryNotFound):
                speech.say("Zyx", dictionaries=[unknown])


def test_save(pair: Speech, tmp_path: Path) -> None:
    """A saved file is complete."""
    said = pair.say("nam")
    path = said.save(tmp_path / "hello.wav")
    assert np.array_equal(decode(path.read_bytes()).samples * 32768, said.samples)
    assert list(tmp_path.iterdir()) == [path]


def test_stream(pair: Speech) -> None:
    """Windows come in order, make up the whole, and say how much of the text has been spoken."""
    text = "nam nam. " * 10
    windows = list(pair.stream(text))
    assert len(windows) > 10
    assert np.array_equal(np.concatenate([w.samples for w in windows]), pair.say(text).samples)
    progress = [window.progress for window in windows]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] == pytest.approx(0.9, abs=0.05)


@pytest.mark.slow
def test_a_book(pair: Speech) -> None:
    """A long text is read in portions, with the same sounds and pauses as if it were short."""
    paragraph = "nam minh. lan a.\n\n"
    short = pair.say(paragraph * 2).seconds
    one = pair.say(paragraph).seconds
    assert short == pytest.approx(2 * one + 0.2)
    long = pair.say(paragraph * 600)
    assert long.seconds == pytest.approx(600 * one + 599 * 0.2, abs=0.01)
    lines = pair.say("nam minh. lan a.\n" * 600)
    assert lines.seconds == pytest.approx(600 * one + 599 * 0.1, abs=0.01)
    middle = pair.say("nam. " + "\n\n*****\n\n" * 1000 + "nam.")
    assert middle.seconds == pytest.approx(pair.say("nam.\n\nnam.").seconds)


def test_leaving_early(pair: Speech) -> None:
    """A caller that stops after one window can continue with something else."""
    for _ in range(3):
        next(pair.stream("nam " * 200))
    stream = pair.stream("nam " * 200)
    next(stream)
    stream.close()
    assert pair.say("nam").samples.size


def test_many_threads(pair: Speech) -> None:
    """Any number of threads may use it at once, and each gets its own speech."""
    with ThreadPoolExecutor(8) as threads:
        sizes = threads.map(lambda n: len(pair.say("nam " * n).samples), range(1, 33))
    assert list(sizes) == [100 * (8 * n + 1) for n in range(1, 33)]


async def test_in_a_running_loop(pair: Speech) -> None:
    """It works where an event loop runs, as in a notebook."""
    assert len(pair.say("nam").samples) == 900


async def test_asynchronous(settings: Path) -> None:
    """In an event loop of the caller, several tasks share a voice."""
    async with AsyncSpeech("pair", config=settings) as speech:
        first, second = await asyncio.gather(speech.say("nam"), speech.say("a"))
        streamed = sum([len(window.samples) async for window in speech.stream("nam")])
        assert [len(first.samples), len(second.samples), streamed] == [900, 500, 900]


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("", {}, TextEmpty),
        ("...", {}, TextUnspeakable),
        ("...\n\n" * 2000, {}, TextUnspeakable),
        ("a\x07b", {}, TextControlCharacters),
        ("nam", {"speed": "9"}, SpeedInvalid),
        ("nam", {"speaker": "nobody"}, SpeakerUnknown),
        ("nam", {"lexicon": {"/(/": "x"}}, FieldInvalid),
    ],
)
def test_mistakes(pair: Speech, text: str, options: dict[str, str], error: type[Exception]) -> None:
    """Wrong input raises one of the package's errors, for the whole and for the stream."""
    with pytest.raises(error):
        pair.say(text, **options)  # type: ignore[arg-type]
    with pytest.raises(error):
        next(pair.stream(text, **options))  # type: ignore[arg-type]


def test_voices_that_cannot_be_had(settings: Path, tmp_path: Path) -> None:
    """An unknown voice or setting is reported at once, a broken model when it should speak."""
    with pytest.raises(VoiceUnknown, match="did you mean pair"):
        Speech("pear", config=settings)
    with pytest.raises(ConfigError):
        Speech(config=tmp_path / "none.yaml")
    install_pair(tmp_path / "voices").write_bytes(b"garbage")
    (tmp_path / "config.yaml").write_text("")
    with (
        Speech("pair", config=tmp_path / "config.yaml") as speech,
        pytest.raises(VoiceError, match="not a model that can run"),
    ):
        speech.say("nam")


def test_closed(settings: Path) -> None:
    """Closing ends the thread. Closing again does nothing, and speaking then is an error."""
    before = set(threading.enumerate())
    speech = Speech("pair", config=settings)
    stream = speech.stream("nam " * 100)
    next(stream)
    speech.close()
    speech.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "speech"]
    with pytest.raises(RuntimeError, match="closed"):
        speech.say("nam")
    with pytest.raises(RuntimeError, match="closed"):
        next(stream)


def test_a_program_that_just_ends(settings: Path, tmp_path: Path) -> None:
    """Importing is light. A program that neither closes nor reads a stream to its end still exits.

    It prints nothing while it exits.
    """
    program = f"""
import sys, vits_tts
assert not {{"numpy", "onnxruntime", "vits_tts.speech"}} & set(sys.modules)
from vits_tts import Speech
speech = Speech("pair", config={str(settings)!r})
stream = speech.stream("nam. " * 500)
print(next(stream).sample_rate)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"8000\n", b"")


def test_the_voice_in_the_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any settings, the embedded voice speaks."""
    monkeypatch.chdir(tmp_path)
    with Speech() as speech:
        sound = decode(speech.say("Xin chào").encoded())
    assert_speech(sound, shortest=0.3, longest=3)


def test_speak_while_the_text_is_written(pair: Speech) -> None:
    """The first sentence is heard before the iterator has the second; the sound is that of all."""
    heard = threading.Event()

    def written() -> Iterator[str]:
        yield "Nam đi. Lan"
        assert heard.wait(60)
        yield " v"
        yield "ề. "

    windows = pair.speak(written(), speaker="minh", max_buffer_delay=60)
    first = next(windows)
    heard.set()
    samples = np.concatenate([first.samples, *(window.samples for window in windows)])
    whole = pair.say("Nam đi. Lan về.", speaker="minh").samples
    np.testing.assert_array_equal(samples[samples != 0], whole[whole != 0])


def test_speak_ssml_in_pieces(pair: Speech) -> None:
    """Elements and documents are spoken as in a whole document; a broken one is reported."""
    text = '<s>Nam <sub alias="ba">3</sub>.</s> <prosody rate="slow">Lan.</prosody><break/>'
    document = f"<speak>{text}</speak>"
    # So slow that the second sentence comes while the first one sounds, also on a busy machine: a
    # pause before a sentence is shorter if its text is late.
    said = partial(pair.say, ssml=document, speaker="minh", speed=0.25)
    spoken = partial(pair.speak, speaker="minh", speed=0.25, max_buffer_delay=60, ssml=True)
    whole = said().samples
    for written in (text, document):
        windows = spoken(iter(written))
        samples = np.concatenate([window.samples for window in windows])
        np.testing.assert_array_equal(samples, whole)
    samples = np.concatenate([window.samples for window in spoken(iter(text), volume=0.5)])
    np.testing.assert_array_equal(samples, said(volume=0.5).samples)
    assert not np.array_equal(samples, whole)
    with pytest.raises(MarkupInvalid, match="line 1, column 5: it is not closed"):
        list(pair.speak(["Nam <prosody rate='slow'>", "Lan."], ssml=True))


def test_speak_an_asynchronous_iterator(settings: Path) -> None:
    """The same with an event loop; an error of the iterator is raised after the text before it."""

    async def written() -> AsyncIterator[str]:
        for piece in ("Nam ", "đi. ", "Lan"):
            yield piece
        raise ConnectionError

    async def work() -> int:
        samples = 0
        async with AsyncSpeech("pair", config=settings) as speech:

            async def hear() -> None:
                nonlocal samples
                async for window in speech.speak(written()):
                    samples += len(window.samples)

            with pytest.raises(ConnectionError):
                await hear()
            with pytest.raises(TextUnspeakable):
                await anext(speech.speak(["...", " "]))
            with pytest.raises(TextControlCharacters):
                await anext(speech.speak(["\x07"]))
            return samples

    assert asyncio.run(work()) > 0


def test_leaving_speak_asks_for_no_more_text(pair: Speech) -> None:
    """An endless text is read only as far as it is heard."""
    asked = 0

    def endless() -> Iterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield "Nam đi. "

    windows = pair.speak(endless())
    next(windows)
    windows.close()
    assert asked < 2000
