"""What one training step does, for each of the two networks that are trained."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.adversaries import Adversaries, fool_loss, judge_loss, match_loss
from training.data import Clip, choose, mask, pad
from training.frontend import BOS, COMMA, EOS, SPACE
from training.precision import mixed
from training.prosody import Prosody
from training.signal import HOP_LENGTH, magnitudes, mel_matrix
from training.vocoder import BINS, Acoustic, Decoder, phases, pulses


@dataclass(frozen=True)
class Config:
    """Sizes and schedule of one training."""

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


CONFIGS = {
    "small": Config(),
    "base": Config(
        batch=64,
        crop=64,
        steps=30_000,
        widths=(32, 128, 256, 512),
        width=64,
        prosody_steps=6000,
    ),
}

MARGIN = 12  # frames of context for the acoustic model at both ends of a crop
LEVEL_SHARE = 0.8  # of an utterance's own pitch level, what the pitch loss forgives
Losses = dict[str, Tensor]


def spread(tokens: Tensor, token: Tensor) -> Tensor:
    """Return the vectors [B, F, C] of ``tokens`` [B, N, C] at each frame's token [B, F]."""
    return torch.gather(tokens, 1, token[:, :, None].expand(-1, -1, tokens.shape[2]))


class ProsodyRecipe:
    """Train durations, pauses, pitch and voicing on whole utterances."""

    def __init__(self, config: Config, clips: list[Clip], seed: int) -> None:
        """Make the network on the clips' device."""
        self.config, self.clips, self.seed = config, clips, seed
        self.steps, self.rate = config.prosody_steps, 1.5e-3
        device = clips[0].mel.device
        self.model = Prosody(
            config.prosody_size, config.prosody_blocks, config.prosody_frames, 0.3
        ).to(device)
        spoken = torch.cat([clip.log_hertz[clip.voiced > 0] for clip in clips])
        self.model.pitch_mean.copy_(spoken.mean())
        self.model.pitch_spread.copy_(spoken.std())
        self.judges: nn.Module | None = None

    def losses(self, clips: list[Clip]) -> Losses:
        """Return the losses of whole clips."""
        model = self.model
        ints, floats = pad([c.ints for c in clips]), pad([c.floats for c in clips])
        there = mask([c.ints for c in clips])
        durations = pad([c.durations for c in clips])
        times = model.time(ints, floats, there).float()
        pause = ((ints[:, :, 0] == SPACE) | (ints[:, :, 0] == COMMA)) & (there[:, :, 0] > 0)
        ends = (ints[:, :, 0] == BOS) | (ints[:, :, 0] == EOS)
        lasting = (there[:, :, 0] > 0) & ~ends & ~(pause & (durations == 0))
        # Poisson: the expected length itself is learnt, so the tempo keeps its mean
        expected, wanted = times[:, :, 0][lasting], durations[lasting]
        length = (expected.exp() - wanted * expected).mean() + (
            wanted * wanted.clamp(min=1).log() - wanted
        ).mean()
        stop = nn.functional.binary_cross_entropy_with_logits(
            times[:, :, 1][pause], (durations[pause] > 0).float()
        )
        token, there = pad([c.token for c in clips]), mask([c.mel for c in clips])
        melody = spread(model.melody(ints, floats, mask([c.ints for c in clips])), token)
        contour = model.tune(melody, pad([c.places for c in clips]), there).float()
        target = (pad([c.log_hertz for c in clips]) - model.pitch_mean) / model.pitch_spread
        voiced = pad([c.voiced for c in clips])
        # what Praat calls unvoiced is interpolated and counts little
        weight = there[:, :, 0] * (0.1 + 0.9 * voiced)
        raw = contour[:, :, 0] - target
        # how high a whole utterance lies does not follow from its text: learn the shape instead
        level = (raw * voiced).sum(1, keepdim=True) / voiced.sum(1, keepdim=True).clamp(min=1)
        error = raw - LEVEL_SHARE * level.detach()
        pitch = nn.functional.smooth_l1_loss(error, 0 * error, reduction="none", beta=0.3)
        pitch = (pitch * weight).sum() / weight.sum()
        steps = (error[:, 1:] - error[:, :-1]).abs() * voiced[:, 1:] * voiced[:, :-1]
        slope = steps.sum() / voiced.sum()
        inside = there[:, :, 0] > 0
        voicing = nn.functional.binary_cross_entropy_with_logits(
            contour[:, :, 1][inside], voiced[inside]
        )
        scale = model.pitch_spread * 1731.23 / voiced.sum()
        cents = (raw.abs() * voiced).sum() * scale
        shape = ((raw - level).abs() * voiced).sum() * scale
        return {
            "loss": 0.3 * length + stop + 2 * pitch + slope + voicing,
            "length": length.detach(),
            "pause": stop.detach(),
            "cents": cents.detach(),
            "shape": shape.detach(),
            "voicing": voicing.detach(),
        }

    @torch.no_grad()
    def centre(self, model: Prosody) -> float:
        """Take the mean error of the contours out of ``model``; return it in cents.

        The loss that forgives levels, and dropout, leave contours a little high.
        """
        total = torch.zeros(2)
        for clip in self.clips:
            melody = model.melody(clip.ints[None], clip.floats[None])[:, clip.token]
            contour = model.tune(melody, clip.places[None])[0, :, 0]
            spoken = clip.voiced > 0
            off = (model.log_hertz(contour) - clip.log_hertz)[spoken]
            total += torch.stack([off.sum(), spoken.sum()]).cpu()
        cents = 1200.0 / math.log(2.0) * float(total[0] / total[1])
        model.shift(-cents)
        return cents

    def batch(self, step: int) -> list[Clip]:
        """Return the clips of a step."""
        picked = choose(self.seed, step, len(self.clips), self.config.prosody_batch)
        return [self.clips[i] for i in picked]

    def step(self, step: int, optimisers: dict[str, torch.optim.Optimizer]) -> Losses:
        """Take one step; return its losses."""
        with mixed(self.clips[0].mel.device):
            losses = self.losses(self.batch(step))
        optimisers["model"].zero_grad()
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimisers["model"].step()
        return losses

    @torch.no_grad()
    def validate(self, clips: list[Clip]) -> dict[str, float]:
        """Return the losses on other clips."""
        with mixed(self.clips[0].mel.device):
            losses = self.losses(clips)
        return {name: float(value) for name, value in losses.items()}


class Framed:
    """What both recipes that predict mels share: crops of frames of whole sentences."""

    config: Config
    acoustic: Acoustic
    pitch_mean: Tensor
    pitch_spread: Tensor

    def pitch(self, log_hertz: Tensor, gate: Tensor) -> Tensor:
        """Return the networks' view of pitch [B, F, 2]."""
        deviation = (log_hertz - self.pitch_mean) / self.pitch_spread
        return torch.stack([deviation * gate, gate], dim=2)

    def frames(self, clips: list[Clip], starts: list[int], size: int) -> tuple[Tensor, ...]:
        """Return predicted mels, hidden frames, true mels and mask [B, size + 2 MARGIN, ...]."""

        def cut(rows: list[Tensor]) -> Tensor:
            """Return the crops with margins, zeros where a clip has ended."""
            pieces = []
            for row, start in zip(rows, starts, strict=True):
                first, last = start - MARGIN, start + size + MARGIN
                piece = row[max(first, 0) : min(last, len(row))]
                ends = (max(-first, 0), max(last - len(row), 0))
                pieces.append(nn.functional.pad(piece, (0, 0) * (row.dim() - 1) + ends))
            return torch.stack(pieces)

        ints, floats = pad([c.ints for c in clips]), pad([c.floats for c in clips])
        tokens = self.acoustic.encoder(ints, floats, mask([c.ints for c in clips]))
        there = cut([torch.ones_like(c.mel[:, :1]) for c in clips])
        pitch = self.pitch(cut([c.log_hertz for c in clips]), cut([c.gate for c in clips]))
        places = cut([c.places for c in clips])
        mel, hidden = self.acoustic(
            spread(tokens, cut([c.token for c in clips])), places, pitch, there
        )
        return mel.float(), hidden, cut([c.mel for c in clips]), there


class AcousticRecipe(Framed):
    """Train the acoustic model alone, on long crops and without adversaries: cheap and needed.

    It takes many more passes over the texts than the adversaries could be paid for.
    """

    def __init__(self, config: Config, clips: list[Clip], seed: int) -> None:
        """Make the network on the clips' device."""
        self.config, self.clips, self.seed = config, clips, seed
        self.steps, self.rate = config.acoustic_steps, 1.5e-3
        self.device = clips[0].mel.device
        self.model = Acoustic(
            config.acoustic_size, config.acoustic_blocks, config.acoustic_frames, config.dropout
        ).to(self.device)
        self.judges: nn.Module | None = None
        spoken = torch.cat([clip.log_hertz[clip.voiced > 0] for clip in clips])
        self.pitch_mean, self.pitch_spread = spoken.mean(), spoken.std()

    @property
    def acoustic(self) -> Acoustic:  # type: ignore[override]
        """Return the model that is trained."""
        return self.model

    def losses(self, clips: list[Clip]) -> Losses:
        """Return the error of long crops' mels, and of their changes from frame to frame."""
        size = self.config.acoustic_crop
        starts = [int(torch.randint(0, max(1, len(c.mel) - size), ())) for c in clips]
        with mixed(self.device):
            mel, _, wanted, there = self.frames(clips, starts, size)
        error = ((mel - wanted).abs() * there).sum() / (there.sum() * mel.shape[2])
        change = (mel[:, 2:] - mel[:, :-2]) - (wanted[:, 2:] - wanted[:, :-2])
        slope = (change.abs() * there[:, 2:] * there[:, :-2]).sum() / (there.sum() * mel.shape[2])
        return {"loss": error + 0.5 * slope, "mel": error.detach(), "slope": slope.detach()}

    def step(self, step: int, optimisers: dict[str, torch.optim.Optimizer]) -> Losses:
        """Take one step; return its losses."""
        size = self.config.acoustic_batch
        losses = self.losses(
            [self.clips[i] for i in choose(self.seed, step, len(self.clips), size)]
        )
        optimisers["model"].zero_grad()
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimisers["model"].step()
        return losses

    @torch.no_grad()
    def validate(self, clips: list[Clip]) -> dict[str, float]:
        """Return the losses on other clips."""
        with torch.random.fork_rng():
            torch.manual_seed(1)
            losses = self.losses(clips)
        return {name: float(value) for name, value in losses.items()}


class Voice(nn.Module):
    """The two parts that make sound."""

    def __init__(self, config: Config) -> None:
        """Make both parts."""
        super().__init__()
        size = config.acoustic_size
        # no dropout here: the decoder must meet the mels that it will meet when speaking
        self.acoustic = Acoustic(size, config.acoustic_blocks, config.acoustic_frames, 0.0)
        self.decoder = Decoder(config.decoder_size, config.decoder_blocks, size)

    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Take over a trained acoustic model; the decoder forgets what hidden frames meant."""
        self.acoustic.load_state_dict(weights)
        nn.init.zeros_(self.decoder.hidden.weight)


class VoiceRecipe(Framed):
    """Train the acoustic model and the decoder together, on whole clips and on crops of them."""

    def __init__(self, config: Config, clips: list[Clip], seed: int) -> None:
        """Make the networks on the clips' device."""
        self.config, self.clips, self.seed = config, clips, seed
        self.steps, self.rate = config.steps, config.rate
        self.device = clips[0].mel.device
        self.model = Voice(config).to(self.device)
        self.judges = Adversaries(
            list(config.periods), list(config.widths), list(config.ffts), config.width
        ).to(self.device)
        spoken = torch.cat([clip.log_hertz[clip.voiced > 0] for clip in clips])
        self.pitch_mean, self.pitch_spread = spoken.mean(), spoken.std()

    @property
    def acoustic(self) -> Acoustic:  # type: ignore[override]
        """Return the acoustic part of the voice."""
        return self.model.acoustic

    def speak(self, mel: Tensor, hidden: Tensor, log_hertz: Tensor, gate: Tensor) -> Tensor:
        """Return sound [B, 160 F] with fresh noise and pulses that start anywhere."""
        hertz = log_hertz.exp()
        start = torch.rand(len(mel), 1, device=mel.device)
        phase = phases(hertz) + start
        excitation = pulses(hertz, gate, phase - phase.floor())
        noise = torch.randn(*mel.shape[:2], 2 * BINS, device=mel.device)
        filters = self.model.decoder.filters(mel, hidden, self.pitch(log_hertz, gate)).float()
        with torch.autocast(mel.device.type, enabled=False):
            return self.model.decoder.render(mel.float(), filters, excitation, noise)

    def spectral(self, fake: Tensor, real: Tensor) -> Tensor:
        """Return distances of log magnitudes and log mels over three resolutions."""
        total = torch.zeros((), device=fake.device)
        for n_fft in (1024, 512, 256):
            a, b = (magnitudes(x, n_fft, n_fft // 4) for x in (fake, real))
            bands = mel_matrix(n_fft, n_fft // 12).to(fake.device)
            mels = [(x @ bands).clamp(min=1e-4).log() for x in (a, b)]
            logs = [x.clamp(min=1e-3).log() for x in (a, b)]
            total = total + (mels[0] - mels[1]).abs().mean()
            total = total + 0.3 * (logs[0] - logs[1]).abs().mean()
            total = total + 0.3 * (a - b).abs().mean() / b.mean()
        return total / 3

    def crops(self, clips: list[Clip]) -> tuple[list[int], Tensor]:
        """Return where each clip's crop starts, and its sound [B, 160 (crop - 4)]."""
        size = self.config.crop
        starts = [int(torch.randint(0, len(c.mel) - size, ())) for c in clips]
        audio = [
            c.audio[(s + 2) * HOP_LENGTH : (s + size - 2) * HOP_LENGTH]
            for c, s in zip(clips, starts, strict=True)
        ]
        return starts, torch.stack(audio).float() / 32768.0

    def generate(self, clips: list[Clip], starts: list[int], natural: Tensor) -> tuple[Tensor, ...]:
        """Return crops of sound, and the error of the predicted mels of the whole clips."""
        size = self.config.crop
        mel, hidden, wanted, there = self.frames(clips, starts, size)
        error = ((mel - wanted).abs() * there).sum() / (there.sum() * mel.shape[2])

        def cut(rows: list[Tensor]) -> Tensor:
            return torch.stack([row[s : s + size] for row, s in zip(rows, starts, strict=True)])

        pick = natural[:, None, None]
        inside = slice(MARGIN, MARGIN + size)
        given = torch.where(pick, wanted[:, inside], mel[:, inside])
        veiled = torch.where(pick, 0.0, hidden[:, inside])
        fake = self.speak(
            given, veiled, cut([c.log_hertz for c in clips]), cut([c.gate for c in clips])
        )
        return fake[:, 2 * HOP_LENGTH : -2 * HOP_LENGTH], error

    def step(self, step: int, optimisers: dict[str, torch.optim.Optimizer]) -> Losses:
        """Take one step; return its losses."""
        config, progress = self.config, step / self.steps
        share = 1.0 if progress < config.natural_until else config.natural_share
        clips = [self.clips[i] for i in choose(self.seed, step, len(self.clips), config.batch)]
        starts, real = self.crops(clips)
        natural = torch.rand(len(clips), device=self.device) < share
        judging = progress >= config.judges_from
        with mixed(self.device):
            fake, error = self.generate(clips, starts, natural)
            shown: Any = None
            if judging:
                shown = self.judges(real)
                verdict = judge_loss(shown, self.judges(fake.detach()))
                optimisers["judges"].zero_grad()
                verdict.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(self.judges.parameters(), 10.0)
                optimisers["judges"].step()
            distance = self.spectral(fake.float(), real)
            loss = 10.0 * distance + 2.0 * error
            losses = {"spectral": distance.detach(), "mel": error.detach()}
            if judging:
                self.judges.requires_grad_(False)
                answers = self.judges(fake)
                fooled, matched = fool_loss(answers), match_loss(shown, answers)
                loss = loss + 2.0 * fooled + 4.0 * matched
                losses |= {
                    "judges": verdict.detach(),
                    "fooled": fooled.detach(),
                    "matched": matched.detach(),
                }
        optimisers["model"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.judges.requires_grad_(True)
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        optimisers["model"].step()
        return losses

    @torch.no_grad()
    def validate(self, clips: list[Clip]) -> dict[str, float]:
        """Return the losses on other clips, from text and from natural mels."""
        result = {}
        with torch.random.fork_rng():
            torch.manual_seed(1)
            starts, real = self.crops(clips)
            for name, natural in {"text": False, "natural": True}.items():
                picks = torch.full((len(clips),), natural, device=self.device)
                with mixed(self.device):
                    fake, error = self.generate(clips, starts, picks)
                result[name] = float(self.spectral(fake.float(), real))
                result["mel"] = float(error)
        return result


Recipe = ProsodyRecipe | AcousticRecipe | VoiceRecipe
RECIPES: dict[str, type[ProsodyRecipe] | type[AcousticRecipe] | type[VoiceRecipe]] = {
    "prosody": ProsodyRecipe,
    "acoustic": AcousticRecipe,
    "voice": VoiceRecipe,
}
