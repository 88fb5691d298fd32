"""Judge how natural speech sounds, by NISQA and DistillMOS (opinion scores from 1 to 5).

The weights of NISQA may not be used commercially and are no part of this project: the caller names
the folder that holds them. DistillMOS brings its own with its package.
"""

import contextlib
import functools
import importlib
import io
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from training.signal import SAMPLE_RATE

WEIGHTS = {"nisqa_tts": "nisqa_tts.tar", "nisqa": "nisqa_mos_only.tar"}
NAMES = {"nisqa_tts": "NISQA-TTS", "nisqa": "NISQA", "distillmos": "DistillMOS"}
PEAK = 0.5
_SPECTRUM = {
    "n_fft": "ms_n_fft",
    "hop_length": "ms_hop_length",
    "win_length": "ms_win_length",
    "n_mels": "ms_n_mels",
    "fmax": "ms_fmax",
}


def levelled(audio: np.ndarray) -> np.ndarray:
    """Return the audio with its peak at half of full scale: the judges hear levels, too."""
    scale = PEAK / max(1e-6, float(np.abs(audio).max()))
    return (audio * scale).astype(np.float32)


@functools.cache
def _nisqa(path: Path) -> tuple[Any, dict[str, Any]]:
    """Load one model of NISQA and the options it was trained with."""
    library = importlib.import_module("nisqa.NISQA_lib")
    state = torch.load(path, map_location="cpu", weights_only=False)
    options = state["args"]
    kinds = ("cnn_", "td_", "td_2_", "pool_")
    wanted = library.NISQA.__init__.__code__.co_varnames
    mine = {k: v for k, v in options.items() if k.startswith(kinds) and k in wanted}
    mine |= {k: options[k] for k in ("ms_seg_length", "ms_n_mels", "td", "td_2", "pool")}
    model = library.NISQA(**mine)
    model.load_state_dict(state["model_state_dict"])
    return model.eval(), options


def _segments(audio: np.ndarray, options: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mel segments of the audio [1, segments, 1, bands, width] and their count [1]."""
    library = importlib.import_module("nisqa.NISQA_lib")
    file = io.BytesIO()
    soundfile.write(file, audio, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    file.seek(0)
    arguments = {name: options[key] for name, key in _SPECTRUM.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are no bands above 8 kHz
        spectrum = library.get_librosa_melspec(file, sr=options["ms_sr"], **arguments)
    width, hop = options["ms_seg_length"], options["ms_seg_hop_length"]
    segments, count = library.segment_specs("", spectrum, width, hop, None)
    return segments[None].float(), torch.from_numpy(count[None])


def nisqa(audio: np.ndarray, weights: Path) -> float:
    """Return the score of NISQA's model in the file ``weights``; ``audio`` has 16 kHz."""
    model, options = _nisqa(weights)
    with torch.inference_mode():
        return float(model(*_segments(levelled(audio), options)))


@contextlib.contextmanager
def _without_torchaudio() -> Iterator[None]:
    """Let DistillMOS be imported without torchaudio, with which its command line reads files.

    The torchaudio on PyPI cannot be loaded beside a PyTorch that was built for processors only.
    """
    missing = "torchaudio" not in sys.modules
    if missing:
        sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        yield
    finally:
        if missing:
            del sys.modules["torchaudio"]


@functools.cache
def _distillmos() -> Any:
    with _without_torchaudio():
        library = importlib.import_module("distillmos")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a path
        return library.ConvTransformerSQAModel().eval()


def distillmos(audio: np.ndarray) -> float:
    """Return the score of DistillMOS; ``audio`` has 16 kHz."""
    with torch.inference_mode():
        return float(_distillmos()(torch.from_numpy(levelled(audio))[None]))


def naturalness(audio: np.ndarray, folder: Path) -> dict[str, float]:
    """Return ``nisqa_tts``, ``nisqa`` and ``distillmos`` of trimmed sound.

    ``folder`` holds the weights of NISQA (``nisqa_tts.tar`` and ``nisqa_mos_only.tar``).

    Raises:
        FileNotFoundError: they are not there.
    """
    scores = {name: nisqa(audio, folder / file) for name, file in WEIGHTS.items()}
    return scores | {"distillmos": distillmos(audio)}
