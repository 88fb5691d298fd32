"""A worker that is aborted, as the master does with one that hangs."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.conftest import Starter

LONG = "Sáng sớm, những con đường quanh hồ còn vắng người, chỉ có tiếng chổi quét lá. " * 40


def test_an_aborted_worker_is_gone_at_once(start: Starter) -> None:
    """Its requests are cut, and none is answered with an internal error; a new worker serves."""
    with start({"server": {"workers": 1}}) as server:
        server.wait_for("worker ready")
        (worker,) = server.workers()

        def asked(number: int) -> int | None:
            try:
                text = f"{number}. {LONG}"
                return httpx.post(f"{server.url}/tts", json={"text": text}).status_code
            except httpx.TransportError:
                return None

        with ThreadPoolExecutor(4) as threads:
            statuses = threads.map(asked, range(4))
            server.wait_until(lambda: server.under_way() == 5, "four requests")
            os.kill(worker, signal.SIGABRT)
            assert set(statuses) <= {None, 200}
        server.wait_for_text(f"Worker (pid:{worker}) was sent SIGABRT!")
        server.wait_for("worker ready", 2)
        assert httpx.post(f"{server.url}/tts", json={"text": "Xin chào."}).status_code == 200
        assert not [line for line in server.lines("request") if line["status"] == 500]
