"""The rules that most texts need are compiled before the first request."""

import subprocess
import sys
from pathlib import Path

from tests.support.server import clean_environment
from tests.support.voices import install_pair

PROGRAM = """if True:
    import gc
    import threading
    from pathlib import Path
    from vits_tts.config import load
    from vits_tts.speech.pipeline import build
    from vits_tts.text.patterns import _Pattern

    speech = build(load(Path("config.yaml")))
    rules = [vars(thing) for thing in gc.get_objects() if isinstance(thing, _Pattern)]

    def tell():
        print(sum("_compiled" in rule for rule in rules))

    tell()
    speech._requests.start()
    idle = threading.Event()
    speech._requests._queue.later(idle.set)
    assert idle.wait(60)
    tell()
    speech._requests._normaliser('Bộ Y tế nói: "Từ 20 - 25/6 có 310 ca", giảm 3,5% so với 2024')
    tell()
    speech._requests.close()
"""


def test_the_usual_rules_are_compiled_at_the_start(tmp_path: Path) -> None:
    """An ordinary line compiles next to nothing once the thread that reads has started."""
    install_pair(tmp_path / "voices")
    settings = f"voice: {{name: pair, folder: {tmp_path / 'voices'}}}"
    (tmp_path / "config.yaml").write_text(settings, "utf-8")
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        check=True,
    )
    before, ready, after = map(int, found.stdout.split())
    assert ready > before + 100
    assert after < ready + 20
