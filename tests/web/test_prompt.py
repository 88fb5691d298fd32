"""What keeps the event loop prompt; how prompt it is shows in `benchmarks/performance.py`."""

import json
import subprocess
import sys

PROGRAM = """
import gc, json, sys
from concurrent.futures import Future
from vits_tts.web.prompt import keep_prompt
made = Future()
keep_prompt(made)
before = gc.get_freeze_count()
book = [[number] for number in range(100_000)]
made.set_result(None)
loop = []
loop.append(loop)
del loop
print(json.dumps([sys.getswitchinterval(), before, gc.get_freeze_count(), gc.collect()]))
"""


def test_what_stays_is_not_looked_through_again() -> None:
    """Garbage is found still, but not looked for in what was there before all was made."""
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    interval, before, frozen, found = json.loads(told.stdout)
    assert interval < 0.005
    assert before == 0
    assert frozen > 100_000
    assert found >= 1
