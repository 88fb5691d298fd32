"""Starts that fail: one line with the reason, and status 2."""

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.server import Server, Settings, clean_environment, ended, start_in, until
from tests.support.voices import install_joe, install_pair


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"server": {"prot": 1}}, r"config.yaml: server.prot: unknown setting; .* server.port\?"),
        ({"server": {"port": "eighty"}}, r"config.yaml: server.port: .*integer.*'eighty'"),
        ({"voice": {"name": "pear"}}, r"voice.name: .*/voices/pear.onnx: .*did you mean pair\?"),
        ({"voice": {"name": "garbage"}}, r"voice garbage: .*not a model that can run"),
        ({"voice": {"name": "half"}}, r"voice half: .*not a model that can run"),
        ({"voice": {"name": "nojson"}}, r"voice nojson: .*nojson.onnx.json: .*not JSON"),
        ({"voice": {"name": "wrong"}}, r"voice wrong: .*sample_rate"),
        ({"voice": {"name": "alone"}}, r"voice alone: .*alone.onnx.json: No such file"),
        ({"voice": {"name": "foreign"}}, r"voice foreign: .*not Piper's interface"),
        ({"voice": {"name": "tongue"}}, r"voice tongue: cannot speak: .*voice"),
        ({"voice": {"name": "mute"}}, r"voice mute: is silent"),
        ({"voice": {"name": "beyond"}}, r"voice beyond: cannot speak: .*"),
        ({"logging": {"file": "/proc/nope/x.log"}}, r"logging.file: /proc/nope/x.log: cannot be"),
        ({"logging": {"file": "voices"}}, r"logging.file: .*/voices: cannot be written"),
        ({"server": {"host": "not a host"}}, r"server.host: cannot listen on not a host"),
    ],
)
def test_a_start_that_cannot_be(tmp_path: Path, settings: Settings, complaint: str) -> None:
    """One line names the key, the file and the reason; the exit status is 2; nothing is served."""
    folder = tmp_path / "voices"
    model = install_pair(folder)
    manifest = model.with_name("pair.onnx.json").read_text()
    for name, content, text in [
        ("garbage", b"not a model", manifest),
        ("half", model.read_bytes()[: model.stat().st_size // 2], manifest),
        ("nojson", model.read_bytes(), manifest[:-20]),
        ("wrong", model.read_bytes(), manifest.replace("8000", '"fast"')),
        ("foreign", model.read_bytes().replace(b"scales", b"scalez"), manifest),
    ]:
        (folder / f"{name}.onnx").write_bytes(content)
        (folder / f"{name}.onnx.json").write_text(text)
    joe = install_joe(folder)
    ids = json.loads(joe.with_name("joe.onnx.json").read_text(encoding="utf-8"))["phoneme_id_map"]
    changes: list[tuple[str, Path, dict[str, Any]]] = [
        ("tongue", model, {"phoneme_type": "espeak", "espeak": {"voice": "xx-nonsense"}}),
        ("beyond", joe, {"phoneme_id_map": {phoneme: [10**6] for phoneme in ids}}),
    ]
    for name, source, changed in changes:
        data = json.loads(source.with_name(f"{source.name}.json").read_text(encoding="utf-8"))
        (folder / f"{name}.onnx").symlink_to(source.resolve())
        (folder / f"{name}.onnx.json").write_text(json.dumps({**data, **changed}))
    silent = install_pair(folder, "mute")
    silent.write_bytes(silent.read_bytes().replace(struct.pack("<ff", 0.25, 0.5), bytes(8)))
    (folder / "alone.onnx").write_bytes(model.read_bytes())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    done = start_in(tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert re.search(complaint, line), line


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (  # without HOME, and not in /etc/passwd
            "from vits_tts.inference.compiled import default_folder as call",
            "voice.pieces_folder: has to be set where there is no home folder (HOME is not set)",
        ),
        (  # cannot see whether there are settings, which may require keys
            "from vits_tts.config import Settings; call = Settings()",
            "config.yaml: cannot be read: Permission denied",
        ),
    ],
)
def test_a_user_without_a_home_or_rights(tmp_path: Path, call: str, complaint: str) -> None:
    """A user who may not read the settings, or has no home folder, gets one line."""
    program = (
        f"import os, pwd; {call}; from vits_tts.errors import ConfigError\n"
        "os.setuid(54321); os.environ.pop('HOME', None); os.environ.pop('XDG_CACHE_HOME', None)\n"
        "try: call()\n"
        "except ConfigError as error: print(error.message)"
    )
    tmp_path.chmod(0o700)
    done = ended([sys.executable, "-c", program], tmp_path)
    assert done.stdout.strip() == complaint, done.stderr


def test_a_port_that_is_taken(server: Server, tmp_path: Path) -> None:
    """An address of another server is refused at once, by name."""
    port = server.url.rpartition(":")[2]
    done = start_in(tmp_path, VITS_TTS__SERVER__PORT=port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"vits-tts: server.port: cannot listen on 127.0.0.1:{port}")


def test_told_to_stop_while_it_starts(tmp_path: Path) -> None:
    """SIGTERM ends a server that is still compiling its voice, with its compiling process."""
    install_joe(tmp_path / "voices")
    (tmp_path / "config.yaml").write_text("{server: {port: 0}, voice: {name: joe}}")
    environment = clean_environment() | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "vits_tts", "serve"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        (child,) = until(lambda: children.read_text().split(), "a process that checks the voice")
        process.terminate()
        assert process.wait(30) == 0
    until(lambda: not Path(f"/proc/{child}").exists(), "the end of that process")


def test_told_to_stop_within_a_fork(tmp_path: Path) -> None:
    """SIGTERM during a fork is handled after it, and no lock stays held."""
    install_pair(tmp_path / "voices")
    (tmp_path / "config.yaml").write_text("{server: {port: 0}, voice: {name: pair}}")
    told = "lambda: os.kill(os.getpid(), signal.SIGTERM)"
    program = (
        f"import os, signal; os.register_at_fork(after_in_parent={told}); "
        "import sys; sys.argv[1:] = ['serve']; from vits_tts.cli import main; main()"
    )
    done = ended([sys.executable, "-c", program], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
