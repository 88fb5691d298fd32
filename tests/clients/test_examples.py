"""The examples with agent frameworks, run as their pages say."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.test_clients import PYTHON, ROOT, needs_python, stock
from tests.support.server import Server
from tests.support.sound import assert_speech, decode

__all__ = ["stock"]


@needs_python
@pytest.mark.parametrize("options", [["pipecat_agent"], ["livekit_agent"]])
def test_an_agent_answers(stock: Server, tmp_path: Path, options: list[str]) -> None:  # a fixture
    """The agent speaks its whole answer, and the sound is speech."""
    sound = run(stock, tmp_path, *options)
    assert_speech(decode(sound), shortest=8, longest=14)


@needs_python
def test_an_agent_is_interrupted(stock: Server, tmp_path: Path) -> None:
    """The caller speaks while the answer is being said; the pipeline ends."""
    assert run(stock, tmp_path, "pipecat_agent", "--interrupt")


def run(server: Server, folder: Path, name: str, *options: str) -> bytes:
    """Run an example and return the file that it writes."""
    output = folder / "answer.wav"
    program = [str(PYTHON), str(ROOT / "examples" / f"{name}.py"), *options]
    ended = subprocess.run(
        [*program, "--url", server.url, "--output", str(output)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return output.read_bytes()
