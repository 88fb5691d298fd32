"""Measure the cost of each format: time added to the first sound, bytes and processor time.

    python benchmarks/formats.py

Prints a Markdown table. The embedded voice speaks window by window, as it does for a stream. Then
every format encodes those windows like a request, from the moment at which the first window is
ready. The formats alternate, so that noise of the machine affects all of them alike.
"""

import asyncio
import io
import statistics
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import av

from vits_tts import config as configuration
from vits_tts.audio import formats
from vits_tts.audio.encoder import Encoder, bytes_a_second
from vits_tts.audio.formats import Encoding
from vits_tts.speech import RequestStats, build
from vits_tts.speech.encoding import encoded
from vits_tts.speech.worker_pool import WorkerPool
from vits_tts.types import Pcm

TEXT = (
    "Dự báo thời tiết ngày mai, miền Bắc có mưa rào và dông vài nơi, trời mát. "
    "Giá vàng trong nước sáng nay tăng nhẹ so với hôm qua, theo các chuyên gia kinh tế. "
    "Chuyến tàu đi Đà Nẵng sẽ khởi hành sau mười lăm phút nữa."
)
ROUNDS = 100
ASKED: list[tuple[str, int | None]] = [
    *((name, None) for name in formats.offered()),
    ("wav", 48000),
    ("pcm", 24000),
]


async def main() -> None:
    """Synthesise once, encode many times, and print the table."""
    windows = await spoken()
    rate, length = windows[0].sample_rate, sum(pcm.seconds for pcm in windows)
    first = windows[0].seconds * 1000
    helpers = WorkerPool(4)
    encodings = [formats.encoding(name, other, None, rate) for name, other in ASKED]
    added: dict[Encoding, list[float]] = {encoding: [] for encoding in encodings}
    begun: dict[Encoding, list[float]] = {encoding: [] for encoding in encodings}
    work: dict[Encoding, list[float]] = {encoding: [] for encoding in encodings}
    parts: dict[Encoding, list[bytes]] = {}
    for _ in range(ROUNDS):
        for encoding in encodings:
            took, first_cpu, cpu, parts[encoding] = await measured(windows, encoding, helpers)
            added[encoding].append(took * 1000)
            begun[encoding].append(first_cpu * 1000)
            work[encoding].append(cpu / length * 1000)
    print(
        f"{length:.1f} s of speech at {rate} Hz, the first window {first:.0f} ms; {ROUNDS} rounds\n"
    )
    print(
        "| format | Hz | bit/s asked | added, median, ms | added, p95, ms | of that CPU, ms "
        "| held back, ms | bytes/s | CPU, ms/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for encoding in encodings:
        times = sorted(added[encoding])
        held = first - 1000 * seconds(parts[encoding][0], encoding)
        size = sum(map(len, parts[encoding])) / length
        asked = encoding.bit_rate or ""
        print(
            f"| {encoding.format} | {encoding.sample_rate} | {asked} "
            f"| {statistics.median(times):.2f} | {times[int(0.95 * len(times))]:.2f} "
            f"| {statistics.median(begun[encoding]):.2f} | {max(0.0, held):.0f} | {size:.0f} "
            f"| {statistics.median(work[encoding]):.2f} |"
        )
    helpers.close()


async def spoken() -> list[Pcm]:
    """Return the windows of the text in the order of synthesis."""
    speech = build(configuration.load())
    speech.start()
    speech.watch()
    try:
        await asyncio.wrap_future(speech.voices.ready)
        request = await speech.request(TEXT)
        async with aclosing(speech.stream(request, RequestStats())) as stream:
            return [pcm async for pcm in stream]
    finally:
        await speech.close()


async def measured(
    windows: Sequence[Pcm], encoding: Encoding, helpers: WorkerPool
) -> tuple[float, float, float, list[bytes]]:
    """Measure one encoding of the windows.

    Returns the seconds to the first bytes, the seconds of the processor, the seconds to the last
    bytes, and the bytes.
    """

    async def stream() -> AsyncGenerator[Pcm, None]:
        for pcm in windows:
            yield pcm

    took, first_cpu, parts = 0.0, 0.0, []
    start, cpu = time.perf_counter(), time.process_time()
    encoder = await helpers.run(Encoder, encoding, windows[0].sample_rate)
    async with aclosing(encoded(stream(), encoder, helpers)) as data:
        async for part in data:
            if not parts:
                took, first_cpu = time.perf_counter() - start, time.process_time() - cpu
            parts.append(part)
    return took, first_cpu, time.process_time() - cpu, parts


def seconds(data: bytes, encoding: Encoding) -> float:
    """Return how many seconds of sound the first bytes decode to."""
    if formats.FORMATS[encoding.format].headerless:
        return len(data) / bytes_a_second(encoding)
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(audio=0))
    return sum(frame.samples / frame.sample_rate for frame in frames)


asyncio.run(main())
