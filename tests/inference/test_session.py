"""The session of a stage: its outputs, its cancellation, and the release of its memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from vits_tts.inference.cancel import Cancel, Cancelled
from vits_tts.inference.session import Piece, Session


def large(folder: Path) -> Path:
    """Make a graph that needs much memory: four bytes for each pair of elements."""
    nodes = [
        helper.make_node("Unsqueeze", ["x", "one"], ["column"]),
        helper.make_node("Mul", ["x", "column"], ["pairs"]),
        helper.make_node("Exp", ["pairs"], ["more"]),
        helper.make_node("ReduceMax", ["more"], ["y"], keepdims=0),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [])
    one = helper.make_tensor("one", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(nodes, "large", [x], [y], [one])
    path = folder / "large.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_inputs_and_outputs(tmp_path: Path) -> None:
    """Inputs and outputs have their names and order."""
    session = Session(large(tmp_path))
    (found,) = session.run({"x": np.ones(4, np.float32)}, Cancel())
    assert found == pytest.approx(np.e)
    assert (session.inputs, session.outputs) == (["x"], ["y"])


def test_cancelled_before_and_after_another_run(tmp_path: Path) -> None:
    """One cancel object serves several runs in turn, until it is called."""
    session, cancel = Session(large(tmp_path)), Cancel()
    feed = {"x": np.ones(4, np.float32)}
    for _ in range(2):
        session.run(feed, cancel)
    cancel.cancel()
    with pytest.raises(Cancelled):
        session.run(feed, cancel)
    session.run(feed, Cancel())


def test_one_cancel_stops_all_that_run_with_it() -> None:
    """One cancel stops all runs that use it at the same time, and later ones."""
    cancel = Cancel()
    with cancel.run() as one, cancel.run() as other:
        assert not one.terminate
        cancel.cancel()
        assert one.terminate
        assert other.terminate
    with cancel.run() as later:
        assert later.terminate


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_piece_for_two_cores_has_one_thread_more(tmp_path: Path) -> None:
    """A stage for two cores has one more thread; a stage for one core has only the caller's.

    The result is the same.
    """

    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    one = Piece(large(tmp_path), 1)
    assert threads() == before
    two = Piece(large(tmp_path), 2)
    assert threads() == before + 1
    assert one._sessions[0] is one._sessions[1]
    feed = {"x": np.linspace(0, 1, 500, dtype=np.float32)}
    made = [piece.run(feed, Cancel(), cores) for piece in (one, two) for cores in (1, 2)]
    assert [float(found) for (found,) in made] == [pytest.approx(np.e)] * 4


def test_a_piece_runs_on_as_many_cores_as_it_is_told(tmp_path: Path) -> None:
    """A stage runs on the given number of cores, in the session with this many threads."""
    piece, ran = Piece(large(tmp_path), 2), []

    class Told(Session):
        def __init__(self, cores: int) -> None:
            self.cores = cores

        def run(self, *_: object) -> list[np.ndarray]:
            ran.append(self.cores)
            return []

    piece._sessions = [Told(1), Told(2)]
    for cores in (1, 2, 1):
        piece.run({}, Cancel(), cores)
    assert ran == [1, 2, 1]


STORY = """
import sys
from pathlib import Path
import numpy as np
from vits_tts.inference import arena
from vits_tts.inference.cancel import Cancel
from vits_tts.inference.session import Session

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

one, other = (Session(Path(sys.argv[1])) for _ in range(2))
for session in (one, other):
    session.run({"x": np.ones(10, np.float32)}, Cancel())
before = resident()
for session in (one, other):
    session.run({"x": np.ones(4000, np.float32)}, Cancel())
    print(resident() - before)
for _ in range(40):
    other.run({"x": np.ones(10, np.float32)}, Cancel())
print(resident() - before)
one.run({"x": np.ones(4000, np.float32)}, Cancel())
del one, other, session
arena.shared().give_back()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_shared_and_given_back(tmp_path: Path) -> None:
    """Sessions share freed memory, and a long sentence does not keep large buffers forever."""
    told = subprocess.run(
        [sys.executable, "-c", STORY, str(large(tmp_path))],
        check=True,
        capture_output=True,
        text=True,
    )
    first, both, later, last = map(int, told.stdout.split())
    assert first > 60_000_000
    assert both < first + 20_000_000
    assert later < 20_000_000
    assert last < 20_000_000
