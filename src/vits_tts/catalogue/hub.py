"""Model repositories of a hub with Hugging Face's interface: ``hf:OWNER/REPO[@REVISION][/PATH]``.

One request lists the files of a revision with sizes and digests, and the commit that it is at. All
files are then read at this commit, so they belong together even if the repository changes.
"""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vits_tts.catalogue import download
from vits_tts.catalogue.download import Tries
from vits_tts.catalogue.places import KnownFile, Place
from vits_tts.catalogue.sources import Failed, Web
from vits_tts.config import Catalogue
from vits_tts.errors import ConfigError, VoiceError

PREFIX: Final = "hf:"
_ANSWER_BYTES_AT_MOST: Final = 32 * 1024**2
_PART: Final = r"[\w][\w.-]{0,95}"
_SPEC: Final = re.compile(rf"({_PART}/{_PART})(?:@([\w.+-]+))?(?:/(.+))?", re.ASCII)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Large(_Part):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _File(_Part):
    rfilename: Annotated[str, Field(min_length=1, max_length=1000)]
    size: int | None = Field(None, ge=0)
    lfs: _Large | None = None


class _Revision(_Part):
    sha: str = Field(pattern=r"^[0-9a-f]{40,64}$")
    siblings: tuple[_File, ...] = ()


def repository(spec: str, settings: Catalogue, tries: Tries) -> Place:
    """Return the place of a repository, or of a folder or a model of it.

    Raises:
        ConfigError: ``spec`` is not ``hf:OWNER/REPO[@REVISION][/PATH]``.
        VoiceError: the hub does not have it or cannot be reached.

    """
    found = _SPEC.fullmatch(spec.removeprefix(PREFIX).rstrip("/"))
    if found is None:
        raise ConfigError(f"{spec!r:.100}: should be hf:OWNER/REPO or hf:OWNER/REPO/PATH")
    name, revision, path = found[1], found[2] or "main", (found[3] or "")
    base = settings.hub.rstrip("/")
    api = Web(f"{base}/api/models/", settings.stall_seconds, "blobs=true", settings.hub_token)
    asked = f"{name}/revision/{revision}"
    try:
        content = download.read(api, asked, _ANSWER_BYTES_AT_MOST, tries)
        listed = _Revision.model_validate(_parsed(content))
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise VoiceError(f"{spec}: the hub's answer cannot be used: {reason}") from None
    except Failed as error:
        hint = "; is it private? see voice.catalogue.hub_token" if " 40" in str(error) else ""
        raise VoiceError(f"{spec}: {api.address}{asked}: {error}{hint}") from None
    address = f"{base}/{name}/resolve/{listed.sha}/"
    source = Web(address, settings.stall_seconds, token=settings.hub_token)
    return Place(spec, source, dict(_within(listed, path)))


def of_page(address: str, settings: Catalogue) -> str | None:
    """Return the ``hf:`` form of the address of a hub's page of a repository; None for others."""
    rest = address.partition("?")[0].removeprefix(f"{settings.hub.rstrip('/')}/")
    parts = rest.strip("/").split("/")
    if rest == address.partition("?")[0] or "://" in rest:
        return None
    match parts:
        case [_, _]:
            return f"{PREFIX}{rest.strip('/')}"
        case [owner, name, "tree" | "blob" | "resolve", revision, *path]:
            return "/".join([f"{PREFIX}{owner}/{name}@{revision}", *path])
    return None


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Failed("the answer is not JSON", lasting=True) from None


def _within(listed: _Revision, path: str) -> Iterator[tuple[str, KnownFile]]:
    """Yield the files in a folder or beside a model, and the model card of the repository."""
    for file in listed.siblings:
        where = PurePosixPath(file.rfilename)
        if where.is_absolute() or ".." in where.parts:
            continue
        below = not path or file.rfilename.startswith(f"{path}/")
        beside = path.endswith(".onnx") and where.parent == PurePosixPath(path).parent
        if path.endswith(".onnx") and where.suffix == ".onnx" and file.rfilename != path:
            continue
        if below or beside or file.rfilename == "README.md":
            yield file.rfilename, KnownFile(file.size, file.lfs.sha256 if file.lfs else None)
