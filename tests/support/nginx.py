"""A real nginx with the shipped configuration, in front of real servers."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.server import Reachable, until

CONFIG = Path(__file__).parent.parent.parent / "deploy" / "nginx.conf"


@contextmanager
def nginx(folder: Path, servers: Sequence[Reachable]) -> Iterator[str]:
    """Run nginx in front of two servers; yield its URL. Skip the test if nginx is not installed."""
    text = CONFIG.read_text(encoding="utf-8").replace("listen 8080;", "listen ADDRESS;")
    for number, server in enumerate(servers, 1):
        text = text.replace(f"speech-{number}:8888", server.url.removeprefix("http://"))
    with _running(folder, text) as url:
        yield url


@contextmanager
def bare_nginx(folder: Path, server: Reachable) -> Iterator[str]:
    """Run an nginx with a minimal configuration that only passes requests on; yield its URL."""
    place = f"location / {{ proxy_pass {server.url}; }}"
    own = "pid /tmp/pid; error_log /dev/stderr warn; events {}"
    with _running(
        folder, f"{own} http {{ access_log off; server {{ listen ADDRESS; {place} }} }}"
    ) as url:
        yield url


@contextmanager
def _running(folder: Path, text: str) -> Iterator[str]:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("there is no nginx to run a configuration with")
    folder.mkdir()
    port = free_port()
    text = text.replace("ADDRESS", f"127.0.0.1:{port}")
    text = text.replace("/tmp/", f"{folder}/")  # noqa: S108  # of the container
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
