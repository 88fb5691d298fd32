"""Train the acoustic model and the decoder together, against adversaries."""

from typing import Any

import torch
from torch import Tensor, nn

from training.adversaries import Adversaries, fool_loss, judge_loss, match_loss
from training.config import Config
from training.data import Clip, choose, pitch
from training.framed import MARGIN, Framed, Losses
from training.precision import mixed
from training.signal import magnitudes, mel_matrix
from training.vocoder import Acoustic, Decoder, phases, pulses


class Voice(nn.Module):
    """The two parts that make sound."""

    def __init__(self, config: Config) -> None:
        """Create both parts."""
        super().__init__()
        size = config.acoustic_size
        # no dropout here: the decoder has to train on the same mels as it gets when speaking
        self.acoustic = Acoustic(size, config.acoustic_blocks, config.acoustic_frames, 0.0)
        self.decoder = Decoder(config.decoder_size, config.decoder_blocks, size, config.framing)

    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Copy a trained acoustic model; reset the decoder's weights for hidden frames."""
        self.acoustic.load_state_dict(weights)
        nn.init.zeros_(self.decoder.hidden.weight)


class VoiceRecipe(Framed):
    """Train the acoustic model and the decoder together, on whole clips and on crops of them."""

    def __init__(self, config: Config, clips: list[Clip], seed: int) -> None:
        """Create the networks on the clips' device."""
        self.config, self.clips, self.seed = config, clips, seed
        self.steps, self.rate = config.steps, config.rate
        self.device = clips[0].mel.device
        self.model = Voice(config).to(self.device)
        self.judges = Adversaries(
            list(config.periods), list(config.widths), list(config.ffts), config.width
        ).to(self.device)
        self.pitch_mean, self.pitch_spread = pitch(clips, config.pitch)

    @property
    def acoustic(self) -> Acoustic:  # type: ignore[override]
        """Return the acoustic part of the voice."""
        return self.model.acoustic

    def speak(self, mel: Tensor, hidden: Tensor, log_hertz: Tensor, gate: Tensor) -> Tensor:
        """Return sound [B, hop F] with fresh noise and pulses of random starting phase."""
        framing = self.config.framing
        hertz = log_hertz.exp()
        start = torch.rand(len(mel), 1, device=mel.device)
        phase = phases(hertz, framing) + start
        excitation = pulses(hertz, gate, phase - phase.floor(), framing)
        noise = torch.randn(*mel.shape[:2], 2 * framing.bins, device=mel.device)
        filters = self.model.decoder.filters(mel, hidden, self.pitch(log_hertz, gate)).float()
        with torch.autocast(mel.device.type, enabled=False):
            return self.model.decoder.render(mel.float(), filters, excitation, noise)

    def spectral(self, fake: Tensor, real: Tensor) -> Tensor:
        """Return distances of log magnitudes and log mels over three resolutions."""
        total = torch.zeros((), device=fake.device)
        for n_fft in (1024, 512, 256):
            a, b = (magnitudes(x, n_fft, n_fft // 4) for x in (fake, real))
            bands = mel_matrix(n_fft, n_fft // 12, self.config.framing).to(fake.device)
            mels = [(x @ bands).clamp(min=1e-4).log() for x in (a, b)]
            logs = [x.clamp(min=1e-3).log() for x in (a, b)]
            total = total + (mels[0] - mels[1]).abs().mean()
            total = total + 0.3 * (logs[0] - logs[1]).abs().mean()
            total = total + 0.3 * (a - b).abs().mean() / b.mean()
        return total / 3

    def crops(self, clips: list[Clip]) -> tuple[list[int], Tensor]:
        """Return the start of each clip's crop, and its sound [B, hop (crop - 4)]."""
        size, hop = self.config.crop, self.config.framing.hop_length
        starts = [int(torch.randint(0, len(c.mel) - size, ())) for c in clips]
        audio = [
            c.audio[(s + 2) * hop : (s + size - 2) * hop]
            for c, s in zip(clips, starts, strict=True)
        ]
        return starts, torch.stack(audio).float() / 32768.0

    def generate(self, clips: list[Clip], starts: list[int], natural: Tensor) -> tuple[Tensor, ...]:
        """Return crops of sound, and the error of the predicted mels of the whole clips."""
        size, hop = self.config.crop, self.config.framing.hop_length
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
        return fake[:, 2 * hop : -2 * hop], error

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
