"""The secret for hashes of audio files, in a file that only its owner may read.

These functions access the disk, so call them in threads.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from loguru import logger

from vits_tts.audio.whole_file import UNFINISHED

SHORTEST: Final = 16
"""The fewest characters of a secret; a shorter one could be guessed."""
_NAME: Final = ".secret"
_MOST_BYTES: Final = 4096
_BYTES: Final = 32
_CAREFUL: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def new_secret() -> str:
    """Return a random secret."""
    return secrets.token_hex(_BYTES)


def kept_secret(folder: Path, proposed: str | None = None) -> str:
    """Return the secret in ``folder``; if there is none, store ``proposed`` or a new one.

    If several processes store one at the same time, all return the same.

    Raises:
        OSError: there is no secret, and a new one cannot be stored.

    """
    path = folder / _NAME
    if kept := _read(path):
        return kept
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _put(path, proposed or new_secret(), replace=path.exists())


def keep_secret(folder: Path, secret: str) -> None:
    """Store a secret in ``folder`` in place of any other.

    Raises:
        OSError: the secret cannot be stored.

    """
    if kept_secret(folder, secret) != secret:
        _put(folder / _NAME, secret, replace=True)


def _read(path: Path) -> str | None:
    """Return the secret in a file; None if it is missing, too short or not a regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _CAREFUL)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            logger.warning(
                "other users could read the secret of audio hashes; its permissions are now 0600"
            )
            with contextlib.suppress(OSError):  # the file belongs to another user
                path.chmod(0o600)
        text = file.read(_MOST_BYTES).decode(errors="replace").strip()
    return text if len(text) >= SHORTEST else None


def _put(path: Path, secret: str, *, replace: bool) -> str:
    """Store the secret atomically and return it, or the one that another process has stored."""
    draft = path.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"{secret}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
            return secret
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return _read(path) or secret
        except OSError:  # no hard links, as on SMB: the last of several processes wins
            draft.replace(path)
            return _read(path) or secret
    finally:
        draft.unlink(missing_ok=True)
    return secret
