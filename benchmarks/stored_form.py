"""Compare forms of a cached sentence: bytes a second of speech, time to store and to load.

    uv run --group benchmarks python benchmarks/stored_form.py

Prints a Markdown table. The speech is ten sentences of the embedded voice and ten of Piper's medium
voice; each number is the median of all sentences. The forms alternate, so that noise of the machine
affects all of them alike.
"""

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import lz4.frame
import numpy as np
import soundfile
import zstandard

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference.engine import Engine
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Pcm
from vits_tts.voice import installed, manifest

SENTENCES = [
    "Xin chào các bạn, hôm nay trời đẹp quá.",
    "Cảm ơn quý khách đã gọi đến tổng đài, xin vui lòng chờ trong giây lát.",
    "Chuyến tàu đi Đà Nẵng sẽ khởi hành sau mười lăm phút nữa.",
    "Vâng.",
    "Anh có khoẻ không?",
    "Giá vàng trong nước sáng nay tăng nhẹ so với hôm qua, theo các chuyên gia kinh tế.",
    "Mời bạn nhập mã xác nhận gồm sáu chữ số.",
    "Một con vịt xoè ra hai cái cánh, nó kêu rằng cáp cáp cáp, cạp cạp cạp.",
    "Đội tuyển Việt Nam đã thắng ba không.",
    "Dự báo thời tiết ngày mai, miền Bắc có mưa rào và dông vài nơi, trời mát.",
]
ROUNDS = 7


def flac_store(pcm: Pcm, level: float | None = None) -> bytes:
    """Encode samples as FLAC, at libsndfile's default level of compression or at another one."""
    target = io.BytesIO()
    soundfile.write(
        target, pcm.samples, pcm.sample_rate, "PCM_16", format="FLAC", compression_level=level
    )
    return target.getvalue()


def flac_load(data: bytes) -> bytes:
    """Decode FLAC into samples."""
    samples, _ = soundfile.read(io.BytesIO(data), dtype="int16")
    return bytes(samples.tobytes())


FORMS: dict[str, tuple[Callable[[Pcm], bytes], Callable[[bytes], bytes]]] = {
    "raw": (lambda pcm: pcm.samples.tobytes(), bytes),
    "lz4": (
        lambda pcm: bytes(lz4.frame.compress(pcm.samples.tobytes())),
        lambda data: bytes(lz4.frame.decompress(data)),
    ),
    "zstd 1": (
        lambda pcm: zstandard.compress(pcm.samples.tobytes(), 1),
        zstandard.decompress,
    ),
    "zstd 3 of differences": (
        lambda pcm: zstandard.compress(
            np.diff(pcm.samples, prepend=np.int16(0)).view(np.uint8).reshape(-1, 2).T.tobytes(), 3
        ),
        lambda data: np.cumsum(
            np.frombuffer(zstandard.decompress(data), np.uint8).reshape(2, -1).T.copy().view("<i2"),
            dtype=np.int16,
        ).tobytes(),
    ),
    "flac": (flac_store, flac_load),
    "flac, level 0": (partial(flac_store, level=0.0), flac_load),
}


def spoken(folder: Path) -> list[Pcm]:
    """Synthesise all sentences with both voices."""
    phonemiser = Phonemizer()
    voices = [installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx", install_joe(folder)]
    result = []
    for path in voices:
        engine = Engine(manifest.read(path))
        for sentence in SENTENCES:
            ids, _ = engine.manifest.phoneme_ids(phonemiser.espeak(sentence, "vi"))
            result.append(engine.synthesise(ids, engine.manifest.prosody()))
    return result


def main() -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        speech = spoken(Path(folder))
    seconds = sum(pcm.seconds for pcm in speech)
    stored: dict[str, list[float]] = {name: [] for name in FORMS}
    loaded: dict[str, list[float]] = {name: [] for name in FORMS}
    sizes = dict.fromkeys(FORMS, 0)
    for _ in range(ROUNDS):
        for pcm in speech:
            for name, (store, load) in FORMS.items():
                start = time.perf_counter()
                data = store(pcm)
                middle = time.perf_counter()
                samples = load(data)
                end = time.perf_counter()
                assert samples == pcm.samples.tobytes(), name  # noqa: S101
                stored[name].append((middle - start) / pcm.seconds * 1e6)
                loaded[name].append((end - middle) / pcm.seconds * 1e6)
                sizes[name] += len(data)
    print(f"{len(speech)} sentences, {seconds:.0f} s of speech, {ROUNDS} rounds\n")
    print("| form | KiB a second of speech | of raw | store, µs a second | load, µs a second |")
    print("|---|---|---|---|---|")
    for name in FORMS:
        size = sizes[name] / ROUNDS
        raw = sizes["raw"] / ROUNDS
        print(
            f"| {name} | {size / seconds / 1024:.1f} | {size / raw:.2f} "
            f"| {statistics.median(stored[name]):.0f} | {statistics.median(loaded[name]):.0f} |"
        )


if __name__ == "__main__":
    main()
