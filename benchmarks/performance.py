"""Measure first sound, many listeners, work and memory, beside other engines for the same voice.

    .venv/bin/python benchmarks/performance.py                 # half an hour, and the soak
    .venv/bin/python benchmarks/performance.py --quick         # minutes, no soak
    .venv/bin/python benchmarks/performance.py --soak 30       # minutes of mixed load
    .venv/bin/python benchmarks/performance.py --only crowd    # one part

Writes `results.json`, `tables.md` and plots into a folder, and the tables into docs/PERFORMANCE.md.
All measurements alternate, round after round, and ratios are computed within a round, because
machines are noisy. The processor time of other processes is written beside the results. Servers are
asked over HTTP on this machine, so the measuring client uses a share of its cores as well.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from dataclasses import fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from measuring import crowd, first_sound, page, plots, soak, starting, work
from measuring.bench import FULL, QUICK, Bench, Result, Sizes, say, started
from measuring.contenders import Voice
from measuring.texts import Texts

from tests.support.voices import install_joe
from vits_tts.cores import available_cores

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("onnxruntime", "piper-tts", "streaming-vits", "sherpa-onnx", "tornado", "numpy")
SOAK_MINUTES: Final = 30.0


def machine() -> Result:
    """Describe the machine of this measurement."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": available_cores(),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def main() -> None:
    """Measure and write the results."""
    options = _options()
    # An installed server has the bytecode of its modules on disk.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # also stops the servers
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "results.json"
    again = options.only or options.draw
    results: Result = json.loads(kept.read_text()) if again and kept.exists() else {}
    if not options.draw:
        _measure(options, results, kept)
    plots.draw(results, folder)
    blocks = page.blocks(results)
    (folder / "tables.md").write_text("\n\n".join(blocks.values()) + "\n")
    if options.page.exists():
        page.fill(options.page, blocks)
    print("\n\n".join(blocks.values()))


def _measure(options: argparse.Namespace, results: Result, kept: Path) -> None:
    """Measure part by part and add to the results."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["XDG_CACHE_HOME"] = str(place / "cache")  # compiled voices of this run only
        model = install_joe(place / "voices")
        say("the voice is cut, the server starts")
        with started(place / "server", model) as (server, seconds):
            sizes = replace(QUICK if options.quick else FULL, **options.sizes)
            bench = Bench(server, Voice(model), sizes, Texts(options.seed), place)
            results |= {"machine": machine(), "first_start": seconds, "quick": options.quick}
            parts = {
                "crowd": partial(crowd.measure, bench),
                "first_sound": partial(first_sound.measure, bench),
                "work": partial(work.measure, bench),
                "starting": partial(starting.measure, bench),
            }
            if options.soak:
                parts["soak"] = partial(soak.measure, bench, options.soak)
            for name in options.only or parts:
                results[name] = parts[name]()
                kept.write_text(json.dumps(results, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, no soak unless asked for")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="of mixed load (default 30)")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw what is kept")
    parser.add_argument("--only", action="append", metavar="PART", help="measure just this part")
    for field in fields(Sizes):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(getattr(FULL, field.name)), metavar="NUMBER")
    parser.add_argument("--seed", type=int, default=1, help="of the texts")
    shown = ROOT / "docs" / "PERFORMANCE.md"
    parser.add_argument("--page", type=Path, default=shown, help="where the tables are shown")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "performance")
    options = parser.parse_args()
    if options.soak is None:
        options.soak = 0.0 if options.quick else SOAK_MINUTES
    given = {field.name: getattr(options, field.name) for field in fields(Sizes)}
    options.sizes = {name: value for name, value in given.items() if value is not None}
    return options


if __name__ == "__main__":
    main()
