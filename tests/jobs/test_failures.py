"""Items that cannot be made, quotas, and results that are made once."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.jobs.test_jobs import ended, items, job, submit, syntheses
from tests.support.server import Server, serving
from tests.support.voices import install_pair

_BLOCK = "a file in place of the folder"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the server, whose results cannot be written."""
    folder = tmp_path_factory.mktemp("failures")
    install_pair(folder / "voices")
    (folder / "jobs").mkdir()
    (folder / "jobs/files").write_text(_BLOCK, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """Run a server that takes few items."""
    with serving(folder, {"voice": {"name": "pair"}, "jobs": {"max_waiting": 4}}) as found:
        yield found


def attempts(server: Server) -> float:
    """Return how many attempts to make an item have failed."""
    found = re.findall(r'(?m)^vits_tts_job_items_total{outcome="failed"} (\S+)', server.metrics())
    return float(found[0])


def test_failed_items_are_set_aside_and_retried(server: Server, folder: Path) -> None:
    """After three attempts an item has failed, with its reason; a retry makes it."""
    begun = submit(server, "Đĩa không ghi được.")["id"]
    assert ended(server, begun)["status"] == "failed"
    (failed,) = items(server, begun)
    assert failed["error"]["code"] == "storage_failed"
    assert failed["audio_url"] is None
    assert attempts(server) == 3
    (folder / "jobs/files").unlink()
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    server.wait_until(lambda: job(server, begun)["status"] == "succeeded", "success")
    (made,) = items(server, begun)
    assert made["error"] is None
    assert httpx.get(made["audio_url"]).content[:4] == b"RIFF"


def test_a_result_is_made_once(server: Server) -> None:
    """A second item with the same text gets the first sound, in any job."""
    assert ended(server, submit(server, "Chỉ làm một lần.")["id"])["status"] == "succeeded"
    before = syntheses(server)
    again = ended(server, submit(server, "Chỉ làm một lần.", "Chỉ làm một lần.")["id"])
    assert again["counts"]["succeeded"] == 2
    assert syntheses(server) == before


def test_too_many_items_are_refused(server: Server) -> None:
    """A job beyond ``jobs.max_waiting`` is answered 429, and leaves nothing behind."""
    before = httpx.get(f"{server.url}/v1/jobs").json()["jobs"]
    body = {"items": [{"text": f"Câu {number}."} for number in range(5)]}
    refused = httpx.post(f"{server.url}/v1/jobs", json=body)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "quota_exceeded"
    assert httpx.get(f"{server.url}/v1/jobs").json()["jobs"] == before
