"""Tests of the folder of a recording: takes, chosen takes, metadata, and interruptions."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
import soundfile

from training.recording import command
from training.recording.takes import Busy, Recording, Refused, prompts_of
from training.tests.test_levels import sound

TEXTS = {
    "001": "Anh về lúc nào thế?",
    "002": "Có 2 con mèo | trên mái nhà.",
    "b-1": "Xin chào cả nhà!",
}


class Opener(Protocol):
    """Open the folder of the test."""

    def __call__(self, texts: dict[str, str] | None = None) -> Recording:
        """Return the recording of prompts."""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Return a way to open the folder of the test; at the end, it is closed."""
    with ExitStack() as stack:

        def open_folder(texts: dict[str, str] | None = None) -> Recording:
            recording = Recording(tmp_path, prompts_of(texts or TEXTS))
            stack.callback(recording.close)
            return recording

        yield open_folder


def test_takes_are_kept_and_one_is_chosen(tmp_path: Path, opened: Opener) -> None:
    """Every take stays, the chosen one is in ``wavs``, and ``metadata.csv`` is as in LJSpeech."""
    recording = opened()
    assert [recording.add("002", sound(speech), 48_000)["take"] for speech in (-20, -24)] == [1, 2]
    recording.add("001", sound(), 48_000)
    recording.keep("002", 2)
    recording.keep("001", 1)
    recording.close()
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.wav")}
    assert names == {
        *("takes/001-1.wav", "takes/002-1.wav", "takes/002-2.wav"),
        *("wavs/001.wav", "wavs/002.wav"),
    }
    chosen, take = (tmp_path / name for name in ("wavs/002.wav", "takes/002-2.wav"))
    assert chosen.read_bytes() == take.read_bytes()
    metadata = (tmp_path / "metadata.csv").read_text("utf-8")
    assert metadata == "001|Anh về lúc nào thế?\n002|Có 2 con mèo trên mái nhà.\n"


def test_a_take_is_stored_as_it_came(tmp_path: Path, opened: Opener) -> None:
    """Samples at 48 kHz are stored in 24 bits; other rates are resampled to it."""
    recording = opened()
    made = sound()
    recording.add("001", made, 48_000)
    recording.add("001", sound(rate=44_100), 44_100)
    for number in (1, 2):
        file = tmp_path / f"takes/001-{number}.wav"
        info = soundfile.info(file)
        assert (info.samplerate, info.channels, info.subtype) == (48_000, 1, "PCM_24")
        stored, _ = soundfile.read(file, dtype="float32")
        assert len(stored) == pytest.approx(len(made), abs=2)
    stored, _ = soundfile.read(tmp_path / "takes/001-1.wav", dtype="float32")
    assert np.abs(stored - made).max() < 2**-22


def test_recording_goes_on_where_it_stopped(opened: Opener) -> None:
    """After a restart, the recorder knows all takes, and their numbers go on."""
    recording = opened()
    recording.add("b-1", sound(), 48_000)
    recording.add("001", sound(), 48_000)
    recording.keep("001", 1)
    before = recording.state()
    recording.close()
    again = opened()
    assert again.state() == before
    assert [(each["id"], each["takes"], each["kept"]) for each in before] == [
        ("001", 1, True),
        ("002", 0, False),
        ("b-1", 1, False),
    ]
    assert again.kept_seconds() == pytest.approx(3.5, abs=0.001)
    assert again.add("b-1", sound(), 48_000)["take"] == 2


def test_numbers_and_english_are_shown_in_words(opened: Opener) -> None:
    """The reader sees how a text with digits is read, and nothing twice."""
    readings = [each["reading"] for each in opened().state()]
    assert readings[0] is None
    assert readings[1].startswith("có hai con mèo")
    assert readings[2] is None


def test_other_lines_stay_and_changed_texts_are_read_again(tmp_path: Path, opened: Opener) -> None:
    """Lines of other prompts stay in the file; a take of an older text is no longer chosen."""
    recording = opened()
    for name in ("001", "002"):
        recording.add(name, sound(), 48_000)
        recording.keep(name, 1)
    recording.close()
    changed = opened({"002": "Có ba con mèo."})
    assert [each["kept"] for each in changed.state()] == [False]
    changed.keep("002", 1)
    assert [each["kept"] for each in changed.state()] == [True]
    metadata = (tmp_path / "metadata.csv").read_text("utf-8")
    assert metadata == "002|Có ba con mèo.\n001|Anh về lúc nào thế?\n"


def test_a_broken_write_leaves_the_old_files(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up while a take is chosen leaves the older take and its line."""
    recording = opened()
    for _ in range(2):
        recording.add("001", sound(), 48_000)
    recording.keep("001", 1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    full = OSError(28, "No space left on device")

    def fail(_: int) -> None:
        raise full

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        recording.keep("001", 2)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("samples", "rate", "code"),
    [
        (np.zeros(0, np.float32), 48_000, "length_invalid"),
        (np.zeros(61 * 8_000, np.float32), 8_000, "length_invalid"),
        (np.zeros(100, np.float32), 7_999, "rate_invalid"),
        (np.full(100, np.nan, np.float32), 48_000, "samples_invalid"),
    ],
)
def test_bad_takes_are_refused(
    samples: "np.ndarray[tuple[int], np.dtype[np.float32]]",
    rate: int,
    code: str,
    tmp_path: Path,
    opened: Opener,
) -> None:
    """A take without sound, too long or broken is refused with a stable code, and not stored."""
    recording = opened()
    with pytest.raises(Refused) as refused:
        recording.add("001", samples, rate)
    assert refused.value.code == code
    with pytest.raises(Refused, match="no such take"):
        recording.keep("001", 1)
    assert not list(tmp_path.rglob("*.wav"))


def test_one_recorder_a_folder(
    tmp_path: Path, opened: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second recorder of the same folder ends with a reason; after the first, it may start."""
    recording = opened()
    with pytest.raises(Busy):
        opened()
    assert command.main([str(tmp_path)]) == 1
    assert "another recorder uses" in capsys.readouterr().err
    recording.close()
    opened().close()


def test_wrong_prompts_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without ids ends the program with a reason before anything is made."""
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Xin chào.\n", "utf-8")
    assert command.main([str(tmp_path / "new"), "--prompts", str(prompts)]) == 2
    assert "prompts.txt, line 1: a line is id|text" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
