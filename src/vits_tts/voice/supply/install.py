"""Installing a voice: fetched into a folder of its own, tried, and only then given its name."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

import portalocker

from vits_tts.config import Voice, nearest
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import card, catalogue, manifest
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.supply.offers import Offer, Offers
from vits_tts.voice.supply.part import Part, Wanted
from vits_tts.voice.supply.transfer import Tries, fetch

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Given a voice's name and bytes, a block in which it is told how many bytes there are."""

_LOCK: Final = "lock"


def install(
    offers: Offers, offer: Offer, settings: Voice, tries: Tries, progress: Progress
) -> Manifest:
    """Fetch a voice, try whether it can speak, and give it its name in the voices' folder.

    What was there under that name is replaced.

    Raises:
        VoiceError: it cannot be fetched or cannot speak; what has come stays for the next time.
        OSError: it cannot be written.

    """
    draft = _draft(settings.folder, offer.key)
    draft.mkdir(parents=True, exist_ok=True)
    wanted = _names(offer)
    with _alone(draft, offer.key):
        with progress(offer.key, offer.size) as told:
            _fetch(offers, wanted, draft, tries, told)
        _state_licence(draft, offer)
        _try(draft, offer.key, settings.pieces_folder)
        for name in _published(offer.key):
            with suppress(FileNotFoundError):  # a voice without a card
                (draft / name).replace(settings.folder / name)
    shutil.rmtree(draft, ignore_errors=True)
    return manifest.read(settings.folder / f"{offer.key}.onnx")


def standing(offer: Offer, folder: Path) -> bool | None:
    """Return whether the voice of that name in ``folder`` is the one offered; None without one."""
    if not (folder / f"{offer.key}.onnx").exists():
        return None
    names = _names(offer)
    return all(
        Part(folder / name, names[name]).done
        for name in (f"{offer.key}.onnx", f"{offer.key}.onnx.json")
    )


def removable(name: str, settings: Voice) -> Path:
    """Return the model file of an installed voice that may be removed.

    Raises:
        ConfigError: there is none, it came with the program, or the settings name it.

    """
    found = catalogue.installed(settings.folder)
    if name not in found:
        raise ConfigError(f"there is no voice {name!r:.60}{nearest(name, list(found))}")
    if found[name].parent == catalogue.EMBEDDED_FOLDER:
        raise ConfigError(f"voice {name} comes with the program and cannot be removed")
    boxed = (catalogue.EMBEDDED_FOLDER / found[name].name).exists()
    if name in {settings.name, *settings.others} and not boxed:
        key = "voice.name" if name == settings.name else "voice.others"
        raise ConfigError(f"{key}: the settings name {name}; take it out there first")
    return found[name]


def remove(model: Path, settings: Voice) -> None:
    """Delete a voice's files, and the pieces that were cut of it.

    Raises:
        OSError: a file cannot be deleted.

    """
    name = model.name.removesuffix(".onnx")
    digest = None
    with suppress(VoiceError):  # a broken one can be removed too
        digest = manifest.read(model).digest
    for file in reversed(_published(name)):
        (model.parent / file).unlink(missing_ok=True)
    shutil.rmtree(_draft(model.parent, name), ignore_errors=True)
    if digest:
        from vits_tts.voice import pieces as cut_pieces  # noqa: PLC0415  # as above

        cut_pieces.forget(digest, settings.pieces_folder or cut_pieces.default_folder())


def _published(name: str) -> list[str]:
    """Return the names of a voice's files; the model last, for with it the voice is there."""
    return [f"{name}{card.SUFFIX}", f"{name}.onnx.json", f"{name}.onnx"]


def _names(offer: Offer) -> dict[str, Wanted]:
    """Return what is fetched of an offer, by the names that it gets."""
    wanted = zip(_published(offer.key), (offer.card, offer.manifest, offer.model), strict=True)
    return {name: file for name, file in wanted if file}


def _draft(folder: Path, name: str) -> Path:
    return folder / f".{name}.part"


@contextmanager
def _alone(draft: Path, name: str) -> Iterator[None]:
    """Keep other processes from installing the same voice.

    Raises:
        VoiceError: one does already.

    """
    try:
        with portalocker.Lock(draft / _LOCK, timeout=0, fail_when_locked=True):
            yield
    except portalocker.exceptions.LockException:
        raise VoiceError(f"voice {name}: another process is installing it") from None


def _fetch(
    offers: Offers,
    wanted: dict[str, Wanted],
    draft: Path,
    tries: Tries,
    told: Callable[[int], None],
) -> None:
    """Fetch all files; ``told`` hears the bytes of all together."""
    before = 0

    def told_of_one(count: int) -> None:
        told(before + count)

    for name, file in wanted.items():
        fetch(offers.sources, file, draft / name, tries, told_of_one)
        before += file.size


def _state_licence(draft: Path, offer: Offer) -> None:
    """Write a card where there is none and the catalogue states the terms."""
    if offer.licence and offer.card is None:
        said = f"* License: {offer.licence.name} {offer.licence.url or ''}".strip()
        (draft / f"{offer.key}{card.SUFFIX}").write_text(f"{said}\n", "utf-8")


def _try(draft: Path, name: str, pieces: Path | None) -> None:
    """Have the voice say its first words.

    Raises:
        VoiceError: it cannot; nothing is kept of it.

    """
    # Not for those who only look: onnxruntime takes a second to import.
    from vits_tts.text.phonemise import Phonemiser  # noqa: PLC0415
    from vits_tts.voice.loading import tried  # noqa: PLC0415

    try:
        tried(manifest.read(draft / f"{name}.onnx"), Phonemiser(), pieces)
    except VoiceError:
        for file in _published(name):
            (draft / file).unlink(missing_ok=True)
        raise
