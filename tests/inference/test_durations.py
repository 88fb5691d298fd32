"""Durations of phonemes: found in graphs of any exporter, and equal to the sound's."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.inference.graphs import CHANNELS, Layers
from tests.inference.test_cutting import IDS, upsampling
from tests.support.voices import install_joe, install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference.durations import Alignment
from vits_tts.inference.engine import Engine
from vits_tts.inference.graph.streaming.cut import cut
from vits_tts.types import Prosody
from vits_tts.voice import installed, manifest

EMBEDDED = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
STILL = Prosody(1.7, 0.0, 0.0)


def toy(folder: Path, *, whole: bool = False) -> Engine:
    """Return a small voice; with ``whole`` it looks at all frames at once."""
    return Engine(manifest.read(toy_voice(folder, whole=whole)), folder=folder / "pieces")


def toy_voice(folder: Path, *, whole: bool = False, broken: str = "") -> Path:
    """Make a small voice that fails at the letters ``broken``; return its model file."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = Layers()
    upsampling(layers)
    if whole:
        layers.add("InstanceNormalization", layers.weight(CHANNELS), layers.weight(CHANNELS))
    path = folder / "toy.onnx"
    path.write_bytes(layers.model().SerializeToString())
    alphabet = {symbol: [number] for number, symbol in enumerate("_^$abcdefghijklmnopqrstuvwxyz ")}
    alphabet |= {letter: [999] for letter in broken}  # beyond the embedding
    known = {"audio": {"sample_rate": 16000}, "phoneme_type": "text", "phoneme_id_map": alphabet}
    path.with_name("toy.onnx.json").write_text(json.dumps(known), "utf-8")
    return path


@pytest.mark.parametrize("whole", [False, True])
def test_durations_are_the_graphs_own(tmp_path: Path, whole: bool) -> None:
    """A voice with a known rule, cut or uncut, reports the durations of that rule."""
    engine = toy(tmp_path, whole=whole)
    made = engine.begin(IDS, STILL)
    expected = np.ceil((np.array(IDS) % 3 + 1) * np.float32(STILL.length_scale)).astype(int) * 64
    assert made.durations is not None
    assert made.durations.tolist() == expected.tolist()
    assert made.durations.sum() == made.samples


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["joe", EMBEDDED_VOICE])
def test_durations_add_up_to_the_samples(tmp_path: Path, shared_pieces: Path, voice: str) -> None:
    """The durations add up to the exact number of samples, with noise and at any tempo."""
    path = install_joe(tmp_path) if voice == "joe" else EMBEDDED
    engine = Engine(manifest.read(path), folder=shared_pieces)
    for length_scale in (0.3, 1.0, 2.5):
        for said in ("a", "sin tɕaːw, kaːk ɓan. hom naj", "—", ""):
            ids, _ = engine.manifest.phoneme_ids(said)
            made = engine.begin(ids, Prosody(length_scale, 0.667, 0.8), seed=len(said))
            assert made.durations is not None
            assert made.durations.shape == (len(ids),)
            assert made.durations.min() >= 0
            assert made.durations.sum() == made.samples == sum(len(pcm.samples) for pcm in made)


def test_a_long_phoneme_is_a_long_sound() -> None:
    """The pause at a comma lies at its reported place, and is quiet."""
    engine = Engine(manifest.read(EMBEDDED))
    ids, _ = engine.manifest.phoneme_ids("hom naj tʃəːj ɗɛp, kwaː laː ɗɛp")
    made = engine.begin(ids, Prosody(1.5, 0.667, 0.8), seed=3)
    assert made.durations is not None
    comma = ids.index(engine.manifest.phoneme_id_map[","][0])
    ends = np.cumsum(made.durations)
    samples = np.concatenate([pcm.samples for pcm in made]).astype(float)
    pause = samples[ends[comma - 1] + made.hop * 4 : ends[comma] - made.hop * 4]
    assert len(pause) > made.sample_rate / 10
    assert np.sqrt(np.mean(pause**2)) < np.sqrt(np.mean(samples**2)) / 20


def test_a_voice_may_not_tell(tmp_path: Path) -> None:
    """A graph without durations speaks as before."""
    engine = Engine(manifest.read(install_pair(tmp_path)), folder=tmp_path / "pieces")
    made = engine.begin([1, 0, 5, 0, 2], Prosody(1.0, 0.0, 0.0))
    assert made.durations is None
    assert made.samples == 500


def test_another_exporters_words_do_not_matter() -> None:
    """Tensors may have any names; one number for each phoneme need not be a duration."""
    layers = Layers()
    upsampling(layers)
    model = layers.model()
    for node in model.graph.node:
        for names in (node.input, node.output):
            changed = ["t17" if name == "d" else name for name in names]
            del names[:]
            names.extend(changed)
    onnx.checker.check_model(model)
    assert cut(model, IDS).plan.alignment == Alignment(64, counts="t17")


@pytest.mark.parametrize(
    "counts", [[1.0, 2.5, 1.0], [1.0, -1.0, 2.0], [1.0, np.nan, 2.0], [1.0, 1.0]]
)
def test_numbers_that_are_no_durations_are_left(counts: list[float]) -> None:
    """Fractions, negative numbers and a wrong number of values are ignored."""
    alignment = Alignment(256, counts="counts")
    assert alignment.frames({"counts": np.array([counts])}, 3) is None


@pytest.mark.parametrize(
    ("owners", "places", "expected"),
    [
        ([0, 0, 1, 1, 1], [0, 2], [2, 0, 3]),
        ([1, 1], [0, 2], [0, 0, 2]),
        ([], [0, 2], [0, 0, 0]),
        ([0, 1, 0], [0, 2], None),
        ([0, 2], [0, 2], None),
        ([0, 1], [0, 3], None),
        ([-1, 1], [0, 2], None),
    ],
)
def test_frames_belong_to_tokens(
    owners: list[int], places: list[int], expected: list[int] | None
) -> None:
    """Frames are counted for the phonemes that the tokens are; a wrong order is refused."""
    alignment = Alignment(256, owners="owners", places="places")
    text = {"owners": np.array(owners, np.int64), "places": np.array([places], np.int64)}
    found = alignment.frames(text, 3)
    assert (None if found is None else found.tolist()) == expected
