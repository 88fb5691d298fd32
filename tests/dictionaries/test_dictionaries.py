"""Pronunciation dictionaries over HTTP: versions, owners, conflicts, replicas."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.local_server import serving_here
from tests.support.redis import RedisServer
from tests.support.server import AnyServer, Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.dictionaries import pls
from vits_tts.dictionaries.rules import Rule
from vits_tts.web.auth.api_keys import make_key

ROOT = "/v1/pronunciation-dictionaries"
ZALO = {"string_to_replace": "Zalo", "type": "alias", "alias": "da lô"}
NHAN = {"string_to_replace": "Nhân", "type": "phoneme", "phoneme": "ɲan˧", "alphabet": "ipa"}


@contextmanager
def speaking(folder: Path, **settings: dict[str, Any]) -> Iterator[Server]:
    """Yield a server with a small voice and these settings."""
    with serving(folder, _voices(folder) | settings) as server:
        yield server


def _voices(folder: Path) -> Settings:
    if not (folder / "voices").exists():
        install_pair(folder / "voices")
    return {"voice": {"name": "vi_VN-vais1000-compact", "others": ["pair"], "folder": "voices"}}


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[str, str]]:
    """Return two keys, each with its line for the settings."""
    return {name: make_key(name) for name in ("lan", "minh")}


def speak_ipa(model: Path) -> None:
    """Let a voice read Vietnamese in IPA, with a few more phonemes for the rules."""
    path = model.with_name(f"{model.name}.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest |= {"phoneme_type": "espeak", "espeak": {"voice": "vi"}}
    known = manifest["phoneme_id_map"]
    known.update({phoneme: [len(known) + at] for at, phoneme in enumerate("ɲ˧")})
    path.write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, keys: dict[str, tuple[str, str]]
) -> Iterator[AnyServer]:
    """Yield a server that has keys, and ElevenLabs' paths."""
    settings: Settings = {
        "access": {"keys": [line for _, line in keys.values()]},
        "dictionaries": {"max_dictionaries": 12, "max_rules": 50},
        "elevenlabs": {"voices": {"rachel": EMBEDDED_VOICE}},
        "voice": {"name": "wide", "others": ["pair", EMBEDDED_VOICE], "load": "first_use"},
    }
    folder = tmp_path_factory.mktemp("dictionaries")
    install_pair(folder / "voices")
    speak_ipa(install_pair(folder / "voices", "wide"))
    with serving_here(folder, settings) as running:
        yield running


@pytest.fixture
def lan(server: AnyServer, keys: dict[str, tuple[str, str]]) -> Iterator[httpx.Client]:
    """Yield a client with the first key."""
    with caller(server, keys["lan"][0]) as client:
        yield client


@pytest.fixture
def minh(server: AnyServer, keys: dict[str, tuple[str, str]]) -> Iterator[httpx.Client]:
    """Yield a client with the second key."""
    with caller(server, keys["minh"][0]) as client:
        yield client


def caller(server: AnyServer, key: str = "") -> httpx.Client:
    """Return a client, which opens a connection for each request so that all workers answer."""
    headers = {"Connection": "close", **({"X-API-Key": key} if key else {})}
    return httpx.Client(base_url=server.url, headers=headers, timeout=30)


def make(client: httpx.Client, name: str, *rules: dict[str, Any], **more: object) -> dict[str, Any]:
    """Make a dictionary and return the answer."""
    body = {"name": name, "rules": list(rules or [ZALO]), **more}
    response = client.post(f"{ROOT}/add-from-rules", json=body)
    assert response.status_code == 200, response.text
    made: dict[str, Any] = response.json()
    return made


def spoken(client: httpx.Client, text: str, *names: str) -> str:
    """Return how a text is read with dictionaries."""
    response = client.post("/normalize", json={"text": text, "dictionaries": list(names)})
    assert response.status_code == 200, response.text
    return str(response.json()["text"])


def refused(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return response.status_code, response.json()["error"]["code"]


def test_words_are_read_by_name_version_and_id(lan: httpx.Client) -> None:
    """A dictionary is used by its name or id; a version stays what it was."""
    made = make(lan, "hãng", ZALO, NHAN)
    text = "Zalo của Nhân"
    for name in ("hãng", made["id"]):
        assert spoken(lan, text, name) == "da lô của ⟦ɲan⟧"
    assert spoken(lan, text) == "da lô của nhân"  # the package's own lexicon has the name
    changed = lan.post(f"{ROOT}/hãng/add-rules", json={"rules": [{**ZALO, "alias": "gia lâu"}]})
    assert changed.json()["version_rules_num"] == 2
    assert spoken(lan, text, "hãng") == "gia lâu của ⟦ɲan⟧"
    assert spoken(lan, text, f"hãng@{made['version_id']}") == "da lô của ⟦ɲan⟧"
    assert spoken(lan, text, f"hãng@{changed.json()['version_id']}") == "gia lâu của ⟦ɲan⟧"
    removed = lan.post(f"{ROOT}/{made['id']}/remove-rules", json={"rule_strings": ["Zalo"]})
    assert removed.json()["version_rules_num"] == 1
    assert spoken(lan, text, "hãng") == "da lô của ⟦ɲan⟧"
    found = lan.get(f"{ROOT}/hãng").json()
    assert found["rules"] == [{**NHAN, "case_sensitive": True, "word_boundaries": True}]
    assert [each["rules_num"] for each in found["versions"]] == [2, 2, 1]


def test_a_change_changes_the_key_and_nothing_else(lan: httpx.Client) -> None:
    """Speech with a dictionary is that of its words; other sentences keep their files."""
    make(lan, "khóa", {**ZALO, "string_to_replace": "abc", "alias": "xin chào"})

    def audio_hash(text: str, *names: str) -> str:
        body = {"text": text, "voice": "pair", "dictionaries": list(names)}
        response = lan.post("/tts", json=body)
        assert response.status_code == 200, response.text
        return str(response.json()["hash"])

    assert audio_hash("abc", "khóa") == audio_hash("xin chào") != audio_hash("abc")
    assert audio_hash("một hai", "khóa") == audio_hash("một hai")
    lan.post(f"{ROOT}/khóa/set-rules", json={"rules": [{**ZALO, "string_to_replace": "x"}]})
    assert audio_hash("abc", "khóa") == audio_hash("abc")
    for path, field in (("/tts/stream", "text"), ("/v1/audio/speech", "input")):
        body = {field: "x", "model": "tts-1", "dictionaries": ["khóa"]}
        assert lan.post(path, json=body).status_code == 200


def test_dictionaries_of_others_are_not_seen(lan: httpx.Client, minh: httpx.Client) -> None:
    """A key sees its own dictionaries and shared ones, and changes only those that it may."""
    own, viewed, edited = (
        make(lan, f"của {access}", **({"workspace_access": access} if access else {}))
        for access in (None, "viewer", "editor")
    )
    listed = {each["id"] for each in minh.get(ROOT).json()["pronunciation_dictionaries"]}
    assert listed == {viewed["id"], edited["id"]}
    for path in (f"/{own['id']}", f"/{own['id']}/{own['version_id']}/download"):
        assert refused(minh.get(ROOT + path)) == (404, "dictionary_not_found")
        assert lan.get(ROOT + path).status_code == 200
    speech = minh.post("/normalize", json={"text": "Zalo", "dictionaries": [own["id"]]})
    assert refused(speech) == (404, "dictionary_not_found")
    for name, status in ((own["id"], 404), (viewed["id"], 404), (edited["id"], 200)):
        rules = {"rules": [{**ZALO, "alias": "mới"}]}
        assert minh.post(f"{ROOT}/{name}/add-rules", json=rules).status_code == status
    assert spoken(minh, "Zalo", edited["id"]) == "mới"
    assert spoken(minh, "Zalo", viewed["id"]) == "da lô"
    make(minh, "của None")  # the same name under another key
    for made in (own, viewed, edited):
        assert lan.delete(f"{ROOT}/{made['id']}").status_code == 204
        assert lan.get(f"{ROOT}/{made['id']}").status_code == 404


def test_conflicts(lan: httpx.Client) -> None:
    """A name that is taken and a version that is not the latest are conflicts."""
    made = make(lan, "tranh")
    body = {"name": "tranh", "rules": [ZALO]}
    assert refused(lan.post(f"{ROOT}/add-from-rules", json=body)) == (409, "dictionary_conflict")
    change = {"rules": [NHAN], "expected_latest_version_id": made["version_id"]}
    assert lan.post(f"{ROOT}/tranh/add-rules", json=change).status_code == 200
    late = {"rules": [{**NHAN, "string_to_replace": "b"}], "expected_latest_version_id": "x"}
    assert refused(lan.post(f"{ROOT}/tranh/add-rules", json=late)) == (409, "dictionary_conflict")
    again = lan.post(f"{ROOT}/tranh/add-rules", json={"rules": [NHAN]}).json()
    assert again["version_id"] == lan.get(f"{ROOT}/tranh").json()["latest_version_id"]
    assert len(lan.get(f"{ROOT}/tranh").json()["versions"]) == 2  # nothing changed, no version


def test_no_change_is_lost(lan: httpx.Client) -> None:
    """Of callers that change a dictionary at the same time, each succeeds or gets an error."""
    make(lan, "đông")

    def add(number: int) -> int:
        rule = {**ZALO, "string_to_replace": f"từ{number}"}
        return lan.post(f"{ROOT}/đông/add-rules", json={"rules": [rule]}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(add, range(8)))
    added = statuses.count(200)
    assert set(statuses) <= {200, 409}
    assert added >= 4
    assert lan.get(f"{ROOT}/đông").json()["version_rules_num"] == added + 1


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/add-from-rules", {"rules": [ZALO]}, "field_invalid"),
        ("/add-from-rules", {"name": "a/b", "rules": [ZALO]}, "field_invalid"),
        ("/add-from-rules", {"name": "a"}, "field_invalid"),
        ("/add-from-rules", {"name": "a", "rules": []}, "dictionary_invalid"),
        ("/add-from-rules", {"name": "a", "rules": ["x"]}, "field_invalid"),
        ("/add-from-rules", {"name": "a", "rules": [{**ZALO, "type": "x"}]}, "field_invalid"),
        ("/add-from-rules", {"name": "a", "rules": [{**ZALO, "alias": ""}]}, "dictionary_invalid"),
        (
            "/add-from-rules",
            {"name": "a", "rules": [{**ZALO, "string_to_replace": " "}]},
            "dictionary_invalid",
        ),
        *(
            ("/add-from-rules", {"name": "a", "rules": [{**ZALO, **wrong}]}, "dictionary_invalid")
            for wrong in (
                {"string_to_replace": "a\x00"},  # PLS could not have these
                {"string_to_replace": "a\nb"},
                {"string_to_replace": "a  b"},
                {"alias": "a\x0fb"},
                {"alias": "a\ufffe"},
                {"alias": " "},
            )
        ),
        (
            "/add-from-rules",
            {"name": "a", "rules": [{**NHAN, "phoneme": "漢"}]},
            "dictionary_invalid",
        ),
        (
            "/add-from-rules",
            {"name": "a", "rules": [{**NHAN, "alphabet": "cmu-arpabet"}]},
            "dictionary_invalid",
        ),
        (
            "/add-from-rules",
            {"name": "a", "rules": [{**ZALO, "string_to_replace": f"a{n}"} for n in range(51)]},
            "dictionary_invalid",
        ),
        ("/none/add-rules", {"rules": [ZALO]}, "dictionary_not_found"),
        ("/none/remove-rules", {"rule_strings": "x"}, "field_invalid"),
    ],
)
def test_bad_requests(lan: httpx.Client, path: str, body: dict[str, Any], code: str) -> None:
    """Rules that cannot be used are refused with a code of their own."""
    response = lan.post(ROOT + path, json=body)
    assert refused(response) == (404 if code == "dictionary_not_found" else 400, code)


def test_files(lan: httpx.Client) -> None:
    """A PLS file makes a dictionary, and comes back; a broken one is refused with its place."""
    rules = [Rule("W3C", alias="vê kép ba xê"), Rule("Nhân", phonemes="ɲan˧")]
    file = {"file": ("a.pls", pls.written(rules).encode(), pls.MEDIA_TYPE)}
    made = lan.post(f"{ROOT}/add-from-file", data={"name": "tệp"}, files=file).json()
    assert made["version_rules_num"] == 2
    assert spoken(lan, "W3C và Nhân", "tệp") == "vê kép ba xê và ⟦ɲan⟧"
    back = lan.get(f"{ROOT}/{made['id']}/{made['version_id']}/download")
    assert back.headers["Content-Type"] == pls.MEDIA_TYPE
    assert pls.read(back.content, 10) == rules
    broken = {"file": ("a.pls", b"<!DOCTYPE a><lexicon/>", pls.MEDIA_TYPE)}
    response = lan.post(f"{ROOT}/add-from-file", data={"name": "hỏng"}, files=broken)
    assert refused(response) == (400, "dictionary_invalid")
    missing = lan.post(f"{ROOT}/add-from-file", data={"name": "hỏng"})
    assert refused(missing) == (400, "field_invalid")


def test_limits_and_pages(minh: httpx.Client) -> None:
    """A key has a limited number of dictionaries, which are listed in pages."""
    while (made := minh.post(f"{ROOT}/add-from-rules", json=_next(minh))).status_code == 200:
        assert len(_own(minh)) <= 12
    assert refused(made) == (429, "quota_exceeded")
    names, cursor = [], None
    for _ in range(20):
        query = {"page_size": 5, **({"cursor": cursor} if cursor else {})}
        page = minh.get(ROOT, params=query).json()
        names += [each["id"] for each in page["pronunciation_dictionaries"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break
    assert len(names) == len(set(names)) == len(_own(minh)) >= 12
    for size in ("0", "101", "000000001" + "9" * 5000):
        assert refused(minh.get(ROOT, params={"page_size": size})) == (400, "field_invalid")


def _own(client: httpx.Client) -> list[dict[str, Any]]:
    query = {"page_size": 100}
    found: list[dict[str, Any]] = client.get(ROOT, params=query).json()[
        "pronunciation_dictionaries"
    ]
    return found


def _next(client: httpx.Client) -> dict[str, Any]:
    return {"name": f"số {len(_own(client))}", "rules": [ZALO]}


def test_the_client_of_elevenlabs(server: AnyServer, keys: dict[str, tuple[str, str]]) -> None:
    """ElevenLabs' own client makes, changes, lists, downloads and uses dictionaries."""
    elevenlabs = pytest.importorskip("elevenlabs", reason="needs the group `clients`")
    with httpx.Client(timeout=30) as connection:
        client = elevenlabs.ElevenLabs(
            base_url=server.url, api_key=keys["lan"][0], httpx_client=connection
        )
        _use(client, elevenlabs)


def _use(client: Any, elevenlabs: Any) -> None:
    rule = elevenlabs.BodyAddAPronunciationDictionaryV1PronunciationDictionariesAddFromRulesPostRulesItem_Alias  # noqa: E501
    made = client.pronunciation_dictionaries.create_from_rules(
        name="eleven", rules=[rule(string_to_replace="Zalo", alias="da lô")]
    )
    changed = client.pronunciation_dictionaries.rules.remove(made.id, rule_strings=["x", "Zalo"])
    assert (changed.id, changed.version_rules_num) == (made.id, 0)
    assert client.pronunciation_dictionaries.get(made.id).latest_version_id == changed.version_id
    page = client.pronunciation_dictionaries.list(page_size=50)
    assert made.id in [each.id for each in page.pronunciation_dictionaries]
    file = b"".join(client.pronunciation_dictionaries.download(made.id, made.version_id))
    assert pls.read(file, 10) == [Rule("Zalo", alias="da lô")]
    locator = elevenlabs.PronunciationDictionaryVersionLocator(
        pronunciation_dictionary_id=made.id, version_id=made.version_id
    )
    speech = client.text_to_speech.convert(
        "rachel",
        text="Zalo",
        output_format="pcm_16000",
        pronunciation_dictionary_locators=[locator],
    )
    assert len(b"".join(speech)) > 8000


def _wait_stale(server: Server, client: httpx.Client, plain: dict[str, str]) -> None:
    """Wait until a request has noticed that Redis cannot be reached."""

    def noticed() -> bool:
        assert client.post("/normalize", json=plain).status_code == 200
        return "vits_tts_dictionaries_stale 1.0" in server.metrics()

    server.wait_until(noticed, "the last known versions are used")


def test_two_replicas_while_redis_dies(tmp_path: Path) -> None:
    """Replicas share dictionaries in Redis; without it both use the last known versions."""
    redis = RedisServer(tmp_path / "redis")
    cache = {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}}
    text = {"dictionaries": ["chung"]}
    try:
        with (
            speaking(tmp_path / "one", cache=cache, text=text) as first,
            speaking(tmp_path / "two", cache=cache, text=text) as second,
            caller(first) as one,
            caller(second) as two,
        ):
            plain = {"text": "Zalo abc"}

            def heard(client: httpx.Client) -> str:
                return str(client.post("/normalize", json=plain).json()["text"])

            make(one, "chung", {**ZALO, "string_to_replace": "abc", "alias": "một hai"})
            second.wait_until(lambda: heard(two) == "da lô một hai", "the second replica knows")
            rules = {"rules": [{**ZALO, "string_to_replace": "abc", "alias": "ba bốn"}]}
            assert two.post(f"{ROOT}/chung/add-rules", json=rules).status_code == 200
            first.wait_until(lambda: heard(one) == "da lô ba bốn", "the first replica knows")
            redis.stop()
            for client, server in ((one, first), (two, second)):
                assert heard(client) == "da lô ba bốn"
                _wait_stale(server, client, plain)
                failed = client.post(f"{ROOT}/chung/add-rules", json=rules)
                assert refused(failed) == (503, "dictionaries_unavailable")
                assert "dictionaries" in client.get("/readyz").text
            redis.start()  # empty: a replica puts its copy back
            first.wait_until(
                lambda: one.post(f"{ROOT}/chung/add-rules", json=rules).status_code == 200,
                "it can be changed again",
            )
            assert heard(one) == heard(two) == "da lô ba bốn"
            rules["rules"][0]["alias"] = "năm sáu"
            first.wait_until(
                lambda: one.post(f"{ROOT}/chung/add-rules", json=rules).status_code == 200,
                "it can be changed again",
            )
            second.wait_until(lambda: heard(two) == "da lô năm sáu", "the second replica knows")
    finally:
        redis.stop()


def test_dictionaries_stay(tmp_path: Path) -> None:
    """Without Redis they are in a folder that only the server's user can read, and stay there."""
    with speaking(tmp_path) as real, caller(real) as client:
        made = make(client, "ở lại")
    folder = tmp_path / "dictionaries"
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / f"{made['version_id']}.json").exists()
    with speaking(tmp_path) as server, caller(server) as client:
        assert spoken(client, "Zalo đây", "ở lại") == "da lô đây"
        (folder / "index.json").write_text("{broken")
        server.wait_until(lambda: client.get(ROOT).status_code == 503, "a broken index is an error")
        assert refused(client.get(ROOT)) == (503, "dictionaries_unavailable")
        assert client.post("/normalize", json={"text": "Zalo"}).status_code == 200
        server.wait_until(
            lambda: "dictionaries cannot be used" in server.explain(), "a line that says so"
        )
