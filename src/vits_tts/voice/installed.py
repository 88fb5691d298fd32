"""The installed voices: the embedded ones, and those in the folder of voices."""

from importlib.resources import files
from pathlib import Path

from vits_tts.config import Voice, nearest
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import manifest
from vits_tts.voice.footprint import footprint
from vits_tts.voice.manifest import Inference, Manifest

EMBEDDED_FOLDER = Path(str(files("vits_tts.voice"))) / "data"


def installed(folder: Path) -> dict[str, Path]:
    """Return the path of every voice's model by its name.

    A voice in ``folder`` replaces an embedded voice of the same name.
    """
    paths = [*sorted(EMBEDDED_FOLDER.glob("*.onnx")), *sorted(folder.glob("*.onnx"))]
    return {path.name.removesuffix(".onnx"): path for path in paths}


def readable(folder: Path) -> tuple[list[Manifest], list[str]]:
    """Return the manifests of all readable voices, and an error message for each other voice."""
    good, problems = [], []
    for path in installed(folder).values():
        try:
            good.append(manifest.read(path))
        except VoiceError as error:
            problems.append(error.message)
    return good, problems


def served(settings: Voice) -> dict[str, Manifest]:
    """Return the manifests of the voices named in the settings, the default voice first.

    Raises:
        ConfigError: a named voice has no model file, an alias is that of another voice, or
            ``voice.max_loaded_bytes`` is too small.
        VoiceError: a manifest is broken.

    """
    found = installed(settings.folder)
    manifests = {}
    for name in dict.fromkeys([settings.name, *settings.others]):
        if name not in found:
            key = "voice.name" if name == settings.name else "voice.others"
            path = settings.folder / f"{name}.onnx"
            raise ConfigError(
                f"{key}: {path}: there is no such model file{nearest(name, list(found))}"
            )
        manifests[name] = _tuned(manifest.read(found[name]), settings)
    for alias, target in settings.aliases.items():
        if target.partition("/")[0] not in manifests:
            raise ConfigError(
                f"voice.aliases: {alias!r:.40} is {target!r:.60}; "
                f"the served voices are {', '.join(manifests)}"
            )
    _check_room(manifests, settings)
    return manifests


def _check_room(manifests: dict[str, Manifest], settings: Voice) -> None:
    """Refuse a memory limit too small for the default voice and the largest other one together.

    Raises:
        ConfigError: ``voice.max_loaded_bytes`` is below that sum.

    """
    if settings.max_loaded_bytes is None:
        return
    taken = {name: footprint(voice.model_bytes) for name, voice in manifests.items()}
    stays = taken.pop(settings.name)
    needed = stays + max(taken.values(), default=0)
    if needed > settings.max_loaded_bytes:
        raise ConfigError(
            f"voice.max_loaded_bytes: should be at least {needed} for these voices, "
            f"not {int(settings.max_loaded_bytes)}"
        )


def _tuned(voice: Manifest, settings: Voice) -> Manifest:
    """Return the voice with the scales of the settings in place of its own."""
    names = ("length_scale", "noise_scale", "noise_w")
    scales = {name: value for name in names if (value := getattr(settings, name)) is not None}
    inference = Inference(**{**voice.inference.model_dump(), **scales})
    return voice.model_copy(update={"inference": inference})
