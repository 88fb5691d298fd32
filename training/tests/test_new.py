"""Tests of `python -m training new`, from a folder of recordings to a voice that speaks."""

import json
import logging
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.support.cli import run
from training import __main__ as programs
from training import description
from training.speaker import Speaker
from training.tests import folders
from vits_tts import Speech
from vits_tts.voice import manifest

TINY = ("--config", "tiny", "--at-least", "0", "--measure", "0", "--jobs", "1", "--threads", "1")
FIRST, SECOND = "vi_VN-thu-compact", "vi_VN-minh-compact"


def options(root: Path, name: str, licence: str, *more: str) -> list[str]:
    """Return the arguments that make a voice with tiny networks from the folder of recordings."""
    named = ["--name", name, "--licence", licence, "--work", str(root / name)]
    return ["new", str(root / "recordings"), *named, *TINY, *more]


def refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Run a command that has to be refused; return its message."""
    assert programs.main(arguments) == 1
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make recordings, and from them a voice of 22.05 kHz in ``vi_VN-thu-compact``."""
    path = tmp_path_factory.mktemp("new")
    folders.make(path / "recordings")
    rate = ("--rate", "22050", "--attribution", "Thu of Huế")
    assert programs.main(options(path, FIRST, "CC BY-NC 4.0", *rate)) == 0
    return path


def broken_off(arguments: list[str]) -> None:
    """Begin a voice whose training is stopped by a signal in its first step."""
    hook = register_optimizer_step_post_hook(lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        assert programs.main([*arguments, "--steps", "1000000"]) == 75
    finally:
        hook.remove()


def test_recordings_become_voices_that_can_be_installed(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Voices of two rates, one of them broken off meanwhile, are installed and speak."""
    caplog.set_level(logging.INFO)
    arguments = options(root, SECOND, "CC BY 4.0")
    broken_off(arguments)
    assert "repeat the same command to continue" in caplog.messages[-1]
    caplog.clear()
    assert programs.main([*arguments, "--steps", "3"]) == 0
    assert "going on from step 1" in caplog.messages
    assert "stage 3 of 6: training, prosody" in caplog.messages[0]  # the first two were done

    settings = {"voice": {"folder": "voices", "pieces_folder": "pieces"}}
    (root / "config.yaml").write_text(json.dumps(settings))
    for name, rate, licence in ((FIRST, 22_050, "CC BY-NC 4.0"), (SECOND, 16_000, "CC BY 4.0")):
        installed = run(root, "voices", "install", str(root / name / name))
        assert installed.returncode == 0, installed.stderr
        assert f"{name}: installed, licence: {licence}" in installed.stdout.decode()
        with Speech(name, config=root / "config.yaml") as speech:
            said = speech.say("Xin chào các bạn")
        assert said.sample_rate == rate
        path = root / name / name / f"{name}.onnx"
        sounds = [Speaker(path, sample_rate=wanted)("xin chào") for wanted in (None, 16_000)]
        assert len(sounds[1]) == pytest.approx(len(sounds[0]) * 16_000 / rate, abs=2)
        assert said.seconds > 0.2
        assert np.abs(said.samples).max() > 30


def test_the_card_states_data_and_licence(root: Path) -> None:
    """The card and the manifest say where the voice is from and that it is not for business."""
    folder = root / FIRST / FIRST
    card = (folder / f"{FIRST}.MODEL_CARD").read_text(encoding="utf-8")
    assert "* License: CC BY-NC 4.0 https://creativecommons.org/licenses/by-nc/4.0/" in card
    assert "* Attribution: Thu of Huế" in card
    assert "not for commercial use" in card
    assert "Recordings: 8 (1 of 8 kHz, 1 of 16 kHz, 1 of 22.05 kHz" in card
    assert "6 trained the voice, 1 controlled the training, 1 took no part" in card
    assert "prosody 8, acoustic 8, voice 8" in card
    licence = manifest.read(folder / f"{FIRST}.onnx").licence
    assert (licence.name, licence.attribution) == ("CC BY-NC 4.0", "Thu of Huế")


@pytest.mark.parametrize("exported", [False, True])
def test_a_voice_that_starts_from_another_carries_the_stricter_licence(
    root: Path, exported: bool
) -> None:
    """The weights, the rate and the stricter licence come from the other voice."""
    name = f"vi_VN-lan{exported:d}-compact"
    given = root / FIRST / FIRST / f"{FIRST}.onnx" if exported else root / FIRST
    source = ("--start-from", str(given), "--steps", "1")
    assert programs.main(options(root, name, "CC BY-SA 4.0", *source)) == 1
    assert not (root / name).exists()  # nothing is begun that cannot be finished
    assert programs.main(options(root, name, "CC BY 4.0", *source)) == 0
    card = (root / name / name / f"{name}.MODEL_CARD").read_text(encoding="utf-8")
    assert "* License: CC BY-NC 4.0 https" in card
    assert f"the weights of the voice `{FIRST}`, which carries CC BY-NC 4.0" in card
    assert "recordings are under CC BY 4.0" in card
    read = manifest.read(root / name / name / f"{name}.onnx")
    assert read.sample_rate == 22_050
    assert read.licence.name == "CC BY-NC 4.0"
    assert read.licence.attribution == "started from: Thu of Huế"
    weights = [
        torch.load(root / one / "voice" / "last.pt", weights_only=False)["average"]
        for one in (FIRST, name)
    ]
    far = [(weights[0][key] - weights[1][key]).abs().max() for key in ("decoder.mel.weight",)]
    assert far[0] < 1e-3  # one step of warm-up away; fresh weights would be 0.1 away


def test_a_source_that_does_not_fit_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Another rate, other sizes, no licence, terms that contradict: each is said plainly."""
    name, source = "vi_VN-lan2-compact", ("--start-from", str(root / FIRST))
    said = refused(capsys, options(root, name, "CC BY 4.0", *source, "--rate", "16000"))
    assert "that voice has 22050 Hz, not 16000; leave --rate out" in said
    said = refused(capsys, options(root, name, "CC BY 4.0", *source, "--config", "small"))
    assert "its networks have other sizes (prosody_size is 16, not 160)" in said
    said = refused(capsys, options(root, name, "CC BY-SA 4.0", *source))
    assert "CC BY-NC 4.0 can carry neither of these licences" in said
    said = refused(capsys, options(root, name, "Ours", *source))
    assert "the terms of 'Ours' are not known here" in said
    said = refused(capsys, options(root, name, "CC0", "--start-from", str(tmp_path)))
    assert "neither the work folder of a voice, with a description.json that states" in said
    said = refused(capsys, options(root, name, "CC0", "--start-from", str(root / name)))
    assert "the same folder" in said


def test_a_begun_work_folder_keeps_its_recordings_and_rate(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights that were learnt from other recordings, or at another rate, are not mixed in."""
    begun = options(root, FIRST, "CC BY-NC 4.0")
    said = refused(capsys, [*begun, "--rate", "24000"])
    assert "it was begun with a sample rate of 22050 Hz; take a new folder" in said
    metadata = root / "recordings" / "metadata.csv"
    before = metadata.read_bytes()
    metadata.write_bytes(before.replace(b"mua", b"xem"))
    try:
        said = refused(capsys, [*begun, "--rate", "22050"])
    finally:
        metadata.write_bytes(before)
    assert "it was begun with other recordings or texts" in said


def test_recordings_that_cannot_train_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Sound that cannot be decoded or is too short for its text is named with its line."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    noise = np.random.default_rng(1).normal(0, 0.1, 16_000)
    pulse = np.where(np.arange(16_000) % 80 == 0, 0.5, 0.0)
    for number in range(8):
        soundfile.write(folder / f"a{number}.wav", pulse + 0.01 * noise, 16_000)
    lines = [f"a{number}|xin chào" for number in range(8)]
    lines[6] = "a6|" + "xin chào các bạn " * 20
    (folder / "a7.wav").write_bytes((folder / "a7.wav").read_bytes()[:30])
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    arguments = options(tmp_path, "vi_VN-ba-compact", "CC0")
    said = refused(capsys, arguments)
    assert f"metadata.csv, line 7: {folder}/a6.wav: 1.00 s of sound are too short" in said
    assert f"metadata.csv, line 8: {folder}/a7.wav: cannot be decoded" in said
    (folder / "metadata.csv").write_text("\n".join(lines[:6]), encoding="utf-8")
    arguments[arguments.index("--work") + 1] += "-again"
    arguments[arguments.index("--at-least") + 1] = "5"
    said = refused(capsys, arguments)
    assert "6 recordings with 0.1 minutes of sound are too little; 5 minutes are the least" in said


@pytest.mark.parametrize("name", ["lan", "vi_VN-vais1000-compact", "vi_VN-../x-compact", "en-a-b"])
def test_a_voice_has_a_name_of_its_own(
    root: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Names are of the catalogue's form, and not the embedded voice's."""
    assert "should be like vi_VN-NAME-compact" in refused(capsys, options(root, name, "CC0"))


def test_commands_are_dispatched(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the list of commands is shown; an unknown one fails."""
    assert programs.main([]) == 0
    assert "make a voice from a folder" in capsys.readouterr().out
    assert programs.main(["nothing"]) == 2
    assert "there is no command 'nothing'" in capsys.readouterr().err


def test_work_folders_describe_their_voice(tmp_path: Path) -> None:
    """A description is read as it was written; a broken one is named."""
    description.EMBEDDED.save(tmp_path)
    assert description.load(tmp_path) == description.EMBEDDED
    older = json.loads((tmp_path / "description.json").read_text(encoding="utf-8"))
    del older["tempo"]
    (tmp_path / "description.json").write_text(json.dumps(older), encoding="utf-8")
    assert description.load(tmp_path) == description.EMBEDDED  # which had that pace already
    (tmp_path / "description.json").write_text('{"name": 1}')
    with pytest.raises(ValueError, match=r"description.json: not the description of a voice"):
        description.load(tmp_path)
