"""Measure how many syllables of text get their marks back after all have been taken off.

    python benchmarks/marks.py FILE... [--other CHECKOUT]

Each file has one marked line of Vietnamese per line. Every line loses its marks and is read by the
step that restores them, with ``safe`` and with ``always``. A syllable is right if it is the one
that was written; words that are no Vietnamese syllable are not counted. With ``--other``, the code
of another checkout measures the same files, too, and both are printed side by side.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

from vits_tts.text.aligned import Text
from vits_tts.text.normalizer.restore import Restore, RestoreMarks
from vits_tts.text.normalizer.slips import ranks

ROOT = Path(__file__).parent.parent
HOWS: tuple[RestoreMarks, ...] = ("safe", "always")


def unmarked(line: str) -> str:
    """Return a line without any mark of Vietnamese."""
    decomposed = unicodedata.normalize("NFD", line.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words(line: str) -> list[str]:
    """Return the words of a line in small letters."""
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", line).lower())


def measure(paths: list[Path]) -> dict[str, list[float]]:
    """Return for each file the shares of syllables that are right, and milliseconds for a line."""
    known = ranks()
    found: dict[str, list[float]] = {}
    for path in paths:
        lines = path.read_text("utf-8").splitlines()
        found[path.name] = []
        for how in HOWS:
            restore = Restore(how)
            restore(Text("quy khach vui long thanh toan"))
            hits = count = 0
            start = time.process_time()
            read = [restore(Text(unmarked(line))).spoken for line in lines]
            used = time.process_time() - start
            for line, spoken in zip(lines, read, strict=True):
                for right, got in zip(words(line), words(spoken), strict=False):
                    if right in known:
                        count += 1
                        hits += right == got
            found[path.name] += [hits / count, used / len(lines) * 1000]
    return found


def main() -> None:
    """Print a table of all files."""
    parser = argparse.ArgumentParser(description="How many marks are restored right.")
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--other", type=Path, help="another checkout, measured beside this one")
    parser.add_argument("--json", action="store_true", help="print figures alone")
    options = parser.parse_args()
    paths = [path.resolve() for path in options.files]
    found = measure(paths)
    if options.json:
        print(json.dumps(found))
        return
    tables = {"this checkout": found}
    if options.other:
        command = [sys.executable, __file__, "--json", *map(str, paths)]
        source = {**os.environ, "PYTHONPATH": str(options.other.resolve() / "src")}
        done = subprocess.run(command, env=source, stdout=subprocess.PIPE, check=True)
        tables = {"other checkout": json.loads(done.stdout), **tables}
    print("| text | " + " | ".join(f"{name}: safe | always | ms a line" for name in tables) + " |")
    print("|---|" + "---:|" * 3 * len(tables))
    for path in paths:
        cells = [
            f"{safe:.1%} | {always:.1%} | {used:.2f}"
            for safe, used, always, _ in (table[path.name] for table in tables.values())
        ]
        print(f"| {path.stem} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
