"""More and fewer workers by signals."""

import signal

from tests.conftest import Starter


def test_more_and_fewer_at_once_keeps_those_that_serve(start: Starter) -> None:
    """A worker that is not needed any more is ended before one that serves already."""
    with start({"server": {"workers": 2}}, pair=True) as server:
        server.wait_for("worker ready", 2)
        serving = set(server.workers())
        for _ in range(2):
            server.process.send_signal(signal.SIGTTIN)
            server.wait_until(lambda: len(server.workers()) == 3, "a third worker")
            server.process.send_signal(signal.SIGTTOU)
            server.wait_until(lambda: len(server.workers()) == 2, "two workers")
        assert set(server.workers()) == serving
        ended = {line["process"] for line in server.lines("draining")}
        assert not ended & serving
