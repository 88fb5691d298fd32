"""Loading of a voice, with a test sentence to prove that it speaks."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from vits_tts.errors import VoiceError
from vits_tts.inference import compiled as cut_pieces
from vits_tts.inference.engine import Engine, Trial
from vits_tts.inference.levelling import Leveller
from vits_tts.inference.memory import trim
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Level
from vits_tts.voice.manifest import Manifest

_FIRST_WORDS: Final = "Xin chào. Hello 1 2 3."
_SILENCE: Final = 100
_AS_IT_IS: Final = Level()
_MEASURED: Final = Level(loudness=-19.0)
"""The loudness of a voice is measured for any target; all targets use the same measurement."""

Load = Callable[[Manifest], Engine]
"""Loads a voice; raises ``VoiceError`` if that fails."""


def tried(manifest: Manifest, phonemiser: Phonemizer, pieces: Path | None = None) -> None:
    """Test that a voice speaks, unless it has passed with the same files on this machine.

    Raises:
        VoiceError: it cannot speak; the message has the reason.

    """
    folder = pieces or cut_pieces.default_folder()
    if not cut_pieces.has_spoken(manifest, folder):
        loaded(manifest, phonemiser, _MEASURED, folder)
        cut_pieces.remember_spoken(manifest, folder)


def loaded(
    manifest: Manifest,
    phonemiser: Phonemizer,
    level: Level = _AS_IT_IS,
    pieces: Path | None = None,
    cores: int = 1,
) -> Engine:
    """Return the engine of a voice, after it has spoken a test sentence.

    Args:
        manifest: The voice.
        phonemiser: Makes the phonemes of the test sentence.
        level: Gain of all samples, and the loudness that the first speaker is measured for.
        pieces: Folder of compiled voices; None is the user's cache.
        cores: As in :class:`Engine`.

    Raises:
        VoiceError: it cannot speak; the message has the reason.

    """
    engine = Engine(manifest, level.volume, pieces, cores)
    try:
        phonemes = phonemiser.phonemes(_FIRST_WORDS, manifest.phoneme_type, manifest.espeak_voice)
        ids, _ = manifest.phoneme_ids(phonemes)
        pcm = engine.synthesise(ids, manifest.prosody())
        if cores > 1:  # the first run of each session is slow, so it must not be a listener's
            engine.synthesise(ids, manifest.prosody(), cores=cores)
        engine.trial = _trial(engine, ids)
    except Exception as error:  # noqa: BLE001  # espeak-ng and onnxruntime raise unrelated classes
        reason = " ".join(str(error).split())[:200]
        raise VoiceError(f"voice {manifest.name}: cannot speak: {reason}") from None
    if np.abs(pcm.samples, dtype=np.float32).max(initial=0) < _SILENCE * level.volume:
        raise VoiceError(f"voice {manifest.name}: is silent: does its phoneme_id_map fit?")
    if level.loudness is not None:
        engine.leveller = Leveller(engine, phonemiser, level.loudness)
        engine.leveller.measure(0)
    trim()  # loading makes several temporary copies of a model
    return engine


def _trial(engine: Engine, ids: Sequence[int]) -> Trial | None:
    """Return the cost of the test sentence, which was spoken before; None if it has no sound."""
    start = time.thread_time()
    synthesis = engine.begin(ids, engine.manifest.prosody())
    text = time.thread_time() - start
    moments = [time.thread_time()]
    for frames in synthesis.sizes():
        synthesis.window(frames)
        moments.append(time.thread_time())
    if not synthesis.samples:
        return None
    first, whole = moments[1] - moments[0], moments[-1] - moments[0]
    speech = synthesis.samples / synthesis.sample_rate
    return Trial(len(_FIRST_WORDS), text, first, whole, speech)
