"""Measure the time of a new file of `/tts` when few and when very many files exist.

    uv run python benchmarks/saved_files.py [--before CHECKOUT] [--files 100000]

Prints Markdown: the median time of `/tts` for new words, in an empty folder and in one that holds
this many files already. With a checkout of other code, that code is measured in the same rounds, so
that noise of the machine affects both alike, and ratios are printed. The voice is the tests' tiny
one, so that the time is mostly spent outside of synthesis.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.server import Server, serving
from tests.support.voices import install_pair

ROUNDS = 5
REQUESTS = 20
WARM_UP = 5


@contextmanager
def running(folder: Path, files: int, checkout: Path | None) -> Iterator[Server]:
    """Run a server of a checkout (None: this one) that finds this many files of 1 KB."""
    audio = folder / "audio"
    audio.mkdir(parents=True)
    for number in range(files):
        (audio / f"{number:040x}.wav").write_bytes(bytes(1000))
    install_pair(folder / "voices")
    environment = {"PYTHONPATH": str(checkout / "src")} if checkout else {}
    settings = {"voice": {"name": "pair"}, "server": {"workers": 1}}
    with serving(folder, settings, environment=environment) as server:
        yield server


def seconds(server: Server, texts: Iterator[str], requests: int) -> list[float]:
    """Return the seconds of each of some requests for new words."""
    times = []
    with httpx.Client(base_url=server.url, timeout=60) as client:
        client.get("/healthz")
        for text in itertools.islice(texts, requests):
            start = time.perf_counter()
            answer = client.post("/tts", json={"text": text})
            times.append(time.perf_counter() - start)
            answer.raise_for_status()
    return times


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout of the code to compare with")
    parser.add_argument("--files", type=int, default=100_000)
    options = parser.parse_args()
    codes = {"now": None, **({"before": options.before.resolve()} if options.before else {})}
    texts = (f"tep thu {number}" for number in itertools.count())
    times: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            (code, files): stack.enter_context(running(folder / f"{code}{files}", files, checkout))
            for code, checkout in codes.items()
            for files in (0, options.files)
        }
        for server in servers.values():
            seconds(server, texts, WARM_UP)
        for number in range(ROUNDS):
            for key, server in servers.items():
                times.setdefault(key, []).extend(seconds(server, texts, REQUESTS))
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
    print(f"| code | empty, ms | {options.files:,} files, ms | ratio |\n|---|---|---|---|")
    medians = {key: statistics.median(values) * 1000 for key, values in times.items()}
    for code in codes:
        few, many = medians[code, 0], medians[code, options.files]
        print(f"| {code} | {few:.1f} | {many:.1f} | {many / few:.2f} |")
    if options.before:
        few, many = (
            medians["now", files] / medians["before", files] for files in (0, options.files)
        )
        print(f"| now / before | {few:.2f} | {many:.3f} | |")


if __name__ == "__main__":
    main()
