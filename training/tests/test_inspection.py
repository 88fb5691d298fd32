"""Tests of the inspection of recordings: planted faults are found, clean clips are not blamed."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from training.inspection import coverage, faults, mend, recordings, sound
from training.inspection.command import main
from training.inspection.trial import plant
from vits_tts import Speech

RATE = 16_000
_WRITTEN = (Path(__file__).parent.parent / "sentences.txt").read_text("utf-8").splitlines()
SENTENCES = [
    text for line in _WRITTEN if len((text := line.split("|")[1]).split()) in range(8, 12)
][:16]
TAKES = 4
"""Clips of each sentence, alike but for the room's noise: an aligner wants minutes of speech."""


def noise(count: int, level_db: float, seed: int = 1) -> np.ndarray:
    """Return white noise at a level in dB of full scale."""
    return np.random.default_rng(seed).normal(0, 10 ** (level_db / 20), count)


@pytest.fixture(scope="module")
def spoken() -> list[np.ndarray]:
    """Return speech of the embedded voice at an even level, with the soft noise of a good room."""
    with Speech() as voice:
        clips = [voice.say(text).samples / 32768 for text in SENTENCES]
    levelled = [x * 10 ** ((-20 - sound.measure(x, RATE).speech_db) / 20) for x in clips]
    return [x + noise(len(x), -65, number) for number, x in enumerate(levelled)]


def encoded(samples: np.ndarray) -> np.ndarray:
    """Return samples that went through MP3."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="MP3", subtype="MPEG_LAYER_III")
    buffer.seek(0)
    return np.asarray(soundfile.read(buffer)[0])


def pressed(samples: np.ndarray, share: float) -> np.ndarray:
    """Return samples cut off at a share of their peak, at a peak of 0.7."""
    limit = share * np.abs(samples).max()
    return np.asarray(0.7 * np.clip(samples, -limit, limit) / limit)


def hummed(samples: np.ndarray) -> np.ndarray:
    """Return samples with a hum of 50 Hz, 24 dB below the speech."""
    return samples + 10 ** (-41 / 20) * np.sin(2 * np.pi * 50 * np.arange(len(samples)) / RATE)


def from_telephone(samples: np.ndarray) -> np.ndarray:
    """Return samples that were at a rate of 8 kHz."""
    return np.asarray(soxr.resample(soxr.resample(samples, RATE, 8000), 8000, RATE))


def quiet_before(samples: np.ndarray) -> np.ndarray:
    """Return samples behind 1.2 s of the room's noise."""
    return np.concatenate([noise(int(1.2 * RATE), -65), samples])


def paused(samples: np.ndarray) -> np.ndarray:
    """Return samples with 1.5 s of noise in the middle."""
    middle = len(samples) // 2
    parts = [samples[:middle], noise(int(1.5 * RATE), -65), samples[middle:]]
    return np.concatenate(parts)


def cut(samples: np.ndarray) -> np.ndarray:
    """Return samples that begin where the speech is loudest in its first second."""
    levels = sound.levels(samples[:RATE], RATE, 0.01)
    return samples[int(levels.argmax()) * 160 :]


PLANTED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "clipped": lambda x: pressed(x, 0.5),
    "noisy": lambda x: x + noise(len(x), -34),
    "narrow": from_telephone,
    "cut": cut,
    "level": lambda x: 0.3 * x,
    "offset": lambda x: x + 0.02,
    "hum": hummed,
    "silence": quiet_before,
    "pause": paused,
    "empty": lambda x: noise(len(x), -65),
}


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found_and_nothing_else(code: str, spoken: list[np.ndarray]) -> None:
    """Each fault of the sound is found in the clip that has it, and clean clips have none."""
    clips = [
        faults.Clip(recordings.Recording(str(number), "một câu", Path("unused")))
        for number in range(8)
    ]
    for number, clip in enumerate(clips):
        samples = PLANTED[code](spoken[number]) if number == 3 else spoken[number]
        clip.sound = sound.measure(samples, RATE)
    faults.judge(clips)
    assert code in clips[3].faults
    assert [clip.faults for clip in clips if clip is not clips[3]] == [{}] * 7


def test_clipping_is_found_after_an_encoder(spoken: list[np.ndarray]) -> None:
    """Waves cut at a quarter of their height have no flat tops after MP3, and are found."""
    assert sound.measure(encoded(pressed(spoken[0], 0.25)), RATE).squashed
    whole = sound.measure(encoded(spoken[0]), RATE)
    assert not whole.squashed
    assert whole.clipped == 0


def test_noise_and_level_are_measured(spoken: list[np.ndarray]) -> None:
    """Level and distance to the noise are those that were made, within two decibels."""
    found = sound.measure(quiet_before(spoken[0]), RATE)
    assert found.speech_db == pytest.approx(-20, abs=1)
    assert found.snr_db == pytest.approx(45, abs=2)


@dataclass
class Inspected:
    """The outcome of one run of the command."""

    facts: dict[str, Any]
    page: str

    def faults(self, name: str) -> dict[str, str]:
        """Return the faults of a clip by its name."""
        return next(row["faults"] for row in self.facts["rows"] if row["name"] == name)


@pytest.fixture(scope="module")
def inspected(spoken: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Inspected:
    """Inspect a folder with faults of files and texts, by the command."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "wavs").mkdir()
    texts = SENTENCES * TAKES
    texts[3], texts[4] = texts[4], texts[3]
    words = texts[6].split()
    texts[6] = " ".join([*words[:4], "xuyên", *words[4:]])  # not said
    texts[8] = "<script>alert(1)</script>"
    names = [f"{number:02}" for number in range(len(texts))]
    names[8] = "08<b>"
    takes = [x + noise(len(x), -66, take) for take in range(TAKES) for x in spoken]
    for number, (name, samples) in enumerate(zip(names, takes, strict=True)):
        suffix = ("wav", "flac", "mp3")[number % 3 if number < 6 else 0]
        soundfile.write(folder / "wavs" / f"{name}.{suffix}", samples, RATE)
    (folder / "wavs" / "01.flac").unlink()
    (folder / "wavs" / "02.mp3").write_bytes(b"no audio")
    (folder / "wavs" / "11.wav").write_bytes((folder / "wavs" / "10.wav").read_bytes())
    (folder / "wavs" / "unnamed.wav").write_bytes((folder / "wavs" / "12.wav").read_bytes())
    lines = [f"{name}|{text}\n" for name, text in zip(names, texts, strict=True)]
    (folder / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    output = tmp_path_factory.mktemp("report")
    arguments = ["--output", str(output / "r.html"), "--json", str(output / "r.json")]
    assert main([str(folder), *arguments, "--prompts", str(folder / "metadata.csv")]) == 0
    facts = json.loads((output / "r.json").read_text(encoding="utf-8"))
    return Inspected(facts, (output / "r.html").read_text(encoding="utf-8"))


def test_files_that_are_missing_broken_or_twice_are_found(inspected: Inspected) -> None:
    """Each fault of a file has its own name; the file without a text is listed."""
    assert list(inspected.faults("01")) == ["missing"]
    assert list(inspected.faults("02")) == ["unreadable"]
    assert "twice" in inspected.faults("11")
    assert inspected.facts["without_text"] == ["unnamed"]


def test_wrong_texts_are_found(inspected: Inspected) -> None:
    """Texts of two clips that changed places are found, and the word that is not said is named."""
    assert "words" in inspected.faults("03")
    assert "words" in inspected.faults("04")
    assert "xuyên" in inspected.faults("06")["unsaid"]


def test_clean_clips_are_not_blamed(inspected: Inspected) -> None:
    """Clips with right texts have no fault."""
    clean = [f"{number:02}" for number in range(12, TAKES * len(SENTENCES))]
    assert [inspected.faults(name) for name in clean] == [{}] * len(clean)


class Strict(HTMLParser):
    """Collects the tags of a page, and the addresses it refers to."""

    def __init__(self, page: str) -> None:
        """Parse the page."""
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its addresses."""
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone_and_escapes_texts(inspected: Inspected) -> None:
    """The page refers to nothing outside it; texts and names add no tags; sound can be heard."""
    page = Strict(inspected.page)
    assert page.tags.count("script") == 1
    assert "b" not in page.tags
    assert "&lt;script&gt;alert(1)" in inspected.page
    assert page.addresses
    assert all(address.startswith("data:audio/mpeg;base64,") for address in page.addresses)
    assert "url(" not in inspected.page
    assert page.tags.count("svg") >= 4
    for line in inspected.facts["summary"]:
        assert line.split("(")[0] in inspected.page


def test_json_and_page_say_the_same(inspected: Inspected) -> None:
    """The summary counts the clips that the lists name."""
    facts = inspected.facts
    assert facts["summary"][0].startswith(f"{len(facts['again'])} clips to record again")
    assert {"01", "02"} <= set(facts["again"])
    assert {"03", "04", "06", "11"} <= set(facts["compare"])
    assert facts["clips"] == len(facts["rows"]) == TAKES * len(SENTENCES)


def test_mended_copies_are_even_and_originals_stay(
    spoken: list[np.ndarray], tmp_path: Path
) -> None:
    """Levels come to the target, silence, hum and offset go, and the originals keep every byte."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    made = [0.2 * spoken[0], quiet_before(spoken[1]), hummed(spoken[2]) + 0.02]
    for number, samples in enumerate(made):
        soundfile.write(folder / f"{number}.wav", samples, RATE)
    text = "".join(f"{number}|{SENTENCES[number]}\n" for number in range(3))
    (folder / "metadata.csv").write_text(text, encoding="utf-8")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    report, target = str(tmp_path / "r.html"), tmp_path / "mended"
    command = [str(folder), "--output", report, "--no-words", "--mend"]
    assert main([*command, str(folder / "mended")]) == 2
    assert main([*command, str(target)]) == 0
    assert main([*command, str(target)]) == 2  # it exists now
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    found = recordings.read(target)
    audio = [recordings.decode(one.path) for one in found.recordings if one.path]
    measured = [sound.measure(one.samples, one.rate) for one in audio]
    for one in measured:
        assert one.speech_db == pytest.approx(mend.TARGET_DB, abs=0.5)
        assert one.offset < 0.001
        assert one.lead < 0.4
        assert one.hum_db is None or one.hum_db < -40


def test_noise_reduction_lowers_noise_and_keeps_speech(spoken: list[np.ndarray]) -> None:
    """The noise falls by 6 dB or more, and the speech by less than 1 dB."""
    noisy = spoken[0] + noise(len(spoken[0]), -45)
    before = sound.measure(noisy, RATE)
    after = sound.measure(mend.without_noise(noisy, RATE), RATE)
    assert after.snr_db is not None
    assert before.snr_db is not None
    assert after.snr_db > before.snr_db + 6
    assert after.speech_db == pytest.approx(before.speech_db, abs=1)


@pytest.mark.parametrize(
    ("lines", "column"),
    [
        (["0|acute|biếc|0.5", "1|acute|biếm|0.5", "2|grave|bà|0.5"], 3),
        (["0|xin chào|16000|1.0", "1|tạm biệt|16000|1.0"], 2),
        (["a|Năm 5|Năm năm", "b|Số 6|Số sáu"], 2),
        (["id|speaker|text", "a|x|xin chào", "b|x|tạm biệt"], 3),
    ],
)
def test_the_column_of_the_text_is_found(tmp_path: Path, lines: list[str], column: int) -> None:
    """It is the column with most different texts, or the one that the first line names."""
    (tmp_path / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    assert recordings.read(tmp_path).text_column == column


@pytest.mark.parametrize("content", [None, b"", b"a\nb\n", b"a|x\na|y\n", b"\xff\xfe|x\n"])
def test_a_folder_that_is_none_is_refused(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says which file is wrong and exits with status 2."""
    if content is not None:
        (tmp_path / "metadata.csv").write_bytes(content)
    assert main([str(tmp_path), "--output", str(tmp_path / "r.html")]) == 2
    assert "metadata.csv" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_links_out_of_the_folder_are_not_read(tmp_path: Path) -> None:
    """A link to a file elsewhere is no recording of the folder."""
    outside = tmp_path / "outside.wav"
    soundfile.write(outside, np.zeros(1600), RATE)
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.wav").symlink_to(outside)
    (folder / "metadata.csv").write_text("a|xin chào\n", encoding="utf-8")
    assert recordings.read(folder).recordings[0].path is None


@pytest.mark.parametrize(
    ("syllable", "sounds"),
    [
        ("nghiêng", ("ng", "iêng", "ng", "ngang")),
        ("quốc", ("c", "ôc", "c", "sắc")),
        ("giặt", ("gi", "ăt", "t", "nặng")),
        ("chào", ("ch", "ao", "u", "huyền")),
        ("mũi", ("m", "ui", "i", "ngã")),
        ("thuỷ", ("th", "uy", "none", "hỏi")),
        ("mưa", ("m", "ưa", "none", "ngang")),
    ],
)
def test_syllables_are_split(syllable: str, sounds: tuple[str, ...]) -> None:
    """Initial, rhyme, final and tone are those of the school book."""
    found = coverage.split(syllable)
    assert found
    assert (found.initial, found.rhyme, found.final, found.tone) == sounds


def test_rare_sounds_are_named_and_prompts_chosen() -> None:
    """A tone that is never there is rare, and a sentence that has it is chosen."""
    counts = coverage.count(["ba má đi chợ về nhà mua cả"] * 200 + ["hello bạn"])
    rare = {(one.kind, one.name): one for one in counts.rare}
    assert rare["tone", "ngã"].count == 0
    assert ("tone", "sắc") not in rare
    assert counts.foreign == [("hello", 1)]
    chosen = coverage.choose(["ba ba", "đã ngã những"], [rare["tone", "ngã"]])
    assert chosen == ["đã ngã những"]


def test_wrong_texts_are_planted_for_the_trial() -> None:
    """Each kind of wrong text is planted as often as wanted, and all other texts stay."""
    said = [recordings.Recording(str(n), text, None) for n, text in enumerate(SENTENCES)]
    changed, kinds = plant(said, 3)
    assert len(kinds) == 12
    for before, after in zip(said, changed, strict=True):
        assert (before.text != after.text) == (before.name in kinds)
        lengths = len(after.text.split()) - len(before.text.split())
        if kinds.get(before.name) == "a word said, not written":
            assert lengths == -1
