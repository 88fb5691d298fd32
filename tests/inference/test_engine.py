"""The engine: Piper's interface, real inference, and cancellation."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.voices import install_joe, install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference.engine import Cancel, Cancelled, Engine
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Prosody
from vits_tts.voice import installed, manifest

PIPER = """
import sys
import onnxruntime
from piper.config import SynthesisConfig
from piper.voice import PiperVoice
config = SynthesisConfig(noise_scale=0, noise_w_scale=0, length_scale=1, normalize_audio=False)
voice = PiperVoice.load(sys.argv[1])
if "as written" in sys.argv:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    voice.session = onnxruntime.InferenceSession(sys.argv[1], options)
(chunk,) = voice.synthesize(sys.argv[2], config)
sys.stdout.buffer.write(chunk.audio_int16_bytes)
"""
TEXT = "Xin chào các bạn, hôm nay trời đẹp quá."


@pytest.fixture(scope="module")
def embedded() -> Engine:
    """Load the embedded voice."""
    return Engine(manifest.read(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"))


def ids(engine: Engine, text: str = TEXT) -> list[int]:
    """Return a text's phoneme ids."""
    found, unknown = engine.manifest.phoneme_ids(Phonemizer().espeak(text, "vi"))
    assert not unknown
    return found


@pytest.mark.slow
def test_without_noise_it_is_always_the_same(tmp_path: Path) -> None:
    """Noise 0 gives the same samples each time, in any thread."""
    engine = Engine(manifest.read(install_joe(tmp_path)))
    spoken, prosody = ids(engine), Prosody(1.0, 0.0, 0.0)
    with ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(engine.synthesise, spoken, prosody) for _ in range(3)]
    expected = engine.synthesise(spoken, prosody).samples
    assert all(np.array_equal(run.result().samples, expected) for run in runs)


@pytest.mark.slow
def test_what_piper_plays(tmp_path: Path) -> None:
    """A Piper voice gives the same samples as Piper's own runtime.

    The reference runs with onnxruntime's fusions or without them. These two differ from each other
    more than the engine differs from the nearer one, and the processor decides which one that is.
    """
    model = install_joe(tmp_path)
    engine = Engine(manifest.read(model))
    ours = engine.synthesise(ids(engine), Prosody(1.0, 0.0, 0.0))
    assert ours.sample_rate == 22050
    farthest = [
        np.abs(ours.samples.astype(int) - piper(model, how)).max()
        for how in ("fused", "as written")
    ]
    assert min(farthest) <= 2


def piper(model: Path, way: str) -> NDArray[np.int16]:
    """Return Piper's samples, from a separate process: espeak-ng breaks when initialised twice."""
    done = subprocess.run(
        [sys.executable, "-c", PIPER, str(model), TEXT, way], capture_output=True, check=True
    )
    return np.frombuffer(done.stdout, np.int16)


def test_length_scale_stretches(embedded: Engine) -> None:
    """Twice the length scale takes about twice as long."""
    short, long = (
        embedded.synthesise(ids(embedded), Prosody(scale, 0, 0)).seconds for scale in (1, 2)
    )
    assert long / short == pytest.approx(2, rel=0.1)


def test_loud_voices_are_clipped_not_wrapped(tmp_path: Path) -> None:
    """Samples above full scale are clipped to full scale."""
    engine = Engine(manifest.read(install_pair(tmp_path)), volume=8)
    pcm = engine.synthesise([1, 2, 3], Prosody(1, 0, 0, speaker_id=1))
    assert set(pcm.samples.tolist()) == {32767}


def test_volume(tmp_path: Path) -> None:
    """The gain multiplies samples."""
    engine = Engine(manifest.read(install_pair(tmp_path)), volume=0.5)
    pcm = engine.synthesise([1, 2, 3], Prosody(1, 0, 0))
    assert pcm.samples.max() == pytest.approx(32767 / 8, abs=1)


def test_stopped_in_the_middle(embedded: Engine) -> None:
    """A cancelled run ends long before it would have."""
    cancel = Cancel()
    stopped = threading.Event()

    def run() -> None:
        with pytest.raises(Cancelled):
            embedded.synthesise(ids(embedded)[:-1] * 100, Prosody(4.0, 0, 0), cancel)
        stopped.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert not stopped.wait(0.05)
    cancel.cancel()
    assert stopped.wait(30)
    thread.join()


def test_cancelled_before_it_began(embedded: Engine) -> None:
    """A run that is cancelled while it waits does not start."""
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        embedded.synthesise(ids(embedded), Prosody(1, 0, 0), cancel)
