"""Draw the plots of docs/PERFORMANCE.md."""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt

from measuring.bench import Result
from measuring.crowd import LISTENERS, quiet_ones
from measuring.first_sound import TEXTS

_WIDTH: Final = 0.8
_MILLISECONDS: Final = 1000
_GRID: Final = {"alpha": 0.3}
_LOAD_LIMIT: Final = 0.5


def draw(results: Result, folder: Path) -> None:
    """Write every plot for which there are results."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "vits-tts", "font.size": 9, "axes.axisbelow": True})
    known = {
        "first_sound": _first_sound,
        "crowd": _crowd,
        "soak": _soak,
    }
    for name, drawn in known.items():
        if name in results:
            drawn(results[name], folder / f"{name}.svg")


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _first_sound(result: Result, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4))
    names = list(dict.fromkeys(row["name"] for row in result["rows"]))
    width = _WIDTH / len(names)
    for number, name in enumerate(names):
        rows = [row for row in result["rows"] if row["name"] == name]
        places = [place + number * width for place in range(len(rows))]
        axes.bar(places, [row["first"] * _MILLISECONDS for row in rows], width, label=name)
    axes.set_yscale("log")
    axes.set_ylabel("first sound, ms (median)")
    axes.set_xticks([place + _WIDTH / 2 - width / 2 for place in range(len(TEXTS))], TEXTS)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(axis="y", **_GRID)
    axes.legend(fontsize=7)
    _save(figure, path)


def _crowd(result: Result, path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
    bursts = result["bursts"]
    rows = [quiet_ones([row for row in bursts if row["at_once"] == n])[0] for n in LISTENERS]
    counts = [row["at_once"] for row in rows]
    for percent in ("50", "95", "99"):
        times = [row["first"][percent] for row in rows]
        left.plot(counts, times, marker="o", label=f"p{percent}")
    left.axhline(_LOAD_LIMIT, color="grey", linestyle=":")
    left.set_ylabel("first sound, s")
    right.plot(counts, [row["audio_a_second"] for row in rows], marker="o", label="sound, s a s")
    right.plot(counts, [row["refused"] / row["listeners"] for row in rows], label="share refused")
    right.plot(
        counts, [row["with_gaps"] / row["listeners"] for row in rows], label="share with gap"
    )
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlabel("listeners at once")
        axes.set_ylim(bottom=0)
        axes.grid(**_GRID)
        axes.legend()
    _save(figure, path)


def _soak(result: Result, path: Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 3))
    axes.plot([at / 60 for at, _ in result["points"]], [size for _, size in result["points"]])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes of mixed load")
    axes.set_ylabel("memory of all processes, MiB")
    axes.grid(**_GRID)
    _save(figure, path)
