"""The exported voice: two graphs with one seam, ``frames`` and ``noise``, between them.

The first graph turns text into frames and draws all random numbers. The second turns frames into
sound and is frame-local.
"""

import torch
from torch import Tensor, nn

from training.frontend import BOS, COMMA, EOS, SPACE, Frontend
from training.phonemes import NUM_SYMBOLS, PHONEME_ID_MAP
from training.prosody import Prosody
from training.signal import NUM_MELS
from training.timing import frame_places
from training.vocoder import phases, pulses
from training.voice_recipe import Voice

DEFAULT_NOISE = 0.667
LEAD_IN, LEAD_OUT = 4.0, 6.0  # frames of silence around an utterance
SHORTEST = 2.0  # frames of a phone at normal speed
SHORTEST_NUCLEUS = 4.5  # frames of all vowels of a syllable
_VOWELS = "aeiouyəɛɔɪʊɐ"
LOWEST, HIGHEST = 4.0, 6.5  # log F0: 55 to 665 Hz, of the deepest and the highest voices
COMMA_PAUSE = 16.0  # frames; listeners expect a pause where the recordings hardly have one


def vowels() -> Tensor:
    """Return ones at the ids of vowels."""
    table = torch.zeros(NUM_SYMBOLS)
    table[[PHONEME_ID_MAP[symbol][0] for symbol in _VOWELS]] = 1.0
    return table


def lasting(ints: Tensor, times: Tensor, is_vowel: Tensor) -> Tensor:
    """Return the frames [N] that each token lasts at normal speed; they may be fractions."""
    phone = ints[:, 0]
    expected = torch.clamp(torch.exp(times[:, 0]), min=SHORTEST, max=60.0)
    # vowels have a minimum length, because they carry the tone
    vowel = is_vowel[phone]
    same = (ints[:, 9][:, None] == ints[:, 9][None, :]).float()
    nucleus = torch.matmul(same, (vowel * expected)[:, None])[:, 0]
    stretch = torch.clamp(SHORTEST_NUCLEUS / torch.clamp(nucleus, min=SHORTEST), min=1.0)
    expected = torch.where(vowel > 0.0, expected * stretch, expected)
    pause = torch.where(times[:, 1] > 0.0, expected, torch.zeros_like(expected))
    expected = torch.where(phone == SPACE, pause, expected)
    expected = torch.where(phone == COMMA, torch.clamp(expected, min=COMMA_PAUSE), expected)
    expected = torch.where(phone == BOS, torch.full_like(expected, LEAD_IN), expected)
    return torch.where(phone == EOS, torch.full_like(expected, LEAD_OUT), expected)


class Encoder(nn.Module):
    """Convert phoneme ids to frames."""

    is_vowel: Tensor

    def __init__(self, prosody: Prosody, voice: Voice, tempo: float = 1.0) -> None:
        """Keep the trained parts; durations are multiplied by ``tempo``."""
        super().__init__()
        self.tempo = tempo
        self.frontend = Frontend()
        self.register_buffer("is_vowel", vowels(), persistent=False)
        self.prosody = prosody
        self.acoustic = voice.acoustic
        self.framing = voice.decoder.framing

    def forward(self, ids: Tensor, lengths: Tensor, scales: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``frames`` [1, F, C] (see :class:`Renderer`) and ``noise`` [1, F, 2 bins]."""
        noise_scale, length_scale, noise_w = scales[0], scales[1] * self.tempo, scales[2]
        ints, floats = self.frontend(ids[0, : lengths[0]])
        times = self.prosody.time(ints[None], floats[None])[0]
        durations = lasting(ints, times, self.is_vowel)
        # the tempo varies a little by syllables, not by phones
        jitter = torch.randn_like(durations) * (0.04 * noise_w)
        durations = durations * torch.exp(jitter)
        count = torch.clamp(torch.round(torch.sum(durations) * length_scale), min=8.0)
        # contours are read at the natural pace and played at another one, which keeps their shape
        frames = torch.arange(count.long(), dtype=torch.float32)  # type: ignore[call-overload]
        frames = frames / length_scale
        token, places = frame_places(ints, durations, frames)
        melody = self.prosody.melody(ints[None], floats[None])[:, token]
        contour = self.prosody.tune(melody, places[None])
        deviation = contour[:, :, 0]
        log_hertz = torch.clamp(self.prosody.log_hertz(deviation), min=LOWEST, max=HIGHEST)
        voiced = (contour[:, :, 1:2] > 0.0).float()
        around = nn.functional.pad(voiced, (0, 0, 1, 1))
        gate = torch.maximum(torch.maximum(around[:, :-2], around[:, 2:]), voiced)
        deviation = (log_hertz - self.prosody.pitch_mean) / self.prosody.pitch_spread
        pitch = torch.cat([deviation[:, :, None] * gate, gate], 2)
        mel, hidden = self.acoustic(
            self.acoustic.encoder(ints[None], floats[None])[:, token], places[None], pitch
        )
        hertz = torch.exp(log_hertz)
        source = torch.stack([hertz, phases(hertz, self.framing)], 2)
        shape = torch.zeros_like(source[:, :, :1]).repeat(1, 1, 2 * self.framing.bins)
        noise = torch.randn_like(shape) * (noise_scale / DEFAULT_NOISE)
        return torch.cat([mel, pitch, source, hidden], 2), noise


class Renderer(nn.Module):
    """Convert frames to sound.

    A frame holds 80 mel bands, pitch deviation, gate, F0 in Hz, phase in cycles, hidden vector.
    """

    def __init__(self, voice: Voice) -> None:
        """Keep the trained decoder."""
        super().__init__()
        self.decoder = voice.decoder

    def forward(self, frames: Tensor, noise: Tensor) -> Tensor:
        """Return sound [1, 1, 1, hop F]."""
        mel, pitch = frames[:, :, :NUM_MELS], frames[:, :, NUM_MELS : NUM_MELS + 2]
        hertz, phase = frames[:, :, NUM_MELS + 2], frames[:, :, NUM_MELS + 3]
        filters = self.decoder.filters(mel, frames[:, :, NUM_MELS + 4 :], pitch)
        excitation = pulses(hertz, pitch[:, :, 1], phase, self.decoder.framing)
        sound = self.decoder.render(mel, filters, excitation, noise)
        return torch.clamp(sound, -1.0, 1.0)[:, None, None, :]


def context(decoder_blocks: int) -> int:
    """Return how many frames on each side the renderer's output depends on, at most."""
    return 3 * decoder_blocks + 3
