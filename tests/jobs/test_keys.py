"""Jobs of several API keys: signed links of their archives, and a quota for each."""

import io
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.auth.links import Link, signed

(AN, AN_LINE), (BINH, BINH_LINE) = make_key("an"), make_key("binh")
SECRET = "of this test's links"  # noqa: S105
QUOTA = 4
LONG = "lan nam minh. " * 2000
"""A text that is not finished while a test runs."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with two keys, whose links are signed."""
    folder = tmp_path_factory.mktemp("keys")
    install_pair(folder / "voices")
    settings: Settings = {
        "voice": {"name": "pair"},
        "access": {"keys": [AN_LINE, BINH_LINE]},
        "audio": {"links": "signed", "secret": SECRET},
        "jobs": {"max_waiting": QUOTA, "max_listeners": 8},
        "server": {"max_text_chars": len(LONG), "max_body_bytes": 2**20},
    }
    with serving(folder, settings) as found:
        yield found


def submit(server: Server, key: str, *texts: str) -> httpx.Response:
    """Ask for a job with a key."""
    body = {"items": [{"text": text} for text in texts]}
    return httpx.post(f"{server.url}/v1/jobs", json=body, headers={"X-API-Key": key}, timeout=60)


def taken(server: Server, key: str, *texts: str) -> httpx.Response | None:
    """Ask for a job with a key; return None if it is refused."""
    answer = submit(server, key, *texts)
    return answer if answer.status_code == 202 else None


def archive(server: Server, key: str, text: str) -> str:
    """Return the link of the archive of a new job that has ended."""
    begun = submit(server, key, text).raise_for_status().json()["id"]

    def look() -> str | None:
        path = f"{server.url}/v1/jobs/{begun}"
        found: str | None = httpx.get(path, headers={"X-API-Key": key}).json()["archive_url"]
        return found

    url = server.wait_until(look, "the end of the job")
    assert url
    return url


def refusal(url: str) -> tuple[int, str]:
    """Return the status and the code of a request without a key that is refused."""
    answer = httpx.get(url, timeout=60)
    return answer.status_code, answer.json()["error"]["code"]


def test_links_of_archives(server: Server) -> None:
    """The link of an archive needs no key until it expires, and is good for that job only."""
    mine, theirs = archive(server, AN, "lan"), archive(server, BINH, "nam")
    with zipfile.ZipFile(io.BytesIO(httpx.get(mine).raise_for_status().content)) as found:
        assert found.namelist() == ["0000.wav", "items.json"]
    path, _, query = mine.partition("?")
    for altered in (
        f"{theirs.partition('?')[0]}?{query}",  # of another job
        f"{path.replace('/archive', '/items/0.wav')}?{query}",  # of a file of this job
        mine.replace("by=an", "by=binh"),
        mine.replace("expires=1", "expires=2"),
        mine.replace("signature=", "signature=A"),
    ):
        assert altered != mine
        assert refusal(altered) == (403, "link_invalid")
    assert refusal(path) == (401, "key_missing")
    for owner, ended, expected in (
        ("an", -1, (403, "link_expired")),
        ("binh", 600, (404, "job_not_found")),  # signed by a key that does not own the job
        ("nobody", 600, (403, "link_invalid")),
    ):
        link = Link(int(time.time()) + ended, owner)
        assert refusal(server.url + signed(SECRET, urlsplit(path).path, {}, link)) == expected
    link = Link(int(time.time()) + 600, "an")
    fresh = server.url + signed(SECRET, urlsplit(path).path, {}, link)
    assert httpx.get(fresh).status_code == 200


def test_each_key_has_its_quota(server: Server) -> None:
    """A key whose items wait takes nothing from another key, and has room again at their end."""
    texts = [f"{LONG[:-14]} {number}." for number in range(QUOTA)]

    # Jobs of the test before, which have ended, count until that is noted.
    begun = server.wait_until(lambda: taken(server, AN, *texts), "room")
    assert begun
    refused = submit(server, AN, "lan")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
    assert server.wait_until(lambda: taken(server, BINH, *["nam"] * QUOTA), "room of another key")
    assert submit(server, BINH, *["nam"] * (QUOTA + 1)).status_code == 429
    assert submit(server, AN, "lan").status_code == 429
    path = f"{server.url}/v1/jobs/{begun.json()['id']}/cancel"
    httpx.post(path, headers={"X-API-Key": AN}, timeout=60).raise_for_status()
    assert server.wait_until(lambda: taken(server, AN, "lan"), "room after the end")


def test_listeners_have_limits(server: Server) -> None:
    """A caller follows a quarter of all listeners; another caller is not affected."""
    jobs = {}
    for key in (AN, BINH):
        # Jobs of the test before count until their end is noted.
        answer = server.wait_until(lambda: taken(server, key, LONG), "room")  # noqa: B023
        assert answer
        jobs[key] = answer.json()["id"]

    def events(key: str, stack: ExitStack) -> int:
        url = f"{server.url}/v1/jobs/{jobs[key]}/events"
        answer = stack.enter_context(
            httpx.stream("GET", url, headers={"X-API-Key": key}, timeout=60)
        )
        return answer.status_code

    with ExitStack() as stack:
        assert [events(AN, stack) for _ in range(3)] == [200, 200, 429]
        assert events(BINH, stack) == 200

    def again() -> bool:
        with ExitStack() as stack:
            return events(AN, stack) == 200

    server.wait_until(again, "the place of a listener that has left")
    for key, begun in jobs.items():
        url = f"{server.url}/v1/jobs/{begun}/cancel"
        httpx.post(url, headers={"X-API-Key": key}, timeout=60).raise_for_status()
