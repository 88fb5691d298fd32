"""What runs need in between: one arena for all sessions of a process.

With one for each session, as onnxruntime has it by itself, each grows to the most that its own
runs ever took at once, though all of them never run together.
"""

from functools import cache
from itertools import count
from threading import Lock
from typing import Final

import numpy as np
import onnxruntime

_USE_SHARED: Final = "session.use_env_allocators"
_WEIGHTS_ELSEWHERE: Final = "session.use_device_allocator_for_initializers"
_GIVE_BACK: Final = ("memory.enable_memory_arena_shrinkage", "cpu:0")
_RUNS: Final = 32
"""So many for each time that it is given back: seldom enough to cost little."""
_NOTHING: Final = bytes.fromhex(
    "08083a360a100a017812017922084964656e7469747912005a0f0a0178120a0a"
    "08080112040a020801620f0a0179120a0a08080112040a02080142040a001011"
)
"""A graph, as ONNX writes it: y float32 [1] is x. Making it takes a library that is not loaded."""


class Arena:
    """Memory for runs, kept for the next. It never becomes smaller by itself.

    Once in so many runs what is free of it is given back, but for its first megabyte, else a
    process would stay as large as the longest sentence ever made it.
    """

    def __init__(self) -> None:
        """Make it known to onnxruntime's environment, of which a process has one."""
        about = onnxruntime.OrtMemoryInfo(
            "Cpu",
            onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
            0,
            onnxruntime.OrtMemType.DEFAULT,
        )
        onnxruntime.create_and_register_allocator(about, onnxruntime.OrtArenaCfg({}))
        self._runs = count(1)

    def serve(self, options: onnxruntime.SessionOptions) -> None:
        """Have a session take what its runs need from here; its weights stay apart."""
        options.add_session_config_entry(_USE_SHARED, "1")
        options.add_session_config_entry(_WEIGHTS_ELSEWHERE, "1")

    def count(self, options: onnxruntime.RunOptions) -> None:
        """Count a run; after some of them what is free goes back."""
        if next(self._runs) % _RUNS == 0:
            options.add_run_config_entry(*_GIVE_BACK)

    def give_back(self) -> None:
        """Give back what is free now: only a run can, so one is made of a graph that does nothing.

        That is worth it when sessions are gone, and there may be none that runs soon.
        """
        options, run = onnxruntime.SessionOptions(), onnxruntime.RunOptions()
        options.intra_op_num_threads = 1
        self.serve(options)
        run.add_run_config_entry(*_GIVE_BACK)
        session = onnxruntime.InferenceSession(
            _NOTHING, options, providers=["CPUExecutionProvider"]
        )
        session.run(None, {"x": np.zeros(1, np.float32)}, run)


_SHARED: Final = cache(Arena)
_LOCK: Final = Lock()


def shared() -> Arena:
    """Return the arena of this process, made when it is needed first."""
    with _LOCK:  # several threads may load voices
        return _SHARED()
