"""Draw the pictures of the report."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from training.signal import HOP_LENGTH, SAMPLE_RATE

mpl.use("Agg")

TONES = {
    1: "ngang",
    3: "huyền",
    4: "sắc",
    5: "hỏi",
    6: "ngã",
    7: "nặng",
}


def losses(work: Path, path: Path) -> None:
    """Draw the loss curves of both networks, on training and development clips."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2))
    panels = (("prosody", ("cents", "length")), ("voice", ("spectral", "mel")), ("voice", JUDGED))
    for axis, (stage, names) in zip(axes, panels, strict=True):
        lines = (work / stage / "log.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        for name in names:
            points = [(row["step"], row[name]) for row in rows if name in row]
            scale = 0.01 if name == "cents" else 1.0
            label = f"{name} / 100" if name == "cents" else name
            if points:
                steps, values = np.array(points).T
                axis.plot(steps, values * scale, label=label)
        for row in rows:
            row.update({f"held {k}": v for k, v in row.pop("held", {}).items()})
        wanted = {
            "prosody": ("held cents", "held length"),
            "voice": ("held text", "held natural", "held mel"),
        }
        for name in wanted[stage] if names is not JUDGED else ():
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                steps, values = np.array(points).T
                scale = 0.01 if name.endswith("cents") else 1.0
                axis.plot(steps, values * scale, ".--", label=name.replace("held", "development"))
        axis.set_title(stage)
        axis.set_xlabel("step")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)


JUDGED = ("judges", "fooled", "matched")


def spectrograms(found: dict[str, dict[str, Any]], title: str, path: Path) -> None:
    """Draw mel spectrograms with pitch, one above the other."""
    figure, axes = plt.subplots(len(found), 1, figsize=(9, 2.1 * len(found)), squeeze=False)
    for axis, (name, one) in zip(axes[:, 0], found.items(), strict=True):
        frames = len(one["mel"])
        end = frames * HOP_LENGTH / SAMPLE_RATE
        axis.imshow(
            one["mel"].T, origin="lower", aspect="auto", extent=(0, end, 0, 80), cmap="magma"
        )
        pitch = np.where(one["voiced"] > 0, one["hertz"], np.nan)
        twin = axis.twinx()
        twin.plot(np.arange(frames) * HOP_LENGTH / SAMPLE_RATE, pitch, color="cyan", lw=1.2)
        twin.set_ylim(80, 450)
        twin.set_ylabel("Hz")
        axis.set_yticks([])
        axis.set_ylabel(name)
    figure.suptitle(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=65)
    plt.close(figure)


def tone_contours(groups: dict[str, list[dict[str, Any]]], path: Path) -> dict[str, float]:
    """Draw each tone's mean pitch over its syllable; return the mean distance from the first.

    Semitones are relative to each recording's own median; a syllable is sampled at ten places.
    """
    contours: dict[str, dict[int, np.ndarray]] = {}
    for name, group in groups.items():
        rows: dict[int, list[np.ndarray]] = {tone: [] for tone in TONES}
        for one in group:
            voiced = one["voiced"] > 0
            if not voiced.any():
                continue
            middle = np.median(np.log2(one["hertz"][voiced]))
            starts = np.cumsum(one["durations"]) - one["durations"]
            for syllable in np.unique(one["ints"][:, 9]):
                mine = np.flatnonzero((one["ints"][:, 9] == syllable) & (one["ints"][:, 2] > 0))
                if not len(mine) or int(one["ints"][mine[0], 2]) not in TONES:
                    continue
                first = starts[mine[0]]
                last = starts[mine[-1]] + one["durations"][mine[-1]]
                places = np.linspace(first, last - 1, 10).round().astype(int)
                values = 12 * (np.log2(one["hertz"][places]) - middle)
                rows[int(one["ints"][mine[0], 2])].append(
                    np.where(one["voiced"][places] > 0, values, np.nan)
                )
        contours[name] = {
            tone: np.nanmean(np.stack(values), axis=0) if values else np.full(10, np.nan)
            for tone, values in rows.items()
        }
    figure, axes = plt.subplots(1, len(TONES), figsize=(11, 2.6), sharey=True)
    for axis, (tone, label) in zip(axes, TONES.items(), strict=True):
        for name, curves in contours.items():
            axis.plot(np.linspace(0, 100, 10), curves[tone], label=name)
        axis.set_title(label, fontsize=9)
        axis.set_xlabel("% of syllable", fontsize=7)
    axes[0].set_ylabel("semitones")
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)
    reference = next(iter(contours.values()))
    return {
        name: float(np.nanmean([np.abs(curves[t] - reference[t]) for t in TONES]) * 100)
        for name, curves in contours.items()
    }
