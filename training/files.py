"""Write files of networks and features whole or not at all."""

from pathlib import Path
from typing import Any

import torch


def save(path: Path, value: Any) -> None:
    """Write ``value`` for ``torch.load``; a broken-off write leaves the old file.

    Raises:
        OSError: it cannot be written; a full disk, for example.

    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save(value, file)
    except RuntimeError as error:  # closing the archive fails as well, and hides the reason
        partial.unlink(missing_ok=True)
        reason = error.__context__
        if isinstance(reason, OSError):
            raise OSError(reason.errno, reason.strerror, str(path)) from None
        if isinstance(reason, KeyboardInterrupt):
            raise reason from None
        raise
    partial.replace(path)


def checkpoint(work: Path, stage: str) -> dict[str, Any]:
    """Return the last checkpoint of a network, without reading its weights yet."""
    found: dict[str, Any] = torch.load(
        work / stage / "last.pt", map_location="cpu", weights_only=False, mmap=True
    )
    return found
