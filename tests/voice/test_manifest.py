"""Manifests: Piper's JSON, read strictly, and the values derived from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.voices import JOE, install_pair
from vits_tts.config import EMBEDDED_VOICE, Voice
from vits_tts.errors import ConfigError, SpeakerUnknown, VoiceError
from vits_tts.voice import installed, manifest


def changed(folder: Path, **values: Any) -> Path:
    """Make a voice whose JSON has other values (None removes one)."""
    model = install_pair(folder)
    path = model.with_name("pair.onnx.json")
    data = json.loads(path.read_text())
    data.update(values)
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))
    return model


def test_embedded_voice() -> None:
    """The embedded voice states its source and licence."""
    voice = manifest.read(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    assert (voice.name, voice.language_code, voice.sample_rate) == (EMBEDDED_VOICE, "vi_VN", 16000)
    assert voice.licence.name == "CC BY-NC-SA 4.0"
    assert voice.licence.attribution
    assert "VAIS-1000" in voice.licence.attribution
    assert (voice.speakers, voice.speaker_id(None)) == ((), 0)


def test_ids_as_piper_makes_them() -> None:
    """The ids equal those of Piper's own runtime for the same phonemes."""
    from piper.config import PiperConfig
    from piper.phoneme_ids import phonemes_to_ids

    voice = manifest.read(next(JOE.glob("*.onnx")))
    data = json.loads(next(JOE.glob("*.json")).read_text(encoding="utf-8"))
    phonemes = list("sˈin tʃˈaː2w!")
    expected = phonemes_to_ids(phonemes, PiperConfig.from_dict(data).phoneme_id_map)
    assert voice.phoneme_ids(phonemes) == (expected, set())
    assert voice.phoneme_ids([*phonemes, "☃"]) == (expected, {"☃"})


def test_speakers(tmp_path: Path) -> None:
    """Speakers have names or numbers; an unknown speaker is not replaced by another one."""
    voice = manifest.read(changed(tmp_path, num_speakers=3))
    assert voice.speakers == ("lan", "minh", "2")
    assert [voice.speaker_id(name) for name in (None, "lan", "minh", "2", "1")] == [0, 0, 1, 2, 1]
    for wrong in ("3", "-1", "Lan", "", "1.0", "²"):
        with pytest.raises(SpeakerUnknown):
            voice.speaker_id(wrong)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"audio": {"sample_rate": 0}}, "audio.sample_rate"),
        ({"audio": None}, "audio"),
        ({"phoneme_id_map": {}}, "phoneme_id_map lacks ^ $ _"),
        ({"phoneme_id_map": {"_": [0], "^": [1], "$": ["x"]}}, "phoneme_id_map"),
        ({"phoneme_type": "pinyin"}, "phoneme_type"),
        ({"inference": {"length_scale": -1}}, "inference.length_scale"),
        ({"num_speakers": "many"}, "num_speakers"),
        ({"num_speakers": 300_000_000}, "num_speakers"),
        ({"licence": {"name": "M" * 5000}}, "licence.name"),
        ({"licence": {"name": "\ud800"}}, "a string is not valid Unicode"),
    ],
)
def test_broken_json_says_why(tmp_path: Path, values: dict[str, Any], reason: str) -> None:
    """The message names the voice, the file and the key."""
    model = changed(tmp_path, **values)
    with pytest.raises(VoiceError) as caught:
        manifest.read(model)
    assert caught.value.message.startswith(f"voice pair: {model}.json: ")
    assert reason in caught.value.message


def test_json_that_is_no_object(tmp_path: Path) -> None:
    """A list is not a manifest."""
    model = install_pair(tmp_path)
    model.with_name("pair.onnx.json").write_text("[]")
    with pytest.raises(VoiceError, match="not a JSON object"):
        manifest.read(model)


def test_digest_follows_the_files(tmp_path: Path) -> None:
    """Another model or another manifest gives another digest for the cache."""
    model = install_pair(tmp_path)
    digests = [manifest.read(model).digest]
    path = model.with_name("pair.onnx.json")
    path.write_text(path.read_text().replace("8000", "16000"))
    digests.append(manifest.read(model).digest)
    model.write_bytes(model.read_bytes() + b"x")
    digests.append(manifest.read(model).digest)
    assert len(set(digests)) == 3
    assert manifest.read(model).digest == digests[2]


def test_settings_choose_voices_and_scales(tmp_path: Path) -> None:
    """The default voice comes first, and the settings' scales replace the voices' own."""
    install_pair(tmp_path)
    settings = Voice(others=("pair", EMBEDDED_VOICE), folder=tmp_path, noise_w=0.1)
    voices = installed.served(settings)
    assert list(voices) == [EMBEDDED_VOICE, "pair"]
    prosody = voices[EMBEDDED_VOICE].prosody(1.5)
    assert (prosody.noise_w, prosody.noise_scale, prosody.length_scale) == (0.1, 0.667, 1.5)


def test_the_folder_wins_over_the_box(tmp_path: Path) -> None:
    """A voice in the folder replaces the embedded one of the same name."""
    model = install_pair(tmp_path, EMBEDDED_VOICE)
    assert installed.installed(tmp_path)[EMBEDDED_VOICE] == model


def test_missing_models_are_named(tmp_path: Path) -> None:
    """The line names the key, the file and the most similar voice."""
    install_pair(tmp_path)
    with pytest.raises(ConfigError) as caught:
        installed.served(Voice(others=("pairr",), folder=tmp_path))
    expected = (
        f"voice.others: {tmp_path}/pairr.onnx: there is no such model file; did you mean pair?"
    )
    assert caught.value.message == expected
