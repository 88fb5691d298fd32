"""The folder of compiled voices: written once and completely, and again when damaged."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import portalocker
import pytest
from loguru import logger
from onnxruntime import __version__ as runtime

from tests.inference.graphs import Layers
from tests.inference.test_cutting import upsampling
from tests.support.server import until
from tests.support.voices import install_joe, install_pair
from vits_tts.inference import compiled
from vits_tts.inference.engine import Engine
from vits_tts.inference.plan import Plan
from vits_tts.types import Prosody
from vits_tts.voice import manifest
from vits_tts.voice.manifest import Manifest

pytestmark = pytest.mark.slow

LOAD = """
import sys
from pathlib import Path
from vits_tts.inference import compiled as pieces
from vits_tts.voice import manifest
loaded = pieces.load(manifest.read(Path(sys.argv[1])), Path(sys.argv[2]))
print("onnx" in sys.modules, loaded.text)
"""
SAID = Prosody(1.0, 0.667, 0.8)


@pytest.fixture
def toy(tmp_path: Path) -> Manifest:
    """Make a small voice that can be cut."""
    layers = Layers()
    upsampling(layers)
    path = tmp_path / "toy.onnx"
    path.write_bytes(layers.model().SerializeToString())
    alphabet = {symbol: [number] for number, symbol in enumerate("_^$abcdefghijklmnopqrstuvwxyz")}
    known = {"audio": {"sample_rate": 16000}, "phoneme_type": "text", "phoneme_id_map": alphabet}
    path.with_name("toy.onnx.json").write_text(json.dumps(known), "utf-8")
    return manifest.read(path)


def spoken(toy: Manifest, folder: Path) -> np.ndarray:
    """Return the samples of the voice with pieces in ``folder``."""
    return Engine(toy, folder=folder).synthesise(range(3, 25), SAID, seed=1).samples


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != compiled._LOCK
    }


def test_a_second_start_reads_what_the_first_kept(toy: Manifest, tmp_path: Path) -> None:
    """A second start reads the pieces, and neither cuts the voice nor imports the cutter."""
    folder = tmp_path / "pieces"
    runs = [
        subprocess.run(
            [sys.executable, "-c", LOAD, str(toy.model_path), str(folder)],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        for _ in range(2)
    ]
    (cut, place), (again, same_place) = runs
    assert (cut, again) == ("True", "False")
    assert place == same_place
    assert Path(place).parent.parent == folder


def test_processes_that_start_at_once_share_one_folder(toy: Manifest, tmp_path: Path) -> None:
    """Processes that compile the same voice at once leave one complete set and no other files."""
    folder = tmp_path / "pieces"
    command = [sys.executable, "-c", LOAD, str(toy.model_path), str(folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    outputs = {process.communicate()[0].split()[-1] for process in running}
    assert len(outputs) == 1
    assert [path.name for path in folder.iterdir()] == [Path(outputs.pop().decode()).parent.name]


@pytest.mark.parametrize(
    "name", ["plan.json", "text.onnx", "text.weights", "frames-1.onnx", "frames-1.weights"]
)
@pytest.mark.parametrize("damage", ["cut short", "changed", "missing"])
def test_damaged_pieces_are_made_again(
    toy: Manifest, tmp_path: Path, name: str, damage: str
) -> None:
    """The next start repairs any damage to a file."""
    folder = tmp_path / "pieces"
    expected = spoken(toy, folder)
    kept = content(folder)
    path = next(folder.rglob(name))
    if damage == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + (b"x" if damage == "changed" else b""))
    np.testing.assert_array_equal(spoken(toy, folder), expected)
    assert content(folder).keys() == kept.keys()
    assert compiled.load(toy, folder).text == next(folder.rglob("text.onnx"))


def tamper(place: Path, how: str) -> None:
    """Change the sound of a voice as another user with write access could, digests included."""
    weights = place / "frames-1.weights"
    changed = bytearray(weights.read_bytes())
    changed[-16:] = bytes(16)
    weights.write_bytes(changed)
    kept = json.loads((place / "plan.json").read_text("utf-8"))
    kept["digests"][weights.name] = compiled._digest(bytes(changed))
    (place / "plan.json").write_text(json.dumps(kept), "utf-8")
    if how == "of another user":
        os.chown(weights, 65534, 65534)
    elif how == "in a folder of another user":
        os.chown(place, 65534, 65534)
    elif how == "writable by all":
        weights.chmod(0o646)
    elif how == "in a folder that is writable by a group":
        place.chmod(0o775)
    else:
        moved = weights.rename(place.parent / "elsewhere")
        weights.symlink_to(moved)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
@pytest.mark.parametrize(
    "how",
    [
        "of another user",
        "in a folder of another user",
        "writable by all",
        "in a folder that is writable by a group",
        "a link",
    ],
)
def test_what_others_could_have_written_is_not_used(
    toy: Manifest, tmp_path: Path, how: str
) -> None:
    """Valid pieces that another user could have written are compiled again."""
    if "another" in how and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    folder = tmp_path / "pieces"
    expected = spoken(toy, folder)
    (place,) = folder.iterdir()
    compiled.remember_spoken(toy, folder)
    assert compiled.has_spoken(toy, folder)
    kept = content(place)
    tamper(place, how)
    assert not compiled.has_spoken(toy, folder)
    np.testing.assert_array_equal(spoken(toy, folder), expected)
    again = content(place)
    assert again == {name: kept[name] for name in again}
    assert compiled._stranger_at(place) is None


def test_pieces_are_nobodys_to_write(toy: Manifest, tmp_path: Path) -> None:
    """Only the owner can write pieces, with every umask, so that they are used the next time."""
    before = os.umask(0)
    try:
        compiled.load(toy, tmp_path / "pieces")
        compiled.remember_spoken(toy, tmp_path / "pieces")
    finally:
        os.umask(before)
    assert compiled.has_spoken(toy, tmp_path / "pieces")
    assert (tmp_path / "pieces").stat().st_mode & 0o022 == 0


def test_pieces_are_replaced_by_one_process_at_a_time(toy: Manifest, tmp_path: Path) -> None:
    """A process that waited for the repair of the same pieces finds them repaired."""
    folder = tmp_path / "pieces"
    compiled.load(toy, folder)
    (place,) = folder.iterdir()
    plan, first = (place / "plan.json").read_text(), place.stat().st_ino
    (place / "plan.json").write_text("damaged")
    with portalocker.Lock(folder / compiled._LOCK):
        other = threading.Thread(target=compiled.load, args=(toy, folder))
        other.start()
        until(
            lambda: any(found.stat().st_mode & 0o4 for found in folder.glob(".*/text.onnx")),
            "pieces that others may read, about to be put there",
        )
        other.join(0.5)  # it would have replaced them by now
        (place / "plan.json").write_text(plan)
    other.join()
    assert place.stat().st_ino == first


def test_a_lock_that_is_never_free_costs_nobody_the_voice(
    toy: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If damaged pieces cannot be replaced, the voice is compiled in memory."""
    monkeypatch.setattr(compiled, "_LOCKED_SECONDS", 0.2)
    folder = tmp_path / "pieces"
    expected = spoken(toy, folder)
    next(folder.rglob("plan.json")).write_text("damaged")
    with portalocker.Lock(folder / compiled._LOCK):
        np.testing.assert_array_equal(spoken(toy, folder), expected)
    assert next(folder.rglob("plan.json")).read_text() == "damaged"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_weights_are_mapped_not_copied(tmp_path: Path, shared_pieces: Path) -> None:
    """Weights are mapped, so that sessions and processes share them.

    Copies of the files may be readable for all users.
    """
    joe = manifest.read(install_joe(tmp_path))
    engine = Engine(joe, folder=shared_pieces, cores=2)
    mapped = Path("/proc/self/maps").read_text().splitlines()
    weights = next(shared_pieces.glob(f"{joe.digest}*/frames-1.weights"))
    assert any(line.endswith(str(weights)) for line in mapped)
    assert engine.nbytes > weights.stat().st_size
    modes = {path.name: path.stat().st_mode & 0o777 for path in weights.parent.iterdir()}
    assert set(modes.values()) == {0o644}, modes


def test_a_folder_that_cannot_be_written_does_not_stop_the_voice(
    toy: Manifest, tmp_path: Path
) -> None:
    """In a folder that cannot be written, pieces stay in memory, with a warning."""
    folder = tmp_path / "pieces"
    expected = spoken(toy, folder)
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where the folder should be")
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="WARNING", format="{message}")
    try:
        loaded = compiled.load(toy, occupied / "pieces")
    finally:
        logger.remove(sink)
    assert isinstance(loaded.text, bytes)
    assert ["cannot be kept" in line for line in lines] == [True]
    np.testing.assert_array_equal(spoken(toy, occupied / "pieces"), expected)


def test_the_key_is_the_voice_and_the_format(
    toy: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each voice, format and runtime has its own pieces."""
    folder = tmp_path / "pieces"
    compiled.load(toy, folder)
    monkeypatch.setattr(compiled, "FORMAT", compiled.FORMAT + 1)
    compiled.load(toy, folder)
    assert len(list(folder.iterdir())) == 2
    assert all(path.name.startswith(toy.digest) for path in folder.iterdir())


def test_what_other_versions_left_goes_after_a_month(toy: Manifest, tmp_path: Path) -> None:
    """Pieces of other versions are removed after a month.

    So upgrades do not fill the disk. Pieces that are or may be in use stay.
    """
    folder = tmp_path / "pieces"
    now = time.time()
    ages = {"a-1-1.0": 40, ".a-1-1.0.draft": 40, f"b-{compiled.FORMAT}-{runtime}": 40, "c-1-1.0": 3}
    for name, days in ages.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "text.onnx").write_bytes(b"x")
        os.utime(folder / name, (now - days * 86400,) * 2)
    kept = compiled.load(toy, folder).text
    assert isinstance(kept, Path)
    left = {path.name for path in folder.iterdir()}
    assert left == {f"b-{compiled.FORMAT}-{runtime}", "c-1-1.0", kept.parent.name}


def test_a_voice_without_a_seam_is_served_whole(tmp_path: Path) -> None:
    """A voice without a seam speaks in windows too, and one log line says why it is not cut."""
    lines: list[str] = []
    sink = logger.add(
        lambda line: lines.append(str(line)), level="INFO", format="{message} {extra}"
    )
    try:
        engine = Engine(manifest.read(install_pair(tmp_path)), folder=tmp_path / "pieces")
    finally:
        logger.remove(sink)
    assert len(lines) == 1
    assert "served whole" in lines[0]
    assert "no convolution follows the frames" in lines[0]
    made = engine.begin([1] * 7, Prosody(1, 0, 0))
    assert made.samples == 700
    parts = [pcm.samples for pcm in made]
    assert np.concatenate(parts).tolist() == engine.synthesise([1] * 7, SAID).samples.tolist()


def test_engines_in_many_threads_share_a_plan(toy: Manifest, tmp_path: Path) -> None:
    """Sentences of one engine in several threads do not share state."""
    engine = Engine(toy, folder=tmp_path / "pieces")
    assert isinstance(compiled.load(toy, tmp_path / "pieces").plan, Plan)
    expected = [engine.synthesise(range(3, 25), SAID, seed=seed).samples for seed in range(4)]
    made = [engine.begin(range(3, 25), SAID, seed=seed) for seed in range(4)]
    found: list[list[np.ndarray]] = [[] for _ in made]

    def work(index: int) -> None:
        while not made[index].done:
            found[index].append(made[index].window(2).samples)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for parts, whole in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.concatenate(parts), whole)
