"""Make folders of recordings for tests, spoken by the embedded voice."""

from pathlib import Path

import numpy as np
import soundfile
import soxr

from training.speaker import Speaker
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.voice import installed

TEXTS = (
    "xin chào các bạn",
    "hôm nay trời đẹp quá",
    "Lúc 8 giờ, tàu chạy.",
    "một hai ba bốn năm",
    "mẹ tôi đi chợ mua cá",
    "ngoài đường xe cộ đông",
    "quê em ở miền trung",
    "dạ",
)
KINDS = (
    ("wavs/a1.wav", 48_000, 2),
    ("wavs/a2.flac", 16_000, 1),
    ("wavs/a3.mp3", 44_100, 1),
    ("wavs/a4.wav", 8000, 1),
    ("a5.flac", 22_050, 2),
    ("wavs/a6.mp3", 24_000, 2),
    ("a7.wav", 32_000, 1),
    ("wavs/a8.flac", 96_000, 1),
)
"""Files with their sample rates and channels, one for each text."""


def make(folder: Path) -> Path:
    """Write recordings of several formats, rates and channels, and their texts."""
    (folder / "wavs").mkdir(parents=True)
    speak = Speaker(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    lines = []
    for text, (file, rate, channels) in zip(TEXTS, KINDS, strict=True):
        sound = np.pad(speak(text.lower().replace("8", "tám")), 8000)
        sound = soxr.resample(sound, speak.sample_rate, rate)
        soundfile.write(folder / file, np.stack([sound] * channels, axis=1), rate)
        lines.append(f"{Path(file).stem}|{text}|a third column")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
