"""A piece of a voice, loaded: each run takes one thread, the caller's."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

import onnxruntime

from vits_tts.voice.cancel import Cancel, Cancelled
from vits_tts.voice.plan import Array

Model: TypeAlias = Path | bytes
"""A graph, in a file or in memory."""

_LOG_FATAL: Final = 4
_GIVE_BACK: Final = "memory.enable_memory_arena_shrinkage"
_RUNS: Final = 128
"""So many for each time that the arena is given back."""


class Session:
    """Runs a graph that is optimised already. Threads may do so at the same time.

    What runs need comes from an arena that never becomes smaller by itself. Outputs are copied out
    of it: as long as a sentence is on its way its state would stay between what other runs leave,
    and the arena grow with every hour. And once in so many runs what is free of it is given back.
    """

    def __init__(self, model: Model) -> None:
        """Load it; what onnxruntime raises if it cannot has no common base."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # it remembers a plan for each length of a sentence
        options.log_severity_level = _LOG_FATAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        source = str(model) if isinstance(model, Path) else model
        self._session = onnxruntime.InferenceSession(
            source, options, providers=["CPUExecutionProvider"]
        )
        self.inputs: list[str] = [item.name for item in self._session.get_inputs()]
        self.outputs: list[str] = [item.name for item in self._session.get_outputs()]
        self._runs = count(1)

    def run(self, feed: Mapping[str, Array], cancel: Cancel) -> list[Array]:
        """Return the outputs, in order; they are the caller's own.

        Raises:
            Cancelled: ``cancel`` was called before it was done.

        """
        options = cancel.options()
        if next(self._runs) % _RUNS == 0:
            options.add_run_config_entry(_GIVE_BACK, "cpu:0")
        try:
            outputs: list[Array] = self._session.run(None, feed, options)
        except Exception:
            if cancel.cancelled:
                raise Cancelled from None
            raise
        return [output.copy() for output in outputs]
