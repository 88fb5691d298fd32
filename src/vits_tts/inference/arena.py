"""Memory arena for the temporary tensors of inference, shared by all sessions of a process.

By default onnxruntime gives each session an arena of its own. Each of them would grow to the
largest amount that its own runs ever needed, although the sessions rarely run at the same time.
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
"""Number of runs between two shrinkings of the arena: rare enough to cost little."""
_NOTHING: Final = bytes.fromhex(
    "08083a360a100a017812017922084964656e7469747912005a0f0a0178120a0a"
    "08080112040a020801620f0a0179120a0a08080112040a02080142040a001011"
)
"""A serialized ONNX graph with ``y = Identity(x)``, float32 ``[1]``.

It is a constant because building it needs the package ``onnx``, which a server does not import.
"""


class Arena:
    """Memory that onnxruntime keeps for the next run.

    The arena never shrinks by itself, so the process would keep the size of its longest sentence.
    Every ``_RUNS`` runs the free part is returned to the system, except its first megabyte.
    """

    def __init__(self) -> None:
        """Register the arena in onnxruntime's environment, of which a process has one."""
        about = onnxruntime.OrtMemoryInfo(
            "Cpu",
            onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
            0,
            onnxruntime.OrtMemType.DEFAULT,
        )
        onnxruntime.create_and_register_allocator(about, onnxruntime.OrtArenaCfg({}))
        self._runs = count(1)

    def serve(self, options: onnxruntime.SessionOptions) -> None:
        """Configure a session to take temporary tensors from this arena, but not its weights."""
        options.add_session_config_entry(_USE_SHARED, "1")
        options.add_session_config_entry(_WEIGHTS_ELSEWHERE, "1")

    def count(self, options: onnxruntime.RunOptions) -> None:
        """Count a run. Every ``_RUNS`` calls it makes the run return free memory when it ends."""
        if next(self._runs) % _RUNS == 0:
            options.add_run_config_entry(*_GIVE_BACK)

    def give_back(self) -> None:
        """Return all free memory to the system now.

        Call it after sessions were deleted, since the next run may be far away. Only a run can
        shrink the arena, so this runs a graph that does nothing.
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
    """Return the arena of this process, which the first call creates."""
    with _LOCK:  # threads may load voices at the same time
        return _SHARED()
