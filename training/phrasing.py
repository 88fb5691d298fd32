"""Compare the phrases of a voice with those of recordings: melody, timing, pauses and noise.

    python -m training.phrasing --voice VOICE.onnx --recordings FOLDER [--sentences 100]

The voice speaks the written sentences of `training/sentences.txt`. The recordings are a folder as
`training new` takes it, of one speaker or of many. Phrases are what is between pauses. Prints a
table in Markdown.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import parselmouth
from tqdm import tqdm

from training import corpus, listening, measures
from training.figures import table
from training.signal import HOP_LENGTH, SAMPLE_RATE
from training.speaker import Speaker

_FRAME = HOP_LENGTH / SAMPLE_RATE
"""Seconds between two values of level or pitch."""
_SOFT_DB = 30.0
"""Frames this much below the loudest are silent, if there are enough of them in a row."""
_PAUSE_SECONDS = 0.1
_PHRASE_SECONDS = 1.0
"""Shorter phrases have no melody of their own: their tones decide where the line goes."""
_PITCH = (60.0, 400.0)
"""Range in which pitch is looked for, in hertz."""


def pauses(audio: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last frame (exclusive) of each pause of trimmed sound."""
    levels = measures.frame_levels(audio)
    soft = np.concatenate([[0], (levels < levels.max() - _SOFT_DB).astype(int), [0]])
    firsts, lasts = np.flatnonzero(np.diff(soft) == 1), np.flatnonzero(np.diff(soft) == -1)
    long = (lasts - firsts) * _FRAME >= _PAUSE_SECONDS
    inside = (firsts > 0) & (lasts < len(levels))
    chosen = long & inside
    return list(zip(firsts[chosen].tolist(), lasts[chosen].tolist(), strict=True))


def contour(audio: np.ndarray) -> np.ndarray:
    """Return the pitch of each frame in hertz (Praat, autocorrelation); 0 where there is none."""
    sound = parselmouth.Sound(audio.astype(np.float64), SAMPLE_RATE)
    track = sound.to_pitch_ac(_FRAME, _PITCH[0], pitch_ceiling=_PITCH[1])
    found: np.ndarray = track.selected_array["frequency"]
    # Praat centres its frames, so there are fewer than levels; the first one is later.
    return np.concatenate([np.zeros(max(0, round(track.x1 / _FRAME))), found])


def fall(pitch: np.ndarray) -> float | None:
    """Return the slope of a phrase's pitch in semitones a second, or None if it is too short."""
    voiced = np.flatnonzero(pitch)
    if len(pitch) * _FRAME < _PHRASE_SECONDS or len(voiced) * _FRAME < _PHRASE_SECONDS / 3:
        return None
    return float(np.polyfit(voiced * _FRAME, 12 * np.log2(pitch[voiced]), 1)[0])


def figures(sounds: Iterable[tuple[str, Callable[[], np.ndarray]]]) -> dict[str, float]:
    """Return the figures of texts and their sounds."""
    slopes, lengths, hertz, spreads, floors = [], [], [], [], []
    syllables, spoken, count = 0, 0.0, 0
    for text, make in sounds:
        audio = measures.trim(make())
        levels, pitch = measures.frame_levels(audio), contour(audio)
        gaps = pauses(audio)
        edges = [0, *(frame for gap in gaps for frame in gap), len(levels)]
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            if (slope := fall(pitch[first:last])) is not None:
                slopes.append(slope)
        voiced = pitch[pitch > 0]
        if len(voiced) < 2:
            continue
        hertz.append(np.median(voiced))
        spreads.append(np.std(12 * np.log2(voiced)))
        lengths += [(last - first) * _FRAME for first, last in gaps]
        silent = sum(last - first for first, last in gaps)
        spoken += (len(levels) - silent) * _FRAME
        syllables += len(listening.syllables(text))
        count += 1
        if gaps:
            quiet = np.concatenate([levels[first + 2 : last - 2] for first, last in gaps])
            loud = levels[levels > levels.max() - _SOFT_DB / 2]
            floors.append(loud.mean() - np.median(quiet))
    return {
        "sentences": float(count),
        "median pitch, Hz": float(np.median(hertz)),
        "spread of pitch, semitones": float(np.mean(spreads)),
        "slope of phrases, semitones a second": float(np.median(slopes)),
        "phrases that fall, %": 100 * float(np.mean(np.array(slopes) < 0)),
        "syllables a second, without pauses": syllables / spoken,
        "pauses in ten syllables": 10 * len(lengths) / syllables,
        "median pause, s": float(np.median(lengths)) if lengths else 0.0,
        "level of speech over that of pauses, dB": float(np.median(floors)) if floors else 0.0,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", type=Path, required=True, action="append")
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--sentences", type=int, default=100)
    options = parser.parse_args()
    lines = (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8").splitlines()
    texts = [line.split("|")[1] for line in lines[: options.sentences]]
    columns = {}
    for path in options.voice:
        speak = Speaker(path, sample_rate=SAMPLE_RATE)
        spoken = [(text, lambda text=text, speak=speak: speak(text)) for text in texts]
        columns[path.stem] = figures(tqdm(spoken, desc=path.stem))
    recordings = [
        (one.text, lambda path=one.path: corpus.sound(path, SAMPLE_RATE))
        for one in corpus.read(options.recordings)
    ]
    columns["recordings"] = figures(tqdm(recordings, desc="recordings"))
    print(table(columns))  # noqa: T201


if __name__ == "__main__":
    main()
