"""The rules that most texts need are compiled before the first request."""

import gc
import threading
from pathlib import Path

from tests.support.voices import install_pair
from vits_tts.config import load
from vits_tts.speech.pipeline import build
from vits_tts.text.patterns import _Pattern


def test_the_usual_rules_are_compiled_at_the_start(tmp_path: Path) -> None:
    """An ordinary line compiles next to nothing once the thread that reads has started."""
    install_pair(tmp_path / "voices")
    path = tmp_path / "config.yaml"
    path.write_text(f"voice: {{name: pair, folder: {tmp_path / 'voices'}}}", "utf-8")
    speech = build(load(path))
    rules = [vars(thing) for thing in gc.get_objects() if isinstance(thing, _Pattern)]

    def compiled() -> int:
        return sum("_compiled" in rule for rule in rules)

    before = compiled()
    speech._requests.start()
    idle = threading.Event()
    speech._requests._queue.later(idle.set)
    assert idle.wait(60)
    ready = compiled()
    speech._requests._normaliser('Bộ Y tế nói: "Từ 20 - 25/6 có 310 ca", giảm 3,5% so với 2024')
    assert ready > before + 100
    assert compiled() < ready + 20
    speech._requests.close()
