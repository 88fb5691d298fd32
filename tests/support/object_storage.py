"""A real server of object storage: Moto's, which speaks S3 over HTTP, in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import obstore
from obstore.store import S3Store

from tests.support.ports import free_port
from tests.support.server import until

BUCKET: Final = "results"
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "an-id",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-no-log-has",
    "AWS_REGION": "us-east-1",
}
_START_SECONDS: Final = 60


class ObjectStorageServer:
    """A storage with one bucket that is running, and forgets all at its end."""

    def __init__(self, folder: Path) -> None:
        """Start it on a free port; ``folder`` gets its log."""
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it (again), empty, and make the bucket."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with (self._folder / "storage.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._made, "the object storage")

    def _made(self) -> bool:
        try:
            answer = httpx.put(f"{self.url}/{BUCKET}", timeout=_START_SECONDS)
        except httpx.TransportError:
            return False
        return answer.is_success

    def objects(self) -> list[str]:
        """Return the keys of all objects, in their order."""
        return sorted(each["path"] for found in obstore.list(self._store()) for each in found)

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        obstore.put(self._store(), key, content)

    def _store(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.url,
            region=ENVIRONMENT["AWS_REGION"],
            access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            client_options={"allow_http": True},
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        os.kill(self._process.pid, number)

    def stop(self) -> None:
        """End the process in any state."""
        self._process.kill()
        self._process.wait()


@contextmanager
def object_storage(folder: Path) -> Iterator[ObjectStorageServer]:
    """Run a storage for a while."""
    server = ObjectStorageServer(folder)
    try:
        yield server
    finally:
        server.stop()
