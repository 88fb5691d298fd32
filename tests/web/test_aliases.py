"""Names of `voice.aliases`: every interface takes them wherever it takes the name of a voice."""

import base64
import io
import json
import wave
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.sync.client import connect

from tests.support.cli import run
from tests.support.ports import free_port
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_pair
from vits_tts import Speech
from vits_tts.cli.remote import Remote

ALIAS = "Minh"
TEXT = "Một hai ba bốn."


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server whose alias names the louder one of two speakers; interfaces map names to it."""
    folder = tmp_path_factory.mktemp("aliases")
    install_pair(folder / "voices")
    names = ("elevenlabs", "cartesia", "fpt", "viettel", "vbee")
    settings: Settings = {
        "voice": {"name": "pair", "aliases": {ALIAS: "pair/minh"}},
        **{name: {"voices": {"other": ALIAS}} for name in names},
    }
    with serving(folder, settings) as server:
        yield server


def level(data: bytes) -> float:
    """Return the loudest sample of 16-bit samples or of a WAV file, as a share of full scale."""
    if data.startswith(b"RIFF"):
        with wave.open(io.BytesIO(data)) as file:
            data = file.readframes(file.getnframes())
    return float(np.abs(np.frombuffer(data, "<i2").astype(int)).max()) / 32768


RAW = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000}
OPENAI = {"model": "tts-1", "response_format": "pcm"}
CARTESIA = {"model_id": "sonic", "transcript": TEXT, "output_format": RAW}
ELEVENLABS = "/v1/text-to-speech/{}?output_format=pcm_8000"
DIALOGUE = "/v1/text-to-dialogue?output_format=pcm_8000"


@pytest.mark.parametrize("name", [ALIAS, "other"])
@pytest.mark.parametrize(
    ("path", "body", "own"),
    [
        ("/tts/stream", {"text": TEXT, "voice": "{}", "format": "pcm"}, True),
        ("/v1/audio/speech", {**OPENAI, "input": TEXT, "voice": "{}"}, True),
        ("/synthesize", {"text": TEXT, "voice": "{}"}, True),
        (ELEVENLABS, {"text": TEXT}, False),
        (DIALOGUE, {"inputs": [{"text": TEXT, "voice_id": "{}"}]}, False),
        ("/tts/bytes", {**CARTESIA, "voice": {"mode": "id", "id": "{}"}}, False),
        ("/tts/speech_synthesis", {"text": TEXT, "voice": "{}", "tts_return_option": 2}, False),
        (
            "/v1/tts",
            {"text": TEXT, "voiceCode": "{}", "mode": "sync", "outputFormat": "wav"},
            False,
        ),
    ],
)
def test_an_alias_is_a_voice(
    shared: Server, path: str, body: dict[str, Any], own: bool, name: str
) -> None:
    """It is that of the settings and speaks as its speaker; `own` paths take no other names."""
    asked = json.dumps(body).replace("{}", name)
    url = f"{shared.url}{path.format(name)}"
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(url, content=asked, headers=headers, timeout=60)
    if own and name != ALIAS:
        assert 400 <= answer.status_code < 500
        return
    assert answer.status_code == 200, answer.text
    assert level(answer.content) == pytest.approx(0.5, abs=0.1)  # some of them filter it


def test_an_alias_in_headers_and_files(shared: Server) -> None:
    """FPT.AI's voice is a header, and its sound a file."""
    headers = {"voice": ALIAS, "format": "wav"}
    url = f"{shared.url}/hmi/tts/v5"
    told = httpx.post(url, content=TEXT.encode(), headers=headers, timeout=60).json()

    def there() -> bytes | None:
        answer = httpx.get(told["async"], timeout=60)
        return answer.content if answer.status_code == 200 else None

    found = shared.wait_until(there, "the file")
    assert found
    assert level(found) == pytest.approx(0.5, 0.02)


def test_an_alias_on_sockets(shared: Server) -> None:
    """ElevenLabs' in the path, Cartesia's in a message."""
    url = shared.url.replace("http", "ws", 1)
    stream = f"{url}/v1/text-to-speech/{ALIAS}/stream-input?output_format=pcm_8000"
    with connect(stream, open_timeout=60) as connection:
        connection.send(json.dumps({"text": f"{TEXT} "}))
        connection.send(json.dumps({"text": ""}))
        parts = [json.loads(message).get("audio") or "" for message in connection]
    assert level(b"".join(map(base64.b64decode, parts))) == pytest.approx(0.5, 0.02)
    with connect(f"{url}/tts/websocket", open_timeout=60) as connection:
        asked = {**CARTESIA, "context_id": "a", "voice": {"mode": "id", "id": ALIAS}}
        connection.send(json.dumps(asked))
        first = json.loads(connection.recv(60))
    assert level(base64.b64decode(first["data"])) == pytest.approx(0.5, 0.02)


def test_aliases_are_listed(shared: Server) -> None:
    """Answers with the names of voices have them."""
    with httpx.Client(base_url=shared.url, timeout=60) as client:
        get = client.get
        assert get("/voices").json()["aliases"] == {ALIAS: "pair/minh"}
        assert [voice["id"] for voice in get("/v1/audio/voices").json()["data"]][-1] == ALIAS
        assert [voice["voice_id"] for voice in get("/v1/voices").json()["voices"]][-1] == ALIAS
        assert get(f"/v1/voices/{ALIAS}").json()["name"] == "pair/minh"
        assert get("/openapi.json").text.count(f'"{ALIAS}"') >= 4


def test_an_alias_of_no_served_voice(tmp_path: Path) -> None:
    """The start is refused in one line; workers would fail one after another."""
    (tmp_path / "config.yaml").write_text("voice: {others: [], aliases: {nam: pair}}\n")
    done = run(tmp_path, "serve", VITS_TTS__SERVER__PORT=str(free_port()))
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert "voice.aliases: 'nam' is 'pair'; the served voices are" in line


def test_an_alias_in_commands_and_python(shared: Server, tmp_path: Path) -> None:
    """`--voice` with a server, and the voice of an object."""
    install_pair(tmp_path / "voices")
    settings = tmp_path / "config.yaml"
    settings.write_text(f"voice: {{name: pair, aliases: {{{ALIAS}: pair/minh}}}}\n")
    with Speech(ALIAS, config=settings) as speech:
        said = [
            speech.say(TEXT).samples,
            np.concatenate([window.samples for window in speech.speak([TEXT])]),
            speech.timed(TEXT)[0].samples,
        ]
        quiet = speech.say(TEXT, speaker="lan").samples
    assert [level(samples.tobytes()) for samples in said] == pytest.approx([0.5] * 3, 0.02)
    assert level(quiet.tobytes()) == pytest.approx(0.25, 0.02)
    with closing(Remote(shared.url, ALIAS, {})) as remote:
        heard = np.concatenate([window.samples for window in remote.stream(TEXT)])
    assert level(heard.tobytes()) == pytest.approx(0.5, 0.02)
