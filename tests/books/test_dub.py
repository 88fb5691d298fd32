"""`vits-tts dub`: subtitles spoken at their times."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.cli import run_here
from tests.support.voices import install_pair
from vits_tts import Speech
from vits_tts.books import cues, dubbing
from vits_tts.books.book import BadBook

_RATE = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a fast voice and its settings."""
    folder = tmp_path_factory.mktemp("dub")
    install_pair(folder / "voices", sample_rate=_RATE)
    settings = {"voice": {"name": "pair", "pieces_folder": "pieces"}}
    (folder / "config.yaml").write_text(json.dumps(settings))
    return folder


def stamp(seconds: float) -> str:
    """Return a time of SRT."""
    thousandths = round(seconds * 1000)
    return (
        f"{thousandths // 3_600_000:02}:{thousandths // 60_000 % 60:02}:"
        f"{thousandths // 1000 % 60:02},{thousandths % 1000:03}"
    )


def test_reading_srt_and_vtt() -> None:
    """Tags, entities, notes of sounds and dashes are not spoken; numbers and settings are read."""
    srt = (
        "1\r\n00:00:01,000 --> 00:00:02,500\r\n- <i>Xin chào</i> &amp; {\\an8}bạn\r\n\r\n"
        "2\r\n00:00:03,000 --> 00:00:04,000\r\n[tiếng cửa]\r\n"
    )
    first, second = cues.parsed(srt)
    assert (first.begins, first.ends, first.text) == (1.0, 2.5, "Xin chào & bạn")
    assert (second.line, second.text) == (6, "")
    vtt = (
        "WEBVTT\n\nNOTE x\n\nlan\n00:01.000 --> 00:02.5 align:start\n<v Lan>Xin\nchào</v>\n\n"
        "01:00:00.000 --> 01:00:01.000\nx"
    )
    first, second = cues.parsed(vtt)
    assert (first.begins, first.ends, first.text) == (1.0, 2.5, "Xin chào")
    assert second.begins == 3600


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it has no cues"),
        ("1\n00:00:02,000 --> 00:00:01,000\nx", "line 2: the cue ends before it begins"),
        ("1\n00:00:02 --> 00:00:03\nx", "line 2: not a time"),
        ("00:02 --> 00:03\nx", "line 1: not a time"),
        (
            "00:01.000 --> 00:03.000\nx\n\n00:02.000 --> 00:04.000\ny",
            r"line 4: it begins 1\.000 s before",
        ),
        (  # a note of a sound between the two does not hide it
            "00:01.000 --> 00:09.000\nx\n00:02.000 --> 00:03.000\n[y]\n00:04.000 --> 00:05.000\nz",
            r"line 5: it begins 5\.000 s before",
        ),
    ],
)
def test_wrong_subtitles(text: str, complaint: str) -> None:
    """A wrong file is refused with the line and the reason."""
    with pytest.raises(BadBook, match=complaint):
        cues.parsed(text)


def test_a_cue_of_many_lines() -> None:
    """A hostile cue takes a time that grows with its length, not with its square (hours)."""
    head = "00:01.000 --> 00:02.000\n"
    (cue,) = cues.parsed(f"{head}- a{'&#10;' * 400_000}b")
    assert cue.text == "a b"


def test_sixty_cues_fit(folder: Path) -> None:
    """Each of 60 cues is heard from its beginning to its end, within 40 ms."""
    words = ["nam", "lan", "minh"]
    texts = [" ".join(words[(n + k) % 3] for k in range(2 + n % 9)) for n in range(60)]
    with Speech("pair", config=folder / "config.yaml") as speech:
        usual = [speech.seconds(text) for text in texts]
    at, lines, spans = 0.5, [], []
    for number, (text, seconds) in enumerate(zip(texts, usual, strict=True), 1):
        begins = round(at, 3)
        ends = round(begins + seconds * (0.75 + number % 7 * 0.06), 3)
        lines.append(f"{number}\n{stamp(begins)} --> {stamp(ends)}\n{text}\n")
        spans.append((begins, ends))
        at = ends + 0.2
    (folder / "film.srt").write_text("\n".join(lines))
    done = run_here(folder, "dub", "film.srt", "-o", "film.wav", "--report", "film.json")
    assert done.returncode == 0, done.stderr.decode()
    samples, rate = soundfile.read(folder / "film.wav", dtype="int16")
    assert rate == _RATE
    assert len(samples) == round(spans[-1][1] * rate)
    heard = np.abs(samples.astype(np.int32)) > 50
    for begins, ends in spans:
        span = np.flatnonzero(heard[round((begins - 0.1) * rate) : round((ends + 0.1) * rate)])
        assert abs(span[0] / rate - 0.1) <= 0.04
        assert abs(span[-1] / rate - 0.1 - (ends - begins)) <= 0.04
    report = json.loads((folder / "film.json").read_text())
    assert {cue["outcome"] for cue in report["cues"]} == {"fits"}
    assert len({cue["rate"] for cue in report["cues"]}) > 5


def test_a_cue_that_cannot_fit(folder: Path) -> None:
    """A cue that is too long is listed, cut before the next one, and with --strict refused."""
    text = "nam lan minh " * 6
    (folder / "short.srt").write_text(
        f"1\n00:00:00,000 --> 00:00:00,200\n{text}\n\n2\n00:00:00,300 --> 00:00:00,900\nlan\n"
    )
    done = run_here(folder, "dub", "short.srt", "-o", "short.wav", "--length", "2", "--strict")
    assert done.returncode == 1
    assert "cue 1, line 2: " in done.stderr.decode()
    assert done.stdout.decode() == "short.srt: 2 cues, 2.000 s, 1 too long\n"
    assert not (folder / "short.wav").exists()
    done = run_here(folder, "dub", "short.srt", "-o", "short.wav", "--length", "2")
    assert done.returncode == 1
    assert done.stdout.decode() == "short.wav: 2 cues, 2.000 s, 1 too long\n"
    samples, rate = soundfile.read(folder / "short.wav", dtype="int16")
    assert len(samples) == 2 * rate
    assert abs(int(samples[round(0.3 * rate) - 1])) < 300  # faded
    done = run_here(folder, "dub", "short.srt", "-o", "short.wav", "--slowest", "2")
    assert "--rate should be between" in done.stderr.decode()


def test_limits(folder: Path) -> None:
    """Rates stay within the limits; a cue may spill into silence, and need not fill its time."""
    with Speech("pair", config=folder / "config.yaml") as speech:
        seconds = speech.seconds("nam lan minh")
        cue = cues.Cue(1, 1, 1.0, 1.0 + 2 * seconds, "nam lan minh")
        tight = cues.Cue(1, 1, 1.0, 1.0 + seconds * 0.9, "nam lan minh")
        silent = cues.Cue(1, 1, 1.0, 2.0, "—")

        def fit(cue: cues.Cue, limits: dubbing.Limits) -> dubbing.Fit:
            return dubbing.plan([cue], speech, limits, None, lambda _: None)[0]

        slow = fit(cue, dubbing.Limits())
        assert (slow.outcome, slow.rate) == ("short", 0.85)
        assert fit(cue, dubbing.Limits(fill=False)).rate == 1
        assert 1 < fit(tight, dubbing.Limits()).rate < 1.4
        assert fit(tight, dubbing.Limits(spill=seconds)).rate == 1
        assert fit(tight, dubbing.Limits(fastest=1.05)).outcome == "too_long"
        assert fit(silent, dubbing.Limits()).outcome == "silent"


def test_spill_into_a_cue_that_is_not_spoken(folder: Path) -> None:
    """A description of a sound takes no time from the cue before it."""
    with Speech("pair", config=folder / "config.yaml") as speech:
        seconds = speech.seconds("nam lan minh")
        ends = 1 + seconds * 0.9
        found = cues.parsed(
            f"1\n{stamp(1)} --> {stamp(ends)}\nnam lan minh\n\n"
            f"2\n{stamp(ends)} --> {stamp(ends + 1)}\n[nhạc]\n\n"
            f"3\n{stamp(ends + 2)} --> {stamp(ends + 4)}\nlan\n"
        )
        first, silent, _ = dubbing.plan(
            found, speech, dubbing.Limits(spill=seconds), None, lambda _: None
        )
    assert (first.rate, silent.outcome) == (1, "silent")


def test_subtitles_without_empty_lines() -> None:
    """The number of the next cue is not spoken; a number that is the text of a cue is."""
    times = [f"{stamp(at)} --> {stamp(at + 1)}" for at in (1, 3, 5, 7)]
    found = cues.parsed(
        f"1\n{times[0]}\nnam\n 2 \n{times[1]}\n3\n\n3\n{times[2]}\n4\n{times[3]}\n2026"
    )
    assert [cue.text for cue in found] == ["nam", "3", "", "2026"]


@pytest.mark.parametrize("text", ["[nhạc]", "你好", "Здравствуйте", "— …", "♪ la ♪"])
def test_cues_that_are_not_spoken(text: str) -> None:
    """Words of a script that no voice here reads are as silent as a description of a sound."""
    (cue,) = cues.parsed(f"1\n{stamp(1)} --> {stamp(2)}\n{text}\n")
    assert cue.is_silent


@pytest.mark.parametrize("text", ["ạ", "7", "½", "α", "Ａ", "50%"])
def test_cues_that_are_spoken(text: str) -> None:
    """Letters of Latin and Greek, and digits, are read in any form."""
    (cue,) = cues.parsed(f"1\n{stamp(1)} --> {stamp(2)}\n{text}\n")
    assert not cue.is_silent


def test_long_silence() -> None:
    """The silence between two cues comes in small blocks, and has its whole length."""
    cue = cues.Cue(1, 1, 3600.0, 3601.0, "lan")
    fits = [dubbing.Fit(cue, "fits", 1.0, 1.0, 0.0)]
    said = np.ones(16_000, np.int16)
    at, heard = 0, []
    for block in dubbing.arranged(fits, lambda _: said, 16_000, 7200.0, lambda _: None):
        assert len(block) <= 64 * 1024
        heard += [(at + place, block[place]) for place in np.flatnonzero(block)[:1]]
        at += len(block)
    assert at == 7200 * 16_000
    assert heard[0] == (3600 * 16_000, 1)
