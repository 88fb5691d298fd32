"""Tests of the sample rates of voices: frames, sound generator and manifest."""

import json

import numpy as np
import pytest
import torch

from training import export
from training.config import CONFIGS
from training.description import EMBEDDED
from training.prepare import lengthened, track_pitch, trimmed
from training.signal import RATES, Framing, log_mel
from training.vocoder import Decoder, phases, pulses
from vits_tts.voice import installed


@pytest.mark.parametrize("rate", RATES)
def test_pulses_have_the_right_pitch(rate: int) -> None:
    """A steady source repeats after its period, across frames too, and Praat finds its pitch."""
    framing, period = Framing(rate), 147
    hertz = torch.full((1, 100), rate / period)
    train = pulses(hertz, torch.ones(1, 100), phases(hertz, framing), framing).reshape(-1)
    assert len(train) == 100 * framing.hop_length
    assert train.square().mean().item() == pytest.approx(1.0, abs=0.05)
    assert torch.allclose(train[:-period], train[period:], atol=0.05)
    found, voiced = track_pitch(train.numpy(), 100, framing, 60.0, 400.0)
    assert voiced[5:-5].all()
    assert found[5:-5] == pytest.approx(rate / period, rel=0.01)


@pytest.mark.parametrize("rate", RATES)
def test_flat_filters_give_the_sound_back(rate: int) -> None:
    """With flat filters the decoder returns its pulses, except for the ends."""
    framing = Framing(rate)
    decoder = Decoder(16, 1, 4, framing)
    hertz = torch.full((1, 50), 220.0)
    blocks = pulses(hertz, torch.ones(1, 50), phases(hertz, framing), framing)
    filters = torch.zeros(1, 50, 3 * framing.bins)
    filters[:, :, 2 * framing.bins :] = -50.0
    mel = torch.full((1, 50, 80), decoder.noise_level)
    noise = torch.zeros(1, 50, 2 * framing.bins)
    sound = decoder.render(mel, filters, blocks, noise)
    end = 5 * framing.hop_length
    assert torch.allclose(sound[0, end:-end], blocks.reshape(-1)[end:-end], atol=0.02)


def test_frames_last_ten_milliseconds() -> None:
    """Frames have whole samples: at 22.05 kHz they are a quarter of a percent short."""
    for rate in RATES:
        framing = Framing(rate)
        assert framing.hop_length / rate == pytest.approx(0.01, rel=0.0025)
        mel = log_mel(torch.zeros(1, rate), framing)
        assert mel.shape == (1, rate // framing.hop_length, 80)


def test_silence_at_the_ends_is_trimmed_and_short_clips_are_lengthened() -> None:
    """50 ms of silence stay; less than 0.8 s gets soft noise around it."""
    framing = Framing(24_000)
    random = np.random.default_rng(1)
    speech = random.normal(0, 0.1, 12_000).astype(np.float32)
    padded = np.pad(speech, 24_000) + random.normal(0, 1e-4, 60_000).astype(np.float32)
    short = trimmed(padded, framing)
    assert len(short) == pytest.approx(12_000 + 2 * 1200, abs=480)
    longer = lengthened(short, framing)
    assert len(longer) == 0.8 * 24_000
    assert np.abs(longer[:1000]).max() < 0.01


def test_the_embedded_voice_keeps_its_manifest() -> None:
    """Exported again, the voice in the package would have the JSON that it has."""
    path = installed.EMBEDDED_FOLDER / f"{EMBEDDED.name}.onnx.json"
    shipped = json.loads(path.read_text(encoding="utf-8"))
    assert export.manifest(EMBEDDED, CONFIGS["small"]) == shipped
