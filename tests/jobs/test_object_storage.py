"""Results of jobs in object storage, with a real server that speaks S3."""

import asyncio
import io
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
import soundfile

from tests.jobs.test_documents import RATE, result, taken
from tests.jobs.test_jobs import ended, items, job, submit
from tests.jobs.test_service import working
from tests.support.jobs import item
from tests.support.object_storage import (
    BUCKET,
    ENVIRONMENT,
    ObjectStorageServer,
    object_storage,
)
from tests.support.server import Server, Settings, clean_environment, serving, start_in, until
from tests.support.voices import install_pair
from vits_tts.jobs.model import ItemResult
from vits_tts.speech import RequestStats

LINK_SECONDS = 1234
PREFIX = "speech/results"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorageServer]:
    """Run an object storage."""
    with object_storage(tmp_path_factory.mktemp("storage")) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the server."""
    folder = tmp_path_factory.mktemp("jobs")
    install_pair(folder / "voices", sample_rate=RATE)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, storage: ObjectStorageServer) -> Iterator[Server]:
    """Run a server whose results go there."""
    settings: Settings = {
        "voice": {"name": "pair"},
        "audio": {"link_seconds": LINK_SECONDS, "loudness": None},
        "jobs": {
            "storage": f"s3://{BUCKET}/{PREFIX}/",
            "storage_endpoint": storage.url,
            "storage_timeout_seconds": 3,
        },
    }
    with serving(folder, settings, environment=ENVIRONMENT) as found:
        yield found


def keys(storage: ObjectStorageServer, job_id: str) -> list[str]:
    """Return the keys of a job's objects, below its own."""
    start = f"{PREFIX}/{job_id}/"
    return [key.removeprefix(start) for key in storage.objects() if key.startswith(start)]


def test_links_and_deletion(server: Server, storage: ObjectStorageServer) -> None:
    """Results are fetched from the storage by links that expire, and go with their job."""
    begun = submit(server, "lan nam", "minh", format="flac", timestamps=True)["id"]
    assert ended(server, begun)["status"] == "succeeded", server.explain()
    assert keys(storage, begun) == ["0.flac", "0.json", "1.flac", "1.json"]
    url = items(server, begun)[0]["audio_url"]
    assert url.startswith(f"{storage.url}/{BUCKET}/{PREFIX}/{begun}/0.flac?")
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == [str(LINK_SECONDS)]
    times = httpx.get(items(server, begun)[0]["timestamps_url"], timeout=60)
    assert times.json()["sentences"][0]["text"] == "lan nam"
    direct = httpx.get(url, timeout=60)
    assert direct.content[:4] == b"fLaC"
    assert direct.headers["Content-Type"] == "audio/flac"
    own = f"{server.url}/v1/jobs/{begun}/items/0.flac"
    assert httpx.get(own, follow_redirects=True, timeout=60).content == direct.content
    with zipfile.ZipFile(io.BytesIO(httpx.get(job(server, begun)["archive_url"]).content)) as found:
        assert found.namelist() == [
            "0000.flac",
            "0000.json",
            "0001.flac",
            "0001.json",
            "items.json",
        ]
        assert found.read("0000.flac") == direct.content
    assert httpx.delete(f"{server.url}/v1/jobs/{begun}", timeout=60).status_code == 204
    assert keys(storage, begun) == []


def test_a_document_of_parts_elsewhere(
    server: Server, storage: ObjectStorageServer, folder: Path
) -> None:
    """A file is put together of parts that only the storage has any more."""
    text = "lan nam.\n\nminh lan."
    first, _ = result(server, text=text, format="wav")
    files = folder / "jobs/files"
    (whole,) = files.glob("*.wav")
    whole.unlink()
    (whole / "in the way").mkdir(parents=True)  # the file cannot get its name
    begun = taken(server, text=text, format="wav")["id"]
    assert ended(server, begun)["status"] == "failed"
    assert keys(storage, begun) == ["0.flac"]
    (whole / "in the way").rmdir()
    whole.rmdir()
    for part in files.glob("*.flac"):
        part.unlink()
    other = np.full(5000, 77, np.int16)
    written = io.BytesIO()
    soundfile.write(written, other, RATE, format="FLAC", subtype="PCM_16")
    storage.put(f"{PREFIX}/{begun}/0.flac", written.getvalue())
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    server.wait_until(lambda: job(server, begun)["status"] == "succeeded", "success")
    content = httpx.get(job(server, begun)["result"]["audio_url"], timeout=60).content
    sound, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert np.array_equal(sound[: len(other)], other)
    assert keys(storage, first["id"]) == keys(storage, begun) == ["0.flac", "whole.wav"]


def test_two_attempts_at_a_document(
    tmp_path: Path, storage: ObjectStorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that goes on after its process has lost the document does not spoil another."""
    key, content = "job-twice/0.flac", b"fLaC" + bytes(range(200))
    storage.put(f"{PREFIX}/{key}", content)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    jobs = {"storage": f"s3://{BUCKET}/{PREFIX}", "storage_endpoint": storage.url}
    part = ItemResult(hash="0" * 40, format="flac", seconds=1.0, object=key)

    async def story() -> bytes:
        async with working(tmp_path, monkeypatch, jobs=jobs) as worker:
            service: Any = worker.jobs
            await service._opened()
            maker, fetch = service._maker, service._objects.fetch
            both = asyncio.Barrier(2)

            async def fetched(*where: Any) -> None:
                await both.wait()
                await fetch(*where)
                await both.wait()

            monkeypatch.setattr(service._objects, "fetch", fetched)
            attempt = ("job-twice.whole", item("lan"), part, RequestStats())
            await asyncio.gather(maker._again(*attempt), maker._again(*attempt))
            return bytes(service._store.path("0" * 40, "flac").read_bytes())

    assert asyncio.run(story()) == content
    until(lambda: not list(tmp_path.glob("jobs/unfinished/*")), "the end of both copies")


def test_a_storage_that_hangs_and_fails(server: Server, storage: ObjectStorageServer) -> None:
    """Its items fail after three attempts, listeners hear on, and a retry makes all good."""
    storage.signal(signal.SIGSTOP)
    begun = submit(server, "nam minh")["id"]
    ready = f"{server.url}/readyz"
    server.wait_until(lambda: httpx.get(ready).json().get("degraded"), "degradation")
    assert httpx.get(ready).json() == {"status": "degraded", "voices": ["pair"]} | {
        "degraded": "job_storage"
    }
    assert 'vits_tts_breaker_open{breaker="job_storage"} 1.0' in server.metrics()
    assert httpx.post(f"{server.url}/tts", json={"text": "lan"}, timeout=60).is_success
    assert ended(server, begun)["status"] == "failed"
    assert items(server, begun)[0]["error"]["code"] == "storage_failed"
    refused = httpx.delete(f"{server.url}/v1/jobs/{begun}", timeout=60)
    assert refused.json()["error"]["code"] == "storage_failed"
    storage.signal(signal.SIGCONT)
    server.wait_until(lambda: httpx.get(ready).json()["status"] == "ready", "recovery")
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    server.wait_until(lambda: job(server, begun)["status"] == "succeeded", "success")
    assert keys(storage, begun) == ["0.wav"]
    assert 'vits_tts_job_storage_calls_total{outcome="failed"}' in server.metrics()


def test_secrets_are_not_logged(server: Server) -> None:
    """Neither credentials nor signatures are in the log."""
    log = server.log.read_text(encoding="utf-8")
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in log
    assert ENVIRONMENT["AWS_ACCESS_KEY_ID"] not in log
    assert "X-Amz" not in log


def test_expired_jobs_leave_no_objects(
    tmp_path: Path, folder: Path, storage: ObjectStorageServer
) -> None:
    """`jobs.keep_hours` after its end a job is removed from the storage, too."""
    (tmp_path / "voices").symlink_to(folder / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "jobs": {
            "storage": f"s3://{BUCKET}/{PREFIX}",
            "storage_endpoint": storage.url,
            "keep_hours": 0.0003,
        },
    }
    with serving(tmp_path, settings, environment=ENVIRONMENT) as server:
        begun = submit(server, "lan")["id"]
        server.wait_until(lambda: keys(storage, begun), "the object")
        server.wait_until(lambda: not keys(storage, begun), "expiry")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("jobs: {storage: 's3://results'}\naudio: {link_seconds: 700000}", "audio.link_seconds"),
        ("jobs: {storage: 'http://results'}", "should be s3://bucket or s3://bucket/prefix"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, settings: str, message: str) -> None:
    """A setting that the storage could not keep stops the start."""
    (tmp_path / "config.yaml").write_text(settings, encoding="utf-8")
    failed = start_in(tmp_path)
    assert failed.returncode
    assert message in failed.stdout + failed.stderr


def test_a_missing_extra(tmp_path: Path) -> None:
    """Without the extra, the start fails and names it."""
    (tmp_path / "config.yaml").write_text("jobs: {storage: 's3://results'}", encoding="utf-8")
    hidden = "import importlib.util as u, sys; f = u.find_spec\n"
    hidden += "u.find_spec = lambda name, *rest: None if name == 'obstore' else f(name, *rest)\n"
    program = f"{hidden}from vits_tts.cli import main\nsys.argv[1:] = ['serve']\nmain()"
    failed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert failed.returncode
    assert b"install vits-tts-vietnamese[s3]" in failed.stdout + failed.stderr
