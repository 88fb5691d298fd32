"""The embedded voices: their interface, their size, and their output for any input."""

import itertools
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import onnx
import pytest

from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE, EMBEDDED_VOICE
from vits_tts.inference import compiled
from vits_tts.inference.engine import Engine
from vits_tts.inference.plan import Plan
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Prosody
from vits_tts.voice import installed, manifest, model_card

VOICES = (EMBEDDED_VOICE, EMBEDDED_COMMERCIAL_VOICE)
TEXT = "Xin chào, hôm nay trời đẹp quá."
PIPER = """
import sys, wave
from piper import PiperVoice
with wave.open(sys.argv[3], "wb") as file:
    PiperVoice.load(sys.argv[1]).synthesize_wav(sys.argv[2], file)
"""


def path_of(name: str) -> Path:
    """Return the path of the model of an embedded voice."""
    return installed.EMBEDDED_FOLDER / f"{name}.onnx"


@pytest.fixture(scope="module", params=VOICES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Load an embedded voice."""
    return Engine(manifest.read(path_of(request.param)))


def ids(engine: Engine, text: str = TEXT) -> list[int]:
    """Return a text's phoneme ids; assert that the voice knows all of them."""
    found, unknown = engine.manifest.phoneme_ids(Phonemizer().espeak(text, "vi"))
    assert not unknown
    return found


def sound(
    engine: Engine, spoken: list[int], length_scale: float = 1.0, noise_w: float = 0.8
) -> np.ndarray:
    """Return sound scaled for playback, full scale 1."""
    samples = engine.synthesise(spoken, Prosody(length_scale, 0.667, noise_w)).samples
    return samples.astype(np.float64) / 32768


def test_sound_does_not_wait_for_the_length_of_the_text(engine: Engine) -> None:
    """Frames are made window by window: before the first one only their number is computed."""
    plan = compiled.load(engine.manifest, engine.folder).plan
    assert isinstance(plan, Plan)
    assert [(seam.axis, seam.rate) for seam in plan.seams] == [(0, 1)]
    text = engine.begin(ids(engine, TEXT * 8), Prosody(2.0, 0.667, 0.8))
    assert text.frames > 3000
    assert len(text.window(16).samples) == 16 * text.hop


@pytest.mark.parametrize("name", VOICES)
def test_pipers_own_runtime_plays_it(name: str, tmp_path: Path) -> None:
    """Piper's Python runtime plays it, with a plausible duration and level."""
    path = tmp_path / "piper.wav"
    # In a separate process: espeak-ng breaks when Piper initialises it a second time.
    command = [sys.executable, "-c", PIPER, str(path_of(name)), TEXT, str(path)]
    subprocess.run(command, check=True)
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    assert 1.0 < len(samples) / 16_000 < 4.0
    assert -35 < 20 * np.log10(np.sqrt(np.mean(samples**2))) < -8


@pytest.mark.parametrize("name", VOICES)
def test_interface_is_pipers(name: str) -> None:
    """Inputs and output have Piper's names, types and ranks, without a speaker."""
    graph = onnx.load(path_of(name)).graph
    kinds = {v.name: v.type.tensor_type for v in [*graph.input, *graph.output]}
    assert {name: (kind.elem_type, len(kind.shape.dim)) for name, kind in kinds.items()} == {
        "input": (onnx.TensorProto.INT64, 2),
        "input_lengths": (onnx.TensorProto.INT64, 1),
        "scales": (onnx.TensorProto.FLOAT, 1),
        "output": (onnx.TensorProto.FLOAT, 4),
    }


@pytest.mark.parametrize("name", VOICES)
def test_it_is_small(name: str) -> None:
    """The file is at most 18 MB; its large weights are stored in 16 bits."""
    assert path_of(name).stat().st_size <= 18e6
    for tensor in onnx.load(path_of(name)).graph.initializer:
        if np.prod(tensor.dims) >= 512:
            assert tensor.data_type != onnx.TensorProto.FLOAT, tensor.name


def test_manifest_tells_licence_and_source(engine: Engine) -> None:
    """The JSON has the licence with its attribution."""
    voice = engine.manifest
    licence, source, commercial = {
        EMBEDDED_VOICE: ("CC BY-NC-SA 4.0", "VAIS-1000", False),
        EMBEDDED_COMMERCIAL_VOICE: ("GPL-3.0", "vietnamese-words", True),
    }[voice.name]
    assert voice.sample_rate == 16_000
    assert voice.num_speakers == 1
    assert voice.licence.name == licence
    assert source in (voice.licence.attribution or "")
    assert voice.licence.commercial is commercial
    card = path_of(voice.name).with_name(f"{voice.name}{model_card.SUFFIX}.md").read_text("utf-8")
    assert source in card
    assert licence in card


@pytest.mark.slow
def test_every_phoneme_sounds(engine: Engine) -> None:
    """Each phoneme of its map, inside a syllable, gives audible sound."""
    spoken = ids(engine, "ba")
    for symbol, numbers in engine.manifest.phoneme_id_map.items():
        samples = sound(engine, [*spoken[:2], *numbers, 0, *spoken[2:]])
        assert np.abs(samples).max() > 0.05, symbol


def test_nothing_to_say_is_a_short_silence(engine: Engine) -> None:
    """Punctuation alone gives less than half a second of soft sound."""
    samples = sound(engine, ids(engine, "..."))
    assert len(samples) < 8000
    assert np.abs(samples).max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("length_scale", [0.5, 2.0])
def test_length_scale_scales_length(engine: Engine, length_scale: float) -> None:
    """The duration of the sound is multiplied by the length scale."""
    spoken = ids(engine)
    usual = np.mean([len(sound(engine, spoken)) for _ in range(5)])
    other = np.mean([len(sound(engine, spoken, length_scale)) for _ in range(5)])
    assert other / usual == pytest.approx(length_scale, rel=0.06)


def test_every_syllable_of_a_short_utterance_has_its_time(engine: Engine) -> None:
    """Each of one to four syllables adds sound, and the ends are quiet, so nothing is cut off."""
    words = ("Vâng", "Vâng ạ", "Vâng ạ cảm", "Vâng ạ cảm ơn")
    heard = [sound(engine, ids(engine, text), noise_w=0.0) for text in words]
    lengths = [len(samples) for samples in heard]
    assert all(after - before > 320 for before, after in itertools.pairwise(lengths))
    for samples in heard:
        ends = max(np.abs(samples[:160]).max(), np.abs(samples[-160:]).max())
        assert ends < 0.1 * np.abs(samples).max()
