"""Voices that are installed from an address instead of the catalogue.

The files of one voice at the address become a catalogue with one entry. So it is downloaded,
resumed, checked and tested like every other voice.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pydantic import ValidationError

from vits_tts.catalogue import download, hub, index, places
from vits_tts.catalogue.download import Tries
from vits_tts.catalogue.index import (
    MAX_FILE_BYTES,
    MAX_JSON_BYTES,
    NAME,
    CatalogueEntry,
    CatalogueIndex,
)
from vits_tts.catalogue.install import Progress
from vits_tts.catalogue.places import JSON, MODEL, Place
from vits_tts.catalogue.sources import CATALOGUE, Answer, Failed, Folder, Web
from vits_tts.config import Voice
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import model_card
from vits_tts.voice.model_card import Licence

_NAMED_AT_MOST: Final = 8


@dataclass(frozen=True, slots=True)
class Stated:
    """Facts that the user states about a voice whose files do not.

    ``sha256`` is the digest of the archive, or else of the model.
    """

    name: str | None = None
    sha256: str | None = None
    licence: Licence | None = None


@contextmanager
def located(
    address: str, stated: Stated, settings: Voice, progress: Progress
) -> Iterator[CatalogueIndex]:
    """Yield a catalogue of the one voice at an address; an archive is downloaded for it.

    ``ADDRESS#NAME`` selects one of several voices. An archive is deleted when the block ends. If
    its download fails, the received part stays, so that the next call resumes it.

    Raises:
        ConfigError: the address cannot be that of a voice.
        VoiceError: there is no usable voice at the address, or it contradicts ``stated``.

    """
    tries = Tries(settings.catalogue.attempts, settings.catalogue.retry_seconds)
    address, selected = _selected(address)
    key = hashlib.sha256(address.encode()).hexdigest()[:16]
    folder = settings.folder / f".archive-{key}.part"
    found = _found(_Search(address, settings, tries, folder, progress), stated.sha256)
    try:
        if isinstance(found, CatalogueIndex):
            yield _one_of_many(found, address, selected, stated)
        else:
            yield _catalogue(found, _model(found, selected), stated, tries)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Search:
    """An address, and the settings, folder and progress of the search for it."""

    address: str
    settings: Voice
    tries: Tries
    folder: Path
    progress: Progress


def _found(search: _Search, sha256: str | None) -> Place | CatalogueIndex:
    """Return the files that an address leads to, or the catalogue that is found there."""
    told = search.settings.catalogue
    address = hub.of_page(search.address, told) or search.address
    if address.startswith(hub.PREFIX):
        return hub.repository(address, told, search.tries)
    path = places.local_path(address)
    if path is not None:
        if (path / CATALOGUE).is_file():
            return index.load([Folder(path)], search.tries)
        return places.on_disk(path, str(path))
    return _found_on_web(replace(search, address=address), sha256)


def _found_on_web(search: _Search, sha256: str | None) -> Place | CatalogueIndex:
    address, told = search.address, search.settings.catalogue
    name = address.partition("?")[0]
    if name.endswith(MODEL):
        return places.model_on_web(address, told.stall_seconds)
    if name.lower().endswith(places.ARCHIVES):
        search.folder.mkdir(parents=True, exist_ok=True)
        return places.fetch_archive(
            address, told.stall_seconds, search.tries, search.folder, sha256, search.progress
        )
    with suppress(ConfigError):
        source = Web(address if address.endswith("/") else f"{address}/", told.stall_seconds)
        return index.load([source], Tries(1, 0))
    return places.folder_on_web(address, told.stall_seconds, search.tries)


def _selected(address: str) -> tuple[str, str | None]:
    """Return an address without its fragment, and the fragment, the name of one voice."""
    whole, mark, name = address.rpartition("#")
    if not mark or Path(address).exists():
        return address, None
    return whole, name


def _model(place: Place, selected: str | None) -> str:
    """Return the path of the only model at a place, or of the selected one.

    Raises:
        VoiceError: there is none, or there are several.

    """
    models = [
        path for path in place.models() if selected in (None, _stem(path), path.removesuffix(MODEL))
    ]
    if len(models) == 1:
        return models[0]
    if models:
        shown = sorted(map(_stem, models))
        if len(set(shown)) < len(shown):  # in several folders
            shown = sorted(path.removesuffix(MODEL) for path in models)
        names = ", ".join(shown[:_NAMED_AT_MOST])
        more = ", …" if len(models) > _NAMED_AT_MOST else ""
        raise VoiceError(
            f"{place.title}: it has {len(models)} voices; add # and the name of one: {names}{more}"
        )
    named = f" {selected!r:.100}" if selected else ""
    raise VoiceError(f"{place.title}: it has no voice{named}, a .onnx file with its .onnx.json")


def _one_of_many(
    found: CatalogueIndex, address: str, selected: str | None, stated: Stated
) -> CatalogueIndex:
    """Return a catalogue that was found at an address, reduced to the selected voice.

    Raises:
        ConfigError: the selected voice is not in it, or none is selected of several.

    """
    if selected is None and len(found.voices) > 1:
        raise ConfigError(f"{address}: it has {len(found.voices)} voices; add # and a name")
    offer = found.find(selected or next(iter(found.voices), ""))
    if stated.sha256:
        raise ConfigError(f"{address}: it has a catalogue with digests; leave --sha256 out")
    changes = {"key": _name(stated.name or offer.key), "licence": offer.licence or stated.licence}
    offer = offer.model_copy(update=changes)
    return CatalogueIndex({offer.key: offer}, {}, found.sources)


def _catalogue(place: Place, model: str, stated: Stated, tries: Tries) -> CatalogueIndex:
    """Return a catalogue with one entry: a voice that was found at a place.

    Raises:
        ConfigError: its name is not allowed for a voice.
        VoiceError: it cannot be read, or contradicts ``stated``.

    """
    name = _name(stated.name or _stem(model))
    description = _manifest(place, f"{model}.json", tries)
    card_path, card = _card(place, model, tries)
    _check_licence(place, stated, description, card)
    paths = {f"{name}{MODEL}": model, f"{name}{JSON}": f"{model}.json"}
    files = {
        f"{name}{MODEL}": _model_facts(place, model, stated, tries),
        f"{name}{JSON}": _facts(description),
    }
    if card_path:
        paths[f"{name}{model_card.SUFFIX}"] = card_path
        files[f"{name}{model_card.SUFFIX}"] = _facts(card)
    entry = {"key": name, "language": {"code": ""}, "files": files, "licence": stated.licence}
    try:
        offer = CatalogueEntry.model_validate(entry)
    except ValidationError as error:
        raise VoiceError(f"{place.title}: {error.errors()[0]['msg']}") from None
    return CatalogueIndex({name: offer}, {}, [_Renamed(place, paths)])


class _Renamed:
    """The files of a place under the names that they get when they are installed."""

    def __init__(self, place: Place, paths: Mapping[str, str]) -> None:
        self._place = place
        self._paths = paths
        self.address = f"{place.title}: "

    @contextmanager
    def open(self, path: str, start: int = 0, validator: str | None = None) -> Iterator[Answer]:
        """Yield a file by its new name; see :class:`Source`."""
        with self._place.source.open(self._paths[path], start, validator) as answer:
            yield answer


def _manifest(place: Place, path: str, tries: Tries) -> bytes:
    """Return the manifest of a voice.

    Raises:
        VoiceError: it cannot be read, or is not a manifest.

    """
    try:
        content = download.read(place.source, path, MAX_JSON_BYTES, tries)
        found = json.loads(content)
        if isinstance(found, dict) and "phoneme_id_map" in found:
            return content
    except Failed as error:
        raise VoiceError(f"{place.title}: {path}: {error}") from None
    except (ValueError, TypeError, RecursionError):
        pass
    raise VoiceError(f"{place.title}: {path}: not the manifest of a Piper voice")


def _card(place: Place, model: str, tries: Tries) -> tuple[str | None, bytes]:
    """Return the path and content of the model card; None and no content if there is none.

    Raises:
        VoiceError: it cannot be read now, but perhaps later.

    """
    folder = model[: model.rfind("/") + 1]
    names = (f"{folder}{_stem(model)}{model_card.SUFFIX}", f"{folder}MODEL_CARD")
    readmes = (f"{folder}README.md", "README.md")
    wanted = [path for path in (*names, *readmes) if path in place.files]
    for path in wanted if place.complete else names:
        try:
            content = download.read(place.source, path, model_card.MAX_BYTES, tries)
        except Failed as error:
            if not error.lasting:
                raise VoiceError(f"{place.title}: {path}: {error}") from None
            continue
        if not content.lstrip().startswith(b"<"):  # a page of a server in place of a file
            return path, content
    return None, b""


def _check_licence(place: Place, stated: Stated, description: bytes, card: bytes) -> None:
    """Refuse a stated licence if the voice's own files state another.

    Raises:
        VoiceError: the files state another licence.

    """
    own = json.loads(description).get("licence") or model_card.licence(
        card.decode("utf-8", "replace")
    )
    said = own.get("name") if isinstance(own, dict) else own and getattr(own, "name", own)
    if stated.licence and said and str(said).casefold() != stated.licence.name.casefold():
        raise VoiceError(f"{place.title}: its files state the licence {said!r:.100}, not another")


def _model_facts(place: Place, model: str, stated: Stated, tries: Tries) -> dict[str, Any]:
    """Return the size and, if known, the digest of a model, as in a catalogue's entry.

    Raises:
        VoiceError: a digest is not the stated one, or the size is not known or too large.

    """
    known, expected = place.files[model], stated.sha256
    if place.archive_digest:
        _compare(place, expected, place.archive_digest)
        expected = None
    size = known.size
    if size is None:
        size = places.stated_size(place.source, model, tries)
    if size is None:
        raise VoiceError(f"{place.title}: the server does not state the size of {model}")
    digest = known.sha256
    if place.local and size <= MAX_FILE_BYTES:
        digest = _digest(place, model)
    _compare(place, expected, digest)
    return {"size_bytes": size, "sha256": digest or expected}


def _compare(place: Place, expected: str | None, found: str | None) -> None:
    if expected and found and expected != found:
        raise VoiceError(f"{place.title}: its digest is {found}, not {expected}")


def _digest(place: Place, path: str) -> str:
    digest = hashlib.sha256()
    try:
        with place.source.open(path) as answer:
            for block in answer.blocks:
                digest.update(block)
    except Failed as error:
        raise VoiceError(f"{place.title}: {path}: {error}") from None
    return digest.hexdigest()


def _facts(content: bytes) -> dict[str, Any]:
    return {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _stem(path: str) -> str:
    return PurePosixPath(path).name.removesuffix(MODEL)


def _name(name: str) -> str:
    """Return ``name``, if a voice may have it.

    Raises:
        ConfigError: it is not allowed for a voice.

    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r:.100} cannot be the name of a voice; give another with --name")
    return name
