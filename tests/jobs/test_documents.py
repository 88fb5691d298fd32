"""Long documents as jobs: a text, SSML, subtitles and a book become one file each."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile
from mutagen.mp4 import MP4

from tests.books.test_book import PNG, write_epub
from tests.jobs.test_jobs import ended, items, job
from tests.support.local_server import serving_here
from tests.support.server import AnyServer
from tests.support.voices import install_pair
from vits_tts.jobs import documents

pytestmark = pytest.mark.slow  # each waits for jobs

Json = dict[str, Any]

RATE = 16_000
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
LEVEL = 0.25
THOUGHT = f"<think>{'lan ' * 10}</think>"
"""A part with words of which none is spoken."""
SRT = """1
00:00:01,000 --> 00:00:01,200
lan nam

2
00:00:03,500 --> 00:00:03,600
<i>minh lan nam minh lan nam</i>

3
00:00:05,000 --> 00:00:06,000
[door]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyServer]:
    """Run a server with a small voice and small parts."""
    folder = tmp_path_factory.mktemp("documents")
    install_pair(folder / "voices", sample_rate=RATE)
    settings: dict[str, dict[str, Any]] = {
        "audio": {"loudness": None},
        "server": {"max_text_chars": 60},
        "jobs": {"max_chars": 5000, "max_upload_bytes": 400_000},
    }
    with serving_here(folder, settings) as found:
        yield found


def taken(server: AnyServer, **body: Any) -> Json:
    """Return the answer to a new job."""
    answer = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


def result(server: AnyServer, **body: Any) -> tuple[Json, bytes]:
    """Return a new job at its end, and its file."""
    made = ended(server, taken(server, **body)["id"])
    assert made["status"] == "succeeded", (made, server.explain())
    return made, httpx.get(made["result"]["audio_url"], timeout=60).raise_for_status().content


def refused(server: AnyServer, **body: Any) -> Json:
    """Return the error of a job that is not taken."""
    answer = httpx.post(f"{server.url}/v1/jobs", json=body, timeout=60)
    assert answer.is_client_error, answer.text
    error: Json = answer.json()["error"]
    return error


def encoded(path: Path) -> str:
    """Return a file in base64."""
    return base64.b64encode(path.read_bytes()).decode()


def test_long_text(server: AnyServer) -> None:
    """A text beyond the limit of a request becomes one file, that of its parts and the pauses."""
    sentences = [f"câu {word} của bài này." for word in ("lan", "nam", "minh", "mai", "an")]
    text = f"{' '.join(sentences)}\n\n{THOUGHT}\n\n{sentences[0]}"
    made, content = result(server, text=text, format="flac")
    parts = items(server, made["id"])
    assert (made["kind"], made["result"]["format"]) == ("text", "flac")
    assert len(parts) > 2
    assert sum(part["characters"] for part in parts) == len(text)
    sound, rate = soundfile.read(io.BytesIO(content), dtype="int16")
    assert rate == RATE
    own = [
        soundfile.read(io.BytesIO(httpx.get(part["audio_url"], timeout=60).content), dtype="int16")[
            0
        ]
        for part in parts
        if part["audio_url"]
    ]
    assert len(own) < len(parts)  # one part has nothing to say
    spoken = np.concatenate(own)
    assert np.array_equal(sound[sound != 0], spoken[spoken != 0])
    assert len(sound) > len(spoken)
    assert made["result"]["seconds"] == pytest.approx(len(sound) / RATE, abs=0.001)


def test_files_of_killed_attempts(server: AnyServer) -> None:
    """Files that a killed process was writing of a document are removed once it is complete."""
    begun = taken(server, text=" ".join(f"câu số {number}." for number in range(40)))["id"]
    left = server.folder / "jobs/unfinished" / f"{begun}.whole"
    (left / "killed").mkdir(parents=True)
    (left / "killed/whole.wav").touch()
    assert ended(server, begun)["status"] == "succeeded"
    server.wait_until(lambda: not left.exists(), "the end of these files")


def test_a_long_line_of_marks() -> None:
    """A line is cut in a time that grows with its length, not with its square (half an hour)."""
    length = 400_000
    assert documents._cut(f"a{'.' * length}", length, 0.2) == (length, 0.0)
    assert documents._cut(f"a{'.' * 99}{'”' * 99} {'b' * length}", length, 0.2) == (200, 0.2)


def test_ssml(server: AnyServer) -> None:
    """A document of SSML becomes one file, in the format of the job."""
    made, content = result(server, ssml='<speak>lan <break time="2s"/> nam</speak>', volume=0.5)
    sound, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert made["result"]["format"] == "wav"
    assert np.count_nonzero(sound == 0) >= 2 * RATE
    assert abs(sound).max() == pytest.approx(LEVEL / 2 * 2**15, rel=0.01)


def test_subtitles(server: AnyServer) -> None:
    """Each cue begins at its time, at a rate that fits it; those that cannot fit are reported."""
    limits = {"slowest": 0.25, "length": 7}
    made, content = result(server, srt=SRT, dubbing=limits, format="wav")
    sound, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    assert len(sound) == 7 * RATE
    fits = [item["fit"] for item in items(server, made["id"])]
    assert [(fit["outcome"], fit["begins"]) for fit in fits] == [("fits", 1), ("too_long", 3.5)]
    assert fits[0]["seconds"] == pytest.approx(0.2, abs=0.04)
    assert fits[1]["rate"] == 1.4
    for begins in (1, 3.5):
        start = round(begins * RATE)
        assert not sound[start - RATE // 2 : start - 1].any()
        assert sound[start : start + RATE // 100].any()


def test_a_cue_without_words(server: AnyServer) -> None:
    """A cue whose words are not spoken is silent, as with `vits-tts dub`; the other is heard."""
    srt = "1\n00:00:00,000 --> 00:00:01,000\nlan\n\n2\n00:00:02,000 --> 00:00:03,000\nminh\n"
    made, content = result(server, srt=srt, lexicon={"lan": ""})
    sound, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    outcomes = [item["fit"]["outcome"] for item in items(server, made["id"])]
    assert outcomes == ["silent", "short"]
    assert not sound[: 2 * RATE].any()
    assert sound[2 * RATE :].any()


def test_book(server: AnyServer, tmp_path: Path) -> None:
    """An EPUB becomes an M4B with its chapters, without front matter if so asked."""
    book = encoded(write_epub(tmp_path / "book.epub"))
    made, content = result(server, epub=book, skip_front_matter=True)
    assert made["result"]["format"] == "m4b"
    with av.open(io.BytesIO(content), "r") as container:
        titles = [chapter["metadata"]["title"] for chapter in container.chapters()]
        assert container.duration
        assert container.duration / 1e6 == pytest.approx(made["result"]["seconds"], abs=0.2)
        assert container.metadata["title"] == "Chí Phèo"
    assert titles == ["Chương một", "Chương hai", "Chương ba"]
    assert tags_of(content, tmp_path) == ("Chí Phèo", "Nam Cao", PNG)
    own = {"title": "Tập một", "author": "N. C.", "cover": base64.b64encode(JPEG).decode()}
    _, changed = result(server, epub=book, skip_front_matter=True, **own)
    assert tags_of(changed, tmp_path) == ("Tập một", "N. C.", JPEG)


def tags_of(content: bytes, folder: Path) -> tuple[str, str, bytes]:
    """Return the title, the author and the cover of an M4B."""
    path = folder / "book.m4b"
    path.write_bytes(content)
    tags: Any = MP4(path).tags
    assert tags["\xa9gen"] == ["Audiobook"]
    return tags["\xa9nam"][0], tags["\xa9ART"][0], bytes(tags["covr"][0])


def test_archive(server: AnyServer) -> None:
    """The archive has all files, under names that no caller chose, and a list of items."""
    asked = [
        {"text": "lan", "id": "first"},
        {"text": "nam", "id": "../../etc/passwd"},
        {"text": THOUGHT, "id": "silent"},
    ]
    made = ended(server, taken(server, items=asked, format="mp3")["id"])
    assert made["status"] == "failed"
    content = httpx.get(made["archive_url"], timeout=60).raise_for_status()
    all_jobs = f"{server.url}/v1/jobs"
    path = f"{all_jobs}/{made['id']}"
    for url in (made["archive_url"], f"{path}/events", f"{path}/items", path, all_jobs):
        head = httpx.head(url, timeout=60)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers.get("Content-Length") != "0"
    assert httpx.head(f"{path}0").status_code == 404
    assert content.headers["Content-Type"] == "application/zip"
    head = httpx.head(made["archive_url"], timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Disposition", "Cache-Control"):
        assert head.headers[name] == content.headers[name]
    with zipfile.ZipFile(io.BytesIO(content.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["0000-first.mp3", "0001.mp3", "items.json"]
        first = httpx.get(items(server, made["id"])[0]["audio_url"], timeout=60).content
        assert archive.read("0000-first.mp3") == first
        listed = json.loads(archive.read("items.json"))["items"]
    assert [item["file"] for item in listed] == ["0000-first.mp3", "0001.mp3", None]
    assert listed[2]["error"]["code"] == "text_unspeakable"
    assert not any(result(server, text="[pause 0.1s]", format="pcm")[1])
    document, _ = result(server, text="lan nam", format="mp3")
    whole = httpx.get(document["archive_url"], timeout=60).content
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.namelist() == ["result.mp3", "0000.flac", "items.json"]


def test_archive_of_an_unfinished_job(server: AnyServer) -> None:
    """The archive is there after the end of the job only."""
    begun = taken(server, items=[{"text": "lan nam minh. " * 4}] * 200)["id"]
    answer = httpx.get(f"{server.url}/v1/jobs/{begun}/archive", timeout=60)
    assert answer.json()["error"]["code"] == "job_not_finished"
    assert job(server, begun)["archive_url"] is None
    httpx.post(f"{server.url}/v1/jobs/{begun}/cancel", timeout=60).raise_for_status()


def bomb(path: Path) -> Path:
    """Write an EPUB whose page would unpack to a hundred megabytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", bytes(100 * 1024**2))
    return path


def test_broken_documents(server: AnyServer, tmp_path: Path) -> None:
    """Bombs, broken books and broken subtitles are refused at once."""
    book = write_epub(tmp_path / "book.epub")
    no_text = write_epub(tmp_path / "bad.epub", p0=None, p1=None, p2=None)
    cases: list[tuple[Json, str, str]] = [
        ({"epub": encoded(bomb(tmp_path / "bomb.epub"))}, "document_invalid", "epub"),
        ({"epub": base64.b64encode(book.read_bytes()[:-40]).decode()}, "document_invalid", "epub"),
        ({"epub": encoded(no_text)}, "document_invalid", "epub"),
        ({"epub": "không"}, "document_invalid", "epub"),
        ({"srt": "1\n00:00:02,000 --> 00:00:01,000\nA"}, "document_invalid", "srt"),
        ({"srt": "không có"}, "document_invalid", "srt"),
        ({"srt": "1\n00:00:01,000 --> 00:00:02,000\n...\n"}, "document_invalid", "srt"),
        ({"srt": "9999:00:00,000 --> 9999:00:01,000\nlan"}, "document_invalid", "srt"),
        ({"srt": SRT, "dubbing": {"length": 1}}, "document_invalid", "dubbing"),
        ({"srt": SRT, "dubbing": {"slowest": 2}}, "field_invalid", "dubbing"),
        ({"srt": SRT, "speed": 2}, "field_invalid", "speed"),
        ({"text": "a" * 5001}, "text_too_long", "text"),
        ({"text": " "}, "text_empty", "text"),
        ({"text": "***"}, "text_unspeakable", "text"),
        ({"ssml": "<speak>"}, "markup_invalid", "ssml"),
        ({"text": "a", "format": "m4b"}, "field_invalid", "format"),
        ({"text": "a", "srt": SRT}, "field_invalid", "srt"),
        ({"text": "a", "skip_front_matter": True}, "field_invalid", "skip_front_matter"),
        ({"text": "a", "title": "A"}, "field_invalid", "title"),
        ({"epub": encoded(book), "cover": "ảnh"}, "field_invalid", "cover"),
        ({"epub": encoded(book), "cover": "R0lGODlh"}, "field_invalid", "cover"),
        ({"epub": encoded(book), "format": "mp3", "author": "A"}, "field_invalid", "author"),
        ({"text": "a" * 400_000}, "body_too_large", ""),
    ]
    for body, code, field in cases:
        error = refused(server, **body)
        assert (error["code"], error["field"] or "") == (code, field), (error, str(body)[:80])


def test_nothing_to_say(server: AnyServer) -> None:
    """A document without words fails, with the reason."""
    made = ended(server, taken(server, text=THOUGHT)["id"])
    assert made["status"] == "failed"
    assert made["result"]["error"]["code"] == "text_unspeakable"
