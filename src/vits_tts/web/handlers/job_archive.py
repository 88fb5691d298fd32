"""All files of a job as one ZIP, which is sent while it is put together.

The archive is never written to the disk, and only one block of a file at a time is in memory. The
archive does not compress the files, since most of them are compressed already.
"""

import io
import json
import re
import zipfile
from collections.abc import Container
from contextlib import closing
from typing import Any, Final

from vits_tts.audio import formats
from vits_tts.audio.formats import NOT_SPEECH
from vits_tts.errors import AudioNotFound
from vits_tts.jobs import JobService
from vits_tts.jobs.model import ItemResult, ItemState, JobState
from vits_tts.web.base import Handler

_BLOCK: Final = 64 * 1024
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LIST: Final = "items.json"


class _Sink(io.RawIOBase):
    """Collects the bytes of an archive, which is written without seeking."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Append bytes."""
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """Return the bytes since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


async def send(handler: Handler, jobs: JobService, state: JobState) -> None:
    """Send the existing files of a job, and a list of its items; of HEAD, only the headers.

    Raises:
        AudioNotFound: the job has no file, or none of them is kept any more.
        StorageError: the disk cannot be read.

    """
    existing = _files(state)
    if not existing:
        raise AudioNotFound("the job has no files")
    # Now, because an error after the first byte could not be reported.
    files = [(name, result) for name, result in existing if await _is_kept(jobs, result)]
    if not files:
        raise AudioNotFound("no file of the job is kept any more; a retry makes them again")
    handler.set_header("Content-Type", "application/zip")
    handler.set_header("Content-Disposition", f'attachment; filename="{state.id}.zip"')
    if handler.request.method == "HEAD":
        await handler.flush()  # now, before tornado adds Content-Length: 0, which would be wrong
        return
    handler.client.bytes_per_second = least_bytes_a_second(files)
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, result in files:
            with closing(await jobs.open(result)) as audio:
                info = zipfile.ZipInfo(name, _DATE)
                info.file_size = audio.size
                with archive.open(info, "w") as entry:
                    for start in range(0, audio.size, _BLOCK):
                        entry.write(await audio.read(start, min(_BLOCK, audio.size - start)))
                        await handler.send(sink.taken())
        kept = {name for name, _ in files}
        archive.writestr(zipfile.ZipInfo(_LIST, _DATE), _listed(state, kept))
    await handler.send(sink.taken())


async def _is_kept(jobs: JobService, result: ItemResult) -> bool:
    try:
        (await jobs.open(result)).close()
    except AudioNotFound:
        return False
    return True


def least_bytes_a_second(files: list[tuple[str, ItemResult]]) -> float | None:
    """Return the fewest bytes of a second of speech in any of the files; None without speech."""
    suffixes = {result["format"] for _, result in files} - set(NOT_SPEECH)
    return min(map(formats.least_bytes_a_second, suffixes), default=None)


_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""A fixed date, so that the same files give the same archive; a ZIP cannot have an earlier one."""


def _files(state: JobState) -> list[tuple[str, ItemResult]]:
    """Return the files of a job with their names in the archive."""
    found = []
    for item in state.items:
        if item.result and item.result["hash"]:
            results = (item.result, item.result.get("times"))
            found += [(_name(item, each), each) for each in results if each]
    if state.whole and state.whole.result:
        result = state.whole.result
        found.insert(0, (f"result.{result['format']}", result))
    return found


def _name(item: ItemState, result: ItemResult) -> str:
    """Return the name of an item's file: its index, and its id if that is a valid file name."""
    own = item.spec.get("id") or ""
    named = f"-{own}" if _PLAIN_NAME.fullmatch(own) else ""
    return f"{item.index:04}{named}.{result['format']}"


def _kept_name(item: ItemState, result: ItemResult | None, kept: Container[str]) -> str | None:
    """Return the name of a file in the archive; None if it is not there."""
    name = _name(item, result) if result and result["hash"] else None
    return name if name in kept else None


def _listed(state: JobState, kept: Container[str]) -> str:
    """Return the list of items as JSON; ``kept`` has the names of the files in the archive."""
    listed = []
    for item in state.items:
        result, error = item.result, item.error
        times = result.get("times") if result else None
        listed.append(
            {
                "index": item.index,
                "id": item.spec.get("id"),
                "status": item.status,
                "file": _kept_name(item, result, kept),
                "seconds": round(result["seconds"], 3) if result else None,
                "error": {"code": error[0], "message": error[1]} if error else None,
                **({"timestamps": _kept_name(item, times, kept)} if times else {}),
                **({"fit": result["fit"]} if result and "fit" in result else {}),
            }
        )
    return json.dumps({"id": state.id, "items": listed}, ensure_ascii=False, indent=1)
