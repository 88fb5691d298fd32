"""Levelling: the gain that brings each speaker of a voice to one loudness.

A speaker is measured once, with sentences that are always the same. The result is shipped with the
package, or kept beside the compiled voice.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import resources
from typing import Final

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from vits_tts.audio.limiter import Limiter
from vits_tts.audio.loudness import LoudnessMeter
from vits_tts.inference import compiled
from vits_tts.inference.engine import Engine
from vits_tts.inference.streaming import to_int16
from vits_tts.text.phonemes.espeak import Phonemizer

_SENTENCES: Final = (
    "hôm nay trời đẹp, chúng tôi đi dạo quanh hồ rồi ăn kem.",
    "bà ngoại kể chuyện ngày xưa bằng một giọng thật ấm áp.",
    "xin quý khách vui lòng giữ máy, tổng đài viên sẽ trả lời ngay.",
    "anh có biết chuyến tàu đi huế mấy giờ khởi hành không?",
    "giá xăng tăng thêm hai nghìn đồng kể từ chiều thứ năm.",
    "ngoài khơi sóng lớn, gió đông bắc mạnh cấp sáu, cấp bảy.",
    "em bé ngủ say, cả nhà đi thật khẽ để khỏi làm ồn.",
    "phần mềm này đọc văn bản thành tiếng và chạy trên máy thường.",
)
"""About 25 seconds of speech, with all tones and most sounds of Vietnamese."""
_FURTHEST: Final = 20.0
"""Maximum gain in dB. Sound that is further from its target cannot be speech, and is left
unchanged."""
_STEPS: Final = 10
"""Gains are rounded to 1/10 dB, so that the last bit of the samples does not matter."""


class Leveller:
    """The gains of one voice's speakers. Several threads may use it at the same time."""

    def __init__(self, engine: Engine, phonemiser: Phonemizer, target: float) -> None:
        """Bring the speakers of ``engine`` to ``target`` LUFS."""
        self._engine = engine
        self._phonemiser = phonemiser
        self._target = target
        self._lock = threading.Lock()
        self._known: dict[str, float | None] = {
            **compiled.kept_loudness(engine.manifest, engine.folder),
            **_shipped().get(engine.manifest.digest, {}),
        }

    def knows(self, speaker: int) -> bool:
        """Return whether a speaker has been measured."""
        return str(speaker) in self._known

    def measure(self, speaker: int) -> None:
        """Measure a speaker who was not measured yet, by synthesising some sentences."""
        with self._lock:
            if self.knows(speaker):
                return
            manifest = self._engine.manifest
            meter = LoudnessMeter(manifest.sample_rate)
            try:
                for window in self._speech(speaker):
                    meter.add(to_int16(window, 1.0))
            except Exception as error:  # noqa: BLE001  # onnxruntime's own exceptions share no base
                self._known[str(speaker)] = None
                logger.warning(
                    "voice is not levelled: it cannot say its test sentences: {}",
                    error,
                    voice=manifest.name,
                    speaker=speaker,
                )
                return
            found = -np.inf if meter.lufs is None else meter.lufs
            usable = abs(found - self._target) <= _FURTHEST
            self._known[str(speaker)] = round(found, 2) if usable else None
            compiled.keep_loudness(manifest, self._engine.folder, self._known)
        if usable:
            logger.info(
                "voice measured", voice=manifest.name, speaker=speaker, lufs=round(found, 2)
            )
        else:
            logger.warning(
                "voice is not levelled: its test sentences are not like speech",
                voice=manifest.name,
                speaker=speaker,
            )

    def limiter(self, speaker: int, volume: float) -> Limiter:
        """Return the gain and limiter for one sentence of a speaker, times ``volume``."""
        self.measure(speaker)
        known = self._known[str(speaker)]
        decibels = 0.0 if known is None else round((self._target - known) * _STEPS) / _STEPS
        return Limiter(volume * 10 ** (decibels / 20), self._engine.manifest.sample_rate)

    def _speech(self, speaker: int) -> Iterator[NDArray[np.float32]]:
        """Yield the samples of the sentences, without any gain."""
        manifest = self._engine.manifest
        name = manifest.speakers[speaker] if manifest.speakers else None
        prosody = manifest.prosody(speaker=name)
        for seed, sentence in enumerate(_SENTENCES):
            phonemes = self._phonemiser.phonemes(
                sentence, manifest.phoneme_type, manifest.espeak_voice
            )
            synthesis = self._engine.begin(
                manifest.phoneme_ids(phonemes)[0], prosody, seed, levelled=False
            )
            for frames in synthesis.sizes():
                yield synthesis.raw_window(frames)


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, Mapping[str, float]]:
    """Return the loudness of the voices in the package, by digest and then by speaker."""
    found: dict[str, dict[str, float]] = json.loads(
        resources.files("vits_tts.voice").joinpath("data/loudness.json").read_text("utf-8")
    )
    return found
