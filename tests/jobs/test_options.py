"""Items of jobs honour the options of `/tts`, and refuse what they cannot honour."""

import io
import json
import os
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.jobs.test_jobs import ended, frames, items
from tests.support.local_server import serving_here
from tests.support.server import AnyServer, serving

Json = dict[str, Any]

SSML = '<speak>Một <break time="300ms"/> hai.</speak>'
TURNS = [{"text": "Chào chị.", "speaker": "lan"}, {"text": "Chào em.", "speaker": "minh"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyServer]:
    """Run a server with a small voice, and a dictionary that changes after a job was taken."""
    with serving_here(tmp_path_factory.mktemp("options")) as found:
        yield found


def dictionary(server: AnyServer, alias: str, change: str | None = None) -> str:
    """Make a dictionary, or ``change`` one, so that Zalo is said as ``alias``; return its id."""
    rules = [{"string_to_replace": "Zalo", "type": "alias", "alias": alias}]
    path = f"{change}/set-rules" if change else "add-from-rules"
    body = {"rules": rules, **({} if change else {"name": alias})}
    answer = httpx.post(f"{server.url}/v1/pronunciation-dictionaries/{path}", json=body, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["id"])


def taken(server: AnyServer, body: Json) -> Json:
    """Return the answer to a new job."""
    answer = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


def sounds(server: AnyServer, job_id: str) -> list[bytes]:
    """Return the samples of all items of a job, once it has succeeded."""
    assert ended(server, job_id)["status"] == "succeeded"
    return [
        frames(httpx.get(item["audio_url"], timeout=60).content) for item in items(server, job_id)
    ]


@pytest.mark.slow
def test_items_sound_as_in_tts(server: AnyServer) -> None:
    """Each option changes an item as it changes `/tts`."""
    named = dictionary(server, "da lô một")
    asked: list[Json] = [
        {"text": "Xin chào."},
        {"text": "Xin chào.", "volume": 0.5},
        {"text": "Dùng Zalo nhé.", "lexicon": {"Zalo": "da lô"}},
        {"text": "Dùng Zalo nhé.", "dictionaries": [named]},
        {"text": SSML},
        {"text": "<speak>Một hai", "input": "text"},
        {"turns": TURNS},
        {"turns": TURNS, "turn_pause": 1.5},
        {"text": "Xin chào.", "speaker": "minh", "speed": 2},
    ]
    made = sounds(server, taken(server, {"items": asked})["id"])
    for body, sound in zip(asked, made, strict=True):
        saved = httpx.post(f"{server.url}/tts", json=body, timeout=60)
        assert saved.status_code == 200, saved.text
        assert sound == frames(httpx.get(saved.json()["audio_url"], timeout=60).content), body
    assert len(set(made)) == len(made)


@pytest.mark.slow
def test_options_of_the_job(server: AnyServer) -> None:
    """Options of the job are those of the items that have none of their own."""
    texts = [{"text": "Dùng Zalo."}, {"text": "Dùng Zalo.", "volume": 1, "lexicon": {}}]
    body = {"volume": 0.5, "lexicon": {"Zalo": "da lô"}, "items": texts}
    both = sounds(server, taken(server, body)["id"])
    asked = [{"text": "Dùng Zalo.", "volume": 0.5, "lexicon": {"Zalo": "da lô"}}, texts[1]]
    assert both == sounds(server, taken(server, {"items": asked})["id"])
    assert both[0] != both[1]


@pytest.mark.slow
def test_a_dictionary_keeps_its_version(server: AnyServer) -> None:
    """A retried job has the rules of its request, though the dictionary has changed."""
    named = dictionary(server, "da lô hai")
    body = {"items": [{"text": "Gọi Zalo đi.", "dictionaries": [named]}] * 2}
    begun = taken(server, body)["id"]
    httpx.post(f"{server.url}/v1/jobs/{begun}/cancel", timeout=60).raise_for_status()
    ended(server, begun)
    dictionary(server, "tên khác", change=named)
    httpx.post(f"{server.url}/v1/jobs/{begun}/retry", timeout=60).raise_for_status()
    server.wait_until(lambda: ended(server, begun)["status"] == "succeeded", "success")
    said = httpx.post(f"{server.url}/tts", json={"text": "Gọi da lô hai đi."}, timeout=60).json()
    expected = frames(httpx.get(said["audio_url"], timeout=60).content)
    assert sounds(server, begun) == [expected, expected]


def times(server: AnyServer, **asked: Any) -> Json:
    """Return the times that `/tts` has of a text."""
    found: Json = httpx.post(f"{server.url}/tts", json=asked, timeout=60).json()["timestamps"]
    return found


def test_timestamps(server: AnyServer) -> None:
    """An item that asks for them has its times as JSON beside the sound, and in the archive."""
    asked: list[Json] = [
        {"text": "Một hai. Ba."},
        {"text": "Một hai. Ba.", "timestamps": "visemes,phonemes"},
        {"text": "Bốn.", "timestamps": False},
    ]
    begun = taken(server, {"items": asked, "timestamps": True})["id"]
    made = ended(server, begun)
    listed = items(server, begun)
    found = [
        each["timestamps_url"] and httpx.get(each["timestamps_url"], timeout=60) for each in listed
    ]
    assert found[0].json() == times(server, text="Một hai. Ba.", timestamps=True)
    assert found[1].json() == times(server, text="Một hai. Ba.", timestamps="phonemes,visemes")
    assert found[1].json()["sentences"][0]["visemes"]
    assert found[0].headers["Content-Type"] == "application/json"
    assert listed[2]["timestamps_url"] is found[2] is None
    assert httpx.get(f"{server.url}/v1/jobs/{begun}/items/2.json").status_code == 404
    content = httpx.get(made["archive_url"], timeout=60).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = ["0000.wav", "0000.json", "0001.wav", "0001.json", "0002.wav", "items.json"]
        assert archive.namelist() == names
        assert archive.read("0001.json") == found[1].content
        told = json.loads(archive.read("items.json"))["items"]
    assert [each.get("timestamps") for each in told] == ["0000.json", "0001.json", None]


def test_timestamps_after_a_kill(tmp_path: Path) -> None:
    """The times of an item are complete, although a process died in the middle of its sound."""
    text = " ".join(f"lan nam minh {number}." for number in range(150))
    with serving(tmp_path, pair=True) as server:
        begun = taken(server, {"items": [{"text": text, "timestamps": True}]})["id"]
        unfinished = tmp_path / "jobs/unfinished"
        server.wait_until(
            lambda: (
                any(path.stat().st_size for path in unfinished.glob("*.idx"))
                or ended_already(server, begun)
            ),
            "a sentence",
        )
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        server.wait_ready()
        assert ended(server, begun)["status"] == "succeeded"
        url = items(server, begun)[0]["timestamps_url"]
        assert httpx.get(url, timeout=60).json() == times(server, text=text, timestamps=True)


def ended_already(server: AnyServer, job_id: str) -> bool:
    """Return whether a job has succeeded."""
    found = httpx.get(f"{server.url}/v1/jobs/{job_id}", timeout=60)
    return bool(found.json()["status"] == "succeeded")


@pytest.mark.parametrize(
    ("item", "code", "field"),
    [
        ({"text": "Một.", "loud": True}, "field_invalid", "items[1].loud"),
        ({"text": "Một.", "timestamps": "srt"}, "field_invalid", "items[1].timestamps"),
        ({"text": "Một.", "timestamps": 1}, "field_invalid", "items[1].timestamps"),
        ({"text": "Một.", "volume": 5}, "field_invalid", "items[1].volume"),
        ({"text": "Một.", "lexicon": {"a": 1}}, "field_invalid", "items[1].lexicon"),
        ({"text": "Một.", "input": "html"}, "field_invalid", "items[1].input"),
        (
            {"text": "Một.", "dictionaries": ["không có"]},
            "dictionary_not_found",
            "items[1].dictionaries",
        ),
        ({"text": "<speak>Một"}, "markup_invalid", "items[1].text"),
        ({"text": "Một.", "input": "ssml"}, "markup_invalid", "items[1].text"),
        ({"text": "<speak><say-as/>1</speak>"}, "markup_invalid", "items[1].text"),
        ({"text": '<speak><voice name="ai">A</voice></speak>'}, "markup_invalid", "items[1].text"),
        ({"turns": [{"text": "Một.", "voice": "ai"}]}, "voice_unknown", "items[1].turns"),
        ({"turns": [{"text": "Một.", "speed": 9}]}, "speed_invalid", "items[1].turns"),
        ({"text": "Một.", "turns": TURNS}, "field_invalid", "items[1].turns"),
    ],
)
def test_refusals(server: AnyServer, item: Json, code: str, field: str) -> None:
    """An option that is wrong or unknown is refused with the place of its item."""
    answer = httpx.post(
        f"{server.url}/v1/jobs", json={"items": [{"text": "Được."}, item]}, timeout=60
    )
    assert answer.is_client_error, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == (code, field), error
    assert "items[1]" in error["message"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"items": [{"text": "Một.", "id": "a" * 201}]}, "id has 201 characters; 200 are allowed"),
        ({"epub": "a", "title": "a" * 300}, "title has 300 characters; 200 are allowed"),
        ({"epub": "a", "title": ""}, "title is empty"),
    ],
)
def test_lengths_of_texts(server: AnyServer, own: Json, message: str) -> None:
    """A text that is too long or empty is refused with the number of its characters."""
    error = httpx.post(f"{server.url}/v1/jobs", json=own, timeout=60).json()["error"]
    assert error["code"] == "field_invalid"
    assert error["message"].endswith(message)


def test_unknown_fields_of_the_job(server: AnyServer) -> None:
    """A field that jobs do not have is named."""
    body = {"items": [{"text": "Một."}], "callbackUrl": "https://example.vn"}
    error = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60).json()["error"]
    assert (error["code"], error["field"]) == ("field_invalid", "callbackUrl")


def test_a_large_lexicon_for_many_items(server: AnyServer) -> None:
    """A lexicon of the job that would be stored a thousand times is refused."""
    words = {f"từ{number}": "đọc " * 40 for number in range(300)}
    body = {"lexicon": words, "items": [{"text": "Một."}] * 1000}
    error = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60).json()["error"]
    assert (error["code"], error["field"]) == ("field_invalid", "lexicon")
