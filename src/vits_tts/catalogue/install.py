"""Installation of a voice: download into a draft folder, test, then rename into place.

A voice under its final name is therefore always complete and able to speak.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

from vits_tts.catalogue.download import Tries, fetch
from vits_tts.catalogue.index import CatalogueEntry, CatalogueIndex
from vits_tts.catalogue.partial_file import PartialFile, Wanted
from vits_tts.config import Voice, nearest
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.file_lock import LockFailed, lock
from vits_tts.voice import installed, manifest, model_card
from vits_tts.voice.manifest import Manifest

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Context manager of a download's progress.

It is called with the voice's name and its size in bytes. It yields a function that is called with
the number of bytes received so far.
"""

_LOCK: Final = "lock"


def install(
    offers: CatalogueIndex, offer: CatalogueEntry, settings: Voice, tries: Tries, progress: Progress
) -> Manifest:
    """Download a voice, test that it speaks, and move it into the folder of voices.

    An installed voice of the same name is replaced.

    Raises:
        VoiceError: it cannot be downloaded or cannot speak. Received data stays for the next time.
        OSError: its files cannot be written.

    """
    draft = _draft(settings.folder, offer.key)
    draft.mkdir(parents=True, exist_ok=True)
    wanted = _names(offer)
    with _alone(draft, offer.key):
        for name in set(_published(offer.key)) - wanted.keys():  # of an earlier download
            (draft / name).unlink(missing_ok=True)
        with progress(offer.key, offer.size) as report:
            _fetch(offers, wanted, draft, tries, report)
        _state_licence(draft, offer)
        _try(draft, offer.key, settings.pieces_folder)
        for name in _published(offer.key):
            try:
                (draft / name).replace(settings.folder / name)
            except FileNotFoundError:  # a voice without a card: that of a replaced voice is wrong
                (settings.folder / name).unlink(missing_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    return manifest.read(settings.folder / f"{offer.key}.onnx")


def standing(offer: CatalogueEntry, folder: Path) -> bool | None:
    """Return whether exactly this voice is installed; None if there is none of this name."""
    model = installed.installed(folder).get(offer.key)
    if model is None:
        return None
    folder = model.parent  # that of the package, for a bundled voice
    names = _names(offer)
    return all(
        PartialFile(folder / name, names[name]).done
        for name in (f"{offer.key}.onnx", f"{offer.key}.onnx.json")
    )


def removable(name: str, settings: Voice) -> Path:
    """Return the path of the model of an installed voice that may be removed.

    Raises:
        ConfigError: it is not installed, is embedded in the package, or is named in the settings.

    """
    found = installed.installed(settings.folder)
    if name not in found:
        raise ConfigError(f"there is no voice {name!r:.60}{nearest(name, list(found))}")
    if found[name].parent == installed.EMBEDDED_FOLDER:
        raise ConfigError(f"voice {name} comes with the program and cannot be removed")
    boxed = (installed.EMBEDDED_FOLDER / found[name].name).exists()
    if name in {settings.name, *settings.others} and not boxed:
        key = "voice.name" if name == settings.name else "voice.others"
        raise ConfigError(f"{key}: the settings name {name}; remove it from them first")
    return found[name]


def remove(model: Path, settings: Voice) -> None:
    """Delete a voice's files and its compiled voice.

    Raises:
        OSError: a file cannot be deleted.

    """
    name = model.name.removesuffix(".onnx")
    digest = None
    with suppress(VoiceError):  # a broken voice can be removed too
        digest = manifest.read(model).digest
    for file in reversed(_published(name)):
        (model.parent / file).unlink(missing_ok=True)
    shutil.rmtree(_draft(model.parent, name), ignore_errors=True)
    if digest:
        from vits_tts.inference import compiled as cut_pieces  # noqa: PLC0415  # as above

        cut_pieces.forget(digest, settings.pieces_folder or cut_pieces.default_folder())


def _published(name: str) -> list[str]:
    """Return the names of a voice's files. The model is last: it makes the voice visible."""
    return [f"{name}{model_card.SUFFIX}", f"{name}.onnx.json", f"{name}.onnx"]


def _names(offer: CatalogueEntry) -> dict[str, Wanted]:
    """Return the files of an entry by the names under which they are installed."""
    wanted = zip(_published(offer.key), (offer.card, offer.manifest, offer.model), strict=True)
    return {name: file for name, file in wanted if file}


def _draft(folder: Path, name: str) -> Path:
    return folder / f".{name}.part"


@contextmanager
def _alone(draft: Path, name: str) -> Iterator[None]:
    """Hold the lock of a voice's installation inside the block.

    Raises:
        VoiceError: another process is installing the voice.

    """
    with (draft / _LOCK).open("ab") as file:
        try:
            lock(file)
        except LockFailed:
            raise VoiceError(f"voice {name}: another process is installing it") from None
        yield


def _fetch(
    offers: CatalogueIndex,
    wanted: dict[str, Wanted],
    draft: Path,
    tries: Tries,
    report: Callable[[int], None],
) -> None:
    """Download all files; ``report`` is called with the total of bytes received."""
    before = 0

    def report_one(count: int) -> None:
        report(before + count)

    for name, file in wanted.items():
        fetch(offers.sources, file, draft / name, tries, report_one)
        before += file.size


def _state_licence(draft: Path, offer: CatalogueEntry) -> None:
    """Add the licence that the entry states to the model card, unless the card states one."""
    path = draft / f"{offer.key}{model_card.SUFFIX}"
    card = path.read_text("utf-8", "replace") if offer.card and path.exists() else ""
    if offer.licence and model_card.licence(card) is None:
        said = f"* License: {offer.licence.name} {offer.licence.url or ''}".strip()
        path.write_text(f"{card}\n{said}\n".lstrip("\n"), "utf-8")


def _try(draft: Path, name: str, pieces: Path | None) -> None:
    """Test that the voice can speak.

    Raises:
        VoiceError: it cannot speak. Its files have been deleted.

    """
    # Imported here because onnxruntime takes a second to import, which listing voices does not
    # need.
    from vits_tts.inference.loading import tried  # noqa: PLC0415
    from vits_tts.text.phonemes.espeak import Phonemizer  # noqa: PLC0415

    try:
        tried(manifest.read(draft / f"{name}.onnx"), Phonemizer(), pieces)
    except VoiceError:
        for file in _published(name):
            (draft / file).unlink(missing_ok=True)
        raise
