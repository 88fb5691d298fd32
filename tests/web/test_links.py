"""`audio.links`: URLs that any player can open without a key."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.conftest import LocalStarter
from tests.support.local import LocalServer, serving_here
from tests.support.server import Settings, until
from tests.support.voices import install_pair
from vits_tts.web.auth.api_keys import make_key
from vits_tts.web.auth.links import Link, signed, verified

KEY, LINE = make_key("app")
HEADERS = {"X-API-Key": KEY}
PARAMS = {"text": "Xin chào các bạn.", "voice": "pair"}


def settings(folder: Path, links: str, **audio: object) -> Settings:
    """Return settings of a server that needs a key, and makes links of a kind."""
    install_pair(folder / "voices")
    return {
        "voice": {"name": "pair", "folder": str(folder / "voices"), "noise_scale": 0, "noise_w": 0},
        "access": {"keys": [LINE]},
        "audio": {"links": links, **audio},
        "server": {"public_url": None},
    }


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with keys, whose links are signed."""
    folder = tmp_path_factory.mktemp("signing")
    with serving_here(folder, settings(folder, "signed")) as running:
        yield running


def stream_link(server: LocalServer, **parameters: str) -> str:
    """Return the URL of a stream."""
    answer = httpx.get(
        f"{server.url}/tts/link", params={**PARAMS, **parameters}, headers=HEADERS
    ).json()
    assert answer["expires"] > time.time() + 3600
    return str(answer["audio_url"])


def code(answer: httpx.Response) -> str:
    """Return the code of an error."""
    return str(answer.json()["error"]["code"])


def test_a_signed_file_needs_no_key(signing: LocalServer) -> None:
    """The URL in an answer plays without a key; without its signature it is refused."""
    saved = httpx.get(f"{signing.url}/tts", params=PARAMS, headers=HEADERS).json()
    url = saved["audio_url"]
    answer = httpx.get(url)
    assert answer.status_code == 200
    assert answer.content.startswith(b"RIFF")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "max-age=86" in answer.headers["Cache-Control"]
    assert httpx.head(url).status_code == 200
    assert httpx.get(url, headers={"Range": "bytes=0-1"}).status_code == 206
    page = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "audio", "Sec-Fetch-Mode": "no-cors"}
    assert httpx.get(url, headers=page).status_code == 200
    bare = httpx.get(url.partition("?")[0])
    assert (bare.status_code, code(bare)) == (401, "key_missing")
    assert httpx.get(url.partition("?")[0], headers=HEADERS).content == answer.content


@pytest.mark.parametrize("name", ["wav", "mp3", "ogg"])
def test_a_signed_stream(signing: LocalServer, name: str) -> None:
    """A signed stream plays its text, supports ranges, and counts for the client that made it."""
    url = stream_link(signing, format=name)
    answer = httpx.get(url)
    assert answer.status_code == 200
    part = httpx.get(url, headers={"Range": "bytes=0-1"})
    assert part.status_code == 206
    assert httpx.head(url).status_code == 200
    line = signing.wait_for("request", route="stream", status=206)[0]
    assert line["key"] == "app"
    posted = httpx.post(url)
    assert (posted.status_code, code(posted)) == (401, "key_missing")


def test_a_link_says_what_it_plays(signing: LocalServer) -> None:
    """The URL contains all parameters of the request."""
    asked = {"speed": "1.5", "speaker": "minh", "sample_rate": "16000", "format": "mp3"}
    url = stream_link(signing, **asked)
    given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked.items() <= given.items()
    with_key = httpx.get(f"{signing.url}/tts/stream", params={**PARAMS, **asked}, headers=HEADERS)
    assert httpx.get(url).headers["Content-Type"] == with_key.headers["Content-Type"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("text=Xin", "text=Toi"),
        ("expires=1", "expires=2"),
        ("by=app", "by=root"),
        ("&by=app", ""),
        ("voice=pair", "voice=pair&speed=2"),
        ("signature=", "signature=A"),
        ("signature=", "signature=%FF"),
        ("/tts/stream?", "/tts/stream?format=wav&"),
    ],
)
def test_a_changed_link_is_refused(signing: LocalServer, old: str, new: str) -> None:
    """The text, the time and the maker of a link cannot be changed."""
    url = stream_link(signing)
    assert old in url
    refused = httpx.get(url.replace(old, new, 1))
    assert (refused.status_code, code(refused)) == (403, "link_invalid")


def test_a_link_is_good_for_its_own_path(signing: LocalServer) -> None:
    """The signature of one file is valid for no other file and no other path."""
    first, second = (
        httpx.get(f"{signing.url}/tts", params={**PARAMS, "text": text}, headers=HEADERS).json()[
            "audio_url"
        ]
        for text in ("Một.", "Hai.")
    )
    mixed = second.partition("?")[0] + "?" + first.partition("?")[2]
    assert code(httpx.get(mixed)) == "link_invalid"
    voices = f"{signing.url}/voices?" + first.partition("?")[2]
    assert httpx.get(voices).status_code == 401


def test_what_no_address_can_carry(signing: LocalServer) -> None:
    """A link for a lexicon is refused, and so are requests that the stream would refuse."""
    for wrong, expected in (
        ({"text": "a", "lexicon": {"a": "bê"}}, "field_invalid"),
        ({"text": "a", "voice": "nobody"}, "voice_unknown"),
        ({"text": "a", "format": "midi"}, "format_invalid"),
        ({"text": "a", "speed": "9"}, "speed_invalid"),
        ({"text": "a", "speaker": "ai"}, "speaker_unknown"),
        ({"text": "…"}, "text_unspeakable"),
    ):
        answer = httpx.post(f"{signing.url}/tts/link", json=wrong, headers=HEADERS)
        assert code(answer) == expected
    assert httpx.get(f"{signing.url}/tts/link", params=PARAMS).status_code == 401


def test_links_expire(start_here: LocalStarter, tmp_path: Path) -> None:
    """After `audio.link_seconds` a link is refused, with the reason."""
    with start_here(settings(tmp_path, "signed", link_seconds=1)) as server:
        url = httpx.get(f"{server.url}/tts", params=PARAMS, headers=HEADERS).json()["audio_url"]
        refused = until(
            lambda: answer if (answer := httpx.get(url)).status_code == 403 else None, "expired"
        )
        assert refused is not None
        assert code(refused) == "link_expired"


def test_a_link_ends_with_its_key(start_here: LocalStarter, tmp_path: Path) -> None:
    """Removing the key that made a link makes the link invalid."""
    wanted = settings(tmp_path, "signed", secret="for two servers at once")  # noqa: S106
    with start_here(wanted) as server:
        url = stream_link(server)
        assert httpx.get(url).status_code == 200
    _, other = make_key("other")
    with start_here({**wanted, "access": {"keys": [other]}}) as server:
        moved = server.url + url[url.index("/tts") :]
        assert code(httpx.get(moved)) == "link_invalid"


def test_open_files(start_here: LocalStarter, tmp_path: Path) -> None:
    """With `open`, a file needs no key; all other paths do."""
    with start_here(settings(tmp_path, "open")) as server:
        url = httpx.get(f"{server.url}/tts", params=PARAMS, headers=HEADERS).json()["audio_url"]
        assert "?" not in url
        answer = httpx.get(url)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"].startswith("public")
        link = httpx.get(f"{server.url}/tts/link", params=PARAMS, headers=HEADERS).json()
        assert link["expires"] is None
        assert httpx.get(link["audio_url"]).status_code == 401
        assert httpx.get(link["audio_url"], headers=HEADERS).status_code == 200


def test_files_need_a_key_unless_told(start_here: LocalStarter, tmp_path: Path) -> None:
    """With `key`, nothing plays without a key."""
    with start_here(settings(tmp_path, "key")) as server:
        url = httpx.get(f"{server.url}/tts", params=PARAMS, headers=HEADERS).json()["audio_url"]
        assert httpx.get(url).status_code == 401
        assert httpx.get(f"{url}?signature=x&expires=9999999999").status_code == 401


def test_spelling_makes_no_difference() -> None:
    """Values are signed, so the order and spelling of the parameters do not matter."""
    url = signed("secret", "/tts/stream", {"text": "chào bạn", "voice": "x"}, Link(100, "app"))
    query = {
        name.encode().decode(): [value.encode() for value in values]
        for name, values in reversed(parse_qs(urlsplit(url).query).items())
    }
    assert verified("secret", "/tts/stream", query, 99.5) == Link(100, "app")
