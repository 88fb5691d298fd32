"""Write src/vits_tts/text/data/pairs.bin: how often one syllable follows another.

    python training/reading/pairs.py [--counts MODEL WEIGHT] [--text PATH... WEIGHT]...
    python training/reading/pairs.py --add PHRASES...

The first form counts the pairs in ``phrases.txt`` beside this script, which holds texts of banks,
networks, schools, shops and chat, and in the sources that are named, each with its weight:

- ``--counts``: the counts of underthesea (``restore_diacritics/rd_model_*.bin``)
- ``--text``: files or folders of text, one sentence or paragraph a line; of ``*.conllu`` only the
  lines ``# text``

The second form adds the pairs of new phrases to the counts of the file, with the weight of phrases.
Only counts are kept. All numbers of the file are little-endian:

- the number of pairs
- each pair as 4 bytes, in rising order: the place of the first syllable in syllables.txt times 8192
  plus that of the second. The syllables from 8188 stand for the end of a clause, other words, the start of a
  clause and numbers.
- one byte for the count of each pair, on a logarithmic scale
- one byte for the count of each of the 8192 syllables, on the same scale
"""

import argparse
import gzip
import math
import pickle
import re
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from vits_tts.text.normalizer.restore import COUNT_STEPS, END, NUMBER, START, SYLLABLES, UNKNOWN
from vits_tts.text.normalizer.slips import ranks

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "src/vits_tts/text/data/pairs.bin"
PHRASE_WEIGHT = 150
LEAST = 3

Counts = tuple[dict[tuple[int, int], float], dict[int, float]]
"""The counts of pairs and of syllables."""


def empty() -> Counts:
    """Return counts of nothing."""
    return defaultdict(float), defaultdict(float)


def count(lines: Iterable[str], weight: float, counts: Counts) -> None:
    """Add how often each known syllable, and each pair of them, stands in the lines."""
    places = ranks()
    pairs, single = counts
    for line in lines:
        last = START
        for word in re.findall(r"[^\W\d_]+|\d[\d.,:/]*|[^\w\s]", normal(line).lower()):
            if not word[0].isalnum():
                if last != START:
                    pairs[last, END] += weight
                last = START
                continue
            place = NUMBER if word[0].isdigit() else places.get(word, UNKNOWN)
            single[place] += weight
            pairs[last, place] += weight
            last = place
        if last != START:
            pairs[last, END] += weight


def normal(line: str) -> str:
    """Return a line in the normal form of the package's syllables."""
    return unicodedata.normalize("NFC", line)


def lines_of(path: Path) -> Iterator[str]:
    """Yield the Vietnamese lines of a file, or of all files of a folder."""
    if path.is_dir():
        for inner in sorted(path.rglob("*.txt")):
            yield from lines_of(inner)
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if path.suffix == ".conllu":
                if line.startswith("# text = "):
                    yield line.removeprefix("# text = ")
            elif re.search("[ạảãàáâăđêôơư]", line.lower()):
                yield line


def add_model(path: Path, weight: float, counts: Counts) -> None:
    """Add the counts of a model of underthesea, whose number is written ``<num>``."""
    pairs, single = counts
    places = {"<num>": NUMBER, **ranks()}
    with gzip.open(path, "rb") as file:
        model = pickle.load(file)  # noqa: S301  # a file that the developer chose
    for (first, second), times in model["bigrams"].items():
        a, b = places.get(normal(first), -1), places.get(normal(second), -1)
        if min(a, b) >= 0:
            pairs[a, b] += times * weight
    for syllable, times in model["unigrams"].items():
        if normal(syllable) in places:
            single[places[normal(syllable)]] += times * weight


def stored() -> Counts:
    """Return the counts of the file, rounded as they are stored."""
    data = TARGET.read_bytes()
    size = int.from_bytes(data[:4], "little")
    keys = array("I", data[4 : 4 + 4 * size])
    values = [round(2 ** (byte / COUNT_STEPS)) if byte else 0 for byte in data[4 + 4 * size :]]
    pairs, single = empty()
    pairs.update({divmod(key, SYLLABLES): n for key, n in zip(keys, values, strict=False)})
    single.update(enumerate(values[size:]))
    return pairs, single


def byte_of(times: float) -> int:
    """Return a count on the logarithmic scale of the file; 0 stands for less than 2."""
    return min(255, round(math.log2(times) * COUNT_STEPS)) if times >= 1 else 0


def write(counts: Counts) -> None:
    """Write the file."""
    pairs, single = counts
    kept = sorted((a * SYLLABLES + b, times) for (a, b), times in pairs.items() if times >= LEAST)
    keys = array("I", (key for key, _ in kept))
    TARGET.write_bytes(
        len(kept).to_bytes(4, "little")
        + keys.tobytes()
        + bytes(byte_of(times) for _, times in kept)
        + bytes(byte_of(single[place]) for place in range(SYLLABLES))
    )
    print(len(kept), "pairs,", TARGET.stat().st_size, "bytes")


def main() -> None:
    """Count the pairs and write the file."""
    parser = argparse.ArgumentParser(description="Count pairs of syllables.")
    parser.add_argument("--counts", nargs=2, action="append", default=[])
    parser.add_argument("--text", nargs="+", action="append", default=[])
    parser.add_argument("--add", nargs="+", type=Path, default=[])
    options = parser.parse_args()
    if options.add:
        counts = stored()
        for path in options.add:
            count(lines_of(path), PHRASE_WEIGHT, counts)
        write(counts)
        return
    counts = empty()
    count(lines_of(HERE / "phrases.txt"), PHRASE_WEIGHT, counts)
    for path, weight in options.counts:
        add_model(Path(path), float(weight), counts)
    for *paths, weight in options.text:
        for path in paths:
            count(lines_of(Path(path)), float(weight), counts)
    write(counts)


if __name__ == "__main__":
    main()
