"""The engine: a voice's ONNX graph, from phoneme ids to samples.

Piper's interface (VITS): ``input`` int64 ``[1, n]``, ``input_lengths`` int64 ``[1]``, ``scales``
float32 ``[3]`` (noise, length, noise_w) and, with several speakers, ``sid`` int64 ``[1]``; the
output is float32 ``[1, 1, 1, samples]`` or any shape that holds the same samples.
"""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from vits_tts.errors import VoiceError
from vits_tts.types import Pcm, Prosody
from vits_tts.voice import pieces as cut_pieces
from vits_tts.voice.cancel import Cancel, Cancelled
from vits_tts.voice.durations import Durations
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.noise import Noise
from vits_tts.voice.plan import Array, Uncut
from vits_tts.voice.session import MOST_CORES, Piece
from vits_tts.voice.synthesis import CutSynthesis, Synthesis, WholeSynthesis

__all__ = ["Cancel", "Cancelled", "Engine", "Synthesis"]

_INPUTS: Final = {"input", "input_lengths", "scales"}
_SEED_BITS: Final = 63


class Engine:
    """One voice, loaded. Threads may call it at the same time; each call takes one core, or two.

    Threads that each run alone make more speech than calls that take two cores; but where a core
    would have nothing to do, such a call is done sooner. The samples are the same.

    Sessions do not survive a fork: make one in the process that uses it.
    """

    def __init__(
        self,
        manifest: Manifest,
        volume: float = 1.0,
        folder: Path | None = None,
        cores: int = 1,
    ) -> None:
        """Load the voice's pieces; they are kept in ``folder``, by default in the user's cache.

        With 2 ``cores`` calls may ask for that many; a voice that is not cut takes one all the
        same.

        Raises:
            VoiceError: the file is no ONNX model, or not one with Piper's interface.

        """
        self.manifest = manifest
        self._volume = volume
        self.folder = folder or cut_pieces.default_folder()
        try:
            pieces = cut_pieces.load(manifest, self.folder)
            if not pieces.frames:
                cores = 1  # what is not cut may come out differently in the last bit
            self._text = Piece(pieces.text, cores)
            self._frames = [Piece(stage, cores) for stage in pieces.frames]
            self.nbytes = pieces.nbytes(min(cores, MOST_CORES))
        except VoiceError:
            raise
        except Exception as error:  # noqa: BLE001  # onnxruntime's own exceptions share no base
            raise _broken(manifest, f"not a model that can run: {error}") from None
        self._plan = pieces.plan
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="beside") if cores > 1 else None
        self._check_interface()

    def begin(
        self,
        phoneme_ids: Sequence[int],
        prosody: Prosody,
        seed: int | None = None,
        cancel: Cancel | None = None,
        cores: int = 1,
    ) -> Synthesis:
        """Make of a sentence all that comes before its frames: its sounds and how long they are.

        The same ``seed``, any integer, gives the same samples, always and everywhere; None takes
        a new one.

        Raises:
            Cancelled: ``cancel`` was called before it was done.

        """
        cancel = cancel or Cancel()
        seed = secrets.randbits(_SEED_BITS) if seed is None else seed
        text = self._run_text(self._feed(phoneme_ids, prosody), seed, cancel, cores)
        synthesis = self._synthesis(text, seed)
        synthesis.durations = self._durations(text, len(phoneme_ids), synthesis.samples)
        return synthesis

    def synthesise(
        self,
        phoneme_ids: Sequence[int],
        prosody: Prosody,
        cancel: Cancel | None = None,
        seed: int | None = None,
        cores: int = 1,
    ) -> Pcm:
        """Return the speech of one sentence.

        Raises:
            Cancelled: ``cancel`` was called before it was done.

        """
        synthesis = self.begin(phoneme_ids, prosody, seed, cancel, cores)
        parts = [synthesis.window(frames, cancel, cores).samples for frames in synthesis.sizes()]
        samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        return Pcm(samples, synthesis.sample_rate)

    def _synthesis(self, text: Mapping[str, Array], seed: int) -> Synthesis:
        sample_rate = self.manifest.sample_rate
        if isinstance(self._plan, Uncut):
            return WholeSynthesis(text[self._text.outputs[0]], sample_rate, self._volume)
        return CutSynthesis(
            self._plan, self._frames, text, seed, sample_rate, self._volume, self._beside
        )

    def _durations(
        self, text: Mapping[str, Array], phonemes: int, samples: int
    ) -> Durations | None:
        """Return how many samples each phoneme lasts; None where they do not add up to all."""
        alignment = self._plan.alignment
        frames = alignment.frames(text, phonemes) if alignment else None
        if alignment is None or frames is None or frames.sum() * alignment.hop != samples:
            return None
        return frames * alignment.hop

    def _feed(self, phoneme_ids: Sequence[int], prosody: Prosody) -> dict[str, Array]:
        scales = (prosody.noise_scale, prosody.length_scale, prosody.noise_w)
        feed: dict[str, Array] = {
            "input": np.array([phoneme_ids], np.int64),
            "input_lengths": np.array([len(phoneme_ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if self._multi_speaker:
            feed["sid"] = np.array([prosody.speaker_id], np.int64)
        return feed

    def _run_text(
        self, feed: dict[str, Array], seed: int, cancel: Cancel, cores: int
    ) -> dict[str, Array]:
        """Run the text's piece, again if it turns out to need more random numbers than given."""
        draws = self._plan.text_draws
        counts = [draw.per_phoneme * feed["input"].size for draw in draws]
        while True:
            for index, (draw, count) in enumerate(zip(draws, counts, strict=True)):
                feed[draw.name] = Noise(draw, seed, index).take(count)
            made = [output.copy() for output in self._text.run(feed, cancel, cores)]
            outputs = dict(zip(self._text.outputs, made, strict=True))
            needed = [int(outputs[draw.size]) for draw in draws]
            if all(need <= count for need, count in zip(needed, counts, strict=True)):
                return outputs
            counts = needed

    @property
    def _multi_speaker(self) -> bool:
        return "sid" in self._text.inputs

    def _check_interface(self) -> None:
        drawn = {draw.name for draw in self._plan.text_draws}
        names = set(self._text.inputs) - drawn
        wanted = _INPUTS | ({"sid"} if self.manifest.num_speakers > 1 else names & {"sid"})
        if names != wanted:
            raise _broken(
                self.manifest,
                f"not Piper's interface: inputs are {', '.join(sorted(names))}, "
                f"not {', '.join(sorted(wanted))}",
            )


def _broken(manifest: Manifest, reason: str) -> VoiceError:
    reason = " ".join(reason.split())[:200]
    return VoiceError(f"voice {manifest.name}: {manifest.model_path}: {reason}")
