"""Third-party programs, as installed, speak with a server without settings."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.server import Server, serving
from tests.support.sound import Sound, assert_speech, decode
from vits_tts.config import EMBEDDED_VOICE

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = Path(__file__).parent / "programs"
NODE = Path(__file__).parent / "node"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
TEXT = "Xin chào các bạn. Hôm nay trời đẹp quá!"
LONG_TEXT = f"{TEXT} Chúng ta đi dạo quanh hồ vào lúc 7 giờ tối nhé. Sau đó thì về nhà ăn cơm."
PCM_RATE = 24000
_SECONDS = 240

needs_python = pytest.mark.skipif(
    not PYTHON.exists(), reason="scripts/clients has not installed the programs in Python"
)
needs_node = pytest.mark.skipif(
    not (shutil.which("node") and (NODE / "node_modules").is_dir()),
    reason="scripts/clients has not installed the programs for Node",
)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server without any settings but its port."""
    with serving(tmp_path_factory.mktemp("stock")) as running:
        yield running


def said(command: list[str], path: Path) -> bytes:
    """Run a program and return the content of ``path``, its last argument."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VITS_TTS", "OPENAI", "PYTHON"))
    }
    ended = subprocess.run(
        [*command, str(path)],
        cwd=path.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return path.read_bytes()


def pcm(data: bytes) -> Sound:
    """Return raw samples as sound."""
    return Sound(np.frombuffer(data, "<i2").astype(np.float64) / 32768, PCM_RATE)


@needs_python
@pytest.mark.parametrize("voice", ["alloy", "nova"])
def test_openai_for_python(stock: Server, tmp_path: Path, voice: str) -> None:
    """OpenAI's Python client works with OpenAI's names."""
    program = [str(PYTHON), str(PROGRAMS / "openai_python.py"), stock.url, "none", voice, TEXT]
    assert_speech(pcm(said(program, tmp_path / "sound")), shortest=2, longest=6)


@needs_python
def test_livekit(stock: Server, tmp_path: Path) -> None:
    """LiveKit's agents work; their plugin asks for events with MP3."""
    program = [str(PYTHON), str(PROGRAMS / "livekit_openai.py"), stock.url, "none", "ash", TEXT]
    assert_speech(pcm(said(program, tmp_path / "sound")), shortest=2, longest=6)
    assert stock.wait_for("request", route="openaispeech", status=200)


@needs_python
@pytest.mark.parametrize("text", [TEXT, "--- . 😀"])
def test_pipecat(stock: Server, tmp_path: Path, text: str) -> None:
    """Pipecat's pipeline works; a text with nothing to say does not end the call."""
    program = [str(PYTHON), str(PROGRAMS / "pipecat_service.py"), "openai", stock.url, "none"]
    data = said([*program, "alloy", text], tmp_path / "sound")
    if text == TEXT:
        assert_speech(pcm(data), shortest=2, longest=6)


@needs_python
@pytest.mark.parametrize(
    ("path", "text"), [("/synthesize", TEXT), ("/", TEXT), ("/synthesize", "--- . 😀")]
)
def test_pipecat_as_with_piper(stock: Server, tmp_path: Path, path: str, text: str) -> None:
    """Pipecat's service for Piper's HTTP server; nothing to say does not end the call."""
    program = [str(PYTHON), str(PROGRAMS / "pipecat_service.py"), "piper"]
    program += [f"{stock.url}{path}", "none", "", text]
    data = said(program, tmp_path / "sound")
    if text == TEXT:
        assert_speech(pcm(data), shortest=2, longest=6)


@needs_python
@pytest.mark.parametrize("kind", ["elevenlabs", "cartesia"])
@pytest.mark.parametrize("framework", ["livekit", "pipecat"])
def test_agents_speak_word_by_word(
    stock: Server, tmp_path: Path, framework: str, kind: str
) -> None:
    """The frameworks' services speak a text that is being written, with the sound of HTTP."""
    asked = {"text": LONG_TEXT, "format": "pcm", "sample_rate": PCM_RATE}
    alone = pcm(httpx.post(f"{stock.url}/tts/stream", json=asked, timeout=60).content)
    program = [str(PYTHON), str(PROGRAMS / "agent_services.py"), f"{framework}-{kind}"]
    program += [stock.url, EMBEDDED_VOICE, LONG_TEXT]
    heard = pcm(said(program, tmp_path / "sound"))
    assert_speech(heard, shortest=5, longest=12)
    assert np.square(heard.samples).sum() == pytest.approx(np.square(alone.samples).sum(), rel=0.02)
    assert heard.seconds <= alone.seconds + 0.1  # pauses are shorter where a sentence came late


@needs_node
def test_openai_for_node(stock: Server, tmp_path: Path) -> None:
    """OpenAI's JavaScript client works."""
    program = ["node", str(NODE / "openai.js"), stock.url, "none", "shimmer", TEXT]
    assert_speech(pcm(said(program, tmp_path / "sound")), shortest=2, longest=6)


@needs_node
def test_ai_sdk(stock: Server, tmp_path: Path) -> None:
    """`generateSpeech` of Vercel's AI SDK works."""
    program = ["node", str(NODE / "ai-sdk.js"), stock.url, "none", "alloy", TEXT]
    data = said(program, tmp_path / "sound")
    sound = decode(data, streamed=data[40:44] == b"\xff" * 4)
    assert_speech(sound, shortest=2, longest=6)
