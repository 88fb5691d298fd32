"""Creation of long-lived objects without the garbage collector."""

import subprocess
import sys

_PROGRAM = """
import gc
from vits_tts.uncollected import uncollected

gc.unfreeze()
with uncollected():
    with uncollected():
        made = [[] for _ in range(100_000)]
    print(gc.isenabled(), gc.get_freeze_count())
print(gc.isenabled(), gc.get_freeze_count() > 100_000, sum(gc.get_count()) < 1000)
try:
    with uncollected():
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print(gc.isenabled())
gc.disable()
with uncollected():
    pass
print(gc.isenabled())
"""


def test_the_collector_is_off_and_then_skips_what_was_made() -> None:
    """It is off in the outermost block, then on again, also after an error; objects are frozen."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True)
    assert done.stdout.split() == b"False 0 True True True True False".split()
