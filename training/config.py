"""Sizes and schedules."""

from dataclasses import dataclass

from training.signal import Framing


@dataclass(frozen=True)
class Config:
    """Sizes and schedule of one training, and the sample rate of the voice in hertz."""

    sample_rate: int = 16_000
    alignment: tuple[int, ...] = (6, 3, 3, 3)  # rounds of training for 1, 2, 4, 8 components
    prosody_size: int = 160
    prosody_blocks: int = 4
    prosody_frames: int = 3
    prosody_batch: int = 16
    prosody_steps: int = 1400
    acoustic_batch: int = 24
    acoustic_crop: int = 176
    acoustic_steps: int = 2000
    acoustic_size: int = 192
    acoustic_blocks: int = 4
    acoustic_frames: int = 3
    decoder_size: int = 256
    decoder_blocks: int = 8
    batch: int = 16
    crop: int = 64
    steps: int = 3500
    judges_from: float = 0.1  # share of the steps without adversaries
    natural_until: float = 0.1  # share of the steps in which the decoder hears natural mels only
    natural_share: float = 0.25  # share of natural mels after that
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    widths: tuple[int, ...] = (16, 32, 64, 128)
    ffts: tuple[int, ...] = (1024, 512, 256)
    width: int = 32
    rate: float = 6e-4
    dropout: float = 0.15
    acoustic_share: float = 0.15  # of the rate, for the acoustic model inside the voice
    # mean and spread of the speaker's log F0; None: those of the clips that train
    pitch: tuple[float, float] | None = None

    @property
    def framing(self) -> Framing:
        """The sizes of the voice's frames."""
        return Framing(self.sample_rate)


CONFIGS = {
    "small": Config(),
    # seconds of training: shows that a folder and the commands work, but cannot be understood
    "tiny": Config(
        alignment=(2, 1),
        prosody_size=16,
        prosody_blocks=1,
        prosody_frames=1,
        prosody_batch=4,
        prosody_steps=8,
        acoustic_batch=4,
        acoustic_crop=40,
        acoustic_steps=8,
        acoustic_size=16,
        acoustic_blocks=1,
        acoustic_frames=1,
        decoder_size=16,
        decoder_blocks=1,
        batch=2,
        crop=24,
        steps=8,
        periods=(2,),
        widths=(4, 4),
        ffts=(256,),
        width=4,
    ),
    "base": Config(
        batch=64,
        crop=64,
        steps=30_000,
        widths=(32, 128, 256, 512),
        width=64,
        prosody_steps=6000,
    ),
}
