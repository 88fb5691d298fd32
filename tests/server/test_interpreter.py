"""Settings of the interpreter that keep the event loop fast (`benchmarks/performance.py`)."""

import json
import subprocess
import sys

PROGRAM = """
import gc, json, sys
from concurrent.futures import Future
from vits_tts.server.interpreter import tune_interpreter
made = Future()
tune_interpreter(made)
before = gc.get_freeze_count()
book = [[number] for number in range(100_000)]
made.set_result(None)
loop = []
loop.append(loop)
del loop
print(json.dumps([sys.getswitchinterval(), before, gc.get_freeze_count(), gc.collect()]))
"""


def test_what_stays_is_not_looked_through_again() -> None:
    """Garbage is collected, but objects from the start of the process are not visited again."""
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    interval, before, frozen, found = json.loads(told.stdout)
    assert interval < 0.005
    assert before == 0
    assert frozen > 100_000
    assert found >= 1
