"""Measure the memory that a loaded voice takes, and the memory that is freed when it is dropped.

    python benchmarks/memory.py

Prints the table of docs/VOICES.md: growth of the process's resident memory in MB. Each page counts
once (Pss), however often it is mapped. Linux only.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from loguru import logger

from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_VOICE
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


def settled() -> int:
    """Return the process's resident memory in bytes after freeing buffers kept for the next run."""
    arena.shared().give_back()
    return resident()


def resident() -> int:
    """Return the process's resident memory in bytes, without free space on its heaps."""
    trim()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * _KIB


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


def main() -> None:
    """Measure and print the table."""
    logger.remove()
    print("| voice | model file | estimate before | once loaded | loaded | at work | dropped |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        embedded = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
        for path in (embedded, install_joe(Path(folder))):
            voice = manifest.read(path)
            numbers = [str(round(number)) for number in row(voice, Path(folder) / "pieces")]
            print(f"| {voice.name} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
