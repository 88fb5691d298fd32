"""Locks on open files, which the system releases when the process that holds them ends.

portalocker locks the files. It is imported at the first lock, because its import also loads
redis-py and, where it is installed, OpenTelemetry's SDK, which would take a tenth of a second of
every start.
"""

from typing import IO, Any


class LockFailed(Exception):
    """Raised if a file cannot be locked, such as on a file system without locks."""


class FileLocked(LockFailed):
    """Raised if another process, or another open file of this one, holds the lock."""


def lock(file: IO[Any] | int, *, wait: bool = False) -> None:
    """Lock an open file, or a descriptor, for this process alone; closing it releases the lock.

    Args:
        file: The file, opened for writing.
        wait: Wait until the lock is free.

    Raises:
        FileLocked: the lock is not free, and ``wait`` is false.
        LockFailed: the file cannot be locked.

    """
    import portalocker  # noqa: PLC0415  # see above

    flags = portalocker.LockFlags.EXCLUSIVE
    try:
        portalocker.lock(file, flags if wait else flags | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.AlreadyLocked as error:
        raise FileLocked(str(error)) from error
    except portalocker.LockException as error:
        raise LockFailed(str(error)) from error
