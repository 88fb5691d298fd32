"""Find the durations of all tokens by a hidden Markov model, trained from a flat start.

Two states per phone and marks (tones do not matter here), Gaussian mixtures over cepstra with
deltas, Viterbi training. Spaces may have no duration, so that pauses without a comma are found.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from scipy.fft import dct
from scipy.special import logsumexp
from tqdm import tqdm

from training import files
from training.config import Config
from training.frontend import BOS, COMMA, EOS, SILENCES, SPACE
from training.prepare import save

STATES = 2
_LOG = logging.getLogger("align")


def cepstra(mel: np.ndarray) -> np.ndarray:
    """Return 13 cepstra with deltas and double deltas [frames, 39], mean-free per clip."""
    base = dct(mel, norm="ortho", axis=1)[:, :13]
    base -= base.mean(0)
    padded = np.pad(base, ((2, 2), (0, 0)), mode="edge")
    delta = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    padded = np.pad(delta, ((2, 2), (0, 0)), mode="edge")
    second = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    return np.concatenate([base, delta, second], axis=1).astype(np.float32)


def flat_start(frames: np.ndarray, models: np.ndarray, skippable: np.ndarray) -> np.ndarray:
    """Return a first guess of each frame's model state.

    Quiet parts (50 ms or more, and the ends) are silence; the phones share the rest evenly.
    """
    energy = frames[:, 0]
    low, high = np.percentile(energy, [5, 95])
    quiet = energy < low + 0.3 * (high - low)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(int), [0]])))
    silent = np.zeros(len(frames), bool)
    for start, end in edges.reshape(-1, 2):
        if end - start >= 5 or start == 0 or end == len(frames):
            silent[start:end] = True
    solid = models[~skippable][STATES:-STATES]
    if (~silent).sum() < len(solid):
        silent[2:-2] = False
    labels = np.zeros(len(frames), np.int64)
    speech = np.flatnonzero(~silent)
    labels[speech] = solid[np.arange(len(speech)) * len(solid) // len(speech)]
    return labels


@numba.njit(cache=True)
def viterbi(scores: np.ndarray, skippable: np.ndarray) -> np.ndarray:
    """Return the state of each frame, left to right, for log likelihoods [frames, states].

    A state marked in ``skippable`` may be left out, but never two in a row.
    """
    frames, states = scores.shape
    best = np.full(states, -np.inf)
    back = np.zeros((frames, states), np.int8)
    best[0] = scores[0, 0]
    if skippable[0]:
        best[1] = scores[0, 1]
    for t in range(1, frames):
        for s in range(states - 1, -1, -1):
            value, step = best[s], 0
            if s >= 1 and best[s - 1] > value:
                value, step = best[s - 1], 1
            if s >= 2 and skippable[s - 1] and best[s - 2] > value:
                value, step = best[s - 2], 2
            best[s] = value + scores[t, s]
            back[t, s] = step
    path = np.zeros(frames, np.int64)
    state = states - 1
    for t in range(frames - 1, -1, -1):
        path[t] = state
        state -= back[t, state]
    return path


class Mixtures:
    """Diagonal Gaussian mixtures, one for each state."""

    def __init__(self, states: int, frames: np.ndarray) -> None:
        """Set every state to one Gaussian with the statistics of all ``frames``."""
        self.floor = 0.05 * frames.var(0)
        self.means = np.repeat(frames.mean(0)[None, None], states, 0)
        self.variances = np.repeat(frames.var(0)[None, None], states, 0)
        self.weights = np.ones((states, 1))

    def components(self, frames: np.ndarray) -> np.ndarray:
        """Return weighted log densities [frames, states, components]."""
        states, count, size = self.means.shape
        precision = (1.0 / self.variances).reshape(-1, size)
        means = self.means.reshape(-1, size)
        distance = frames**2 @ precision.T - 2 * frames @ (means * precision).T
        distance += (means**2 * precision).sum(1)
        constant = np.log(self.weights).reshape(-1) + 0.5 * np.log(precision).sum(1)
        result: np.ndarray = (constant - 0.5 * distance).reshape(-1, states, count)
        return result

    def update(self, frames: np.ndarray, labels: np.ndarray) -> None:
        """Re-estimate from frames labelled with states; rarely seen states keep their values."""
        shares = np.zeros((len(frames), self.weights.shape[1]))
        for start in range(0, len(frames), 20_000):
            part = slice(start, start + 20_000)
            scores = self.components(frames[part])
            own = scores[np.arange(len(scores)), labels[part]]
            shares[part] = np.exp(own - logsumexp(own, axis=1, keepdims=True))
        for state in range(len(self.weights)):
            where = np.flatnonzero(labels == state)
            if len(where) < 20:
                continue
            mine, weight = frames[where], shares[where]
            mass = weight.sum(0) + 1e-3
            mean = weight.T @ mine / mass[:, None]
            variance = weight.T @ mine**2 / mass[:, None] - mean**2
            alive = mass > 10
            self.means[state, alive] = mean[alive]
            self.variances[state, alive] = np.maximum(variance, self.floor)[alive]
            self.weights[state] = np.maximum(mass / mass.sum(), 1e-4)

    def split(self) -> None:
        """Double the number of components."""
        shift = 0.2 * np.sqrt(self.variances)
        self.means = np.concatenate([self.means - shift, self.means + shift], axis=1)
        self.variances = np.concatenate([self.variances] * 2, axis=1)
        self.weights = np.concatenate([self.weights] * 2, axis=1) / 2


def state_names(clips: list[dict[str, Any]]) -> dict[tuple[int, int], int]:
    """Return a number for each phone with its marks; all silences share number 0."""
    names: dict[tuple[int, int], int] = {}
    for clip in clips:
        for phone, mark in clip["ints"][:, :2]:
            key = (int(phone), int(mark))
            if phone in SILENCES:
                names[key] = 0
            elif key not in names:
                names[key] = 1 + max(names.values(), default=0)
    return names


def chain(clip: dict[str, Any], names: dict[tuple[int, int], int]) -> tuple[np.ndarray, ...]:
    """Return for each state of the clip its model, its token and whether it is skippable."""
    models, tokens, skippable = [], [], []
    for number, (phone, mark) in enumerate(clip["ints"][:, :2]):
        model = names[(int(phone), int(mark))]
        count = 1 if phone in (SPACE, COMMA) else STATES
        for state in range(count):
            models.append(model * STATES + (state if model else 0))  # silence has one state
            tokens.append(number)
            skippable.append(phone in (SPACE, COMMA))
    return np.array(models), np.array(tokens), np.array(skippable)


class Aligner:
    """A trained model that finds tokens in any recording."""

    def __init__(self, names: dict[tuple[int, int], int], model: Mixtures) -> None:
        """Keep the states' numbers and their densities."""
        self.names, self.model = names, model

    def save(self, path: Path) -> None:
        """Write the aligner to a file, whole or not at all."""
        files.save(path, {"names": self.names, **vars(self.model)})

    @classmethod
    def load(cls, path: Path) -> "Aligner":
        """Read an aligner from a file."""
        state = torch.load(path, weights_only=False)
        model = Mixtures.__new__(Mixtures)
        names = state.pop("names")
        vars(model).update(state)
        return cls(names, model)

    def __call__(self, mel: np.ndarray, ints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each token's frames [N] and its mean log likelihood [N] (0 if it has none).

        Phones that were never trained are read as silence.
        """
        names = {(int(p), int(m)): self.names.get((int(p), int(m)), 0) for p, m in ints[:, :2]}
        models, tokens, skippable = chain({"ints": ints}, names)
        scores = logsumexp(self.model.components(cepstra(mel).astype(np.float64)), axis=2)
        path = viterbi(scores[:, models], skippable)
        values = scores[np.arange(len(path)), models[path]]
        durations = np.bincount(tokens[path], minlength=len(ints))
        sums = np.bincount(tokens[path], weights=values, minlength=len(ints))
        return durations, sums / np.maximum(durations, 1)


def labelled(durations: np.ndarray, models: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return each frame's model state if tokens last ``durations``; their states share them."""
    owner = np.repeat(np.arange(len(durations)), durations)
    passed = np.arange(len(owner)) - (np.cumsum(durations) - durations)[owner]
    count = np.bincount(tokens, minlength=len(durations))
    first = np.cumsum(count) - count
    labels: np.ndarray = models[first[owner] + passed * count[owner] // durations[owner]]
    return labels


def align(
    clips: list[dict[str, Any]], schedule: Sequence[int], start: Aligner | None = None
) -> Aligner:
    """Add ``durations`` [N], in frames, to every clip; held-out clips are not trained on.

    ``schedule`` holds the rounds of Viterbi training for 1, 2, 4 ... components. The first guess is
    that of the aligner ``start``, else a flat start. Returns the model.
    """
    names = state_names(clips)
    frames = [cepstra(clip["mel"]) for clip in clips]
    chains = [chain(clip, names) for clip in clips]
    train = [i for i, clip in enumerate(clips) if not clip["held_out"]]
    stacked = np.concatenate([frames[i] for i in train]).astype(np.float64)
    model = Mixtures(STATES * (1 + max(names.values())), stacked)

    paths = [np.zeros(0, np.int64)] * len(clips)
    if start is None:
        guesses = [flat_start(frames[i], chains[i][0], chains[i][2]) for i in train]
    else:
        found = [start(clips[i]["mel"], clips[i]["ints"])[0] for i in train]
        guesses = [labelled(d, *chains[i][:2]) for i, d in zip(train, found, strict=True)]
    rounds = [(step, i) for step, count in enumerate(schedule) for i in range(count)]
    started = time.time()
    for step, inner in tqdm(rounds, desc="align", unit="round"):
        if step and not inner:
            model.split()
        first = step == inner == 0
        labels = guesses if first else [chains[i][0][paths[i]] for i in train]
        model.update(stacked, np.concatenate(labels))
        total = 0.0
        for i, (one, (models, _, skippable)) in enumerate(zip(frames, chains, strict=True)):
            scores = logsumexp(model.components(one.astype(np.float64)), axis=2)[:, models]
            paths[i] = viterbi(scores, skippable)
            total += scores[np.arange(len(one)), paths[i]].sum()
        _LOG.info("round %d.%d: %.2f per frame", step, inner, total / sum(map(len, frames)))
    for clip, path, (_, tokens, _) in zip(clips, paths, chains, strict=True):
        clip["durations"] = np.bincount(tokens[path], minlength=len(clip["ints"]))
    _LOG.info("aligned in %.0f s", time.time() - started)
    return Aligner(names, model)


def report(clips: list[dict[str, Any]]) -> None:
    """Log the durations of phones, commas and spaces."""
    phones = np.concatenate([c["ints"][:, 0] for c in clips])
    durations = np.concatenate([c["durations"] for c in clips])
    solid = ~np.isin(phones, SILENCES)
    percentiles = np.percentile(durations[solid], [1, 10, 50, 90, 99])
    _LOG.info("phones: percentiles 1 10 50 90 99 %s frames", percentiles)
    for name, symbol in {"comma": COMMA, "space": SPACE, "start": BOS, "end": EOS}.items():
        mine = durations[phones == symbol]
        if len(mine):
            _LOG.info("%s: mean %.1f frames, over 5: %.3f", name, mine.mean(), (mine > 5).mean())


def run(work: Path, schedule: Sequence[int]) -> None:
    """Add durations to ``features.pt``; write ``aligner.pt``, which the evaluation uses."""
    clips = torch.load(work / "features.pt", weights_only=False)
    aligner = align(clips, schedule)
    report(clips)
    save(clips, work)
    aligner.save(work / "aligner.pt")  # written last: it marks the features as aligned


def main(arguments: Sequence[str] | None = None) -> None:
    """Align the recordings of a work folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with features.pt")
    parser.add_argument("--schedule", type=int, nargs="+", default=Config.alignment)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    run(options.work, options.schedule)


if __name__ == "__main__":
    main()
