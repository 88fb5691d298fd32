"""Windows of real voices: joined, they are the output of the voice's own graph in one run."""

import itertools
import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.inference.graphs import Whole, feed, with_speakers
from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference import chunks
from vits_tts.inference.compiled import load, tried_ids
from vits_tts.inference.engine import Engine
from vits_tts.inference.graph.streaming.verify import frame_noise
from vits_tts.inference.plan import Array, Plan
from vits_tts.types import Prosody
from vits_tts.voice import installed, manifest
from vits_tts.voice.manifest import Manifest

pytestmark = pytest.mark.slow

NAMES = ("bundled", "medium", "speakers")
FEW_FRAMES = (15, 16, 17, 18, 19, 20)


@pytest.fixture(scope="module")
def folder(shared_pieces: Path) -> Path:
    """Return a folder for the voices, with the pieces in it."""
    return shared_pieces.parent


class Voice:
    """A voice in the engine, and its uncut graph."""

    def __init__(self, made_of: Manifest, folder: Path) -> None:
        """Load both."""
        self.engine = Engine(made_of, folder=folder, cores=2)
        plan = load(made_of, folder).plan
        assert isinstance(plan, Plan), plan
        self.plan = plan
        self.whole = Whole(onnx.load(made_of.model_path), tried_ids(made_of))


@cache
def voice(name: str, folder: Path) -> Voice:
    """Return a voice; each is loaded once."""
    if name == "bundled":
        path = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
    else:
        path = install_joe(folder, name)
    if name == "speakers":
        model = with_speakers(onnx.load(path), 4)
        path.unlink()
        onnx.save(model, path)
        settings_path = path.with_name(f"{path.name}.json")
        known = json.loads(settings_path.read_text("utf-8"))
        settings_path.write_text(json.dumps({**known, "num_speakers": 4}), "utf-8")
    return Voice(manifest.read(path), folder / "pieces")


def sentence(spoken: Manifest, length: int) -> list[int]:
    """Return the ids of ``length`` phonemes."""
    letters = [symbol for symbol in spoken.phoneme_id_map if symbol.isalpha()]
    chosen = random.Random(length).choices(letters, k=length)  # noqa: S311
    return spoken.phoneme_ids(chosen)[0]


def check(
    known: Voice,
    length: int,
    sizes: Sequence[int],
    prosody: Prosody,
    whole: Whole | None = None,
) -> float:
    """Compare a sentence in windows with the reference or ``whole``; return its seconds."""
    ids = sentence(known.engine.manifest, length)
    made = known.engine.begin(ids, prosody, seed=length)
    lengths = itertools.cycle(sizes)
    parts: list[Array] = []
    while not made.done:
        parts.append(made.raw_window(next(lengths)))
    scales = (prosody.noise_scale, prosody.length_scale, prosody.noise_w)
    fed = {
        **feed(ids, scales, prosody.speaker_id),
        **frame_noise(known.plan, made.frames, seed=length),
    }
    expected = (whole or known.whole).run(fed, seed=length)
    assert made.samples == len(expected)
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-4)
    return len(expected) / made.sample_rate


@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    length=st.integers(1, 25),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5),
    prosody=st.builds(
        Prosody,
        length_scale=st.sampled_from([0.4, 1.0, 1.5]),
        noise_scale=st.floats(0, 1.5),
        noise_w=st.floats(0, 1.5),
        speaker_id=st.integers(0, 3),
    ),
)
@example(length=1, sizes=[1], prosody=Prosody(1.0, 0.667, 0.8))
@example(length=1, sizes=[1], prosody=Prosody(0.25, 0.667, 0.8, 1))
@example(length=30, sizes=[1, 2, 3], prosody=Prosody(1.0, 0.667, 0.8, 2))
def test_windows_equal_the_whole(
    name: str,
    folder: Path,
    length: int,
    sizes: list[int],
    prosody: Prosody,
) -> None:
    """Windows equal the reference for all texts, speakers, speeds and window sizes."""
    check(voice(name, folder), length, sizes, prosody)


def test_thirty_seconds_equal_the_whole(folder: Path) -> None:
    """A very long sentence equals the reference in the windows that the engine chooses."""
    sizes = list(itertools.accumulate(range(40), lambda n, _: chunks.following(n), initial=18))
    prosody = Prosody(3.0, 0.667, 0.8)
    known = voice("medium", folder)
    # With AVX2 the library's changes move samples of so long a sentence by 1.6e-4.
    made_of = known.engine.manifest
    whole = Whole(onnx.load(made_of.model_path), tried_ids(made_of), optimised=False)
    assert check(known, 300, sizes, prosody, whole) > 30


@pytest.mark.parametrize("name", ["bundled", "medium"])
@pytest.mark.parametrize("length", [1, 2, 4, 9, 40])
def test_two_cores_say_the_same(name: str, folder: Path, length: int) -> None:
    """Samples are identical bit by bit, however many cores were busy at any time."""
    engine = voice(name, folder).engine
    for length_scale, long in ((0.6, False), (1.0, False), (1.0, True), (2.0, False)):
        prosody = Prosody(length_scale, 0.667, 0.8)
        ids = sentence(engine.manifest, length)
        alone = engine.begin(ids, prosody, length)
        if long:
            alone.use_long_windows()
        expected = [(frames, alone.raw_window(frames)) for frames in alone.sizes()]
        for cores in ([2], [2, 2, 1], [1, 2, 2, 2, 1, 1]):
            shared = engine.begin(ids, prosody, length, cores=2)
            if long:
                shared.use_long_windows()
            for (frames, window), some in zip(expected, itertools.cycle(cores), strict=False):
                np.testing.assert_array_equal(shared.raw_window(frames, cores=some), window)
            assert shared.done


@cache
def short(folder: Path) -> dict[int, tuple[list[int], Prosody]]:
    """Return the ids and the prosody of utterances of 15 to 20 frames, by their frames."""
    engine = voice("medium", folder).engine
    found: dict[int, tuple[list[int], Prosody]] = {}
    for length, tempo in itertools.product((1, 2, 3), range(20, 400)):
        ids, prosody = sentence(engine.manifest, length), Prosody(tempo / 100, 0.667, 0.0)
        found.setdefault(engine.begin(ids, prosody, seed=0).frames, (ids, prosody))
        if found.keys() >= set(FEW_FRAMES):
            break
    return found


@pytest.mark.parametrize("frames", FEW_FRAMES)
def test_two_cores_say_the_same_in_little_time(folder: Path, frames: int) -> None:
    """They are also identical for so few steps that a thread might sum them in another order."""
    engine = voice("medium", folder).engine
    ids, prosody = short(folder)[frames]
    made = engine.begin(ids, prosody, frames)
    assert made.frames == frames
    shared = engine.begin(ids, prosody, frames, cores=2)
    np.testing.assert_array_equal(made.raw_window(frames), shared.raw_window(frames, cores=2))
