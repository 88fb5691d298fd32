"""An onnxruntime session of one graph, run on the caller's thread alone or with a second thread."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import onnxruntime

from vits_tts.inference import arena
from vits_tts.inference.cancel import Cancel, Cancelled
from vits_tts.inference.plan import Array

Model: TypeAlias = Path | bytes
"""An ONNX graph, as a file or as bytes."""

MOST_CORES: Final = 2
"""Maximum cores of one run. With more, parts of an operator become too small, and sums differ."""
_LOG_FATAL: Final = 4
_SPIN_MICROSECONDS: Final = "200"
"""Microseconds for which the second thread spins, waiting for work, before it sleeps.

Nearly all operators that run on the first thread alone are shorter. A sleeping thread wakes late,
and sometimes on the core of the first thread, so that both share one core.
"""


class Session:
    """Runs an optimised graph. Several threads may use it at the same time.

    Outputs lie in the arena. Copy those that outlive the next runs: memory held between the blocks
    of other runs would make the arena grow without end.
    """

    def __init__(self, model: Model, threads: int = 1) -> None:
        """Load a graph for runs on ``threads`` threads.

        Raises:
            Exception: the graph cannot be loaded; onnxruntime's errors have no common base class.

        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # it would keep a memory plan for each length of a sentence
        options.enable_mem_pattern = False
        options.log_severity_level = _LOG_FATAL
        options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
        # stop spinning as soon as a run ends
        options.add_session_config_entry("session.force_spinning_stop", "1")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._arena = arena.shared()
        self._arena.serve(options)
        source = str(model) if isinstance(model, Path) else model
        self._session = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        self.inputs: list[str] = [item.name for item in self._session.get_inputs()]
        self.outputs: list[str] = [item.name for item in self._session.get_outputs()]

    def run(self, feed: Mapping[str, Array], cancel: Cancel) -> list[Array]:
        """Return the outputs in the order of the graph. Their memory belongs to the arena.

        Raises:
            Cancelled: ``cancel`` was called before the run was done.

        """
        with cancel.run() as options:
            self._arena.count(options)
            try:
                outputs: list[Array] = self._session.run(None, feed, options)
            except Exception:
                if cancel.cancelled:
                    raise Cancelled from None
                raise
        return outputs


class Piece:
    """A graph with a session for one core and, if requested, one for two cores."""

    def __init__(self, model: Model, cores: int) -> None:
        """Load the graph for one core and, if ``cores`` is larger, for two."""
        alone = Session(model)
        self._sessions = [alone, Session(model, MOST_CORES) if cores > 1 else alone]
        self.inputs = alone.inputs
        self.outputs = alone.outputs

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int = 1) -> list[Array]:
        """Return the outputs in the order of the graph. Their memory belongs to the arena.

        Raises:
            Cancelled: ``cancel`` was called before the run was done.

        """
        return self._sessions[cores > 1].run(feed, cancel)
