"""The rule that drops slow clients, tested with artificial times."""

import pytest

from vits_tts.web.http.minimum_rate import GRAIN_BYTES, MinimumRate

_PATIENCE = 30.0
_HOURS = 3 * 3600

RATES = {
    "wav at 22050 Hz": 44100.0,
    "wav at 48000 Hz": 96000.0,
    "mu-law at 8000 Hz": 8000.0,
    "opus at 6 kbit/s": 750.0,
}


def given_up(
    bytes_a_second: float,
    times_real: float,
    *,
    every: float = 1.0,
    lump: float = 1.0,
    until: float = _HOURS,
) -> float | None:
    """Return the seconds until a client that reads ``times_real`` times real time is dropped.

    The rule is checked ``every`` so often. The client fills its buffers with ``lump`` bytes first,
    and again whenever they have been played. None: the client is never dropped.
    """
    rate = MinimumRate(_PATIENCE, 0.0)
    grain = GRAIN_BYTES / bytes_a_second
    now = 0.0
    while now < until:
        now += every
        taken = now * times_real * bytes_a_second
        taken += lump - taken % lump
        if rate.too_slow(now, taken / bytes_a_second, grain):
            return now
    return None


@pytest.mark.parametrize("lump", [1.0, 1460.0, GRAIN_BYTES])
@pytest.mark.parametrize("times_real", [0.26, 0.5, 1.0, 8.0])
@pytest.mark.parametrize("kind", RATES)
def test_a_quarter_of_real_time_is_enough(kind: str, times_real: float, lump: float) -> None:
    """A quarter of real time is enough in every format, also if the kernel reports in lumps."""
    assert given_up(RATES[kind], times_real, lump=lump) is None


@pytest.mark.parametrize("times_real", [0.0, 0.01, 0.1, 0.2])
@pytest.mark.parametrize("kind", RATES)
def test_less_is_not(kind: str, times_real: float) -> None:
    """Less than a quarter is too slow at every byte rate."""
    grain = GRAIN_BYTES / RATES[kind]
    seconds = given_up(RATES[kind], times_real)
    assert seconds is not None
    longest = (_PATIENCE + 3 * grain) / (1 - 4 * times_real) + 2
    assert _PATIENCE <= seconds <= longest


def test_a_few_hundred_bytes_a_second() -> None:
    """For ordinary speech, a few hundred bytes a second end within a minute."""
    seconds = given_up(44100.0, 300 / 44100)
    assert seconds is not None
    assert seconds < 60


@pytest.mark.parametrize("burst", [5.0, 30.0, 120.0])
@pytest.mark.parametrize("kind", RATES)
def test_players_with_buffers(kind: str, burst: float) -> None:
    """A player in real time is never dropped, however much it reads at once and then plays."""
    assert given_up(RATES[kind], 1.0, lump=burst * RATES[kind]) is None
    assert given_up(RATES[kind], 1.0, lump=burst * RATES[kind], every=0.25) is None


def test_what_was_taken_at_once_does_not_pay_for_ever() -> None:
    """A client that reads a minute of sound and stops is dropped when that has been played."""
    rate = MinimumRate(_PATIENCE, 0.0)
    assert not rate.too_slow(1.0, 60.0, 1.5)
    assert not rate.too_slow(61.0, 60.0, 1.5)
    assert rate.seconds_left(61.0, 1.5) is None
    assert not rate.too_slow(81.0, 60.0, 1.5)
    assert rate.seconds_left(81.0, 1.5) == pytest.approx(_PATIENCE + 4.5 - 20)
    assert rate.too_slow(61.0 + _PATIENCE + 4.6, 60.0, 1.5)


def test_only_waiting_counts() -> None:
    """Time in which the server had nothing to send does not count."""
    rate = MinimumRate(_PATIENCE, 0.0)
    for number in range(1, 100):
        begun = number * 60.0
        rate.resume(begun)  # the server had nothing to send for a minute
        assert not rate.too_slow(begun + 0.1, 0.0, 1.5)


def test_it_may_catch_up() -> None:
    """A client that reads faster again makes up for having been slow."""
    rate = MinimumRate(_PATIENCE, 0.0)
    assert not rate.too_slow(30.0, 0.0, 0.1)
    for now in range(31, 1000):
        assert not rate.too_slow(float(now), 0.3 * (now - 30), 0.1)
