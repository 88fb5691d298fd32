"""ElevenLabs' dialogues: several voices in one speech, as `/tts` makes it of turns."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.local import Settings, serving_here
from tests.support.voices import install_pair

PATHS = ("/v1/text-to-dialogue", "/v1/text-to-dialogue/stream")
LAN, MINH, WIDE = "21m00Tcm4TlvDq8ikWAM", "pNInz6obpgDQGcFmaJgB", "wide"
INPUTS = [
    {"text": "nam nam.", "voice_id": LAN},
    {"text": "nam. nam", "voice_id": MINH},
    {"text": "nam", "voice_id": WIDE},
    {"text": "nam", "voice_id": LAN},
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Return a client of a server with small voices and two names of ElevenLabs' voices."""
    folder = tmp_path_factory.mktemp("dialogue")
    install_pair(folder / "voices")
    install_pair(folder / "voices", "wide", 16000)
    settings: Settings = {
        "voice": {"name": "wide", "others": ["pair"]},
        "elevenlabs": {"voices": {LAN: "pair", MINH: "pair/minh"}},
    }
    with (
        serving_here(folder, settings) as server,
        httpx.Client(base_url=server.url, timeout=60) as connected,
    ):
        yield connected


@pytest.mark.parametrize("path", PATHS)
def test_a_dialogue_is_the_turns_of_our_own_path(client: httpx.Client, path: str) -> None:
    """Each input has its voice; the first one's sample rate is used; fields without use pass."""
    lan, minh, wide = {"voice": "pair"}, {"voice": "pair", "speaker": "minh"}, {"voice": WIDE}
    own = {LAN: lan, MINH: minh, WIDE: wide}
    turns = [{"text": each["text"], **own[each["voice_id"]]} for each in INPUTS]
    asked = {"turns": turns, "voice": "pair", "format": "pcm", "sample_rate": 16000}
    expected = client.post("/tts/stream", json=asked)
    assert expected.status_code == 200, expected.text
    more = {"model_id": "eleven_v3", "seed": 7, "settings": {"stability": 0.5}}
    output = {"output_format": "pcm_16000"}
    for query, body in ((output, {}), ({}, output)):
        answer = client.post(path, params=query, json={"inputs": INPUTS, **more, **body})
        assert answer.status_code == 200, answer.text
        assert answer.content == expected.content


def test_the_usual_format_and_a_dictionary(client: httpx.Client) -> None:
    """MP3 is the default; dictionaries change the words of all inputs."""
    answer = client.post(PATHS[0], json={"inputs": INPUTS})
    assert answer.headers["Content-Type"] == "audio/mpeg"
    rules = [{"string_to_replace": "Zyx", "type": "alias", "alias": "nam"}]
    named = {"name": "brands", "rules": rules}
    made = client.post("/v1/pronunciation-dictionaries/add-from-rules", json=named).json()
    locator = {"pronunciation_dictionary_id": made["id"], "version_id": made["version_id"]}
    plain, changed = (
        client.post(
            PATHS[1],
            params={"output_format": "pcm_16000"},
            json={
                "inputs": [{"text": text, "voice_id": LAN}, {"text": text, "voice_id": MINH}],
                "pronunciation_dictionary_locators": [locator],
            },
        ).content
        for text in ("nam", "Zyx")
    )
    assert plain == changed


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("inputs", "status", "words"),
    [
        (None, 400, "inputs"),
        ([], 400, "list of 1 to"),
        ("nam", 400, "list of 1 to"),
        (["nam"], 400, "inputs[0]"),
        ([*INPUTS, {"text": "nam"}], 400, "inputs[4].voice_id"),
        ([{"text": "", "voice_id": LAN}], 400, "inputs[0].text"),
        ([INPUTS[0], {"text": "nam", "voice_id": "x"}], 404, "inputs[1].voice_id: there is no"),
        ([INPUTS[0], {"text": "<speak>a", "voice_id": LAN}], 400, "inputs[1].text: SSML"),
        ([{"text": "nam", "voice_id": str(number)} for number in range(11)], 400, "10 voices"),
        ([{"text": "\ud800", "voice_id": LAN}], 400, "inputs[0].text"),
    ],
)
def test_wrong_inputs(
    client: httpx.Client, path: str, inputs: Any, status: int, words: str
) -> None:
    """Wrong inputs are refused by number and field, in ElevenLabs' form."""
    body = json.dumps({} if inputs is None else {"inputs": inputs})
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    detail = answer.json()["detail"]
    assert words in detail["message"], detail
    assert (answer.status_code, detail["param"]) == (status, "inputs")
