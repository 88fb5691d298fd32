"""Compute the figures of a table from the measurements of each utterance."""

from pathlib import Path
from typing import Any

import numpy as np

from training import listening, measures
from training.naturalness import NAMES, naturalness

TARGETS = {
    "syllable error over that of the recordings": ("at most", 1.03),
    "P.808": ("at least", 3.30),
    "pitch error, cents": ("at most", 60.0),
    "defects in 200 short utterances": ("at most", 0.0),
    "real-time factor, 1 thread": ("at most", 0.03),
    "MB": ("at most", 30.0),
}

Row = dict[str, Any]


def heard(
    audio: np.ndarray,
    text: str,
    listen: bool = True,
    judge: bool = True,
    nisqa: Path | None = None,
) -> Row:
    """Return the figures of trimmed sound that need no alignment.

    ``nisqa`` is the folder with NISQA's weights; without it, naturalness is not measured.
    """
    audio = measures.trim(audio)
    said = listening.syllables(text)
    row: Row = {
        "syllables": len(said),
        "seconds": measures.seconds(audio),
        "clicks": measures.clicks(audio),
        "drift": measures.drift(audio),
    }
    if listen:
        transcript = listening.transcribe(audio)
        row["heard"] = transcript
        row["errors"] = listening.errors(said, listening.syllables(transcript))
    if judge:
        row |= listening.opinion(audio)
    if nisqa is not None:
        row |= naturalness(audio, nisqa)
    return row


def summary(rows: list[Row]) -> dict[str, float]:
    """Return the figures of one table row."""
    count = sum(row["syllables"] for row in rows)
    figures = {
        "syllables per second": count / sum(row["seconds"] for row in rows),
        "clicks": float(sum(row["clicks"] for row in rows)),
        "drift dB": float(np.mean([abs(row["drift"]) for row in rows])),
    }
    if "errors" in rows[0]:
        wrong = np.sum([row["errors"] for row in rows], axis=0)
        figures["syllable error %"] = 100 * wrong.sum() / count
        figures["deleted %"] = 100 * wrong[1] / count
        figures["inserted %"] = 100 * wrong[2] / count
    judged = [row for row in rows if "p808" in row]
    if judged:
        figures["P.808"] = float(np.mean([row["p808"] for row in judged]))
        figures["DNSMOS overall"] = float(np.mean([row["overall"] for row in judged]))
    for key, name in NAMES.items():
        if scores := [row[key] for row in rows if key in row]:
            figures[name] = float(np.mean(scores))
    if "cents" in rows[0]:
        figures |= pitch(rows)
        unlike = sum(row["unlike"] for row in rows)
        figures["voicing error %"] = 100 * unlike / sum(row["frames"] for row in rows)
    return figures


def pitch(rows: list[Row]) -> dict[str, float]:
    """Return the pitch errors of rows with the sums of :func:`measures.compare_pitch`."""
    both = sum(row["both"] for row in rows)
    return {
        "pitch error cents": sum(row["cents"] for row in rows) / both,
        "the same, levels taken out": sum(row["shape"] for row in rows) / both,
        "pitch RMS cents": (sum(row["squares"] for row in rows) / both) ** 0.5,
    }


def alike(rows: list[Row]) -> dict[str, float]:
    """Return the figures of recordings compared with each other."""
    errors = pitch(rows)
    return {
        "pairs": float(len(rows)),
        "syllables": float(sum(row["syllables"] for row in rows)),
        **errors,
        "pitch error cents, divided by the root of two": errors["pitch error cents"] / 2**0.5,
    }


def table(columns: dict[str, dict[str, float]]) -> str:
    """Return a Markdown table: one column for each voice, one line for each figure."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        cells = [f"{figures[name]:.2f}" if name in figures else "-" for figures in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def targets(figures: dict[str, float]) -> str:
    """Return each target beside its figure, for the figures that have been measured."""
    lines = ["| held-out clips unless said otherwise | wanted | measured |", "|---|---|---|"]
    for name, (sign, limit) in TARGETS.items():
        if name in figures:
            value = figures[name]
            reached = value <= limit if sign == "at most" else value >= limit
            shown = f"{value:.3g}" if reached else f"**{value:.3g}: not reached**"
            lines.append(f"| {name} | {sign} {limit:g} | {shown} |")
    return "## Targets\n\n" + "\n".join(lines) + "\n"
