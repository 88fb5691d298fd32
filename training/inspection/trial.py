"""Plant wrong texts in a corpus, and count how many of them the inspection finds.

``python -m training.inspection.trial FOLDER`` changes the texts of some clips, chosen at random,
in memory: the whole text is another clip's, a word is left out, put in, or replaced by another.
The aligner is trained with the wrong texts among the others, as it would be.
"""

import argparse
import dataclasses
import logging
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from training.inspection import faults, recordings
from training.inspection.command import compare, looked_at
from training.inspection.recordings import Recording

_CODES = {code for code, check in faults.CHECKS.items() if check.remedy is faults.Remedy.TEXT}


def plant(
    chosen: Sequence[Recording], each: int, seed: int = 7
) -> tuple[list[Recording], dict[str, str]]:
    """Return the recordings with ``each`` wrong texts of every kind, and the kinds by name."""
    pick = random.Random(seed)  # noqa: S311  # a trial, no secret
    order = list(range(len(chosen)))
    pick.shuffle(order)
    words = [word for recording in chosen for word in recording.text.split() if word.isalpha()]
    changed, kinds = list(chosen), {}

    def left_out(said: list[str]) -> list[str]:
        """Drop a word."""
        at = pick.randrange(len(said))
        return said[:at] + said[at + 1 :]

    def put_in(said: list[str]) -> list[str]:
        """Put in a word."""
        at = pick.randrange(1, len(said) + 1)
        return [*said[:at], pick.choice(words), *said[at:]]

    def replaced(said: list[str]) -> list[str]:
        """Replace a word."""
        at = pick.randrange(len(said))
        other = pick.choice([word for word in words if word != said[at]])
        return [*said[:at], other, *said[at + 1 :]]

    edits: dict[str, Callable[[list[str]], list[str]] | None] = {"another clip's text": None}
    if sum(len(recording.text.split()) > 1 for recording in chosen) > len(chosen) / 2:
        edits |= {
            "a word said, not written": left_out,
            "a word written, not said": put_in,
            "another word written": replaced,
        }
    for number, (kind, edit) in enumerate(edits.items()):
        mine = order[number * each : (number + 1) * each]
        for place, i in enumerate(mine):
            text = (
                " ".join(edit(chosen[i].text.split()))
                if edit
                else chosen[mine[(place + 1) % len(mine)]].text
            )
            if text and text != chosen[i].text:
                changed[i] = dataclasses.replace(chosen[i], text=text)
                kinds[chosen[i].name] = kind
    return changed, kinds


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how many planted texts of each kind are found, and how many others are accused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=40, help="wrong texts of each kind")
    parser.add_argument("--text-column", type=int)
    parser.add_argument("--sample", type=int, help="take this many clips, at random")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    chosen = recordings.read(options.folder, options.text_column).recordings
    chosen = recordings.sample(chosen, options.sample)
    changed, kinds = plant(chosen, options.each)
    measured = list(looked_at(changed, options.jobs, listen=True))
    compare(measured, None)
    clips = [clip for clip, _ in measured]
    faults.judge(clips)
    out = sys.stdout
    out.write(f"{len(clips)} clips, {len(kinds)} of them with wrong texts\n")
    accused = [clip.recording.name for clip in clips if _CODES & clip.faults.keys()]
    for kind in dict.fromkeys(kinds.values()):
        planted = [name for name, which in kinds.items() if which == kind]
        found = sum(name in accused for name in planted)
        out.write(f"{kind}: {found} of {len(planted)} found, recall {found / len(planted):.2f}\n")
    right = sum(name in kinds for name in accused)
    precision = right / max(1, len(accused))
    out.write(f"accused: {len(accused)}, {right} of them planted, precision {precision:.2f}\n")
    scored = sorted((clip for clip in clips if clip.fit), key=_mean)
    swapped = [name for name, kind in kinds.items() if kind == "another clip's text"]
    worst = [clip.recording.name for clip in scored[: len(swapped)]]
    among = sum(name in swapped for name in worst)
    out.write(f"among the {len(worst)} clips of least fit: {among} of the {len(swapped)} swapped\n")
    return 0


def _mean(clip: faults.Clip) -> float:
    return clip.fit.mean if clip.fit else 0.0


if __name__ == "__main__":
    sys.exit(main())
