"""`/v1/jobs` from outside: real servers, killed in the middle and started again."""

import io
import os
import re
import signal
import sqlite3
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import AnyServer, Server, Settings, serving, until
from vits_tts.api import Speech
from vits_tts.web.auth.api_keys import make_key

SENTENCES = 40
LONG = " ".join(f"Đây là câu số {number} của một bài rất dài." for number in range(SENTENCES))
SHORTER = " ".join(f"{sentence}." for sentence in LONG.split(". ")[:15])
"""Still long enough for a process to be ended in the middle."""
QUICK: Settings = {"voice": {"length_scale": 0.5}}
"""Twice as fast a voice takes half the work, for as many sentences."""
ENDED = {"succeeded", "failed", "cancelled"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that takes jobs, as it does on a loopback address."""
    with serving(tmp_path_factory.mktemp("jobs"), QUICK) as found:
        yield found


def submit(server: AnyServer, *texts: str, **named: Any) -> Json:
    """Return the answer to a new job."""
    headers = named.pop("headers", {})
    body = {"items": [{"text": text} for text in texts], **named}
    response = httpx.post(f"{server.url}/v1/jobs", json=body, headers=headers, timeout=60)
    assert response.status_code in {200, 202}, response.text
    answer: Json = response.json()
    return answer


def job(server: AnyServer, job_id: str) -> Json:
    """Return how far a job is."""
    response = httpx.get(f"{server.url}/v1/jobs/{job_id}", timeout=60)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def items(server: AnyServer, job_id: str) -> list[Json]:
    """Return the items of a job."""
    found: list[Json] = httpx.get(f"{server.url}/v1/jobs/{job_id}/items", timeout=60).json()[
        "items"
    ]
    return found


def ended(server: AnyServer, job_id: str) -> Json:
    """Wait for the end of a job."""

    def look() -> Json | None:
        found = job(server, job_id)
        return found if found["status"] in ENDED else None

    found = until(look, "the end of the job", server.explain)
    assert found
    return found


def frames(content: bytes) -> bytes:
    """Return the samples of a WAV file."""
    with wave.open(io.BytesIO(content)) as file:
        return bytes(file.readframes(file.getnframes()))


def unfinished(folder: Path) -> int:
    """Return how many sentences of unfinished items are on the disk."""
    return sum(path.stat().st_size // 16 for path in (folder / "jobs/unfinished").glob("*.idx"))


def test_files_of_a_job_are_those_of_tts(server: Server) -> None:
    """Each item becomes a file with the sound that `/tts` makes of its text."""
    texts = ("Xin chào các bạn.", "Hẹn gặp lại ngày mai!")
    made = ended(server, submit(server, *texts)["id"])
    assert made["status"] == "succeeded"
    assert made["counts"]["succeeded"] == 2
    found = items(server, made["id"])
    for text, item in zip(texts, found, strict=True):
        audio = httpx.get(item["audio_url"])
        saved = httpx.post(f"{server.url}/tts", json={"text": text}).json()
        assert frames(audio.content) == frames(httpx.get(saved["audio_url"]).content)
        assert item["seconds"] == pytest.approx(saved["seconds"], abs=0.01)
    assert made["progress"]["seconds"] == pytest.approx(sum(item["seconds"] for item in found))


def test_formats_of_items(server: Server) -> None:
    """An item overrides the job."""
    body = {
        "format": "mp3",
        "priority": 9.0,
        "items": [{"text": "Một.", "id": "first"}, {"text": "Hai.", "format": "flac"}],
    }
    response = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60)
    assert response.status_code == 202
    ended(server, response.json()["id"])
    found = items(server, response.json()["id"])
    assert [item["format"] for item in found] == ["mp3", "flac"]
    assert found[0]["id"] == "first"
    answer = httpx.get(found[0]["audio_url"], headers={"Range": "bytes=0-3"})
    assert answer.status_code == 206
    assert answer.headers["Content-Type"] == "audio/mpeg"


def test_idempotency_key(server: Server) -> None:
    """A repetition leads to the same job; another request with the key is refused."""
    headers = {"Idempotency-Key": "once"}
    first = submit(server, "Chỉ một lần.", headers=headers)
    assert submit(server, "Chỉ một lần.", headers=headers)["id"] == first["id"]
    body = {"items": [{"text": "Khác."}]}
    other = httpx.post(f"{server.url}/v1/jobs", json=body, headers=headers, timeout=60)
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_conflict"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "field_invalid", "items"),
        ({"items": []}, "field_invalid", "items"),
        ({"items": [{"text": "Một."}, {"text": " "}]}, "text_empty", "items[1].text"),
        ({"items": [{"text": "Một."}, {}]}, "text_missing", "items[1].text"),
        ({"items": [{"text": "Một.", "format": "doc"}]}, "format_invalid", "items[0].format"),
        ({"items": [{"text": "Một.", "voice": "ai"}]}, "voice_unknown", "items[0].voice"),
        ({"items": [{"text": "Một."}] * 1001}, "field_invalid", "items"),
        ({"items": [{"text": "Một."}], "priority": 10}, "field_invalid", "priority"),
    ],
)
def test_refusals(server: Server, body: Json, code: str, field: str) -> None:
    """A wrong field is refused at once, with its place."""
    answer = httpx.post(f"{server.url}/v1/jobs", json=body)
    assert answer.is_client_error, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == (code, field)


def test_unknown_job(server: Server) -> None:
    """All paths of a job that is not there answer 404."""
    for method, end in (("GET", ""), ("GET", "/items"), ("POST", "/cancel"), ("DELETE", "")):
        answer = httpx.request(method, f"{server.url}/v1/jobs/job-{'0' * 24}{end}")
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "job_not_found"


def test_cancel_retry_delete(server: Server) -> None:
    """A cancelled job ends; a retry finishes it; only then it can be deleted."""
    texts = [f"{LONG} Lần {number}." for number in range(6)]
    begun = submit(server, *texts)["id"]
    until(lambda: unfinished(server.folder), "an item begins", server.explain)
    refused = httpx.delete(f"{server.url}/v1/jobs/{begun}")
    assert refused.json()["error"]["code"] == "job_not_finished"
    httpx.post(f"{server.url}/v1/jobs/{begun}/cancel", timeout=60).raise_for_status()
    cancelled = ended(server, begun)
    assert cancelled["status"] == "cancelled"
    assert not cancelled["counts"]["queued"] + cancelled["counts"]["running"]
    left = server.folder / "jobs/unfinished"
    until(lambda: not list(left.glob("*")), "no sound of cancelled items is left", server.explain)
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    until(lambda: job(server, begun)["status"] == "succeeded", "success", server.explain)
    assert httpx.delete(f"{server.url}/v1/jobs/{begun}").status_code == 204
    assert httpx.get(f"{server.url}/v1/jobs/{begun}").status_code == 404


def test_events(server: Server) -> None:
    """The events report each change, and end with the job."""
    begun = submit(server, "Một câu.", "Hai câu.")["id"]
    with httpx.stream("GET", f"{server.url}/v1/jobs/{begun}/events", timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert '"status": "succeeded"' in lines[-1]


def test_worker_killed_in_the_middle(tmp_path: Path) -> None:
    """After ``kill -9`` a job continues after the last complete sentence, with the same sound."""
    with serving(tmp_path) as server:
        begun = submit(server, LONG)["id"]
        worker = server.workers()[0]
        until(lambda: unfinished(tmp_path) >= 5, "five sentences", server.explain)
        os.kill(worker, signal.SIGSTOP)
        assert job_is_unfinished(tmp_path)
        os.kill(worker, signal.SIGKILL)
        server.wait_until(lambda: worker not in server.workers(), "the end of the worker")
        server.wait_ready()
        made = ended(server, begun)
        assert made["status"] == "succeeded"
        assert syntheses(server) <= SENTENCES + 2  # one under way and the next one are lost
        audio = httpx.get(items(server, begun)[0]["audio_url"]).content
    with Speech(config=tmp_path / "config.yaml") as speech:
        # /tts makes other windows, which may change the last bit of a sample
        assert frames(audio) == speech.say(LONG).samples.tobytes()


def test_machine_killed_in_the_middle(tmp_path: Path) -> None:
    """A queue survives the end of all processes; the items of all jobs are made, each once."""
    with serving(tmp_path, QUICK) as first:
        begun = [submit(first, SHORTER, f"Bài {number}.")["id"] for number in range(3)]
        until(lambda: unfinished(tmp_path) >= 2, "two sentences", first.explain)
        for worker in [first.process.pid, *first.workers()]:
            os.kill(worker, signal.SIGKILL)
    with serving(tmp_path, QUICK) as second:
        made = [ended(second, each) for each in begun]
        assert [each["counts"]["succeeded"] for each in made] == [2, 2, 2]


def job_is_unfinished(folder: Path) -> bool:
    """Return whether the queue has an item under way."""
    with sqlite3.connect(folder / "jobs/queue.sqlite") as database:
        query = "SELECT count(*) FROM workflow_status WHERE name = 'item' AND status = 'PENDING'"
        return bool(database.execute(query).fetchone()[0])


def syntheses(server: AnyServer) -> float:
    """Return how many sentences all processes of a server have synthesised."""
    return float(re.findall(r"(?m)^vits_tts_syntheses_total (\S+)", server.metrics())[0])


def test_restart_in_order(tmp_path: Path) -> None:
    """A server that ends in order gives its items back, and the next one finishes all."""
    with serving(tmp_path, QUICK) as first:
        begun = submit(first, *[f"{SHORTER} {number}." for number in range(4)])["id"]
        until(lambda: unfinished(tmp_path) >= 2, "two sentences", first.explain)
    with serving(tmp_path, QUICK) as second:
        assert ended(second, begun)["counts"]["succeeded"] == 4
    with sqlite3.connect(tmp_path / "jobs/queue.sqlite") as database:
        query = "SELECT max(recovery_attempts) FROM workflow_status WHERE name = 'item'"
        assert database.execute(query).fetchone()[0] <= 2


def test_keys_see_their_own_jobs(tmp_path: Path) -> None:
    """The job of another key is not there."""
    (key, line), (other_key, other_line) = make_key("an"), make_key("binh")
    with serving(tmp_path, {"access": {"keys": [line, other_line]}}, pair=True) as server:
        mine, theirs = {"X-API-Key": key}, {"X-API-Key": other_key}
        begun = submit(server, "Của tôi.", headers=mine)["id"]
        path = f"{server.url}/v1/jobs/{begun}"
        assert httpx.get(path, headers=mine).status_code == 200
        assert httpx.get(path, headers=theirs).status_code == 404
        listed = f"{server.url}/v1/jobs"
        assert [each["id"] for each in httpx.get(listed, headers=mine).json()["jobs"]] == [begun]
        assert httpx.get(listed, headers=theirs).json()["jobs"] == []


def test_nothing_is_opened_without_jobs(tmp_path: Path) -> None:
    """A server without jobs has no queue, and no folder for one."""
    with serving(tmp_path, pair=True) as server:
        httpx.post(f"{server.url}/tts", json={"text": "Không có việc."}).raise_for_status()
        assert httpx.get(f"{server.url}/v1/jobs").json() == {"jobs": []}
        assert httpx.get(f"{server.url}/v1/jobs/job-{'0' * 24}").status_code == 404
    assert not (tmp_path / "jobs").exists()
