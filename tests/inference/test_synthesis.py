"""The synthesis of a sentence: seeds, lengths, cancellation, and growing windows."""

import contextlib
import itertools
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.support.server import until
from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference import chunks
from vits_tts.inference.engine import Cancel, Cancelled, Engine
from vits_tts.inference.plan import Array
from vits_tts.inference.streaming import Runnable, StreamingSynthesis
from vits_tts.types import Prosody
from vits_tts.voice import installed, manifest

pytestmark = pytest.mark.slow

SAID = Prosody(1.0, 0.667, 0.8)


@pytest.fixture(scope="module")
def engine(shared_pieces: Path) -> Engine:
    """Load the embedded voice."""
    path = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
    return Engine(manifest.read(path), folder=shared_pieces)


@pytest.fixture
def ids(engine: Engine) -> list[int]:
    """Return the ids of a sentence of a few seconds."""
    return engine.manifest.phoneme_ids("sin tɕaːw kaːk ɓan hom naj tʃəːj ɗɛp kwaː" * 2)[0]


def test_the_same_seed_gives_the_same_samples(engine: Engine, ids: list[int]) -> None:
    """The same seed gives the same samples in any windows and in another engine.

    Another seed gives others.
    """
    expected = engine.synthesise(ids, SAID, seed=7).samples
    in_windows = np.concatenate([pcm.samples for pcm in engine.begin(ids, SAID, seed=7)])
    assert np.abs(in_windows.astype(int) - expected).max() <= 1
    assert np.array_equal(engine.synthesise(ids, SAID, seed=7).samples, expected)
    other = engine.synthesise(ids, SAID, seed=-8).samples
    assert len(other) != len(expected) or not np.array_equal(other, expected)


def test_without_a_seed_it_varies(engine: Engine, ids: list[int]) -> None:
    """Without a seed the sound varies, like that of a voice that draws its own random numbers."""
    first, second = (engine.synthesise(ids, SAID).samples for _ in range(2))
    assert len(first) != len(second) or not np.array_equal(first, second)


def test_length_is_known_before_any_sound(engine: Engine, ids: list[int]) -> None:
    """``frames`` and ``samples`` are known before any window; windows have the requested length."""
    made = engine.begin(ids, SAID, seed=1)
    assert made.samples == made.frames * made.hop
    lengths = []
    while not made.done:
        lengths.append(len(made.window(10).samples))
    assert sum(lengths) == made.samples
    assert set(lengths[:-1]) == {10 * made.hop}
    with pytest.raises(ValueError, match="0 frames that are left"):
        made.window(10)


def test_windows_need_a_length(engine: Engine, ids: list[int]) -> None:
    """A window of no frames is refused."""
    with pytest.raises(ValueError, match="a window of 0"):
        engine.begin(ids, SAID).window(0)


def test_a_window_can_be_cancelled(engine: Engine, ids: list[int]) -> None:
    """A synthesis can be cancelled before the text stage and between windows."""
    cancel = Cancel()
    made = engine.begin(ids, SAID, cancel=cancel)
    made.window(5, cancel)
    cancel.cancel()
    with pytest.raises(Cancelled):
        made.window(5, cancel)
    with pytest.raises(Cancelled):
        engine.begin(ids, SAID, cancel=cancel)


class Meeting:
    """A stage that runs on one core only while another stage runs too."""

    def __init__(self, stage: Runnable, door: threading.Barrier) -> None:
        """Keep the barrier at which both stages meet."""
        self.inputs = stage.inputs
        self.outputs = stage.outputs
        self.cores: list[int] = []
        self._stage = stage
        self._door = door

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> list[Array]:
        """Wait for the other stage if on one core, and run."""
        self.cores.append(cores)
        if cores == 1:
            self._door.wait(10)
        return self._stage.run(feed, cancel, cores)


@pytest.fixture
def two(engine: Engine) -> Engine:
    """Load the embedded voice for two cores."""
    return Engine(engine.manifest, folder=engine.folder, cores=2)


def test_on_two_cores_a_window_begins_while_the_one_before_ends(
    two: Engine, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On two cores a window begins while the one before ends.

    The first window, and stages without another one beside them, use both cores.
    """
    door = threading.Barrier(2)
    front, back = (Meeting(stage, door) for stage in two._frames)
    monkeypatch.setattr(two, "_frames", [front, back])
    made = two.begin(ids * 3, SAID, seed=1, cores=2)
    count = len([made.window(frames, cores=2) for frames in made.sizes()])
    assert count > 4
    assert front.cores == [2, 2, *[1] * (count - 2)]
    assert back.cores == [2, *[1] * (count - 2), 2]


class Stopping(Meeting):
    """A stage that cancels once both have begun, and records that it was stopped."""

    def __init__(self, stage: Runnable, door: threading.Barrier, cancel: Cancel) -> None:
        """Keep ``cancel``, to be called."""
        super().__init__(stage, door)
        self.stopped = False
        self._cancel = cancel

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> list[Array]:
        """Run it, for a limited time."""
        if cores == 1:
            self._door.wait(10)
            self._cancel.cancel()
        try:
            return self._stage.run(feed, cancel, cores)
        except Cancelled:
            self.stopped = True
            raise


def test_both_cores_stop_when_told_to(
    two: Engine, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling stops both cores: the end of one window and the beginning of the next."""
    door, cancel = threading.Barrier(2), Cancel()
    stages = [Stopping(stage, door, cancel) for stage in two._frames]
    monkeypatch.setattr(two, "_frames", stages)
    made = two.begin(ids * 3, SAID, seed=1, cores=2)
    made.window(18, cancel, cores=2)
    with pytest.raises(Cancelled):
        made.window(36, cancel, cores=2)
    assert [stage.stopped for stage in stages] == [True, True]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_voice_that_is_dropped_leaves_no_thread(engine: Engine, ids: list[int]) -> None:
    """A dropped voice leaves no thread: none of onnxruntime and none of its own."""

    def threads() -> dict[str, str]:
        """Return the name of each thread of this process, Python's and others', by its number."""
        found = {}
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found[task.name] = (task / "comm").read_text().strip()
        return found

    # By number and not counted: threads of other tests may end meanwhile.
    before = threads()
    other = Engine(engine.manifest, folder=engine.folder, cores=2)
    other.synthesise(ids * 3, SAID, seed=1, cores=2)
    assert threads().keys() - before.keys()
    del other
    until(
        lambda: not threads().keys() - before.keys(),
        "the end of the voice's threads",
        lambda: f"before: {before}, now: {threads()}",
    )


def test_what_a_sentence_keeps_is_its_own(engine: Engine, ids: list[int]) -> None:
    """A sentence keeps no memory of the shared arena, where it would leave holes."""
    made = engine.begin(ids, SAID, seed=1)
    assert isinstance(made, StreamingSynthesis)
    made.window(10)
    kept = [*made._text.values()]
    for stage in (*made._before, made._end):
        kept += stage._state.values()
    assert len(kept) > 10
    assert all(array.flags.owndata for array in kept)


def test_windows_grow_from_small_to_large() -> None:
    """Windows grow, so that sound starts soon and the rest costs little."""
    first = [chunks.FIRST]
    for _ in range(20):
        first.append(chunks.following(first[-1]))
    assert first == sorted(first)
    assert first[-1] == chunks.LARGEST
    assert all(b <= a * 2 for a, b in itertools.pairwise(first))


def test_cheap_voices_have_longer_windows(
    engine: Engine, ids: list[int], tmp_path: Path, shared_pieces: Path
) -> None:
    """In the time of a medium voice's window, the embedded voice makes four times as much sound."""
    made = engine.begin(ids * 3, SAID, seed=1)
    assert made.largest == chunks.MOST
    asked = [frames for frames in made.sizes() if made.window(frames)]
    assert asked[:4] == [18, 36, 72, 144]
    assert set(asked[4:]) == {chunks.MOST}
    assert made.done

    medium = Engine(manifest.read(install_joe(tmp_path)), folder=shared_pieces)
    letters = medium.manifest.phoneme_ids("hello")[0]
    assert medium.begin(letters, SAID).largest == chunks.LARGEST


def test_no_window_takes_longer_than_a_medium_one() -> None:
    """Windows take at most the time of a medium voice's, unless shorter ones cost much more."""
    medium = 30_000_000
    for work in (1, medium // 9, medium // 3, medium // 2, medium, 10 * medium):
        frames = chunks.largest(work)
        assert chunks.LARGEST <= frames <= chunks.MOST
        assert frames == chunks.LARGEST or frames * work <= chunks.LARGEST * medium
    assert chunks.largest(medium // 2) == 2 * chunks.LARGEST


def test_a_batch_makes_sentences_in_one_window(engine: Engine, ids: list[int]) -> None:
    """A sentence of the embedded voice is one window, with the samples of a stream."""
    expected = np.concatenate([window.samples for window in engine.begin(ids, SAID, seed=1)])
    batch = engine.begin(ids, SAID, seed=1)
    batch.use_long_windows()
    (window,) = batch
    difference = np.abs(window.samples.astype(int) - expected)
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= len(expected) / 100


def test_windows_of_a_batch_end_soon() -> None:
    """They are longer than a stream's, but take no more than a tenth of a second, about."""
    medium = 30_000_000
    for work in (1, medium // 9, medium // 3, medium // 2, medium):
        frames = chunks.largest_of_batch(work)
        assert frames > chunks.largest(work)
        assert frames * work <= 3 * chunks.LARGEST * medium


def test_pieces_are_kept_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The default folder of the pieces follows the XDG specification."""
    from vits_tts.inference.compiled import default_folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder().is_relative_to(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder().is_relative_to(Path.home())
