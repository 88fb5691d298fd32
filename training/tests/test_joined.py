"""Tests of voices from single syllables, with the melody of other speakers' sentences."""

import dataclasses
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from training import __main__ as programs
from training import align, borrowed, data, description, joined, prepare, tones
from training.config import CONFIGS
from training.corpus import CorpusError
from training.frontend import COMMA, SPACE
from training.phonemes import text_to_ids
from training.prepare import Settings
from training.prosody import Prosody
from training.signal import FRAMING
from training.speaker import Speaker
from training.tests import folders
from training.tests.test_new import TINY, refused
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.voice import installed, manifest

SYLLABLES = tuple("ba má bà đã mở mạ tốt học anh nam cơm xe ngoài quê thuyền sông".split())
SETTINGS = Settings(FRAMING, 60.0, 600.0, trim=True, level_db=-20.0, mend=True)
NAME = "vi_VN-ba-compact"
NOTICE = "The text of this licence could not be read."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of single syllables, as a table with another column, and one of sentences."""
    path = tmp_path_factory.mktemp("joined")
    folders.make(path / "sentences")
    (path / "syllables").mkdir()
    speak = Speaker(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    noise = np.random.default_rng(1)
    lines = []
    for number, text in enumerate(SYLLABLES):
        sound = np.pad(0.3 * speak(text), 1600)
        sound += noise.normal(0.0, 1e-3, len(sound))
        soundfile.write(path / "syllables" / f"{number:04}.flac", sound, speak.sample_rate)
        lines.append(f"{number:04}|tone|{text}|0.5\n")
    (path / "syllables" / "metadata.csv").write_text("".join(lines), encoding="utf-8")
    return path


def recorded(text: str, hertz: float) -> dict[str, Any]:
    """Return an aligned clip of one syllable: pulses at a pitch, in silence."""
    clip = prepare.written(text, text_to_ids(text))
    durations = np.full(len(clip["ints"]), 12)
    sound = np.zeros(int(durations.sum()) * 160, np.float32)
    inside = slice(12 * 160, -12 * 160)
    times = np.arange(len(sound[inside])) / 16_000
    sound[inside] = sum(0.1 * np.cos(2 * np.pi * hertz * k * times) for k in range(1, 8))
    heard = prepare.heard(text, sound, SETTINGS)
    return clip | heard | {"durations": durations, "held_out": False}


@pytest.fixture(scope="module")
def sentences() -> joined.Sentences:
    """Return made sentences of four syllables at 120 Hz, whose network wants 200 Hz."""
    clips = [recorded(text, 120.0) for text in ("ba", "má", "học", "anh")]
    torch.manual_seed(1)
    prosody = Prosody(16, 1, 1, 0.0)
    prosody.pitch_mean.fill_(np.log(200.0))
    prosody.pitch_spread.fill_(0.01)
    return joined.Sentences(prosody, joined.units(clips, SETTINGS), SETTINGS)


def test_sentences_have_the_wanted_durations_and_pitch(sentences: joined.Sentences) -> None:
    """The sound has the durations and the pitch that were computed, at the network's level."""
    phrases = [np.array([0, 1]), np.array([2, 3])]
    job = sentences.sentence("one", phrases, np.random.default_rng(2))
    assert job is not None
    assert job.text == "ba má, học anh"
    found = joined.made(job)
    assert len(found["mel"]) == found["durations"].sum() == len(found["audio"]) / 160
    spoken = found["ints"][:, 2] > 0
    assert (found["durations"][spoken] > 0).all()
    assert found["durations"][found["ints"][:, 0] == COMMA][0] >= 12
    breaks = found["durations"][found["ints"][:, 0] == SPACE]
    assert len(breaks) == 3
    assert ((breaks == 0) | (breaks >= data.SHORTEST_PAUSE)).all()
    assert job.log_hertz is not None
    wanted = np.exp(np.median(job.log_hertz))
    heard = np.median(found["hertz"][found["voiced"] > 0])
    assert heard == pytest.approx(wanted, rel=0.03)
    assert heard == pytest.approx(200, rel=0.3)
    pause = found["audio"][: int(found["durations"][0] - 1) * 160]
    assert np.abs(pause).max() < 0.001 * 32768


def test_lengths_lie_between_the_recorded_and_the_predicted(
    sentences: joined.Sentences, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The length of a sound is the geometric mean of the network's and the recording's."""
    monkeypatch.setattr(joined, "TEMPO", (1.0, 1.0))
    lengths = {}
    for weight in (0.0, 0.5, 1.0):
        monkeypatch.setattr(joined, "OWN_LENGTHS", weight)
        job = sentences.sentence("one", [np.array([0, 1])], np.random.default_rng(2))
        assert job is not None
        spoken = np.flatnonzero(prepare.written(job.text, job.ids)["ints"][:, 2] > 0)
        lengths[weight] = job.durations[spoken], job.before[spoken]
    predicted, (between, _), (recorded, before) = lengths[0.0][0], lengths[0.5], lengths[1.0]
    assert (predicted != before).all()
    assert recorded.tolist() == before.tolist()
    assert between == pytest.approx(np.sqrt(predicted * before), abs=1.5)


def test_contours_are_stretched_to_the_durations() -> None:
    """Each phone of a recorded contour gets its new length; gaps are interpolated."""
    ba = recorded("ba", 120.0)
    ba["hertz"] = 120.0 * np.exp(np.linspace(-0.2, 0.2, len(ba["hertz"])))
    (unit,) = joined.units([ba], SETTINGS)
    assert unit.frames.tolist() == [12, 12]
    durations = np.array([5, 6, 24, 7])
    found = joined.contours([unit], durations, np.array([1]))
    assert len(found) == 42
    first, second = found[5:11], found[11:35]
    assert first == pytest.approx(unit.contour[[0, 2, 4, 6, 8, 10]] + 0.5 * 0.4 / 47, abs=0.001)
    assert np.diff(second[1:-1]) == pytest.approx(0.2 / 47, abs=0.0002)
    assert found[0] == first[0]
    assert found[-1] == second[-1]


def test_tones_are_the_speakers_and_the_melody_is_the_networks() -> None:
    """The predicted contour gives the trend, the recorded one most of the movement inside it."""
    frames = np.arange(1000)
    falling, tones = 0.2 - frames * 0.0004, 0.1 * np.sin(2 * np.pi * frames / 30)
    found = joined.blended(falling, tones)[100:-100]
    slope, _ = np.polyfit(frames[100:-100], found, 1)
    assert slope == pytest.approx(-0.0004, rel=0.02)
    moved = found - falling[100:-100]
    assert moved == pytest.approx(joined.OWN_TONES * tones[100:-100], abs=0.002)
    same = joined.blended(falling + tones, tones)[100:-100]
    assert same - falling[100:-100] == pytest.approx(tones[100:-100], abs=0.005)


def test_each_phrase_falls() -> None:
    """Pitch falls by the same rate in every phrase, and phrases stay at their level."""
    found = joined.falling(np.array([5, 95, 20, 100]), np.array([0, 0, 1, 0]) > 0, SETTINGS)
    assert len(found) == 220
    semitones = found * 12 / np.log(2)
    for phrase in (semitones[:120], semitones[120:]):
        assert np.diff(phrase) == pytest.approx(joined.FALL / 100)
        assert phrase.mean() == pytest.approx(0.0)


def test_sentences_fall(sentences: joined.Sentences, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without other movement, the pitch of a sentence falls within its phrases."""
    monkeypatch.setattr(joined, "RANGE", (0.0, 0.0))
    job = sentences.sentence("one", [np.array([0, 1, 2, 3])], np.random.default_rng(2))
    assert job is not None
    assert job.log_hertz is not None
    assert (np.diff(job.log_hertz) < 0).all()


def test_lists_keep_syllables_as_they_were_said(sentences: joined.Sentences) -> None:
    """Pitch and length of the syllables stay; between them there are pauses."""
    job = sentences.listed("one", np.array([3, 0]), np.random.default_rng(2))
    assert job is not None
    found = joined.made(job)
    spoken = found["ints"][:, 2] > 0
    assert (found["durations"][spoken] == 12).all()
    heard = np.median(found["hertz"][found["voiced"] > 0])
    assert heard == pytest.approx(120, rel=0.02)
    short = sentences.listed("two", np.array([0]), np.random.default_rng(2))
    assert short is not None
    assert short.durations.sum() == 80  # 0.8 s: crops in training are nearly as long
    assert len(short.sound) == 80 * 160


def test_every_syllable_is_in_every_round(sentences: joined.Sentences) -> None:
    """Each syllable is in one sentence of every round and in one list."""
    names = [job.text for job in sentences.jobs(np.random.default_rng(3))]
    words = " ".join(names).replace(",", "").split()
    assert {word: words.count(word) for word in words} == dict.fromkeys(
        ("ba", "má", "học", "anh"), joined.ROUNDS + 1
    )


def test_joins_are_cross_faded() -> None:
    """Steady sound stays steady over a join, and fades out within 35 ms before a pause."""
    level, frames = np.ones(30 * 160, np.float32), np.array([10])
    unit = joined.Unit("a", (1,), frames, level, 10 * 160, np.zeros(10), 10)
    found = joined.joined([unit, unit], np.array([5, 10, 10, 5]), np.array([1, 2]), SETTINGS)
    fade = round(joined.FADE * 16_000)
    first, last = 5 * 160 - fade, 25 * 160 - fade
    assert not found[:first].any()
    assert found[first + 2 * fade : last] == pytest.approx(1.0)
    end = last + 2 * fade + round((joined.RELEASE - joined.FADE) * 16_000)
    assert (np.diff(found[last:end]) < 0).sum() >= end - last - 2
    assert not found[end:].any()


def test_other_phones_are_not_joined(sentences: joined.Sentences) -> None:
    """A sentence whose phones are not those of its syllables is left out."""
    ints = prepare.written("ba", text_to_ids("ba"))["ints"]
    assert joined.matched(ints, sentences.units[:1]) is not None
    assert joined.matched(ints, sentences.units[1:3]) is None


def test_recordings_that_are_no_voiced_syllable_are_not_joined() -> None:
    """Other words, sentences and syllables without pitch are left out; full stops are not read."""
    clips = [recorded(text, 120.0) for text in ("Ba.", "má", "học", "anh", "mẹ", "tốt")]
    others = [recorded(text, 120.0) for text in ("ba má", "computer")]
    silent = clips[4] | {"voiced": np.zeros_like(clips[4]["voiced"])}
    found = joined.units([*clips[:4], silent, clips[5] | {"held_out": True}, *others], SETTINGS)
    assert [unit.text for unit in found] == ["ba", "má", "học", "anh"]
    with pytest.raises(CorpusError, match="3 of 5 recordings can be joined: 4 at least"):
        joined.enough_units([*clips[:3], *others], SETTINGS)


def test_recorded_sentences_train_beside_the_made_ones(tmp_path: Path) -> None:
    """Sentences among the speaker's syllables are not thrown away, unless they are too short."""
    clips = [recorded(text, 120.0) for text in ("ba", "má", "học", "anh")]
    torch.manual_seed(1)
    said = [recorded(text, 120.0) for text in ("ba má anh học", "ba à")]
    joined.run(
        [*clips, *said], Prosody(16, 1, 1, 0.0), tmp_path, SETTINGS, jobs=1, seed=1
    )  # fmt: skip
    made = torch.load(tmp_path / "features.pt", weights_only=False)
    assert len(made) == joined.ROUNDS + 2
    assert (made[-1]["audio"] == said[0]["audio"]).all()


def test_too_few_recordings_of_others_are_refused(root: Path, tmp_path: Path) -> None:
    """Recordings without voiced speech, and a single one, cannot teach melody."""
    align.align(clips := [recorded(text, 120.0) for text in ("ba", "má")], (1,)).save(
        tmp_path / "aligner.pt"
    )
    config = dataclasses.replace(CONFIGS["tiny"], pitch=(5.0, 0.2))
    lent = borrowed.read(root / "sentences")
    work = tmp_path / "borrowed"
    with pytest.raises(CorpusError, match="1 recordings can teach melody"):
        borrowed.run(lent[:1], set(), clips, work, config, jobs=1)
    noise = np.random.default_rng(1)
    hissed = []
    for one in lent:
        path = tmp_path / f"{one.name}.wav"
        soundfile.write(path, noise.normal(0.0, 0.05, 48_000), 16_000)
        hissed.append(dataclasses.replace(one, path=path))
    with pytest.raises(CorpusError, match="0 recordings can teach melody"):
        borrowed.run(hissed, {lent[0].name}, clips, work, config, jobs=1)
    assert not work.exists()


def test_the_end_of_a_syllable_is_left_out_before_another(sentences: joined.Sentences) -> None:
    """A syllable that fades is cut where it becomes soft, but not one that ends in a stop."""
    ba, hoc = recorded("ba", 120.0), recorded("học", 120.0)
    for clip in (ba, hoc):
        end = -int(clip["durations"][-1]) * 160
        clip["audio"][end - 6 * 160 : end] //= 20
    fading, stopped = joined.units([ba, hoc], SETTINGS)
    assert fading.frames.tolist() == [12, 12]
    assert fading.bound().frames.tolist() == [12, 6]
    assert stopped.bound().frames.tolist() == stopped.frames.tolist()
    made = joined.Sentences(sentences.prosody, [fading, stopped], SETTINGS)
    job = made.sentence("one", [np.array([0, 1])], np.random.default_rng(2))
    assert job is not None
    spoken = prepare.written(job.text, job.ids)["ints"][:, 2] > 0
    assert job.before[spoken].tolist() == [12, 6, *stopped.frames]


def test_a_clip_whose_phones_were_not_found_is_not_plausible() -> None:
    """One phone that lasts a second, or many that have the fewest frames, tell it."""
    clip = recorded("ba", 120.0)
    assert borrowed.plausible(clip)
    spoken = clip["ints"][:, 2] > 0
    assert not borrowed.plausible(clip | {"durations": np.where(spoken, 100, 12)})
    assert not borrowed.plausible(clip | {"durations": np.where(spoken, 2, 12)})


def test_borrowed_tones_become_more_like_the_speakers() -> None:
    """The mean contour of a tone moves part of the way to that of the speaker's syllables."""
    level = float(np.log(120.0))
    flat = recorded("má", 120.0)
    rising = flat | {"hertz": flat["hertz"] * np.geomspace(1.0, 1.5, len(flat["hertz"]))}
    theirs, own = tones.shapes([flat] * 20, level), tones.shapes([rising] * 20, level)
    (shape,) = own.values()
    assert shape[-1] - shape[0] == pytest.approx(np.log(1.5) / 2, abs=0.05)  # half the clip
    found = tones.moved(flat, theirs, own)
    inside = np.log(found["hertz"][flat["voiced"] > 0] / 120.0)
    assert inside[-1] - inside[0] == pytest.approx(tones.TOWARDS_OWN * np.log(1.5) / 2, abs=0.03)
    assert tones.moved(flat, theirs, {})["hertz"] == pytest.approx(flat["hertz"])


def test_long_pauses_get_commas_and_pitch_gets_a_level() -> None:
    """A transcript without punctuation learns its commas from the recording."""
    text = "ba má anh"
    clip = recorded(text, 150.0)
    phones = prepare.written(text, text_to_ids(text))["ints"][:, 0]
    first, second = np.flatnonzero(phones == SPACE)
    clip["durations"] = np.where(phones == SPACE, 0, 12)
    clip["durations"][second] = 30
    found = borrowed.with_commas(clip)
    assert found["ids"] == text_to_ids("ba má, anh")
    assert found["durations"][second] == 0
    assert found["durations"][second + 1] == 30
    assert found["ints"][second, 0] == COMMA
    assert found["ints"][first, 0] == SPACE
    assert (found["ints"] == prepare.written("", text_to_ids("ba má, anh"))["ints"]).all()
    tuned = borrowed.levelled(found, float(np.log(110.0)))
    assert np.median(tuned["hertz"]) == pytest.approx(110, rel=0.01)


def test_a_voice_from_syllables_and_sentences(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command makes a voice from both folders; the card says where its parts are from."""
    work = root / "work"
    named = ["--name", NAME, "--licence", "GPL-3.0", "--work", str(work), "--mend"]
    command = ["new", str(root / "syllables"), *named, *TINY]
    command += ["--prosody-from", str(root / "sentences")]
    assert "state the licence of these recordings" in refused(capsys, command)
    command += ["--prosody-licence", "Ours"]
    assert "say by --notice" in refused(capsys, command)
    assert not work.exists()
    command += ["--notice", NOTICE, "--tempo", "1.1"]
    assert programs.main(command) == 0
    card = (work / NAME / f"{NAME}.MODEL_CARD").read_text(encoding="utf-8")
    assert "* License: GPL-3.0 https://www.gnu.org/licenses/gpl-3.0.html" in card
    lent = torch.load(work / data.BORROWED / "features.pt", weights_only=False)
    taught = sum(not clip["held_out"] for clip in lent)
    assert 4 <= taught < 8  # one is held out, and in others no phones or pitch may be found
    assert f"learnt from {taught} recordings of other speakers, whose licence is stated" in card
    assert "own recordings are single syllables" in card
    assert NOTICE in card
    assert manifest.read(work / NAME / f"{NAME}.onnx").licence.name == "GPL-3.0"
    sound = Speaker(work / NAME / f"{NAME}.onnx")("ba má học anh")
    assert np.abs(sound).max() > 1e-3
    described = description.load(work)
    assert described is not None
    assert described.tempo == 1.1
    borrowed_work = work / data.BORROWED
    melody = data.load(borrowed_work, torch.device("cpu"), held_out=False, stage="prosody")
    assert "xin chào các bạn" in {clip.text for clip in melody}
    assert (borrowed_work / "prosody" / "last.pt").exists()
    for stage in ("prosody", "acoustic", "voice"):
        made = data.load(work, torch.device("cpu"), held_out=False, stage=stage)
        words = {word for clip in made for word in clip.text.replace(",", "").split()}
        assert words <= set(SYLLABLES)
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.pt")}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))  # less than the voice has
    try:
        said = refused(capsys, command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "make room and repeat the same command to continue" in said
    # nothing is trained, centred or joined again
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*.pt")} == before
    said = refused(capsys, [one for one in command if one != "--mend"])
    assert "it was begun with --mend" in said
    (root / "sentences" / "heldout.txt").write_text("a2\n", encoding="utf-8")
    assert "it was begun with --prosody-from" in refused(capsys, command)
    (root / "sentences" / "heldout.txt").unlink()
    command[command.index("tiny")] = "small"
    said = refused(capsys, command)
    assert "prosody was begun with other sizes (prosody_size is 16, not 160)" in said
