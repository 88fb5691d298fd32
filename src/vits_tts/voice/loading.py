"""Loading a voice."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from vits_tts.errors import VoiceError
from vits_tts.text.phonemise import Phonemiser
from vits_tts.voice import pieces as cut_pieces
from vits_tts.voice.engine import Engine
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.memory import trim

_FIRST_WORDS: Final = "Xin chào. Hello 1 2 3."
_SILENCE: Final = 100

Load = Callable[[Manifest], Engine]
"""Loads a voice; raises ``VoiceError``."""


def tried(manifest: Manifest, phonemiser: Phonemiser, pieces: Path | None = None) -> None:
    """Have a voice say its first words, unless it has here before with these very files.

    Raises:
        VoiceError: it cannot; the message says why.

    """
    folder = pieces or cut_pieces.default_folder()
    if not cut_pieces.has_spoken(manifest, folder):
        loaded(manifest, phonemiser, pieces=folder)
        cut_pieces.remember_spoken(manifest, folder)


def loaded(
    manifest: Manifest,
    phonemiser: Phonemiser,
    volume: float = 1.0,
    pieces: Path | None = None,
    cores: int = 1,
) -> Engine:
    """Return the engine of a voice that has just said its first words, so that it can say others.

    ``pieces`` is the folder for what is cut of it, None the user's cache; ``cores`` as in
    :class:`Engine`.

    Raises:
        VoiceError: it cannot; the message says why.

    """
    engine = Engine(manifest, volume, pieces, cores)
    try:
        phonemes = phonemiser.phonemes(_FIRST_WORDS, manifest.phoneme_type, manifest.espeak_voice)
        ids, _ = manifest.phoneme_ids(phonemes)
        pcm = engine.synthesise(ids, manifest.prosody())
        if cores > 1:  # what a first run does only once would be in the way of the first listener
            engine.synthesise(ids, manifest.prosody(), cores=cores)
    except Exception as error:  # noqa: BLE001  # of espeak-ng or of onnxruntime, of any class
        reason = " ".join(str(error).split())[:200]
        raise VoiceError(f"voice {manifest.name}: cannot speak: {reason}") from None
    if np.abs(pcm.samples, dtype=np.float32).max(initial=0) < _SILENCE * volume:
        raise VoiceError(f"voice {manifest.name}: says nothing: does its phoneme_id_map fit?")
    trim()  # a model is there several times over while it is loaded
    return engine
