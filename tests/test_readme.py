"""First steps of a new user: a fresh copy, `./start.sh`, and the examples run as printed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile

from tests.support.examples import tried
from tests.support.server import Server, serving
from tests.support.sound import Sound, assert_speech, decode, pitch
from vits_tts.cli.commands import cli
from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE, EMBEDDED_VOICE, Config

pytestmark = pytest.mark.timeout(900)  # the first start installs packages from PyPI

ROOT = Path(__file__).parent.parent
CLEAN = {"HOME", "PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "UV_CACHE_DIR"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files of a clone: tracked files, and new ones that git does not ignore."""
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def started(copy: Path) -> Iterator[Server]:
    """Run the server that `./start.sh` starts in the copy, without this environment's variables."""
    (copy / "settings").mkdir()
    command = ["env", "-i", *(f"{k}={v}" for k, v in os.environ.items() if k in CLEAN)]
    script = ["./start.sh", "--config", "settings/config.yaml"]
    settings = {"voice": {"others": list(Config().voice.others)}}  # tests usually have fewer
    command += script
    with serving(copy / "settings", settings, command=command, folder_of_command=copy) as server:
        yield server


def test_start_makes_the_environment_without_developers_tools(started: Server, copy: Path) -> None:
    """The first start installs the packages that users need, and no developers' tools."""
    assert started.url
    assert (copy / ".venv" / "bin" / "vits-tts").exists()
    assert not (copy / ".venv" / "bin" / "pytest").exists()


PAGES = ("README.md", "docs/COMMANDS.md", "docs/PYTHON.md")


@pytest.mark.parametrize("page", PAGES)
def test_examples(started: Server, copy: Path, page: str) -> None:
    """The examples of a page work as printed with the packages that users have, and make speech."""
    player = copy / "players" / "paplay"
    player.parent.mkdir(exist_ok=True)
    player.write_text("#!/bin/sh\nexec cat >played.raw\n")
    player.chmod(0o755)
    python = copy / ".venv" / "bin" / "python"
    printed, made = "", 0
    for example in tried(copy / page):
        before = {path: path.stat().st_mtime_ns for path in sounds(copy)}
        printed += example.run(copy, started.url, python)
        fresh = [path for path in sounds(copy) if path.stat().st_mtime_ns != before.get(path)]
        for path in fresh:
            heard(path)
        made += len(fresh)
    assert made
    EXPECTED[page](copy, printed)


def sounds(folder: Path) -> list[Path]:
    """Return the files of sound that examples have made."""
    endings = ("wav", "mp3", "flac", "ogg", "raw", "pcm", "ulaw")
    paths = [path for ending in endings for path in folder.glob(f"*.{ending}")]
    return [*paths, *folder.glob("*/0*.wav"), *folder.glob("book/*.mp3")]


def heard(path: Path) -> None:
    """Assert that a file is speech."""
    if path.suffix == ".wav":
        data = path.read_bytes()
        streamed = data[4:8] == b"\xff" * 4
        sound = decode(data, streamed=streamed)
    elif path.suffix in {".raw", ".pcm", ".ulaw"}:
        kind, rate = ("ULAW", 8000) if path.suffix == ".ulaw" else ("PCM_16", 16000)
        samples, _ = soundfile.read(
            path, format="RAW", subtype=kind, samplerate=rate, channels=1, endian="LITTLE"
        )
        sound = Sound(samples, rate)
    else:
        sound = Sound(*soundfile.read(path))
    assert_speech(sound, shortest=0.3, longest=12)


def readme(copy: Path, printed: str) -> None:
    """Assert that `/tts` answers as the README says, and that `voices list` shows the licence."""
    answer = json.loads(printed.partition("}")[0] + "}")
    text = (copy / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```json\n(\{\"hash\".*?)```", text, re.DOTALL)
    assert shown
    assert set(answer) == set(json.loads(shown[1]))
    assert "licence: CC BY-NC-SA 4.0" in printed


def commands(copy: Path, printed: str) -> None:
    """Assert that a batch says which files it made, and in which folder."""
    assert re.search(r"2 made \(.* s\), 0 up to date, 0 failed: both\n", printed)
    names = {path.name for path in (copy / "book").iterdir()}
    assert names == {"book-01.mp3", "book-02.mp3", "manifest.jsonl"}
    assert {path.name for path in (copy / "both").glob("*.wav")} == {"lines.wav", "book.wav"}


def python(copy: Path, printed: str) -> None:
    """Assert that the output of the API's example is the documented one."""
    assert printed.splitlines()[0].split()[1:3] == ["16000", "int16"]
    assert "0%\n" in printed
    assert "nothing to say: no letter and no digit text\n" in printed
    assert "there is no voice 'nobody'" in printed
    assert (copy / "telephone.ulaw").stat().st_size < (copy / "hello.wav").stat().st_size / 3


EXPECTED = {"README.md": readme, "docs/COMMANDS.md": commands, "docs/PYTHON.md": python}


def test_every_command_and_option_is_told() -> None:
    """docs/COMMANDS.md names all commands, and all options of the commands that it describes."""
    page = (ROOT / "docs/COMMANDS.md").read_text(encoding="utf-8")
    for name in cli.commands:
        assert f"| `{name}` |" in page
    for name in ("say", "batch"):
        options = [option for parameter in cli.commands[name].params for option in parameter.opts]
        missing = [option for option in options if option[0] == "-" and f"`{option}" not in page]
        assert not missing


def test_both_voices_speak(started: Server) -> None:
    """Without any setting, both voices in the package are served, each with its licence."""
    listed = httpx.get(f"{started.url}/voices").json()
    use = {voice["name"]: voice["commercial"] for voice in listed["voices"]}
    assert use == {EMBEDDED_VOICE: False, EMBEDDED_COMMERCIAL_VOICE: True}
    assert listed["default"] == EMBEDDED_VOICE
    heights = {}
    for name in use:
        asked = {"text": "Hôm nay trời đẹp, chúng ta đi dạo nhé.", "voice": name}
        answer = httpx.post(f"{started.url}/tts/stream", json=asked, timeout=60)
        sound = decode(answer.raise_for_status().content, streamed=True)
        assert_speech(sound, shortest=1, longest=6)
        heights[name] = pitch(sound)
    assert heights[EMBEDDED_COMMERCIAL_VOICE] < 150 < heights[EMBEDDED_VOICE]


def test_without_extras(started: Server) -> None:
    """Without an AAC encoder, AAC is not offered, and a request for it gets the reason."""
    url = f"{started.url}/tts/stream"
    asked = httpx.get(url, params={"text": "Xin chào", "format": "aac"})
    assert (asked.status_code, asked.json()["error"]["code"]) == (501, "format_unavailable")
    accepted = httpx.get(url, params={"text": "Xin chào"}, headers={"Accept": "audio/aac"})
    assert (accepted.status_code, accepted.json()["error"]["code"]) == (406, "not_acceptable")
    fields = httpx.get(f"{started.url}/openapi.json").json()["components"]["schemas"]
    names = str(fields["SpeechParameters"]["properties"]["format"])
    assert "opus" in names
    assert "aac" not in names


def test_second_start_installs_nothing(started: Server, copy: Path) -> None:
    """A second setup changes nothing, and needs no network."""
    assert started.url
    before = sorted((copy / ".venv").rglob("METADATA"))
    stamps = [path.stat().st_mtime_ns for path in before]
    command = ["env", "-i", f"PATH={os.environ['PATH']}", f"HOME={os.environ['HOME']}"]
    offline = ["UV_OFFLINE=1", "scripts/install", "--no-dev"]
    subprocess.run([*command, *offline], cwd=copy, check=True)
    after = sorted((copy / ".venv").rglob("METADATA"))
    assert [path.stat().st_mtime_ns for path in after] == stamps


def test_packages_hold_the_voices(copy: Path, started: Server) -> None:
    """The wheel contains both voices and their cards, is below 40 MB, and serves by one command."""
    assert started.url
    uv = shutil.which("uv") or str(copy / ".venv" / "bin" / "uv")
    subprocess.run([uv, "build", "--wheel", "--quiet", "--out-dir", "dist"], cwd=copy, check=True)
    (wheel,) = (copy / "dist").glob("*.whl")
    listed = subprocess.run(
        ["python3", "-m", "zipfile", "-l", str(wheel)],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in (EMBEDDED_VOICE, EMBEDDED_COMMERCIAL_VOICE):
        for part in (".onnx ", ".onnx.json ", ".MODEL_CARD.md "):
            assert f"/{name}{part}" in listed.stdout
    assert "py.typed " in listed.stdout
    assert wheel.stat().st_size < 40e6
    installed = [uv, "tool", "run", "--isolated", "--quiet", "--from", str(wheel), "vits-tts"]
    smoke = [sys.executable, "scripts/smoke", *installed]
    done = subprocess.run(smoke, cwd=copy, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"say: .*\nserve: .*\n", done.stdout)
