"""The answer to the event ``describe``: the program, its voices and their speakers."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from vits_tts.voice.manifest import Manifest

_PACKAGE: Final = "vits-tts-vietnamese"
_OURS: Final = {"name": "vits-tts", "url": ""}


def info(manifests: Iterable[Manifest], aliases: Mapping[str, Manifest]) -> dict[str, Any]:
    """Return the data of an ``info`` event: one program, with every voice and its speakers.

    Each of ``aliases``, other names of voices, is listed as a voice of one speaker.
    """
    release = version(_PACKAGE)
    program = {
        "name": "vits-tts",
        "description": "Text to speech for Vietnamese",
        "attribution": _OURS,
        "installed": True,
        "version": release,
        "voices": [
            *(_voice(manifest, release) for manifest in manifests),
            *(
                {**_voice(manifest, release), "name": alias, "speakers": None}
                for alias, manifest in aliases.items()
            ),
        ],
        "supports_synthesize_streaming": True,
    }
    others = ("asr", "handle", "intent", "wake", "mic", "snd")
    return {"tts": [program], **{name: [] for name in others}}


def _voice(manifest: Manifest, release: str) -> dict[str, Any]:
    """Return the entry of one voice, as the protocol defines ``TtsVoice``."""
    licence = manifest.licence
    speakers = [{"name": speaker} for speaker in manifest.speakers]
    return {
        "name": manifest.name,
        "description": f"{manifest.name} ({licence.name})",
        "attribution": {"name": licence.attribution or licence.name, "url": licence.url or ""},
        "installed": True,
        "version": release,
        "languages": [manifest.language_code],
        "speakers": speakers or None,
    }
