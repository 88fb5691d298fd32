"""Tests of the measures of a take, on sounds whose levels are known."""

from collections.abc import Callable

import numpy as np
import pytest

from training.recording import levels
from training.recording.levels import Samples, faults, measured, verdict

RATE = 48_000
SYLLABLES = 10


def sound(
    speech: float = -20.0,
    noise: float = -70.0,
    *,
    seconds: float = 2.5,
    lead: float = 0.5,
    tail: float = 0.5,
    rate: int = RATE,
) -> Samples:
    """Return a tone of ``speech`` dBFS that swells like syllables, in noise of ``noise`` dBFS."""
    random = np.random.default_rng(1)
    count = int(seconds * rate)
    time = np.arange(count) / rate
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    tone = swell * np.sin(2 * np.pi * 200 * time)
    tone *= 10 ** (speech / 20) / np.sqrt(np.square(tone).mean())
    whole = np.concatenate([np.zeros(int(lead * rate)), tone, np.zeros(int(tail * rate))])
    whole += 10 ** (noise / 20) * random.standard_normal(len(whole))
    return whole.astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_levels_and_edges_are_measured(rate: int) -> None:
    """Speech, noise, peak and the silence at both ends are found as they were made."""
    made = sound(-22, -65, lead=0.7, tail=0.4, rate=rate)
    found = measured(made, rate)
    assert found.speech == pytest.approx(-22, abs=0.3)
    assert found.noise == pytest.approx(-65, abs=1)
    assert found.ratio == pytest.approx(43, abs=1.2)
    assert found.peak == pytest.approx(20 * np.log10(np.abs(made).max()), abs=0.01)
    assert found.lead == pytest.approx(0.7, abs=0.03)
    assert found.tail == pytest.approx(0.4, abs=0.03)
    assert found.seconds == pytest.approx(3.6, abs=0.001)
    assert found.clipped == 0


def test_a_good_take_has_no_faults() -> None:
    """Clear speech at a usual level in a quiet room is good."""
    reasons = faults(measured(sound(), RATE), SYLLABLES)
    assert not reasons
    assert verdict(reasons) == "good"


def _clipped() -> Samples:
    return np.clip(sound(-3), -1, 1)


@pytest.mark.parametrize(
    ("make", "code", "expected"),
    [
        (_clipped, "clipped", "repeat"),
        (lambda: sound(-7.2), "loud", "usable"),
        (lambda: sound(-38, -80), "quiet", "usable"),
        (lambda: sound(-50, -90), "quiet", "repeat"),
        (lambda: sound(-20, -50), "noisy", "usable"),
        (lambda: sound(-20, -38), "noisy", "repeat"),
        (lambda: sound(lead=0.02), "no_lead", "repeat"),
        (lambda: sound(tail=0.02), "no_tail", "repeat"),
        (lambda: sound(lead=2.5), "silence", "usable"),
        (lambda: sound(seconds=0.9), "short", "repeat"),
        (lambda: sound(seconds=1.25), "fast", "usable"),
        (lambda: sound(seconds=6), "slow", "usable"),
        (lambda: sound(-90, -60), "nothing", "repeat"),
        (lambda: np.zeros(RATE, np.float32), "nothing", "repeat"),
        (lambda: np.zeros(10, np.float32), "nothing", "repeat"),
    ],
)
def test_each_fault_is_named(make: Callable[[], Samples], code: str, expected: str) -> None:
    """A take with one fault has this fault alone, in words of both languages."""
    reasons = faults(measured(make(), RATE), SYLLABLES)
    assert [reason.code for reason in reasons] == [code]
    assert verdict(reasons) == expected
    assert reasons[0].english.endswith((".", "?"))
    assert reasons[0].vietnamese.endswith((".", "?"))


def test_serious_faults_come_first() -> None:
    """The reader sees first why a take has to be repeated."""
    reasons = faults(measured(sound(-40, -70, tail=0.02), RATE), SYLLABLES)
    assert [reason.serious for reason in reasons] == sorted(
        (reason.serious for reason in reasons), reverse=True
    )
    assert reasons[0].code == "no_tail"
    assert {reason.code for reason in reasons} == {"no_tail", "quiet", "noisy"}


def test_one_full_sample_is_not_clipping() -> None:
    """Peaks that were cut off have several samples in a row at the end of the scale."""
    take = sound()
    take[30_000:30_002] = 1.0
    assert levels.clipped(take) == 0
    take[30_000:30_004] = -1.0
    assert levels.clipped(take) == 4


def test_a_click_and_an_offset_are_not_speech() -> None:
    """The press of a key before the speech moves no edge, and an offset is not noise."""
    take = sound(lead=1.0) + np.float32(0.01)
    take[10_000:10_200] += 0.3
    found = measured(take, RATE)
    assert found.lead == pytest.approx(1.0, abs=0.03)
    assert found.noise == pytest.approx(-70, abs=1)
