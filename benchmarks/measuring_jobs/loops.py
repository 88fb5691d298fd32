"""Plain loops of onnxruntime over sentences, as a measure of the machine.

A loop does nothing but run the voice on phonemes that were made before. Two loops are seldom twice
as fast as one, because cores share caches and memory, and many cores are threads of one.
"""

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.voice import manifest

_READY_SECONDS: Final = 6.0
"""Seconds until all loops have loaded the voice and begin to count together."""


@dataclass(frozen=True, slots=True)
class Made:
    """The sentences of all loops, and the time they took together, in seconds."""

    sentences: int
    sound: float
    seconds: float


def loops(voice: Path, spoken: Sequence[str], workers: int) -> Made:
    """Speak normalised sentences by as many loops as wanted, each on a core of its own."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    shares = [list(spoken[first::workers]) for first in range(workers)]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        begin = time.monotonic() + _READY_SECONDS
        turns = list(pool.map(_loop, [voice] * workers, shares, cores, [begin] * workers))
    end = max(end for end, _ in turns)
    return Made(len(spoken), sum(sound for _, sound in turns), end - begin)


def _loop(path: Path, spoken: Sequence[str], core: int, begin: float) -> tuple[float, float]:
    """Speak sentences from the moment ``begin``; return the moment of the end and the seconds."""
    os.sched_setaffinity(0, {core})
    voice, phonemizer = manifest.read(path), Phonemizer()
    feeds = []
    for text in spoken:
        phonemes = phonemizer.phonemes(text, voice.phoneme_type, voice.espeak_voice)
        ids, _ = voice.phoneme_ids(phonemes)
        prosody = voice.prosody()
        scales = prosody.noise_scale, prosody.length_scale, prosody.noise_w
        feeds.append(
            {
                "input": np.array([ids], np.int64),
                "input_lengths": np.array([len(ids)], np.int64),
                "scales": np.array(scales, np.float32),
            }
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        str(voice.model_path), options, providers=["CPUExecutionProvider"]
    )
    while time.monotonic() < begin:
        session.run(None, feeds[0])
    samples = sum(np.asarray(session.run(None, feed)[0]).size for feed in feeds)
    return time.monotonic(), samples / voice.sample_rate
