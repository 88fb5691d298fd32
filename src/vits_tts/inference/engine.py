"""Engine: runs a voice's ONNX graph, from phoneme ids to samples.

Piper's interface (VITS) has the inputs of ``inference/feed.py``. The output is float32
``[1, 1, 1, samples]``, or another shape with the same samples.
"""

import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from vits_tts.errors import VoiceError
from vits_tts.inference import compiled as cut_pieces
from vits_tts.inference.cancel import Cancel, Cancelled
from vits_tts.inference.durations import Durations
from vits_tts.inference.feed import expected_inputs, feed, phoneme_count
from vits_tts.inference.noise import Noise
from vits_tts.inference.plan import Array, Uncut
from vits_tts.inference.session import MOST_CORES, Piece
from vits_tts.inference.streaming import StreamingSynthesis, Synthesis, WholeSynthesis
from vits_tts.types import Pcm, Prosody
from vits_tts.voice.manifest import Manifest

if TYPE_CHECKING:  # only for the type checker: ``levelling`` imports this module
    from vits_tts.inference.levelling import Leveller

__all__ = ["Cancel", "Cancelled", "Engine", "Synthesis"]

_SEED_BITS: Final = 63


@dataclass(frozen=True, slots=True)
class Trial:
    """The cost of one sentence on one core that was otherwise idle, all in seconds.

    ``text``, ``first_window`` and ``windows`` are processor time of the text stage, the first
    window and all windows. The sentence has ``characters`` and sounds for ``speech`` seconds.
    """

    characters: int
    text: float
    first_window: float
    windows: float
    speech: float


class Engine:
    """One loaded voice. Several threads may use it at the same time.

    A call runs on one core or on two. Two calls on one core each make more speech in all, but a
    call on two cores ends sooner if the second core is idle. The samples are the same.

    onnxruntime sessions do not survive a fork, so create the engine in the process that uses it.
    """

    def __init__(
        self,
        manifest: Manifest,
        volume: float = 1.0,
        folder: Path | None = None,
        cores: int = 1,
    ) -> None:
        """Load the voice, compiling it first if necessary.

        Args:
            manifest: The voice.
            volume: Gain of all samples; 1 leaves them unchanged.
            folder: Folder of compiled voices, by default in the user's cache.
            cores: With 2, calls may ask for two cores. A voice that cannot be cut uses one anyway.

        Raises:
            VoiceError: the file is not an ONNX model, or lacks Piper's interface.

        """
        self.manifest = manifest
        self._volume = volume
        self.folder = folder or cut_pieces.default_folder()
        self.leveller: Leveller | None = None
        """Brings the voice to a loudness, once it is set."""
        self.trial: Trial | None = None
        """The cost of a sentence, once it was measured."""
        try:
            pieces = cut_pieces.load(manifest, self.folder)
            if not pieces.frames:
                cores = 1  # a voice that is not cut may differ in the last bit on two cores
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
        *,
        levelled: bool = True,
    ) -> Synthesis:
        """Run the text stage of a sentence and return its synthesis, from which windows are made.

        Args:
            phoneme_ids: The ids of the sentence, padded; see :meth:`Manifest.phoneme_ids`.
            prosody: The scales and the speaker.
            seed: Any integer. The same seed gives the same samples on every machine. None uses a
                random one.
            cancel: Stops the run from another thread.
            cores: The number of cores, 1 or 2.
            levelled: Whether the speaker's gain is applied, if the voice has a leveller.

        Raises:
            Cancelled: ``cancel`` was called before the stage was done.

        """
        cancel = cancel or Cancel()
        seed = secrets.randbits(_SEED_BITS) if seed is None else seed
        text = self._run_text(feed(phoneme_ids, prosody, self._text.inputs), seed, cancel, cores)
        synthesis = self._synthesis(text, seed)
        if self.leveller and levelled:
            synthesis.limiter = self.leveller.limiter(prosody.speaker_id, self._volume)
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
        """Return the speech of one sentence; see :meth:`begin` for the arguments.

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
        return StreamingSynthesis(
            self._plan, self._frames, text, seed, sample_rate, self._volume, self._beside
        )

    def _durations(
        self, text: Mapping[str, Array], phonemes: int, samples: int
    ) -> Durations | None:
        """Return the samples of each phoneme, int64 ``[n]``; None if the sum is not ``samples``."""
        alignment = self._plan.alignment
        frames = alignment.frames(text, phonemes) if alignment else None
        if alignment is None or frames is None or frames.sum() * alignment.hop != samples:
            return None
        return frames * alignment.hop

    def _run_text(
        self, inputs: dict[str, Array], seed: int, cancel: Cancel, cores: int
    ) -> dict[str, Array]:
        """Return the outputs of the text stage by name.

        The number of random values it needs is known only after a run. If the run had too few, it
        is repeated with the right number. The first values are the same, so the result is too.
        """
        draws = self._plan.text_draws
        counts = [draw.per_phoneme * phoneme_count(inputs) for draw in draws]
        while True:
            for index, (draw, count) in enumerate(zip(draws, counts, strict=True)):
                inputs[draw.name] = Noise(draw, seed, index).take(count)
            made = [output.copy() for output in self._text.run(inputs, cancel, cores)]
            outputs = dict(zip(self._text.outputs, made, strict=True))
            needed = [int(outputs[draw.size]) for draw in draws]
            if all(need <= count for need, count in zip(needed, counts, strict=True)):
                return outputs
            counts = needed

    def _check_interface(self) -> None:
        drawn = {draw.name for draw in self._plan.text_draws}
        names = set(self._text.inputs) - drawn
        wanted = expected_inputs(names, self.manifest.num_speakers)
        if names != wanted:
            raise _broken(
                self.manifest,
                f"not Piper's interface: inputs are {', '.join(sorted(names))}, "
                f"not {', '.join(sorted(wanted))}",
            )


def _broken(manifest: Manifest, reason: str) -> VoiceError:
    reason = " ".join(reason.split())[:200]
    return VoiceError(f"voice {manifest.name}: {manifest.model_path}: {reason}")
