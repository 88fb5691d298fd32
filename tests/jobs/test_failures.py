"""Items that cannot be made, quotas, and results that are made once."""

import io
import json
import os
import re
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from tests.jobs.test_jobs import LONG, ended, items, job, submit, syntheses
from tests.support.server import Server, Settings, serving
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


def test_a_file_that_is_gone_is_made_again(server: Server, folder: Path) -> None:
    """Of a lost file the item says so, the archive has the others, and a retry makes it."""
    begun = submit(server, "Tệp thứ nhất.", "Tệp thứ hai.")["id"]
    assert ended(server, begun)["status"] == "succeeded"
    first, second = (each["audio_url"] for each in items(server, begun))
    content = httpx.get(first).content
    for path in (folder / "jobs/files").glob("*.wav"):
        if path.read_bytes() == content:
            path.unlink()
    gone = httpx.get(first)
    assert gone.status_code == 404
    assert "a retry of the job makes it again" in gone.json()["error"]["message"]
    archive = httpx.get(f"{server.url}/v1/jobs/{begun}/archive").content
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.namelist() == ["0001.wav", "items.json"]
        listed = json.loads(opened.read("items.json"))["items"]
    assert [each["file"] for each in listed] == [None, "0001.wav"]
    made = syntheses(server)
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    server.wait_until(lambda: job(server, begun)["status"] == "succeeded", "success")
    assert httpx.get(first).content == content
    assert httpx.get(second).status_code == 200
    assert syntheses(server) <= made + 1


def test_files_are_kept_as_long_as_their_job(tmp_path: Path) -> None:
    """The time runs from the end of the job, however long ago its first file was made."""
    with serving(tmp_path, {"jobs": {"keep_hours": 24}}) as server:
        begun = submit(server, LONG, "Một câu ngắn.")["id"]
        files = tmp_path / "jobs/files"
        server.wait_until(lambda: list(files.glob("*.wav")), "the first file")
        (early,) = files.glob("*.wav")
        long_ago = time.time() - 23 * 3600
        os.utime(early, (long_ago, long_ago))
        assert job(server, begun)["status"] == "running"
        server.wait_until(lambda: job(server, begun)["ended"], "the recorded end")
        assert time.time() - early.stat().st_atime < 3600


def test_a_result_is_made_once(server: Server) -> None:
    """A second item with the same text gets the first sound, in any job."""
    assert ended(server, submit(server, "Chỉ làm một lần.")["id"])["status"] == "succeeded"
    before = syntheses(server)
    again = ended(server, submit(server, "Chỉ làm một lần.", "Chỉ làm một lần.")["id"])
    assert again["counts"]["succeeded"] == 2
    assert syntheses(server) == before


def test_too_many_items_are_refused(server: Server) -> None:
    """A job beyond ``jobs.max_waiting`` is answered 429, and leaves nothing behind."""
    all_ended(server)  # else it may be noted meanwhile
    before = httpx.get(f"{server.url}/v1/jobs").json()["jobs"]
    body = {"items": [{"text": f"Câu {number}."} for number in range(5)]}
    refused = httpx.post(f"{server.url}/v1/jobs", json=body)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "quota_exceeded"
    assert httpx.get(f"{server.url}/v1/jobs").json()["jobs"] == before


def test_retried_items_count_too(server: Server, folder: Path) -> None:
    """A retry counts towards ``jobs.max_waiting``, and is refused beyond it."""
    path = f"{server.url}/v1/jobs"
    if (folder / "jobs/files").is_file():  # if this test runs alone
        (folder / "jobs/files").unlink()

    def asked(count: int) -> httpx.Response:
        body = {"items": [{"text": f"{LONG} Lần {number}."} for number in range(count)]}
        return httpx.post(path, json=body, timeout=60)

    def refused(answer: httpx.Response) -> bool:
        code = "quota_exceeded"
        return answer.status_code == 429 and answer.json()["error"]["code"] == code

    all_ended(server)
    first, second = (asked(2).raise_for_status().json()["id"] for _ in range(2))
    for name in (first, second):
        httpx.post(f"{path}/{name}/cancel", timeout=60).raise_for_status()
    all_ended(server)
    httpx.post(f"{path}/{first}/retry", timeout=60).raise_for_status()
    assert refused(asked(3))
    asked(2).raise_for_status()
    assert refused(httpx.post(f"{path}/{second}/retry", timeout=60))


def all_ended(server: Server) -> None:
    """Wait until the queue has noted the end of each job."""

    def noted() -> bool:
        jobs = httpx.get(f"{server.url}/v1/jobs", timeout=60).json()["jobs"]
        return all(each["ended"] for each in jobs)

    server.wait_until(noted, "the ends of all jobs")


@pytest.mark.slow
def test_an_end_while_the_queue_is_locked(tmp_path: Path) -> None:
    """A process ends although its threads cannot store their results; the next one finds them."""
    settings: Settings = {"jobs": {"queue_timeout_seconds": 5}, "server": {"workers": 1}}
    with ExitStack() as locked, serving(tmp_path, settings, pair=True) as server:
        begun = submit(server, *[f"Câu {number}." for number in range(60)])["id"]
        server.wait_until(lambda: job(server, begun)["counts"]["succeeded"], "an item")
        path = tmp_path / "jobs/queue.sqlite"
        database = locked.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        database.execute("BEGIN IMMEDIATE")
        running = "vits_tts_job_items_running"
        server.wait_until(lambda: not server.counted(running), "items that cannot be stored")
        assert server.stop() == 0
    with serving(tmp_path, pair=True) as server:
        assert ended(server, begun)["counts"]["succeeded"] == 60
