"""The Python API: `from vits_tts import Speech`, in processes and loops of all kinds."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.support.server import clean_environment
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_pair
from vits_tts import AsyncSpeech, Speech
from vits_tts.errors import (
    ConfigError,
    FieldInvalid,
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
    """Settings of a folder with a quick voice of two people, who pause for a tenth of a second."""
    folder = tmp_path_factory.mktemp("api")
    install_pair(folder / "voices")
    path = folder / "config.yaml"
    path.write_text("voice: {sentence_pause: 0.1, paragraph_pause: 0.2}\n")
    return path


@pytest.fixture(scope="module")
def pair(settings: Path) -> Iterator[Speech]:
    """The quick voice."""
    with Speech("pair", config=settings) as speech:
        yield speech


def test_say(pair: Speech) -> None:
    """All of a speech is returned, by speaker and speed."""
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


def test_save(pair: Speech, tmp_path: Path) -> None:
    """It becomes a file, whole."""
    said = pair.say("nam")
    path = said.save(tmp_path / "hello.wav")
    assert np.array_equal(decode(path.read_bytes()).samples * 32768, said.samples)
    assert list(tmp_path.iterdir()) == [path]


def test_stream(pair: Speech) -> None:
    """Windows come in order, make up the whole, and tell how far the text has been said."""
    text = "nam nam. " * 10
    windows = list(pair.stream(text))
    assert len(windows) > 10
    assert np.array_equal(np.concatenate([w.samples for w in windows]), pair.say(text).samples)
    progress = [window.progress for window in windows]
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] == pytest.approx(0.9, abs=0.05)


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
    """Who takes one window and leaves can go on with something else."""
    for _ in range(3):
        next(pair.stream("nam " * 200))
    stream = pair.stream("nam " * 200)
    next(stream)
    stream.close()
    assert pair.say("nam").samples.size


def test_many_threads(pair: Speech) -> None:
    """Any number of threads may use it at once, each getting what it asked for."""
    with ThreadPoolExecutor(8) as threads:
        sizes = threads.map(lambda n: len(pair.say("nam " * n).samples), range(1, 33))
    assert list(sizes) == [100 * (8 * n + 1) for n in range(1, 33)]


def test_in_a_running_loop(pair: Speech) -> None:
    """It works where an event loop runs, as in a notebook."""

    async def cell() -> int:
        return len(pair.say("nam").samples)

    assert asyncio.run(cell()) == 900


def test_asynchronous(settings: Path) -> None:
    """With an event loop of one's own, several tasks share a voice."""

    async def program() -> list[int]:
        async with AsyncSpeech("pair", config=settings) as speech:
            first, second = await asyncio.gather(speech.say("nam"), speech.say("a"))
            streamed = sum([len(window.samples) async for window in speech.stream("nam")])
            return [len(first.samples), len(second.samples), streamed]

    assert asyncio.run(program()) == [900, 500, 900]


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
    """What is wrong is one of our errors, for the whole and for the stream."""
    with pytest.raises(error):
        pair.say(text, **options)  # type: ignore[arg-type]
    with pytest.raises(error):
        next(pair.stream(text, **options))  # type: ignore[arg-type]


def test_voices_that_cannot_be_had(settings: Path, tmp_path: Path) -> None:
    """An unknown voice or setting is told at once, a broken model when it should speak."""
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
    """Closing ends the thread; closing again is no harm, speaking is."""
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
    """Importing is light; who neither closes nor hears a stream out still exits, without a word."""
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
    """Without any settings it is the voice in the box."""
    monkeypatch.chdir(tmp_path)
    with Speech() as speech:
        sound = decode(speech.say("Xin chào").encoded())
    assert_speech(sound, shortest=0.3, longest=3)
