"""Write src/vits_tts/text/data/contexts.bin: weights of syllables by the words around them.

    pip install numba
    python -m training.reading.contexts PATH... [--cells N] [--large FILE]

``PATH`` are files or folders of Vietnamese text, one sentence or paragraph a line; ``phrases.txt``
beside this script is read 40 times more. Each word that may stand for several syllables once its
marks are off is an example. The model is described in ``text/normalizer/contexts.py``.

With ``--large``, the large table is kept in a file. If the file exists, training begins with it, so
that new phrases can be learned with a sample of the texts, such as an eighth of them.

1. A large hash table gets a weight for each group of words and each syllable, by stochastic
   gradient descent on the cross entropy. Groups seen less than :data:`LEAST` times have no weight.
2. The small table takes the weights with the largest product of their size and the square root of
   their count. Of several that share a cell, one is kept.
3. The kept weights are trained once more, because the others are missing now.

With 12 million examples this takes 4 minutes of processor time and 2 GB of memory.
"""

# ruff: noqa: ANN001, ANN201, PLR0913, PLR0917  # numba finds the types itself

import argparse
import zlib
from pathlib import Path

import numpy as np
from numba import njit

from training.reading.pairs import HERE, lines_of, normal
from vits_tts.text.normalizer import contexts, people, restore
from vits_tts.text.normalizer.slips import ranks

TARGET = HERE.parents[1] / "src/vits_tts/text/data/contexts.bin"
PHRASE_TIMES = 40
LEAST = 3
EPOCHS = 1
BITS = 26
"""Binary logarithm of the size of the large table."""
SEEN_BITS = 27
MOST = 12
"""Maximum number of syllables that a word without marks may stand for."""
SMALLEST = 1 / 16
CHECKS = contexts.CHECKS - 1

SIZES = np.array([len(group) for group in contexts.GROUPS])
DISTANCES = np.zeros((len(SIZES), max(SIZES)), np.int64)
for _at, _group in enumerate(contexts.GROUPS):
    DISTANCES[_at, : len(_group)] = _group
MULTIPLIERS = np.array(contexts.MULTIPLIERS, np.uint32)


@njit(inline="always")
def group_hash(codes, place, group):
    """Return the same as ``contexts.group_hash``."""
    mixed = np.uint32((group + 1) * 0x632BE5AB)
    for at in range(SIZES[group]):
        distance = DISTANCES[group, at]
        mixed = np.uint32(mixed + np.uint32(codes[place + distance] * MULTIPLIERS[distance + 3]))
    mixed = np.uint32(mixed ^ (mixed >> np.uint32(15)))
    return np.uint32(mixed * np.uint32(0x85EBCA6B))


@njit(inline="always")
def cell_hash(group, rank):
    """Return the same as ``contexts.cell_hash``."""
    mixed = np.uint32(group + np.uint32(np.uint32(rank) * np.uint32(0x9E3779B1)))
    mixed = np.uint32(mixed ^ (mixed >> np.uint32(16)))
    mixed = np.uint32(mixed * np.uint32(0x7FEB352D))
    return np.uint32(mixed ^ (mixed >> np.uint32(15)))


@njit(inline="always")
def small_cell(mixed, cells):
    """Return the cell of the small table for a hash."""
    return (np.uint64(mixed) * np.uint64(cells)) >> np.uint64(32)


@njit
def count_groups(codes, places, seen):
    """Count how often each group of words occurs, up to 250."""
    for place in places:
        for group in range(len(SIZES)):
            at = group_hash(codes, place, group) >> np.uint32(32 - SEEN_BITS)
            if seen[at] < 250:
                seen[at] += 1


@njit
def train(codes, places, words, right, table, priors, weights, seen, first, last):
    """Train the large table; the rate goes from ``first`` to ``last``. Return the cross entropy."""
    candidates, sizes = table
    cells = np.empty((len(SIZES), MOST), np.uint32)
    chance = np.empty(MOST, np.float32)
    entropy = 0.0
    for at in range(len(places)):
        rate = np.float32(first + (last - first) * at / len(places))
        word, size, groups = words[at], sizes[words[at]], 0
        for one in range(size):
            chance[one] = priors[word, one]
        for group in range(len(SIZES)):
            mixed = group_hash(codes, places[at], group)
            if seen[mixed >> np.uint32(32 - SEEN_BITS)] < LEAST:
                continue
            for one in range(size):
                cell = cell_hash(mixed, candidates[word, one]) >> np.uint32(32 - BITS)
                cells[groups, one] = cell
                chance[one] += weights[cell]
            groups += 1
        total = np.float32(0)
        top = chance[:size].max()
        for one in range(size):
            chance[one] = np.exp(chance[one] - top)
            total += chance[one]
        entropy -= np.log(chance[right[at]] / total + 1e-9)
        for one in range(size):
            error = chance[one] / total - np.float32(one == right[at])
            for group in range(groups):
                weights[cells[group, one]] -= rate * error
    return entropy / len(places)


@njit
def tally(codes, places, words, table, counts):
    """Count how often each weight of the large table is used, up to 65,535."""
    candidates, sizes = table
    for at in range(len(places)):
        for group in range(len(SIZES)):
            mixed = group_hash(codes, places[at], group)
            for one in range(sizes[words[at]]):
                cell = cell_hash(mixed, candidates[words[at], one]) >> np.uint32(32 - BITS)
                if counts[cell] < 65535:
                    counts[cell] += 1


@njit
def choose(codes, places, words, table, weights, counts, best, checks, kept):
    """Fill the small table with the most useful weight for each cell."""
    candidates, sizes = table
    for at in range(len(places)):
        for group in range(len(SIZES)):
            mixed = group_hash(codes, places[at], group)
            for one in range(sizes[words[at]]):
                full = cell_hash(mixed, candidates[words[at], one])
                weight = weights[full >> np.uint32(32 - BITS)]
                use = abs(weight) * np.sqrt(np.float32(counts[full >> np.uint32(32 - BITS)]))
                cell = small_cell(full, len(kept))
                if abs(weight) >= SMALLEST and use > best[cell]:
                    best[cell], kept[cell] = use, weight
                    checks[cell] = max(1, full & np.uint32(CHECKS))


@njit
def train_kept(codes, places, words, right, table, priors, checks, kept, first, last):
    """Train the small table like the large one. Return the cross entropy."""
    candidates, sizes = table
    cells = np.empty(len(SIZES) * MOST, np.int64)
    owners = np.empty(len(SIZES) * MOST, np.int64)
    chance = np.empty(MOST, np.float32)
    entropy = 0.0
    for at in range(len(places)):
        rate = np.float32(first + (last - first) * at / len(places))
        word, size, used = words[at], sizes[words[at]], 0
        for one in range(size):
            chance[one] = priors[word, one]
        for group in range(len(SIZES)):
            mixed = group_hash(codes, places[at], group)
            for one in range(size):
                full = cell_hash(mixed, candidates[word, one])
                cell = small_cell(full, len(kept))
                if checks[cell] == max(1, full & np.uint32(CHECKS)):
                    chance[one] += kept[cell]
                    cells[used], owners[used] = cell, one
                    used += 1
        total = np.float32(0)
        top = chance[:size].max()
        for one in range(size):
            chance[one] = np.exp(chance[one] - top)
            total += chance[one]
        entropy -= np.log(chance[right[at]] / total + 1e-9)
        for one in range(size):
            chance[one] = chance[one] / total - np.float32(one == right[at])
        for at_use in range(used):
            kept[cells[at_use]] -= rate * chance[owners[at_use]]
    return entropy / len(places)


def tokens(paths):
    """Return the codes of all words and marks of the texts, and the ranks of the syllables."""
    known, memo = ranks(), {}
    codes, syllables = [], []
    phrases = [HERE / "phrases.txt"] * PHRASE_TIMES
    for path in (*paths, *phrases):
        for line in lines_of(path):
            codes += [contexts.NOTHING] * contexts.REACH
            syllables += [-1] * contexts.REACH
            for word in contexts.TOKEN.findall(normal(line).lower()):
                if word not in memo:
                    plain = people.plain(word) if word.isalpha() else word
                    memo[word] = contexts.code(plain or word), known.get(word, -1)
                code, rank = memo[word]
                codes.append(code)
                syllables.append(rank)
    end = contexts.REACH
    return (
        np.array(codes + [contexts.NOTHING] * end, np.uint32),
        np.array(syllables + [-1] * end, np.int64),
    )


def main() -> None:
    """Train the model and write the file."""
    parser = argparse.ArgumentParser(description="Train weights of syllables by their contexts.")
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--cells", type=int, default=1 << 22)
    parser.add_argument("--large", type=Path, help="a file that keeps the large table (.npy)")
    options = parser.parse_args()
    codes, syllables = tokens(options.paths)

    several = {
        zlib.crc32(word.encode()): [rank for _, rank in found]
        for word, found in restore._marked().items()  # noqa: SLF001
        if len(found) > 1
    }
    keys = np.array(sorted(several), np.uint32)
    candidates = np.full((len(keys), MOST), -1, np.int64)
    for at, key in enumerate(keys):
        candidates[at, : len(several[int(key)])] = several[int(key)]
    table = candidates, (candidates >= 0).sum(1)

    found = np.minimum(np.searchsorted(keys, codes), len(keys) - 1)
    places = np.nonzero((keys[found] == codes) & (syllables >= 0))[0]
    matches = candidates[found[places]] == syllables[places][:, None]
    places, right = places[matches.any(1)], matches[matches.any(1)].argmax(1)
    words = found[places]
    print(len(places), "examples")

    uses = np.full((len(keys), MOST), 0.1)
    np.add.at(uses, (words, right), 1)
    priors = np.log(uses / uses.sum(1, keepdims=True)).astype(np.float32)
    seen = np.zeros(1 << SEEN_BITS, np.uint8)
    count_groups(codes, places, seen)
    weights, random = np.zeros(1 << BITS, np.float32), np.random.default_rng(1)
    started = options.large is not None and options.large.exists()
    if started:
        weights = np.load(options.large).astype(np.float32)
    for epoch in range(EPOCHS):
        order = random.permutation(len(places))
        rate = 0.06 if started else 0.12
        first, last = (rate * (1 - step / EPOCHS) + 0.01 for step in (epoch, epoch + 1))
        examples = places[order], words[order], right[order]
        print(train(codes, *examples, table, priors, weights, seen, first, last))

    if options.large is not None:
        np.save(options.large, weights.astype(np.float16))

    counts = np.zeros(1 << BITS, np.uint16)
    tally(codes, places[::2], words[::2], table, counts)
    best = np.zeros(options.cells, np.float32)
    checks, kept = np.zeros(options.cells, np.uint16), np.zeros(options.cells, np.float32)
    choose(codes, places[::4], words[::4], table, weights, counts, best, checks, kept)
    order = random.permutation(len(places))
    examples = places[order], words[order], right[order]
    print(train_kept(codes, *examples, table, priors, checks, kept, 0.06, 0.004))
    steps = np.clip(np.round(kept * contexts.STEPS), -contexts.MIDDLE, contexts.MIDDLE - 1)
    values = np.where(checks, steps + contexts.MIDDLE, 0).astype("<u2")
    cells = (checks << 6 | values).astype("<u2")
    TARGET.write_bytes(options.cells.to_bytes(4, "little") + cells.tobytes())
    print(TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
