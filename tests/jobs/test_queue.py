"""The queue: which items come first, and which are set aside."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.jobs.test_jobs import ended, items, job, submit
from tests.support.server import Server, serving
from tests.support.voices import install_pair

_SOME = 100
_LONG = " ".join(f"Câu thấp {number} của một bài dài." for number in range(40))
"""A text by which as many items take several seconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the server."""
    folder = tmp_path_factory.mktemp("queue")
    install_pair(folder / "voices")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """Run a server with a small voice."""
    with serving(folder, {"voice": {"name": "pair"}}) as found:
        yield found


def test_a_poisoned_item(server: Server, folder: Path) -> None:
    """An item that fails three times is set aside with its reason; others and a retry succeed."""
    files = folder / "jobs/files"
    ended(server, submit(server, "Câu độc.")["id"])
    (made,) = files.glob("*.wav")
    made.unlink()
    (made / "in the way").mkdir(parents=True)  # the file cannot get its name
    begun = submit(server, "Câu một.", "Câu độc.", "Câu hai.")["id"]
    assert ended(server, begun)["status"] == "failed"
    assert [item["status"] for item in items(server, begun)] == ["succeeded", "failed", "succeeded"]
    assert items(server, begun)[1]["error"]["code"] == "storage_failed"
    (made / "in the way").rmdir()
    made.rmdir()
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    server.wait_until(lambda: job(server, begun)["status"] == "succeeded", "success")
    assert httpx.get(items(server, begun)[1]["audio_url"], timeout=60).content[:4] == b"RIFF"


def test_a_higher_priority_overtakes(server: Server) -> None:
    """A job of a higher priority ends while an earlier one of a lower priority waits."""
    low = submit(server, *[f"{_LONG} {number}." for number in range(_SOME)], priority=1)["id"]
    server.wait_until(lambda: job(server, low)["counts"]["succeeded"], "a first item")
    high = submit(server, "Câu cao một.", "Câu cao hai.", priority=9)["id"]
    assert ended(server, high)["status"] == "succeeded"
    assert job(server, low)["counts"]["queued"]
    httpx.post(f"{server.url}/v1/jobs/{low}/cancel", timeout=60).raise_for_status()


def test_jobs_expire(tmp_path: Path) -> None:
    """A job that ended `jobs.keep_hours` ago is not found, and not listed."""
    install_pair(tmp_path / "voices")
    with serving(tmp_path, {"voice": {"name": "pair"}, "jobs": {"keep_hours": 0.0003}}) as server:
        path = f"{server.url}/v1/jobs"
        begun = submit(server, "Câu cũ.")["id"]
        server.wait_until(
            lambda: httpx.get(f"{path}/{begun}", timeout=60).status_code == 404, "expiry"
        )
        assert httpx.get(path, timeout=60).json()["jobs"] == []
