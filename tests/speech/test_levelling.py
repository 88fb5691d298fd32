"""Loudness of voices: all are equally loud, and no peak is too high.

Functions import SciPy, since that takes a second, and every process of the tests imports this file.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.voices import install_joe, install_pair
from vits_tts.api import Recording, Speech
from vits_tts.cache.key import sentence_key
from vits_tts.config import EMBEDDED_VOICE, Config
from vits_tts.inference import compiled, levelling
from vits_tts.inference.engine import Engine
from vits_tts.inference.loading import loaded
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Level
from vits_tts.voice import installed, manifest

WORDS = (
    "hôm nay nắng đẹp", "mẹ đi chợ sớm", "xin quý khách chờ", "tàu đã rời ga", "gió mùa đông bắc",
    "em bé ngủ say", "anh mua vé chưa", "trường học đóng cửa", "quán phở rất đông",
    "tôi thích đọc sách",
)  # fmt: skip
ENDS = ("rồi.", "nhé!", "phải không?", "từ hôm qua.", "ở gần đây.")
SENTENCES = " ".join(f"{words} {end}" for words in WORDS for end in ENDS)


def settings(folder: Path, **audio: object) -> Config:
    """Return settings with voices in ``folder``."""
    return Config.model_validate(
        {"voice": {"folder": folder / "voices"}, "audio": {"folder": folder / "audio", **audio}}
    )


def lufs(speech: Recording) -> float:
    """Return the loudness of a recording, as another library measures it."""
    import pyloudnorm

    measured = pyloudnorm.Meter(speech.sample_rate).integrated_loudness(speech.samples / 32768)
    return float(measured)


def true_peak(speech: Recording) -> float:
    """Return the peak between and at the samples of a recording, in decibels."""
    from scipy import signal

    peak = np.abs(signal.resample_poly(speech.samples / 32768, 8, 1)).max()
    return float(20 * np.log10(peak))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with Piper's medium voice."""
    path = tmp_path_factory.mktemp("levelling")
    install_joe(path / "voices")
    return path


@pytest.fixture(scope="module")
def embedded(folder: Path) -> Iterator[Speech]:
    """Yield the embedded voice with the default settings."""
    with Speech(config=settings(folder)) as speech:
        yield speech


@pytest.mark.slow
def test_voices_are_equally_loud(folder: Path, embedded: Speech) -> None:
    """Two voices that differ by 6 dB say fifty sentences within half a unit of the setting."""
    with Speech("joe", config=settings(folder)) as other:
        measured = [lufs(voice.say(SENTENCES)) for voice in (embedded, other)]
    assert measured == pytest.approx([-19, -19], abs=0.5)
    assert abs(measured[0] - measured[1]) <= 0.5


@pytest.mark.parametrize(
    ("asked", "expected"), [(-30, -30), ("broadcast", -23), ("telephone", -26), ("podcast", -16)]
)
def test_loudness_is_that_of_the_settings(folder: Path, asked: object, expected: float) -> None:
    """A number and each profile bring the voice to their loudness."""
    with Speech(config=settings(folder, loudness=asked)) as speech:
        said = speech.say(SENTENCES[:400])
    assert lufs(said) == pytest.approx(expected, abs=0.8)
    assert true_peak(said) <= -1


def test_null_changes_nothing(folder: Path) -> None:
    """Without a loudness, the samples are those of the voice, and the key is unchanged."""
    voice = manifest.read(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    ids, _ = voice.phoneme_ids(Phonemizer().phonemes("xin chào.", "espeak", "vi"))
    seed = int(sentence_key(voice.digest, "xin chào.", voice.prosody()), 16)
    synthesis = Engine(voice).begin(ids, voice.prosody(), seed)
    synthesis.use_long_windows()  # as say() does; other windows may change the last bit of a sample
    plain = np.concatenate([window.samples for window in synthesis])
    with Speech(config=settings(folder, loudness=None)) as speech:
        assert np.array_equal(speech.say("Xin chào.").samples, plain)
    with Speech(config=settings(folder)) as speech:
        assert not np.array_equal(speech.say("Xin chào.").samples, plain)


@pytest.mark.parametrize("volume", [0, 0.25, 1.5, 4])
def test_volume_of_a_request(embedded: Speech, volume: float) -> None:
    """A volume multiplies the samples; no peak comes above -1 dB."""
    plain, louder = embedded.say(SENTENCES[:60]), embedded.say(SENTENCES[:60], volume=volume)
    assert true_peak(plain) <= -1
    assert len(louder.samples) == len(plain.samples)
    if volume <= 1:
        assert np.abs(louder.samples - plain.samples * volume).max() <= 1
    else:
        assert true_peak(louder) <= -1
        power = (np.abs(each.samples.astype(float)).mean() for each in (louder, plain))
        assert next(power) / next(power) > 1 + (volume - 1) / 2


def test_the_packaged_value_is_the_measured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loudness that ships with the embedded voice is what measuring it gives."""
    voice = manifest.read(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    shipped = levelling._shipped()[voice.digest]
    kept: dict[str, float] = {}
    monkeypatch.setattr(levelling, "_shipped", dict)
    monkeypatch.setattr(compiled, "kept_loudness", lambda *_: {})
    monkeypatch.setattr(compiled, "keep_loudness", lambda _, __, known: kept.update(known))
    loaded(voice, Phonemizer(), Level(loudness=-19))
    assert kept["0"] == pytest.approx(shipped["0"], abs=0.05)


def test_a_voice_is_measured_once(tmp_path: Path) -> None:
    """The measured value is kept beside the compiled voice; a damaged file is measured again."""
    model = install_pair(tmp_path / "voices")
    pieces = tmp_path / "pieces"
    config = settings(tmp_path)
    config = config.model_copy(
        update={"voice": config.voice.model_copy(update={"pieces_folder": pieces})}
    )
    voice = manifest.read(model)

    def said(speaker: str) -> int:
        with Speech("pair", config=config) as speech:
            return int(speech.say("mot hai ba", speaker=speaker).samples.max())

    assert said("lan") == 8192  # a constant is no speech, and is left as it is
    assert compiled.kept_loudness(voice, pieces) == {"0": None}
    assert said("minh") == 16384
    assert compiled.kept_loudness(voice, pieces) == {"0": None, "1": None}
    (kept,) = pieces.glob("*/loudness-1.json")
    kept.write_text(json.dumps({"0": -25.0}))
    assert said("lan") == pytest.approx(8192 * 10 ** (6 / 20), abs=1)
    kept.write_text("{")
    assert said("lan") == 8192
    assert compiled.kept_loudness(voice, pieces) == {"0": None}
