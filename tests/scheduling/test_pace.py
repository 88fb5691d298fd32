"""The cost model: recent measurements, weighted by their size."""

import pytest

from vits_tts.scheduling.cost_model import CostModel, Rate


def test_rates_follow_what_is_measured() -> None:
    """Measurements soon replace the first guess."""
    rate = Rate(1.0, ordinary=10)
    for _ in range(100):
        rate.learn(of=2 * 10, to=10)
    assert rate.value == pytest.approx(2, rel=0.01)


def test_small_things_say_little() -> None:
    """Twenty texts of one syllable do not make a long text three times as long."""
    pace = CostModel()
    for _ in range(50):
        pace.length.learn(0.065 * 60, 60)
    for _ in range(20):
        pace.length.learn(0.6, 3)
    assert pace.speech(1000, 1.0) < 1.5 * 65
