"""A piece of a voice, loaded: a run takes the caller's thread, or that and one more."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

import onnxruntime

from vits_tts.voice import arena
from vits_tts.voice.cancel import Cancel, Cancelled
from vits_tts.voice.plan import Array

Model: TypeAlias = Path | bytes
"""A graph, in a file or in memory."""

MOST_CORES: Final = 2
"""That one piece takes: with more, parts of it become so small that sums come out differently."""
_LOG_FATAL: Final = 4
_SPIN_MICROSECONDS: Final = "200"
"""How long the second thread looks for more to do before it sleeps.

Nearly all that the first does alone between two operations that both share is shorter. A thread
that fell asleep is woken late, at times on the first one's core, and then they share that one.
"""


class Session:
    """Runs a graph that is optimised already. Threads may do so at the same time.

    What runs need comes from an arena, and outputs lie there. Copy what you keep: as long as a
    sentence is on its way its state would stay between what other runs leave, and the arena grow
    with every hour.
    """

    def __init__(self, model: Model, threads: int = 1) -> None:
        """Load it for runs on so many threads.

        What onnxruntime raises if it cannot has no common base.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # it remembers a plan for each length of a sentence
        options.log_severity_level = _LOG_FATAL
        options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
        options.add_session_config_entry("session.force_spinning_stop", "1")  # after a run, nothing
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
        """Return the outputs, in order, in the arena.

        Raises:
            Cancelled: ``cancel`` was called before it was done.

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
    """A graph that runs on one core, or on two where there are sessions for that."""

    def __init__(self, model: Model, cores: int) -> None:
        """Load it for one core and, if there are more, for two."""
        alone = Session(model)
        self._sessions = [alone, Session(model, MOST_CORES) if cores > 1 else alone]
        self.inputs = alone.inputs
        self.outputs = alone.outputs

    def run(self, feed: Mapping[str, Array], cancel: Cancel, cores: int = 1) -> list[Array]:
        """Return the outputs, in order, in the arena.

        Raises:
            Cancelled: ``cancel`` was called before it was done.

        """
        return self._sessions[cores > 1].run(feed, cancel)
