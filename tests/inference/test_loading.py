"""A voice is tried once for its files, its pieces and this version, and again until it works."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from tests.support.voices import install_pair
from vits_tts.errors import VoiceError
from vits_tts.inference import compiled, loading
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.voice import manifest
from vits_tts.voice.manifest import Manifest


def changed(voice: Manifest) -> Manifest:
    """Change the voice's manifest."""
    path = voice.model_path.with_name(f"{voice.model_path.name}.json")
    told = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(told | {"dataset": "another"}), "utf-8")
    return manifest.read(voice.model_path)


def test_a_voice_that_has_spoken_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice that has worked is tried again only if its files change or its pieces are lost."""
    tries: list[Manifest] = []
    load = loading.loaded

    def counted(voice: Manifest, *arguments: object, **more: object) -> object:
        tries.append(voice)
        return load(voice, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "loaded", counted)
    voice = manifest.read(install_pair(tmp_path))
    folder = tmp_path / "pieces"
    loading.tried(voice, Phonemizer(), folder)
    loading.tried(voice, Phonemizer(), folder)
    assert len(tries) == 1
    voice = changed(voice)
    loading.tried(voice, Phonemizer(), folder)
    loading.tried(voice, Phonemizer(), folder)
    assert len(tries) == 2
    shutil.rmtree(folder)
    loading.tried(voice, Phonemizer(), folder)
    assert len(tries) == 3


def test_a_voice_that_cannot_speak_is_refused_every_time(tmp_path: Path) -> None:
    """A broken voice is refused at every start, although its pieces were compiled and kept."""
    model = install_pair(tmp_path)
    model.write_bytes(model.read_bytes().replace(struct.pack("<ff", 0.25, 0.5), bytes(8)))
    voice = manifest.read(model)
    folder = tmp_path / "pieces"
    for _ in range(2):
        with pytest.raises(VoiceError, match="is silent"):
            loading.tried(voice, Phonemizer(), folder)
        assert list(folder.rglob("plan.json"))
    assert not compiled.has_spoken(voice, folder)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """In a folder that cannot be written, the voice is tried again at each start, and speaks."""
    voice = manifest.read(install_pair(tmp_path))
    folder = tmp_path / "file"
    folder.write_text("")
    loading.tried(voice, Phonemizer(), folder)
    assert not compiled.has_spoken(voice, folder)
