"""A real nginx with the configuration that is shipped, before real servers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import Server, until

CONFIG = Path(__file__).parent.parent.parent / "deploy" / "nginx.conf"


@contextmanager
def nginx(folder: Path, servers: Sequence[Server]) -> Iterator[str]:
    """Run it before two servers; yield its URL. Skips the test where there is no nginx."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("there is no nginx to run the shipped configuration with")
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = CONFIG.read_text(encoding="utf-8")
    text = text.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    text = text.replace("/tmp/", f"{folder}/")  # noqa: S108  # of the container
    for number, server in enumerate(servers, 1):
        text = text.replace(f"speech-{number}:8888", server.url.removeprefix("http://"))
    config = folder / "nginx.conf"
    config.write_text(text, encoding="utf-8")
    with (folder / "log").open("wb") as log:
        command = [program, "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
        process = subprocess.Popen(command, stdout=log, stderr=log)

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(answers, "nginx", (folder / "log").read_text)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
