"""Tests of the front end, the sound generator, and training that is interrupted."""

import multiprocessing
import os
import resource
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch

from training import data
from training.align import viterbi
from training.config import Config
from training.files import save
from training.frontend import Frontend
from training.phonemes import text_to_ids
from training.processes import mapping
from training.prosody_recipe import ProsodyRecipe
from training.recipes import RECIPES
from training.train import Training
from training.vocoder import Decoder, phases, pulses
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.voice import installed, manifest

TINY = Config(
    prosody_size=16, prosody_blocks=1, prosody_frames=1, prosody_batch=2, prosody_steps=9,
    acoustic_size=16, acoustic_blocks=1, acoustic_frames=1, acoustic_batch=2, acoustic_crop=20,
    acoustic_steps=9, decoder_size=16, decoder_blocks=1, batch=2, crop=24, steps=9,
    judges_from=0.0, natural_until=0.0, widths=(4, 4), periods=(2,), ffts=(256,), width=4,
)  # fmt: skip


def clip(text: str, seed: int) -> data.Clip:
    """Return a clip of noise with the tokens of ``text``."""
    random = np.random.default_rng(seed)
    tokens = Frontend()(torch.tensor(text_to_ids(text)))
    ints = tokens.ints.numpy().astype(np.int16)
    durations = np.where(ints[:, 0] == 3, 0, 6)
    frames = int(durations.sum())
    raw = {
        "name": str(seed),
        "text": text,
        "ints": ints,
        "floats": tokens.floats.numpy(),
        "durations": durations,
        "mel": random.normal(-3, 1, (frames, 80)).astype(np.float32),
        "hertz": random.uniform(200, 300, frames).astype(np.float32),
        "voiced": (random.random(frames) > 0.3).astype(np.float32),
        "audio": (random.normal(0, 3000, frames * 160)).astype(np.int16),
        "held_out": False,
    }
    return data._clip(raw, torch.device("cpu"))


CLIPS = [clip("xin chào các bạn", 1), clip("hôm nay trời đẹp", 2), clip("một hai ba bốn", 3)]


def test_marks_become_features_of_their_phone_and_syllable() -> None:
    """Tone, stress, length and dental marks have no duration; breaks at the ends are dropped."""
    tokens = Frontend()(torch.tensor(text_to_ids("tốt.")))
    marks, tones = tokens.ints[:, 1].tolist(), tokens.ints[:, 2].tolist()
    assert marks == [0, 2, 0, 2, 0]  # start, dental t, o, dental t, end
    assert tones == [0, 4, 4, 4, 0]


@pytest.mark.parametrize(
    "text",
    ["bão lụt ở miền trung, năm 2020.", "anh quang đi xe buýt", "Ừ, thuở xưa gìn giữ quốc gia."],
)
def test_phonemes_are_the_services(text: str) -> None:
    """The phonemes of training are those of the service."""
    voice = manifest.read(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    phonemes = Phonemizer().phonemes(text, voice.phoneme_type, voice.espeak_voice)
    assert text_to_ids(text) == list(voice.phoneme_ids(phonemes)[0])


def test_neighbouring_tones_stop_at_a_comma() -> None:
    """A syllable knows the neighbouring tones, but not those beyond a pause."""
    tokens = Frontend()(torch.tensor(text_to_ids("má bà, mạ")))
    rows = {tuple(row[2:6:1]) for row in tokens.ints.tolist() if row[2] > 0}
    before_after = {(tone, left, right) for tone, _, left, right in rows}
    assert before_after == {(4, 0, 3), (3, 4, 0), (7, 0, 0)}


def test_viterbi_may_leave_out_what_is_skippable() -> None:
    """A pause without evidence in the sound gets no frame."""
    scores = np.full((4, 3), -10.0)
    scores[:2, 0] = scores[2:, 2] = 0.0
    assert viterbi(scores, np.array([False, True, False])).tolist() == [0, 0, 2, 2]


def test_pulses_have_unit_power_and_the_right_pitch() -> None:
    """A steady 200 Hz source repeats every 80 samples at power 1."""
    hertz = torch.full((1, 100), 200.0)
    train = pulses(hertz, torch.ones(1, 100), phases(hertz)).reshape(-1)
    assert train.square().mean().item() == pytest.approx(1.0, abs=0.05)
    assert torch.allclose(train[:8000], train[80:8080], atol=0.05)


def test_fourier_matrices_give_the_sound_back() -> None:
    """With flat filters the decoder returns its pulses (except for the ends)."""
    decoder = Decoder(16, 1, 4)
    hertz = torch.full((1, 50), 220.0)
    blocks = pulses(hertz, torch.ones(1, 50), phases(hertz))
    filters = torch.zeros(1, 50, 963)
    filters[:, :, 642:] = -50.0
    level = 0.5 * np.log(0.375 * 640)  # the mel of unit white noise
    mel = torch.full((1, 50, 80), float(level))
    sound = decoder.render(mel, filters, blocks, torch.zeros(1, 50, 642))
    assert torch.allclose(sound[0, 800:-800], blocks.reshape(-1)[800:-800], atol=0.02)


@pytest.mark.parametrize("stage", sorted(RECIPES))
def test_a_second_sitting_goes_on_exactly(stage: str, tmp_path: Path) -> None:
    """Four steps in one run and two runs of two steps end with the same weights."""

    def fresh() -> Training:
        torch.manual_seed(7)
        return Training(RECIPES[stage](TINY, CLIPS, seed=3))

    once = fresh()
    for _ in range(4):
        once.advance()
    first = fresh()
    for _ in range(2):
        first.advance()
    save(tmp_path / "last.pt", first.state())
    torch.manual_seed(99)
    second = Training(RECIPES[stage](TINY, CLIPS, seed=3))
    second.restore(torch.load(tmp_path / "last.pt", weights_only=False))
    for _ in range(2):
        second.advance()
    for a, b in zip(
        once.recipe.model.state_dict().values(),
        second.recipe.model.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(a, b)


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    """A full disk leaves the last whole file, and the error tells the reason."""
    path = tmp_path / "last.pt"
    save(path, {"step": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: .*last\.pt"):
            save(path, {"step": 2, "weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert torch.load(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def ignores_interrupts(_: int) -> bool:
    """Return whether this process is left alone by Ctrl-C."""
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_only_the_first_process_answers_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; others than the first would print tracebacks."""
    with mapping(2) as mapped:
        assert list(mapped(ignores_interrupts, range(3))) == [True] * 3
    assert not ignores_interrupts(0)


def test_an_interrupt_is_not_lost_while_processes_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C that comes before the first process runs is answered when it does."""
    context = multiprocessing.get_context("spawn")
    start = context.Process.start

    def interrupted(process: BaseProcess) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        start(process)

    monkeypatch.setattr(context.Process, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), mapping(2):
        pass
    assert not ignores_interrupts(0)


def test_the_acoustic_model_is_adopted_once_for_each_training() -> None:
    """The voice gets the averaged weights, and the optimiser's state of the old ones is dropped."""
    torch.manual_seed(7)
    acoustic = Training(RECIPES["acoustic"](TINY, CLIPS, seed=3))
    voice = Training(RECIPES["voice"](TINY, CLIPS, seed=3))
    acoustic.advance()
    voice.advance()
    state = acoustic.state()
    voice.adopt(state)
    inside = voice.recipe.acoustic  # type: ignore[union-attr]
    for key, value in inside.state_dict().items():
        assert torch.equal(value, state["average"][key])
    assert not any(one in voice.optimisers["model"].state for one in inside.parameters())
    voice.advance()
    after = voice.state()["model"]["acoustic.encoder.positions.weight"].clone()
    voice.adopt(state)
    assert torch.equal(voice.state()["model"]["acoustic.encoder.positions.weight"], after)
    acoustic.advance()
    voice.adopt(acoustic.state())
    assert voice.adopted == 2


def test_every_clip_comes_once_an_epoch() -> None:
    """Batches of an epoch do not overlap, and depend on nothing but seed and step."""
    picked = [i for step in range(5) for i in data.choose(1, step, 10, 2)]
    assert sorted(picked) == list(range(10))
    assert data.choose(1, 3, 10, 2) == data.choose(1, 3, 10, 2)


def test_contours_can_be_centred() -> None:
    """After centring, the mean pitch of the contours equals that of the clips."""
    clips = [clip("xin chào các bạn", 1), clip("hôm nay trời đẹp", 2)]
    recipe = ProsodyRecipe(TINY, clips, 1)
    model = recipe.model.eval()
    model.shift(50.0)
    recipe.centre(model)
    assert recipe.centre(model) == pytest.approx(0.0, abs=0.1)
