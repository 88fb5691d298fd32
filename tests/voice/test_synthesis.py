"""A sentence on its way: seeds, lengths, cancelling, and windows that grow."""

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
from vits_tts.types import Prosody
from vits_tts.voice import catalogue, manifest, windows
from vits_tts.voice.engine import Cancel, Cancelled, Engine
from vits_tts.voice.plan import Array
from vits_tts.voice.synthesis import CutSynthesis, Runnable

SAID = Prosody(1.0, 0.667, 0.8)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The voice in the box."""
    path = catalogue.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
    return Engine(manifest.read(path), folder=tmp_path_factory.mktemp("pieces"))


@pytest.fixture
def ids(engine: Engine) -> list[int]:
    """A sentence of a few seconds."""
    return engine.manifest.phoneme_ids("sin tɕaːw kaːk ɓan hom naj tʃəːj ɗɛp kwaː" * 2)[0]


def test_the_same_seed_gives_the_same_samples(engine: Engine, ids: list[int]) -> None:
    """In whatever windows, and in another engine; another seed gives others."""
    expected = engine.synthesise(ids, SAID, seed=7).samples
    in_windows = np.concatenate([pcm.samples for pcm in engine.begin(ids, SAID, seed=7)])
    assert np.abs(in_windows.astype(int) - expected).max() <= 1
    assert np.array_equal(engine.synthesise(ids, SAID, seed=7).samples, expected)
    other = engine.synthesise(ids, SAID, seed=-8).samples
    assert len(other) != len(expected) or not np.array_equal(other, expected)


def test_without_a_seed_it_varies(engine: Engine, ids: list[int]) -> None:
    """As a voice does that draws its own random numbers."""
    first, second = (engine.synthesise(ids, SAID).samples for _ in range(2))
    assert len(first) != len(second) or not np.array_equal(first, second)


def test_length_is_known_before_any_sound(engine: Engine, ids: list[int]) -> None:
    """``frames`` and ``samples`` hold from the beginning; windows are as long as asked for."""
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
    """Before the text and between windows."""
    cancel = Cancel()
    made = engine.begin(ids, SAID, cancel=cancel)
    made.window(5, cancel)
    cancel.cancel()
    with pytest.raises(Cancelled):
        made.window(5, cancel)
    with pytest.raises(Cancelled):
        engine.begin(ids, SAID, cancel=cancel)


class Meeting:
    """A stage that runs on one core only while another one does."""

    def __init__(self, stage: Runnable, door: threading.Barrier) -> None:
        """Meet others at the door."""
        self.inputs = stage.inputs
        self.outputs = stage.outputs
        self.cores: list[int] = []
        self._stage = stage
        self._door = door

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> list[Array]:
        """Run it."""
        self.cores.append(cores)
        if cores == 1:
            self._door.wait(10)
        return self._stage.run(feed, cancel, cores)


@pytest.fixture
def two(engine: Engine) -> Engine:
    """The voice in the box, on two cores."""
    return Engine(engine.manifest, folder=engine.folder, cores=2)


def test_on_two_cores_a_window_begins_while_the_one_before_ends(
    two: Engine, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the first, and wherever nothing is beside: there both cores share each stage."""
    door = threading.Barrier(2)
    front, back = (Meeting(stage, door) for stage in two._frames)
    monkeypatch.setattr(two, "_frames", [front, back])
    made = two.begin(ids * 3, SAID, seed=1, cores=2)
    count = len([made.window(frames, cores=2) for frames in made.sizes()])
    assert count > 4
    assert front.cores == [2, 2, *[1] * (count - 2)]
    assert back.cores == [2, *[1] * (count - 2), 2]


class Stopping(Meeting):
    """A stage that cancels when both have begun, and notes that it was stopped."""

    def __init__(self, stage: Runnable, door: threading.Barrier, cancel: Cancel) -> None:
        """Call ``cancel``."""
        super().__init__(stage, door)
        self.stopped = False
        self._cancel = cancel

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int) -> list[Array]:
        """Run it, but not for long."""
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
    """The one that ends a window and the one that begins the next."""
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
    """Neither onnxruntime's nor the one that begins windows."""

    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    other = Engine(engine.manifest, folder=engine.folder, cores=2)
    other.synthesise(ids * 3, SAID, seed=1, cores=2)
    assert threads() > before
    del other
    until(lambda: threads() == before, "their end")


def test_what_a_sentence_keeps_is_its_own(engine: Engine, ids: list[int]) -> None:
    """It holds nothing of the arena that runs share, in which it would leave holes."""
    made = engine.begin(ids, SAID, seed=1)
    assert isinstance(made, CutSynthesis)
    made.window(10)
    kept = [*made._text.values()]
    for stage in (*made._before, made._end):
        kept += stage._state.values()
    assert len(kept) > 10
    assert all(array.flags.owndata for array in kept)


def test_windows_grow_from_small_to_large() -> None:
    """So that sound starts soon and the rest costs little."""
    first = [windows.FIRST]
    for _ in range(20):
        first.append(windows.following(first[-1]))
    assert first == sorted(first)
    assert first[-1] == windows.LARGEST
    assert all(b <= a * 2 for a, b in itertools.pairwise(first))


def test_cheap_voices_have_longer_windows(engine: Engine, ids: list[int], tmp_path: Path) -> None:
    """In the time of a window of Piper's medium voice the bundled one makes four times as much."""
    made = engine.begin(ids * 3, SAID, seed=1)
    assert made.largest == windows.MOST
    asked = [frames for frames in made.sizes() if made.window(frames)]
    assert asked[:4] == [18, 36, 72, 144]
    assert set(asked[4:]) == {windows.MOST}
    assert made.done

    medium = Engine(manifest.read(install_joe(tmp_path)), folder=tmp_path / "pieces")
    letters = medium.manifest.phoneme_ids("hello")[0]
    assert medium.begin(letters, SAID).largest == windows.LARGEST


def test_no_window_takes_longer_than_a_medium_one() -> None:
    """Unless the voice is so heavy that shorter windows would make it heavier still."""
    medium = 30_000_000
    for work in (1, medium // 9, medium // 3, medium // 2, medium, 10 * medium):
        frames = windows.largest(work)
        assert windows.LARGEST <= frames <= windows.MOST
        assert frames == windows.LARGEST or frames * work <= windows.LARGEST * medium
    assert windows.largest(medium // 2) == 2 * windows.LARGEST


def test_pieces_are_kept_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The folder by default follows the XDG specification."""
    from vits_tts.voice.pieces import default_folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder().is_relative_to(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder().is_relative_to(Path.home())
