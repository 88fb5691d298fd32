"""Speak with an exported voice, like any program that knows Piper's interface."""

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import soxr

from training.phonemes import text_to_ids


class Speaker:
    """A voice file in its own onnxruntime session."""

    def __init__(
        self, path: Path, threads: int = 1, seed: int = 1, sample_rate: int | None = None
    ) -> None:
        """Load ``path`` and the JSON beside it; ``sample_rate`` is that of the sound it returns.

        Without one it is the voice's own.
        """
        onnxruntime.set_seed(seed)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.manifest = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        self.own_rate: int = self.manifest["audio"]["sample_rate"]
        self.sample_rate = sample_rate or self.own_rate

    def __call__(self, text: str, length_scale: float | None = None) -> np.ndarray:
        """Return the sound of ``text`` (float32, -1 to 1)."""
        inference = self.manifest["inference"]
        ids = np.array([text_to_ids(text)], np.int64)
        length = length_scale or inference["length_scale"]
        scales = np.array([inference["noise_scale"], length, inference["noise_w"]], np.float32)
        feeds = {"input": ids, "input_lengths": np.array([ids.shape[1]]), "scales": scales}
        sound: np.ndarray = self.session.run(None, feeds)[0].reshape(-1)
        if self.sample_rate != self.own_rate:
            sound = soxr.resample(sound, self.own_rate, self.sample_rate, quality="VHQ")
        return sound


def real_time_factor(path: Path, texts: list[str], rounds: int = 5) -> float:
    """Return the median over rounds of the time of synthesis divided by the time of its sound."""
    speaker = Speaker(path)
    speaker(texts[0])
    factors = []
    for _ in range(rounds):
        started = time.perf_counter()
        samples = sum(len(speaker(text)) for text in texts)
        factors.append((time.perf_counter() - started) / (samples / speaker.sample_rate))
    return float(np.median(factors))
