"""Compare the cost of plain text in this checkout with that in another one.

    uv run python benchmarks/plain_text.py ../before              # thirty rounds, about a minute
    uv run python benchmarks/plain_text.py ../before --rounds 60

The other checkout needs an environment of its own (`scripts/install` in it). One process of each
version turns the same texts into requests: it checks, reads, splits and keys them. In each round
both take their turn, in an order that changes. A ratio is the other version's processor time
divided by this version's, within a round. 1.00 means equally fast, less than 1 means slower than
before. Prints the median ratio.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.reading import cases

_CHARS: Final = 400
"""Shorter texts are remembered, so that they are not read again."""
_CHILD: Final = """
import asyncio, json, sys, time
from vits_tts.config import Config
from vits_tts.speech import build

async def main():
    speech = build(Config())
    texts = json.loads(sys.stdin.readline())
    for text in texts:
        await speech.request(text)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        for text in texts:
            await speech.request(text)
        print(time.process_time() - start, flush=True)

asyncio.run(main())
"""


def texts() -> list[str]:
    """Return plain texts of everyday life and news, each of at least ``_CHARS`` characters."""
    found: list[str] = []
    text = ""
    for case in cases():
        if case.category in {"everyday", "news", "passages", "medicine", "sport", "shops"}:
            text += case.written + (" " if case.written[-1] in ".!?" else ". ")
            if len(text) >= _CHARS:
                found.append(text)
                text = ""
    return found


def main() -> None:
    """Measure both versions in turn, and print the ratio."""
    options = _options()
    written = texts()
    pythons = {"this": sys.executable, "other": str(options.other / ".venv/bin/python")}
    children = {
        name: subprocess.Popen(
            [python, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, python in pythons.items()
    }
    for child in children.values():
        _ask(child, json.dumps(written))
    ratios = []
    for number in range(options.rounds):
        order = ("this", "other") if number % 2 else ("other", "this")
        seconds = {name: float(_ask(children[name], "go")) for name in order}
        ratios.append(seconds["other"] / seconds["this"])
    for child in children.values():
        child.communicate()
    low, _, high = statistics.quantiles(ratios, n=4)
    print(
        f"{len(written)} texts, {options.rounds} rounds: ratio {statistics.median(ratios):.3f} "
        f"(half of the rounds {low:.3f} to {high:.3f})"
    )


def _ask(child: "subprocess.Popen[str]", line: str) -> str:
    assert child.stdin and child.stdout  # noqa: S101, PT018  # they are pipes
    child.stdin.write(line + "\n")
    child.stdin.flush()
    return child.stdout.readline()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=30)
    return parser.parse_args()


if __name__ == "__main__":
    main()
