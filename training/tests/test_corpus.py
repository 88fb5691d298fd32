"""Tests of reading a folder of recordings, and of the messages about broken ones."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import corpus
from training.corpus import CorpusError

GOOD = b"a1|xin ch\xc3\xa0o\n"


def folder(path: Path, metadata: bytes, *files: str) -> Path:
    """Write a folder with ``metadata.csv`` and files of half a second of noise."""
    (path / "wavs").mkdir()
    (path / "metadata.csv").write_bytes(metadata)
    noise = np.random.default_rng(1).normal(0, 0.1, 8000)
    for file in files:
        soundfile.write(path / file, noise, 16_000)
    return path


def problems(path: Path) -> list[str]:
    """Return the problems of a folder, each without the path of ``metadata.csv``."""
    with pytest.raises(CorpusError) as caught:
        corpus.read(path)
    return [problem.removeprefix(f"{path}/metadata.csv, ") for problem in caught.value.problems]


def test_files_are_found_by_their_ids(tmp_path: Path) -> None:
    """Recordings lie in ``wavs`` or beside the texts, ids may have a suffix, columns may follow."""
    metadata = b"\xef\xbb\xbfa1|m\xe1\xbb\x99t|1.0\r\n\r\na2.flac|ha\xcc\x80i\na3|ba\n"
    read = corpus.read(folder(tmp_path, metadata, "wavs/a1.wav", "a2.flac", "wavs/a3.mp3"))
    assert [one.name for one in read] == ["a1", "a2.flac", "a3"]
    assert [one.text for one in read] == ["một", "hài", "ba"]
    assert [one.path.name for one in read] == ["a1.wav", "a2.flac", "a3.mp3"]
    assert read[2].place == f"{tmp_path}/metadata.csv, line 4"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (b"", "it has no line id|text"),
        (b"a1 xin\n", "line 1: should be id|text"),
        (GOOD + b"a1|hai\n", "line 2: 'a1' is already on line 1"),
        (GOOD + b"a2|ba\n", "line 2: there is no wavs/a2.wav, .flac or .mp3, nor one beside"),
        (b"a1|\n", "line 1: 'a1' has no text"),
        (b"a1| . , !|x\n", "line 1: 'a1' has no text"),
        (GOOD + b"a2|ch\xe0o\n", "line 2: not UTF-8 (byte 6)"),
        (b"../a1|hai\n", "line 1: '../a1' cannot be an id"),
        (b"..|hai\n", "line 1: '..' cannot be an id"),
        (b"/etc/passwd|hai\n", "line 1: '/etc/passwd' cannot be an id"),
        (b"..\\a1|hai\n", "line 1: '..\\\\a1' cannot be an id"),
        (b"a\x001|hai\n", "line 1: 'a\\x001' cannot be an id"),
        (b"|hai\n", "line 1: '' cannot be an id"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, metadata: bytes, expected: str) -> None:
    """The message says which line is wrong, and how."""
    (found,) = problems(folder(tmp_path, metadata, "wavs/a1.wav"))
    assert expected in found


def test_the_text_may_be_in_another_column(tmp_path: Path) -> None:
    """It is found, or given; a line without it is named."""
    metadata = "a1|sắc|má|0.5\na2|sắc|cá|0.5\na3|huyền|bà|0.5\n".encode()
    path = folder(tmp_path, metadata, "wavs/a1.wav", "wavs/a2.wav", "wavs/a3.wav")
    assert [one.text for one in corpus.read(path)] == ["má", "cá", "bà"]
    assert [one.text for one in corpus.read(path, 2)] == ["sắc", "sắc", "huyền"]
    with pytest.raises(CorpusError, match="line 1: has no column 5"):
        corpus.read(path, 5)
    (path / "metadata.csv").write_bytes(b"id|tone|text\n" + metadata)
    assert [one.text for one in corpus.read(path)] == ["má", "cá", "bà"]


def test_all_broken_lines_are_named_at_once(tmp_path: Path) -> None:
    """One look is enough to repair a folder; a long list is cut."""
    metadata = GOOD + b"".join(b"b%d|hai\n" % i for i in range(30))
    path = folder(tmp_path, metadata, "wavs/a1.wav")
    assert len(problems(path)) == 30
    with pytest.raises(CorpusError, match=r"line 21: .*\nand 10 more problems$"):
        corpus.read(path)


def test_a_folder_without_texts(tmp_path: Path) -> None:
    """The message names the file that is missing, and its form."""
    with pytest.raises(CorpusError, match=r"metadata.csv: No such file .*id\|text"):
        corpus.read(tmp_path)


def test_sound_of_any_kind_becomes_one_channel(tmp_path: Path) -> None:
    """A tone keeps its pitch and level through formats, rates and channels."""
    for name, rate in {"a.wav": 48_000, "b.flac": 11_025, "c.mp3": 44_100}.items():
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
        soundfile.write(tmp_path / name, np.stack([tone, tone], axis=1), rate)
        sound = corpus.sound(tmp_path / name, 22_050)
        assert sound.dtype == np.float32
        assert len(sound) == pytest.approx(22_050, abs=2500)  # mp3 may pad
        middle = sound[5000:15_000]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert spectrum.argmax() * 22_050 / len(middle) == pytest.approx(440, abs=3)
        assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.3, rel=0.05)


def test_broken_sound_is_named(tmp_path: Path) -> None:
    """Silence, a file of another kind, and a recording of an hour are refused."""
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16_000)
    soundfile.write(tmp_path / "long.flac", np.zeros(16_000 * 31), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(9, np.nan), 16_000, subtype="FLOAT")
    (tmp_path / "text.mp3").write_text("this is no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    for name, reason in {
        "silent.wav": "is silent",
        "long.flac": "lasts 31 s; cut it at pauses",
        "nan.wav": "has samples that are not numbers",
        "text.mp3": "cannot be decoded",
        "empty.wav": "cannot be decoded",
        "missing.wav": "cannot be decoded",
    }.items():
        with pytest.raises(ValueError, match=f"{name}: {reason}"):
            corpus.sound(tmp_path / name, 16_000)


def test_one_in_twenty_is_held_out(tmp_path: Path) -> None:
    """Held-out recordings are spread evenly, unless ``heldout.txt`` lists them."""
    metadata = b"".join(b"a%d|hai\n" % i for i in range(60))
    path = folder(tmp_path, metadata, *(f"wavs/a{i}.wav" for i in range(60)))
    read = corpus.read(path)
    assert corpus.held_out(path, read) == {"a10", "a30", "a50"}
    (path / "heldout.txt").write_text("a3\na4\n")
    assert corpus.held_out(path, read) == {"a3", "a4"}
    (path / "heldout.txt").write_text("a3\nb4\n")
    with pytest.raises(CorpusError, match=r"heldout.txt: metadata.csv has no 'b4'"):
        corpus.held_out(path, read)
