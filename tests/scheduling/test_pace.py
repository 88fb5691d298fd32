"""The cost model: recent measurements, weighted by their size."""

import pytest

from vits_tts.inference.engine import Trial
from vits_tts.scheduling.cost_model import CostModel, Rate
from vits_tts.scheduling.scheduler import CROWDED_FACTOR


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


def test_a_trial_replaces_the_guess() -> None:
    """The first expectation is the cost of the trial, as it would be on busy cores."""
    trial = Trial(characters=20, text=0.002, first_window=0.007, windows=0.03, speech=2.0)
    pace = CostModel(trial)
    assert CostModel().guessed
    assert not pace.guessed
    assert pace.start(40) == pytest.approx(CROWDED_FACTOR * (0.004 + 0.007))
    expected = 0.0001 * 30 + pace.speech(30, 1.0) * 0.015
    assert pace.work(30, 1.0) == pytest.approx(CROWDED_FACTOR * expected)
