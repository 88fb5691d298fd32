"""`vits-tts batch`: texts and their files, a manifest, and interrupted runs."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.support.cli import command, run_several
from tests.support.dictionaries import change_rules, make_dictionary
from tests.support.server import Server, clean_environment, until
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.audio.formats import Encoding
from vits_tts.cli import records
from vits_tts.cli.records import Record
from vits_tts.cli.texts import Texts, read
from vits_tts.dictionaries.rules import Rule
from vits_tts.errors import ConfigError

BOOK = """Lời nói đầu.

Chương 1: Mở đầu
Ngày xửa ngày xưa.
Ở một làng nọ.

CHƯƠNG II
Hết phần hai.

"""


def manifest(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a manifest; assert that all are complete."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("by", "lines"),
    [
        ("line", [1, 3, 4, 5, 7, 8]),
        ("paragraph", [1, 3, 7]),
        ("auto", [1, 3, 7]),
        ("chapter", [1, 3, 7]),
        ("file", [1]),
    ],
)
def test_texts(tmp_path: Path, by: str, lines: list[int]) -> None:
    """A book is split at the requested places with any line ends; each part knows its line."""
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "book.txt"
        path.write_text(BOOK.replace("\n", end), encoding="utf-8-sig", newline="")
        units = read(path, by)
        assert [unit.line for unit in units] == lines
        assert "".join("".join(unit.text for unit in units).split()) == "".join(BOOK.split())
    path.write_text("một\nhai\n\n")
    assert [unit.text for unit in read(path, "auto")] == ["một", "hai"]
    path.write_text("\n")
    assert read(path, by) == []


def test_names(tmp_path: Path) -> None:
    """Files are numbered, or named by a template, always different and inside the folder."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("một\nhai\n")
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    encoding = Encoding("mp3", 8000, 8000)

    def names(by: str, name: str | None) -> list[str]:
        return [item.name for item in Texts(files, by, name).items(encoding)]

    assert names("line", None) == ["00001.mp3", "00002.mp3", "00003.mp3", "00004.mp3"]
    assert names("file", None) == ["a.mp3", "b.mp3"]
    assert names("line", "{stem}-{part:02}")[1:3] == ["a-02.mp3", "b-01.mp3"]
    with pytest.raises(ConfigError, match=r"a.txt:1 and .*b.txt:1 would both be 1.mp3"):
        names("line", "{part}")
    for wrong in ("{x}", "{", "../{index}", ".{index}", "", "{index.real.real.x}", "a/{index}"):
        with pytest.raises(ConfigError, match="--name: "):
            names("line", wrong or "{stem:.0}")


def test_records(tmp_path: Path) -> None:
    """The last line about a text counts; garbage and truncated lines are ignored."""
    done = Record(1, "a:1", "d", "done", file="1.wav", bytes=3)
    (tmp_path / "1.wav").write_bytes(b"abc")
    with records.opened(tmp_path) as told:
        told.add(Record(1, "a:1", "d", "failed", error="no"))
        assert not told.done(1, "d", "1.wav")
        told.add(done)
        with (
            pytest.raises(ConfigError, match="another run is using this folder"),
            records.opened(tmp_path),
        ):
            pass
    with (tmp_path / "manifest.jsonl").open("ab") as file:
        file.write(b'[]\n{"index": 1}\n{"index": 1, "source"')
    (tmp_path / ".0.part").touch()
    with records.opened(tmp_path) as told:
        assert told.done(1, "d", "1.wav")
        assert not told.done(1, "other", "1.wav")
        assert not told.done(1, "d", "2.wav")
        assert not told.done(2, "d", "1.wav")
        told.add(Record(2, "a:2", "d", "failed", error="no"))
        (tmp_path / "1.wav").write_bytes(b"ab")
        assert not told.done(1, "d", "1.wav")
    last = (tmp_path / "manifest.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["index"] == 2
    assert not (tmp_path / ".0.part").exists()


def test_killed_and_run_again(tmp_path: Path) -> None:
    """A killed run continues where it was; a text that fails does not stop the others."""
    install_pair(tmp_path / "voices")
    lines = [f"nam {'a ' * number}" for number in range(1, 31)]
    lines[24] = "..."
    (tmp_path / "lines.txt").write_text("\n".join(lines))
    out = tmp_path / "out"
    out.mkdir()
    os.mkfifo(out / "00020.wav")  # a writer of it waits for a reader
    arguments = ("batch", "lines.txt", "-o", "out", "--voice", "pair", "--by", "line")
    process = subprocess.Popen(
        command(*arguments, "--jobs", "1"), cwd=tmp_path, env=clean_environment()
    )
    until(lambda: (out / "00019.wav").exists() and len(manifest(out)) == 19, "19 lines")
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    (out / "00020.wav").unlink()
    stamps = {path.name: path.stat().st_ino for path in out.glob("*.wav")}
    assert len(stamps) == 19

    mended = [*lines]
    mended[24], mended[2] = "nam", "hai"
    (tmp_path / "mended.txt").write_text("\n".join(mended))
    first, second = run_several(
        tmp_path, [*arguments], [argument.replace("lines", "mended") for argument in arguments]
    )
    assert first.status == 0
    assert first.stdout.startswith("10 made (")
    assert first.stdout.endswith("19 up to date, 1 skipped, 0 failed: out\n")
    reason = "the text has nothing to say: no letter and no digit"
    assert first.stderr == f"vits-tts: lines.txt:25: skipped: {reason}\n"
    assert second.status == 0
    assert "2 made (" in second.stdout
    assert "28 up to date, 0 failed" in second.stdout

    remade = stamps.pop("00003.wav")
    assert {name: (out / name).stat().st_ino for name in stamps} == stamps
    assert (out / "00003.wav").stat().st_ino != remade
    assert len(manifest(out)) == 32
    rows = {row["index"]: row for row in manifest(out)}
    assert sorted(rows) == list(range(1, 31))
    for row in rows.values():
        sound = decode((out / row["file"]).read_bytes())
        assert (row["voice"], row["seconds"]) == ("pair", round(sound.seconds, 3))
        assert row["licence"].startswith("unknown")
    assert sorted(path.name for path in out.iterdir()) == [
        *(f"{index:05}.wav" for index in range(1, 31)),
        "manifest.jsonl",
    ]


@pytest.mark.slow
def test_a_changed_dictionary(tmp_path: Path) -> None:
    """Texts are made again if a dictionary has changed, also one of the settings; else not."""
    install_pair(tmp_path / "voices")
    folder = tmp_path / "dictionaries"
    version = make_dictionary(folder, "brands", Rule("Zyx", alias="nam"))
    (tmp_path / "lines.txt").write_text("Zyx\n")
    (tmp_path / "usual.yaml").write_text("text: {dictionaries: [brands]}\n")
    how = {
        "named": ("--dictionary", "brands"),
        "fixed": ("--dictionary", f"brands@{version}"),
        "usual": ("--config", "usual.yaml"),
    }
    start = ("batch", "lines.txt", "--voice", "pair")
    commands = [[*start, *options, "-o", name] for name, options in how.items()]

    def made() -> list[tuple[str, int]]:
        """Run the commands; return for each whether its text was made, and the samples."""
        found = []
        for done, name in zip(run_several(tmp_path, *commands), how, strict=True):
            assert done.status == 0, done.stderr
            length = len(soundfile.read(tmp_path / name / "00001.wav")[0])
            found.append((done.stdout.split(" ")[0], length))
        return found

    assert made() == [("1", 900)] * 3
    assert made() == [("0", 900)] * 3
    change_rules(folder, "brands", Rule("Zyx", alias="nam nam"))
    assert made() == [("1", 1700), ("0", 900), ("1", 1700)]


def test_through_a_server(server: Server, tmp_path: Path) -> None:
    """A server speaks several texts at once; an error that affects all texts ends the run."""
    for number in range(1, 4):
        (tmp_path / f"{number}.txt").write_text("nam " * number)
    files = [path.name for path in sorted(tmp_path.glob("*.txt"))]
    arguments = ["batch", *files, "--by", "file", "--url", server.url, "--voice", "pair"]
    done, wrong = run_several(
        tmp_path,
        [*arguments, "-o", "out", "--jobs", "3", "--format", "flac"],
        [*arguments, "-o", "wrong", "--speed", "9"],
    )
    assert (done.status, done.stderr) == (0, "")
    for number in range(1, 4):
        samples, rate = soundfile.read(tmp_path / "out" / f"{number}.flac")
        assert (len(samples), rate) == (100 * (8 * number + 1), 8000)
    assert wrong.status == 2
    assert len(wrong.stderr.splitlines()) == 1
    assert manifest(tmp_path / "wrong") == []
