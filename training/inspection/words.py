"""Compare each recording with its text, by the aligner's likelihoods.

The aligner is trained on the recordings themselves, wrong ones among them: a few do not change it.
For each phone of a clip, its frames are scored as that phone and as the likeliest other one. The
difference is near 0 where the text is right and far below where it is another. For single words,
the likelihood of the text as it stands is compared with that of texts that lack a syllable, or have
any sound in its place or after it.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp

from training.align import STATES, Aligner, align, cepstra, chain, viterbi
from training.frontend import SILENCES, Frontend
from training.phonemes import text_to_ids
from training.prepare import LEVEL_DB
from training.signal import HOP_LENGTH, SAMPLE_RATE, log_mel

SCHEDULE = [4, 2, 2]  # rounds with 1, 2 and 4 Gaussians a state
_TRAINED_FRAMES = 120_000  # 20 minutes are enough to tell right from wrong
_FRAME = HOP_LENGTH / SAMPLE_RATE
_HANDICAP = 3.0  # of any sound, which in each frame is as likely as the likeliest state less this
_SHORTEST = 10  # frames of any sound


@dataclass(frozen=True)
class Doubt:
    """The syllable that is doubted most, and how much likelier the sound is without it.

    ``gain`` is a difference of log likelihoods: below 0, the text as it stands is likelier.
    """

    gain: float
    syllable: str
    start: float  # seconds


@dataclass(frozen=True)
class Fit:
    """The likelihood of a clip's text beside that of other texts."""

    mean: float  # difference of log likelihoods per frame of speech
    syllables: int
    unsaid: Doubt | None  # the sound is likelier without the syllable; None for a single one
    replaced: Doubt  # likelier with any other sound in its place
    extra: Doubt  # likelier with any other sound after it


def features(samples: np.ndarray, text: str) -> dict[str, Any]:
    """Return tokens and mel bands of a clip at 16 kHz, for :func:`training.align.align`."""
    loudness = np.sqrt(np.mean(samples**2)) + 1e-9
    samples = samples * 10 ** (LEVEL_DB / 20) / loudness
    samples = samples[: max(1, len(samples) // HOP_LENGTH) * HOP_LENGTH].astype(np.float32)
    torch.set_num_threads(1)
    return {
        "ints": Frontend()(torch.tensor(text_to_ids(text))).ints.numpy().astype(np.int16),
        "mel": log_mel(torch.from_numpy(samples)[None])[0].numpy(),
        "held_out": False,
    }


def fits_in(clip: dict[str, Any]) -> bool:
    """Return whether the clip has a frame for each state of its text, and of any sound."""
    solid = int((~np.isin(clip["ints"][:, 0], SILENCES)).sum())
    return solid > 0 and len(clip["mel"]) >= STATES * (solid + 2) + _SHORTEST


def trained(clips: Sequence[dict[str, Any]], work: Path | None = None, seed: int = 1) -> Aligner:
    """Return an aligner for these clips; ``work`` keeps it for the next time."""
    order = np.random.default_rng(seed).permutation(len(clips))
    chosen: list[dict[str, Any]] = []
    frames = 0
    for i in order:
        if frames < _TRAINED_FRAMES:
            chosen.append(clips[i])
            frames += len(clips[i]["mel"])
    path = work and work / f"aligner-{_digest(chosen)}.pt"
    if path and path.exists():
        return Aligner.load(path)
    logging.getLogger("align").setLevel(logging.WARNING)
    aligner = align(chosen, SCHEDULE)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        aligner.save(path)
    return aligner


def _digest(clips: list[dict[str, Any]]) -> str:
    digest = hashlib.sha256(str(SCHEDULE).encode())
    for clip in clips:
        digest.update(clip["ints"].tobytes())
        digest.update(clip["mel"].tobytes())
    return digest.hexdigest()[:16]


def fit(aligner: Aligner, clip: dict[str, Any], text: str) -> Fit:
    """Return the fit of ``text`` to a clip of :func:`features`."""
    ints = clip["ints"]
    names = {(int(p), int(m)): aligner.names.get((int(p), int(m)), 0) for p, m in ints[:, :2]}
    models, tokens, skippable = chain({"ints": ints}, names)
    scores = logsumexp(aligner.model.components(cepstra(clip["mel"]).astype(np.float64)), axis=2)
    best = scores[:, STATES:].max(1) - _HANDICAP  # the state ``any sound``, the last one
    scores = np.concatenate([scores, best[:, None]], axis=1)
    path, own = _path(scores, models, skippable)
    at = tokens[path]
    # of every other phone, the better of its states counts in each frame
    phones = scores[:, :-1].reshape(len(scores), -1, STATES).max(2)
    edges = np.flatnonzero(np.diff(np.concatenate([[-1], at])))
    rival = np.add.reduceat(phones, edges, axis=0).max(1)
    deficit = np.minimum(np.add.reduceat(own, edges) - rival, 0.0)
    lengths = np.diff(np.append(edges, len(path)))
    solid = ~np.isin(ints[at[edges], 0], SILENCES)
    syllable = np.where(np.isin(ints[tokens, 0], SILENCES), -1, ints[tokens, 9])
    keys = [key for key in dict.fromkeys(syllable.tolist()) if key >= 0]
    written = [word for word in text.split() if any(c.isalnum() for c in word)]
    if len(written) != len(keys):  # digits and such, of more syllables than words
        written = [f"syllable {number}" for number in range(1, len(keys) + 1)]
    starts = [float(np.argmax(np.isin(path, np.flatnonzero(syllable == key)))) for key in keys]
    gains = _gains(scores, models, skippable, syllable, keys, float(own.sum()))

    def doubt(found: list[float]) -> Doubt:
        """Return the doubt of the syllable with the greatest gain."""
        worst = int(np.argmax(found))
        return Doubt(found[worst], written[worst], starts[worst] * _FRAME)

    return Fit(
        mean=float(deficit[solid].sum() / max(1, lengths[solid].sum())),
        syllables=len(keys),
        unsaid=doubt(gains["unsaid"]) if len(keys) > 1 else None,
        replaced=doubt(gains["replaced"]),
        extra=doubt(gains["extra"]),
    )


def _path(
    scores: np.ndarray, models: np.ndarray, skippable: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best path [frames] and its log likelihoods."""
    mine = np.ascontiguousarray(scores[:, models])
    path = viterbi(mine, skippable)
    return path, mine[np.arange(len(path)), path]


def _gains(
    scores: np.ndarray,
    models: np.ndarray,
    skippable: np.ndarray,
    syllable: np.ndarray,
    keys: list[int],
    said: float,
) -> dict[str, list[float]]:
    """Return for each syllable by how much other texts are likelier than ``said``.

    The other texts lack the syllable, have any sound in its place, or have any sound after it.
    """
    filler = np.full(_SHORTEST, scores.shape[1] - 1)
    solid = np.zeros(_SHORTEST, bool)
    gains: dict[str, list[float]] = {"unsaid": [], "replaced": [], "extra": []}
    for key in keys:
        where = np.flatnonzero(syllable == key)
        first, end = where[0], where[-1] + 1
        # of the two gaps around a left-out syllable one goes too: two in a row cannot be skipped
        after = end + int(skippable[end] and skippable[first - 1])
        variants = {
            "unsaid": (first, after, filler[:0], solid[:0]),
            "replaced": (first, end, filler, solid),
            "extra": (end, end, filler, solid),
        }
        for name, (start, stop, states, marks) in variants.items():
            other = np.concatenate([models[:start], states, models[stop:]])
            skips = np.concatenate([skippable[:start], marks, skippable[stop:]])
            gains[name].append(float(_path(scores, other, skips)[1].sum()) - said)
    return gains
