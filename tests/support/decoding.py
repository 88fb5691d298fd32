"""Decoders for every format, each from another library than its encoder."""

import io
from collections.abc import Callable

import av
import miniaudio
import numpy as np
from numpy.typing import NDArray

from tests.support.sound import Sound


def by_ffmpeg(data: bytes, _: int = 0) -> Sound:
    """Decode any format by FFmpeg."""
    with av.open(io.BytesIO(data), "r") as container:
        rate = container.streams.audio[0].rate
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    samples = np.concatenate([frame.reshape(-1) for frame in frames])
    full_scale = 32768 if samples.dtype == np.int16 else 1
    return Sound(samples / full_scale, rate)


def by_dr_libs(data: bytes, _: int = 0) -> Sound:
    """Decode FLAC, MP3 or WAV by miniaudio's dr_flac, dr_mp3 and dr_wav, without resampling."""
    decoded = miniaudio.decode(data, nchannels=1, sample_rate=_rate(data))
    return Sound(np.asarray(decoded.samples) / 32768, decoded.sample_rate)


def _rate(data: bytes) -> int:
    ask = {b"fLaC": miniaudio.flac_get_info, b"RIFF": miniaudio.wav_get_info}
    return int(ask.get(data[:4], miniaudio.mp3_get_info)(data).sample_rate)


def by_table(table: NDArray[np.int16]) -> Callable[[bytes, int], Sound]:
    """Return a decoder of G.711 from a table of 256 samples."""
    return lambda data, rate: Sound(table[np.frombuffer(data, np.uint8)] / 32768, rate)


def _mulaw() -> NDArray[np.int16]:
    """Return G.711's table 2: inverted bits; sign, exponent and mantissa of a biased number."""
    byte = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (byte >> 4) & 7, byte & 15
    size = ((mantissa.astype(int) << 3) + 132 << exponent) - 132
    return np.where(byte & 128, -size, size).astype(np.int16)


def _alaw() -> NDArray[np.int16]:
    """Return G.711's table 1: every other bit inverted; the lowest two segments are linear."""
    byte = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((byte >> 4) & 7).astype(int), (byte & 15).astype(int)
    low = (mantissa << 4) + 8
    size = np.where(exponent, low + 256 << np.maximum(exponent - 1, 0), low)
    return np.where(byte & 128, size, -size).astype(np.int16)


def by_nobody(data: bytes, rate: int) -> Sound:
    """Convert raw samples, which need no decoder."""
    return Sound(np.frombuffer(data, "<i2") / 32768, rate)


DECODERS: dict[str, Callable[[bytes, int], Sound]] = {
    "wav": by_dr_libs,
    "flac": by_dr_libs,
    "mp3": by_dr_libs,
    "opus": by_ffmpeg,
    "aac": by_ffmpeg,
    "pcm": by_nobody,
    "mulaw": by_table(_mulaw()),
    "alaw": by_table(_alaw()),
}
"""The decoder of each format. FFmpeg encodes AAC too, but its decoder is separate code, and no
other library decodes it."""


def delay(heard: Sound, said: Sound) -> int:
    """Return the number of samples by which ``heard`` is later than ``said``, by correlation."""
    size = 1 << (len(heard.samples) + len(said.samples)).bit_length()
    alike = np.fft.irfft(
        np.fft.rfft(heard.samples, size) * np.conj(np.fft.rfft(said.samples, size)), size
    )
    place = int(np.argmax(alike))
    return place if place < size // 2 else place - size
