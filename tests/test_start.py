"""A newcomer's way: a fresh copy, `./start.sh`, and what the README shows, run as printed."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.decoding import by_dr_libs
from tests.support.server import Server, serving
from tests.support.sound import assert_speech, decode

ROOT = Path(__file__).parent.parent
CLEAN = {"HOME", "PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "UV_CACHE_DIR"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would hold: the files that git knows or would know."""
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
    """The server that `./start.sh` runs in the copy, without any environment of ours."""
    (copy / "settings").mkdir()
    command = ["env", "-i", *(f"{k}={v}" for k, v in os.environ.items() if k in CLEAN)]
    script = ["./start.sh", "--config", "settings/config.yaml"]
    with serving(copy / "settings", command=[*command, *script], folder_of_command=copy) as server:
        yield server


def test_start_makes_the_environment_without_developers_tools(started: Server, copy: Path) -> None:
    """The first start installs what users need, and no more."""
    assert started.url
    assert (copy / ".venv" / "bin" / "vits-tts").exists()
    assert not (copy / ".venv" / "bin" / "pytest").exists()


def test_readme(started: Server, copy: Path) -> None:
    """The README's commands work as printed, but for the port."""
    readme = (copy / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- try -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 3
    script = "set -e\n" + "\n".join(blocks)
    done = subprocess.run(
        [
            "bash",
            "-c",
            script.replace("localhost:8888", started.url.removeprefix("http://")),
        ],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.partition("}")[0] + "}")
    shown = re.search(r"```json\n(\{\"hash\".*?)```", readme, re.DOTALL)
    assert shown
    assert set(answer) == set(json.loads(shown[1]))
    assert "licence: CC BY-NC-SA 4.0" in done.stdout
    streamed = {"stream.wav": True, "fast.wav": True, "hello.wav": False, "story.wav": False}
    for name, is_stream in streamed.items():
        sound = decode((copy / name).read_bytes(), streamed=is_stream)
        assert_speech(sound, shortest=0.3, longest=8)
    assert_speech(by_dr_libs((copy / "hello.mp3").read_bytes()), shortest=0.3, longest=8)


def test_without_extras(started: Server) -> None:
    """Where nothing encodes AAC, it is not offered, and whoever asks for it is told why."""
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
    """Setting up again changes nothing, and needs no network."""
    assert started.url
    before = sorted((copy / ".venv").rglob("METADATA"))
    stamps = [path.stat().st_mtime_ns for path in before]
    command = ["env", "-i", f"PATH={os.environ['PATH']}", f"HOME={os.environ['HOME']}"]
    offline = ["UV_OFFLINE=1", "scripts/install", "--no-dev"]
    subprocess.run([*command, *offline], cwd=copy, check=True)
    after = sorted((copy / ".venv").rglob("METADATA"))
    assert [path.stat().st_mtime_ns for path in after] == stamps


def test_packages_hold_the_voice(copy: Path, started: Server) -> None:
    """The wheel carries the voice and its card."""
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
    for part in (".onnx ", ".onnx.json ", "MODEL_CARD.md ", "py.typed "):
        assert part in listed.stdout
