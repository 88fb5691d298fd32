"""The voices that this process serves: loaded once, in the background, warmed before use."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final

import numpy as np
from loguru import logger

from vits_tts.errors import NotReady, VoiceError, VoiceUnknown
from vits_tts.text.phonemise import Phonemiser
from vits_tts.voice.engine import Engine
from vits_tts.voice.manifest import Manifest

_FIRST_WORDS: Final = "Xin chào. Hello 1 2 3."
_SILENCE: Final = 100


def loaded(
    manifest: Manifest,
    phonemiser: Phonemiser,
    volume: float = 1.0,
    pieces: Path | None = None,
) -> Engine:
    """Return the engine of a voice that has just said its first words, so that it can say others.

    ``pieces`` is the folder for what is cut of it, None the user's cache.

    Raises:
        VoiceError: it cannot; the message says why.

    """
    engine = Engine(manifest, volume, pieces)
    try:
        phonemes = phonemiser.phonemes(_FIRST_WORDS, manifest.phoneme_type, manifest.espeak_voice)
        ids, _ = manifest.phoneme_ids(phonemes)
        pcm = engine.synthesise(ids, manifest.prosody())
    except Exception as error:  # noqa: BLE001  # of espeak-ng or of onnxruntime, of any class
        reason = " ".join(str(error).split())[:200]
        raise VoiceError(f"voice {manifest.name}: cannot speak: {reason}") from None
    if np.abs(pcm.samples, dtype=np.float32).max(initial=0) < _SILENCE * volume:
        raise VoiceError(f"voice {manifest.name}: says nothing: does its phoneme_id_map fit?")
    return engine


class Voices:
    """Manifests from the start, engines as soon as they are loaded.

    The first manifest is the default voice's. ``ready`` resolves when every engine can speak, or
    holds the error of the one that cannot be loaded.
    """

    def __init__(
        self,
        manifests: Mapping[str, Manifest],
        phonemiser: Phonemiser,
        volume: float = 1.0,
        pieces: Path | None = None,
    ) -> None:
        """Keep the manifests; nothing is loaded before ``start``."""
        self.manifests = manifests
        self.default = next(iter(manifests))
        self.ready: Future[None] = Future()
        self._phonemiser = phonemiser
        self._volume = volume
        self._pieces = pieces
        self._engines: dict[str, Engine] = {}

    def start(self) -> None:
        """Begin to load all voices, in a thread, which the process waits for before it ends."""
        threading.Thread(target=self._load_all, name="voices").start()

    def find(self, name: str | None) -> Manifest:
        """Return the manifest of a voice that is served; the default one's for None.

        Raises:
            VoiceUnknown: it is not served.

        """
        manifest = self.manifests.get(name or self.default)
        if manifest is None:
            known = ", ".join(self.manifests)
            raise VoiceUnknown(f"there is no voice {name!r:.60}; there is {known}", field="voice")
        return manifest

    def engine(self, name: str) -> Engine:
        """Return the engine of a served voice.

        Raises:
            NotReady: it is still being loaded, or cannot be.

        """
        if engine := self._engines.get(name):
            return engine
        raise NotReady(f"voice {name} is {'broken' if self.failure else 'being loaded'}")

    @property
    def can_speak(self) -> bool:
        """Whether all voices are loaded."""
        return self.ready.done() and self.failure is None

    @property
    def failure(self) -> BaseException | None:
        """Why a voice could not be loaded, if one could not."""
        return self.ready.exception() if self.ready.done() else None

    def _load_all(self) -> None:
        try:
            for name, manifest in self.manifests.items():
                engine = loaded(manifest, self._phonemiser, self._volume, self._pieces)
                self._engines[name] = engine
                logger.info(
                    "voice loaded",
                    voice=name,
                    sample_rate=manifest.sample_rate,
                    licence=manifest.licence.name,
                )
        except Exception as error:  # noqa: BLE001  # whatever it is, readiness has to say so
            logger.error("voice cannot be loaded", reason=str(error))
            self.ready.set_exception(error)
        else:
            self.ready.set_result(None)
