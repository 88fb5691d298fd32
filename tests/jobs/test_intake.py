"""The waits of the threads that take work from the queue."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vits_tts.jobs.intake import _Signal

_INTERVAL = 0.5


@pytest.fixture
def signal() -> "_Signal":
    """Return the signal of a thread."""
    from vits_tts.jobs.intake import _Signal  # loads slowly

    return _Signal()


@pytest.fixture
def waits(signal: "_Signal", monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds of each wait that no signal ended; nothing waits for real."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        if signal._any.is_set():
            return True
        waited.append(seconds)
        return False

    monkeypatch.setattr(signal._any, "wait", wait)
    return waited


def test_waits_become_longer(signal: "_Signal", waits: list[float]) -> None:
    """After a signal a thread asks a few times soon, then at the interval of the queue."""
    assert not any(signal.wait(_INTERVAL) for _ in range(20))
    assert waits[0] < _INTERVAL / 10
    assert waits == sorted(waits)
    assert waits[10:] == [_INTERVAL] * 10
    signal.ask()
    assert not signal.wait(_INTERVAL)
    assert not signal.wait(_INTERVAL)
    assert waits[20:] == waits[:1]


def test_a_signal_before_a_wait_counts(signal: "_Signal", waits: list[float]) -> None:
    """Work that is enqueued while a thread asks is not missed, and is asked for once."""
    signal.ask()
    signal.ask()
    assert not signal.wait(_INTERVAL)
    assert not waits
    assert not signal.wait(_INTERVAL)
    assert len(waits) == 1


def test_a_thread_stops(signal: "_Signal") -> None:
    """A wait ends at once if the thread has to stop."""
    signal.set()
    assert signal.wait(3600.0)
