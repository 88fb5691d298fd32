"""The folder of the workers' metrics: one for each running server, removed at its end.

A server that was killed leaves its folder behind, and the next server removes it. The server and
its workers keep the folder locked, so a folder without a lock is abandoned.
"""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from loguru import logger

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it at its first import, so the master must set it before that."""
_PREFIX: Final = "vits-tts-metrics-locked-"
"""The names of folders that are locked while they are used."""
_YOUNG_SECONDS: Final = 60
"""A folder younger than this may belong to a server that has not locked it yet."""


class MetricsFolder:
    """The folder of one server.

    If the disk is full, there is none, and workers show only their own.

    Workers inherit the lock at the fork, so it is held until the last of them ends.
    """

    def __init__(self) -> None:
        """Remove the folders of killed servers, and create one for this server."""
        self.path: Path | None = None
        self._lock: int | None = None
        self._master = os.getpid()
        try:
            parent = Path(tempfile.gettempdir())
            _remove_abandoned(parent)
            path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except OSError as error:
            logger.error("no folder for metrics, each worker shows its own: {}", error.strerror)
            return
        self.path = path
        os.environ[FOLDER_VARIABLE] = str(path)

    def forget(self, place: int) -> None:
        """Delete the gauges of a worker that has ended; its counters stay."""
        if self.path:
            for file in self.path.glob(f"gauge_live*_{place}.db"):
                file.unlink(missing_ok=True)  # as prometheus_client's mark_process_dead does

    def remove(self) -> None:
        """Remove the folder; in a worker, which also runs this at its end, do nothing."""
        if self.path and os.getpid() == self._master:
            shutil.rmtree(self.path, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            status = path.lstat()
            mine = status.st_uid == os.getuid() and path.is_dir() and not path.is_symlink()
            if mine and time.time() - status.st_mtime > _YOUNG_SECONDS and _is_abandoned(path):
                shutil.rmtree(path, ignore_errors=True)
                logger.info("removed the metrics of a server that was killed", folder=str(path))
        except OSError:  # another server has just removed it
            continue


def _is_abandoned(path: Path) -> bool:
    """Return whether no process holds the folder's lock."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
