"""Collect all that was found into one dictionary: the JSON report, and the facts of the page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from training.inspection import faults
from training.inspection.coverage import Coverage
from training.inspection.faults import CHECKS, Clip, Norms, Remedy
from training.inspection.mend import Verdict

FORMAT = 1
_FEW_MINUTES = 20.0
_PERCENTILES = (5, 50, 95)
_PLURALS = {
    "initial": "initials",
    "final": "finals",
    "tone": "tones",
    "tone on a stop": "tones on a stop",
    "rhyme": "rhymes",
    "two tones": "pairs of tones",
}


def facts(
    folder: str,
    clips: Sequence[Clip],
    norms: Norms,
    coverage: Coverage,
    prompts: Sequence[str] = (),
    verdict: Verdict | None = None,
) -> dict[str, Any]:
    """Return the report. It holds numbers, texts and names of clips, and no path."""
    rows = [_row(clip) for clip in clips]
    result: dict[str, Any] = {
        "format": FORMAT,
        "folder": folder,
        "clips": len(clips),
        "faulty": sum(bool(row["faults"]) for row in rows),
        "minutes": round(sum(row["seconds"] or 0.0 for row in rows) / 60, 2),
        "rates": dict(Counter(str(clip.sound.rate) for clip in clips if clip.sound)),
        "checks": [
            {"code": code, **asdict(check), "clips": sum(code in row["faults"] for row in rows)}
            for code, check in CHECKS.items()
        ],
        "percentiles": _percentiles(rows),
        "thresholds": _thresholds(norms),
        "again": _with(rows, Remedy.RECORD),
        "compare": [
            name for name in _with(rows, Remedy.TEXT) if name not in set(_with(rows, Remedy.RECORD))
        ],
        "mend": _with(rows, Remedy.MEND),
        "coverage": asdict(coverage),
        "prompts": list(prompts),
        "noise_reduction": asdict(verdict) if verdict else None,
        "rows": rows,
    }
    result["summary"] = _summary(result, norms)
    return result


def _row(clip: Clip) -> dict[str, Any]:
    sound, fit = clip.sound, clip.fit
    return {
        "name": clip.recording.name,
        "text": clip.recording.text,
        "faults": clip.faults,
        "seconds": sound and round(sound.seconds, 3),
        "rate": sound and sound.rate,
        "speech_db": sound and round(sound.speech_db, 1),
        "peak_db": sound and round(sound.peak_db, 1),
        "snr_db": (sound and sound.snr_db is not None and round(sound.snr_db, 1)) or None,
        "clipped": sound and sound.clipped,
        "lead": sound and round(sound.lead, 2),
        "tail": sound and round(sound.tail, 2),
        "pause": sound and round(sound.pause, 2),
        "offset": sound and round(sound.offset, 4),
        "hum_db": (sound and sound.hum_db is not None and round(sound.hum_db, 1)) or None,
        "bandwidth": sound and round(sound.bandwidth),
        "fit": fit and round(fit.mean, 3),
        "unsaid": fit and fit.unsaid and asdict(fit.unsaid),
        "replaced": fit and asdict(fit.replaced),
        "extra": fit and asdict(fit.extra),
        "pace": fit and round(clip.pace, 2),
    }


def _with(rows: Sequence[dict[str, Any]], remedy: Remedy) -> list[str]:
    """Return the names of clips with a fault that wants this remedy."""
    codes = {code for code, check in CHECKS.items() if check.remedy is remedy}
    return [row["name"] for row in rows if codes & row["faults"].keys()]


def _percentiles(rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    found = {}
    for key in ("seconds", "speech_db", "snr_db", "lead", "tail", "pause", "bandwidth", "pace"):
        values = [row[key] for row in rows if row[key] is not None]
        if values:
            found[key] = [round(float(v), 2) for v in np.percentile(values, _PERCENTILES)]
    return found


def _thresholds(norms: Norms) -> dict[str, float]:
    return {
        "snr_db": 20.0 if norms.snr_db >= 25 else round(norms.snr_db - 8.0, 1),
        "fit": round(norms.fit_threshold, 3),
        "unsaid": faults.UNSAID,
        "replaced": round(norms.gain_threshold("replaced"), 1),
        "extra": round(norms.gain_threshold("extra"), 1),
        "softest_db": round(norms.speech_db - 6, 1),
        "loudest_db": round(norms.speech_db + 6, 1),
        "slowest": round(norms.pace[0] - faults.PACE_Z * norms.pace[1], 2),
        "fastest": round(norms.pace[0] + faults.PACE_Z * norms.pace[1], 2),
    }


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _summary(found: dict[str, Any], norms: Norms) -> list[str]:
    """Return the report in a few plain sentences, the most important first."""
    return [*_by_remedy(found), *_of_the_whole(found, norms), *_of_the_texts(found["coverage"])]


def _by_remedy(found: dict[str, Any]) -> list[str]:
    """Return the number of clips for each remedy, with the faults that want it."""
    lines = []
    for key, verb in (
        ("again", "to record again"),
        ("compare", "whose words are to be compared with the text"),
        ("mend", "that --mend can put right"),
    ):
        remedy = {"again": Remedy.RECORD, "compare": Remedy.TEXT, "mend": Remedy.MEND}[key]
        reasons = [
            f"{check['title']} ({check['clips']:,})"
            for check in found["checks"]
            if check["remedy"] == remedy and check["clips"]
        ]
        if found[key]:
            number = counted(len(found[key]), "clip")
            lines.append(f"{number} {verb}: {', '.join(reasons)}.")
    if not lines:
        lines.append("No clip has a fault that has to be put right.")
    return lines


def _of_the_whole(found: dict[str, Any], norms: Norms) -> list[str]:
    """Return the faults of the corpus, which no single clip has."""
    lines = []
    if norms.snr_db < 25:
        lines.append(
            f"All of it is noisy: in the median clip the noise is {norms.snr_db:.0f} dB below the "
            "speech, where 35 dB are good. That is the room or the microphone, not single clips."
        )
    if norms.speech_db < -32:
        lines.append(
            f"All of it is soft: speech at {norms.speech_db:.0f} dB. Go nearer to the microphone, "
            "or turn it up, until peaks come near -6 dB."
        )
    if len(found["rates"]) > 1:
        rates = ", ".join(f"{count:,} at {rate} Hz" for rate, count in found["rates"].items())
        lines.append(f"Not all clips have the same sample rate: {rates}.")
    if found["minutes"] < _FEW_MINUTES:
        lines.append(
            f"Only {found['minutes']:.0f} minutes of recordings; {_FEW_MINUTES:.0f} or more are "
            "wanted."
        )
    if all(row["fit"] is None for row in found["rows"]):
        lines.append("Words were not compared with the texts.")
    return lines


def _of_the_texts(coverage: dict[str, Any]) -> list[str]:
    """Return the sounds and neighbours that the texts lack."""
    lines = []
    if coverage["isolated"]:
        lines.append(
            "Nearly every clip is a single syllable: how syllables run into each other, and how "
            "the pitch of a sentence falls, cannot be learnt from them."
        )
    if rare := coverage["rare"]:
        kinds = Counter(one["kind"] for one in rare)
        named = ", ".join(
            f"{number} of {len(coverage['counts'][kind])} {_PLURALS[kind]}"
            for kind, number in kinds.items()
        )
        lines.append(f"Too rare to be learnt well: {named}.")
    return lines
