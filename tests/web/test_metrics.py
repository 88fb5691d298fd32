"""`/metrics`: the effect of requests, over all workers."""

import os
import re
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Starter
from tests.support.server import Server, Settings
from tests.support.voices import install_pair
from vits_tts.telemetry import metrics
from vits_tts.web import process_metrics
from vits_tts.web.state import State


def values(server: Server) -> dict[str, float]:
    """Return every sample by its name and labels, in Prometheus' notation."""
    page = httpx.get(f"{server.url}/metrics").text
    return {
        sample.name
        + "{"
        + ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
        + "}": sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_what_requests_leave(start: Starter, tmp_path: Path) -> None:
    """Requests are counted by route, method and status, with histograms of their times.

    Seconds of synthesised and of sent audio are counted too.
    """
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {"server": {"workers": 2}, "voice": {"name": "pair"}}
    with start(settings) as server:
        audio = 0.0
        for _ in range(3):
            answer = httpx.get(f"{server.url}/tts/stream?text=mot hai ba")
            audio += (len(answer.content) - 44) / 2 / 8000
        httpx.post(f"{server.url}/tts", json={"text": ""})
        httpx.get(f"{server.url}/what/ever")
        httpx.request("BREW", f"{server.url}/tts")
        server.wait_for("request", route="notfound")

        def counted() -> dict[str, float]:
            found = values(server)
            name = 'vits_tts_requests_total{method="other",route="tts",status="405"}'
            memory = found.get("vits_tts_memory_bytes{}", 0)
            return found if name in found and memory else {}

        found = server.wait_until(counted, "the numbers")
        requests = "vits_tts_requests_total"
        assert found[f'{requests}{{method="GET",route="stream",status="200"}}'] == 3
        assert found[f'{requests}{{method="POST",route="tts",status="400"}}'] == 1
        assert found[f'{requests}{{method="GET",route="notfound",status="404"}}'] == 1
        assert found['vits_tts_request_seconds_count{route="stream"}'] == 3
        first = {
            cache: found.get(f'vits_tts_first_audio_seconds_count{{cache="{cache}"}}', 0)
            for cache in ("hit", "miss")
        }
        assert first["miss"] in {1, 2}  # each of the two workers makes it once
        assert sum(first.values()) == 3
        assert abs(found['vits_tts_audio_seconds_total{route="stream"}'] - audio) < 0.01
        made = found["vits_tts_synthesised_audio_seconds_total{}"]
        assert 0 < made < audio
        assert found["vits_tts_synthesis_seconds_total{}"] > 0
        assert found["vits_tts_memory_bytes{}"] > 50e6
        assert found["vits_tts_threads{}"] >= 4
        assert found["vits_tts_open_files{}"] > 10
        assert found["vits_tts_connections{}"] >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_memory_is_counted_in_pages_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resident memory uses the page size of the system: 64 KiB on some ARM machines."""
    real = os.sysconf
    monkeypatch.setattr(os, "sysconf", lambda name: 16 * real(name))
    process_metrics.show(State())
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    shown = metrics.MEMORY_BYTES._value.get()
    assert shown == pytest.approx(pages * 16 * real("SC_PAGE_SIZE"), rel=0.1)


def test_nothing_that_callers_send_becomes_a_label(start: Starter, tmp_path: Path) -> None:
    """Paths, voices and texts of clients do not create new series."""
    install_pair(tmp_path / "server" / "voices")
    with start({"voice": {"name": "pair"}}) as server:
        for number in range(30):
            httpx.get(f"{server.url}/p{number}")
            httpx.get(f"{server.url}/tts?text=t{number}&voice=v{number}")
            httpx.request(f"M{number}", f"{server.url}/tts")
        names = [name for name in values(server) if "requests_total" in name]
        assert len(names) < 8
        assert not re.search(r"[pvtM]\d\d", " ".join(names))
