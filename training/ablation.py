"""Find where a voice loses naturalness: replace its parts by those of recordings, one by one.

Each held-out clip is made under conditions that lead from the recording to the voice as it speaks,
and all are measured alike. Of a voice of joined syllables, which has no held-out clips, the made
sentences and lists are taken that controlled its training. Figures are kept in the work folder, so
that a broken-off run goes on with the same command.
"""

import argparse
import json
import logging
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training import data, description, listening, measures
from training.data import STEERING, Clip
from training.dissected import Dissected, white_noise, whole_scale, with_mel
from training.figures import Row
from training.finish import contrast, smoothed
from training.naturalness import NAMES, naturalness
from training.signal import FRAMING, HOP_LENGTH, NUM_MELS, mel_matrix

GROUPS = ("naturalness", "p808", "heard")
ROUNDS = 30  # of Griffin and Lim's method
_NAMES = NAMES | {"p808": "P.808"}
_LOG = logging.getLogger("ablation")


def spectrum(audio: np.ndarray) -> torch.Tensor:
    """Return the complex spectrum [321, frames] of the audio."""
    window = torch.hann_window(FRAMING.n_fft)
    wave = torch.from_numpy(audio.astype(np.float32))
    return torch.stft(wave, FRAMING.n_fft, HOP_LENGTH, window=window, return_complex=True)


def wave(spectrum: torch.Tensor, length: int) -> np.ndarray:
    """Return the audio [length] of a complex spectrum [321, frames]."""
    window = torch.hann_window(FRAMING.n_fft)
    found = torch.istft(spectrum, FRAMING.n_fft, HOP_LENGTH, window=window, length=length)
    return np.asarray(found)


def exchanged(magnitudes: np.ndarray, phases: np.ndarray) -> np.ndarray:
    """Return a sound with the magnitudes of one and the phases of another, frame by frame."""
    length = min(len(magnitudes), len(phases))
    loud, turned = spectrum(magnitudes[:length]), spectrum(phases[:length])
    return wave(torch.polar(loud.abs(), turned.angle()), length)


def griffin_lim(mel: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a sound with the log mel [F, 80], whose phases agree as well as ``ROUNDS`` allow."""
    weights = torch.linalg.pinv(mel_matrix(FRAMING.n_fft))
    loud = (torch.from_numpy(mel).exp() @ weights).clamp(min=1e-5).T
    loud = torch.cat([loud, loud[:, -1:]], 1)
    length = len(mel) * HOP_LENGTH
    angles = torch.from_numpy(random.uniform(-np.pi, np.pi, tuple(loud.shape)).astype(np.float32))
    for _ in range(ROUNDS):
        angles = spectrum(wave(torch.polar(loud, angles), length)).angle()
    return wave(torch.polar(loud, angles), length)


class Utterance:
    """One held-out clip and a voice's versions of it; every part is made when it is needed."""

    def __init__(self, voice: Dissected, clip: Clip, seed: int, tempo: float) -> None:
        """Keep the clip; ``seed`` fixes noise and the variation of durations.

        ``tempo`` is the factor of durations inside the voice.
        """
        self.voice, self.clip, self.seed = voice, clip, seed
        self.scale = whole_scale(tempo)
        self.recording = clip.audio.numpy().astype(np.float32) / 32768.0
        self.mel = clip.mel.numpy()
        self.noise = white_noise(len(self.mel), np.random.default_rng(seed))

    @cached_property
    def own(self) -> np.ndarray:
        """Return frames of the recording's timing and pitch, with predicted mel."""
        pitch = (self.clip.log_hertz.numpy(), self.clip.gate.numpy())
        return self.voice.frames(self.clip.text, self.clip.durations.numpy(), self.scale, pitch)

    @cached_property
    def timed(self) -> np.ndarray:
        """Return frames of the recording's timing, with predicted pitch and mel."""
        return self.voice.frames(self.clip.text, self.clip.durations.numpy(), self.scale)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Return the frames that the voice itself makes."""
        random = np.random.default_rng(self.seed + 1)
        durations = self.voice.durations(self.clip.text, random)
        return self.voice.frames(self.clip.text, durations, np.float32(1.0))

    @cached_property
    def copied(self) -> np.ndarray:
        """Return the sound of the recording's mel, pitch and timing through the decoder."""
        return self.sound(with_mel(self.own, self.mel))

    def sound(self, frames: np.ndarray, loudness: float = 1.0) -> np.ndarray:
        """Return the sound of frames, with this clip's noise at a relative ``loudness``."""
        count = frames.shape[1]
        noise = self.noise[:, :count]
        if count > noise.shape[1]:
            noise = white_noise(count, np.random.default_rng(self.seed))
        return self.voice.sound(frames, loudness * noise)

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the voice's own sound with a ``change`` of its predicted mel [F, 80]."""
        mel = change(self.predicted[0, :, :NUM_MELS])
        return self.sound(with_mel(self.predicted, mel, keep_hidden=True))

    def halfway(self) -> np.ndarray:
        """Return the mean of the recording's mel and the predicted one, in its place."""
        mean = 0.5 * (self.mel + self.own[0, :, :NUM_MELS])
        return with_mel(self.own, mean)


CONDITIONS: dict[str, Callable[[Utterance], np.ndarray]] = {
    "recording": lambda one: one.recording,
    "its mel, pitch and timing through the decoder": lambda one: one.copied,
    "the same, with the recording's phases": lambda one: exchanged(one.copied, one.recording),
    "the recording with the decoder's phases": lambda one: exchanged(one.recording, one.copied),
    "its mel smoothed over 50 ms": lambda one: one.sound(with_mel(one.own, smoothed(one.mel, 5))),
    "its mel, without the noise part": lambda one: one.sound(with_mel(one.own, one.mel), 0.0),
    "its mel by Griffin and Lim": lambda one: griffin_lim(one.mel, np.random.default_rng(one.seed)),
    "mel half-way to the predicted one": lambda one: one.sound(one.halfway()),
    "predicted mel": lambda one: one.sound(one.own),
    "predicted mel and pitch": lambda one: one.sound(one.timed),
    "everything predicted": lambda one: one.sound(one.predicted),
    "everything predicted, without the noise part": lambda one: one.sound(one.predicted, 0.0),
}
"""From the recording to the voice; all parts that are not predicted are the recording's own."""


def wide(wider: float, sharper: float) -> Callable[[Utterance], np.ndarray]:
    """Return a condition: the voice as :mod:`training.finish` would change it."""

    def make(one: Utterance) -> np.ndarray:
        matrix, offset = contrast(one.voice.example, wider, sharper)
        return one.changed(lambda mel: (mel @ matrix + offset).astype(np.float32))

    return make


VARIANTS: dict[str, Callable[[Utterance], np.ndarray]] = {
    "as it is": lambda one: one.sound(one.predicted),
    "bands 15 % sharper": wide(0.0, 0.15),
    "bands 30 % sharper": wide(0.0, 0.3),
    "mel 10 % wider": wide(0.1, 0.0),
    "mel 12 % wider": wide(0.12, 0.0),
    "mel 14 % wider": wide(0.14, 0.0),
    "mel 15 % wider": wide(0.15, 0.0),
    "mel 20 % wider": wide(0.2, 0.0),
    "mel 30 % wider": wide(0.3, 0.0),
    "mel 10 % wider, bands 15 % sharper": wide(0.1, 0.15),
    "mel 20 % wider, bands 15 % sharper": wide(0.2, 0.15),
    "frames 20 % sharper": lambda one: one.changed(
        lambda mel: mel + np.float32(0.2) * (mel - smoothed(mel, 5))
    ),
    "noise 3 dB softer": lambda one: one.sound(one.predicted, 10**-0.15),
    "noise 2 dB louder": lambda one: one.sound(one.predicted, 10**0.1),
}
"""Changes of the voice that need no training."""


def measured(audio: np.ndarray, text: str, groups: list[str], nisqa: Path) -> Row:
    """Return the figures of a sound, by the groups that are wanted."""
    audio = measures.trim(audio)
    row: Row = {}
    if "naturalness" in groups:
        row |= naturalness(audio, nisqa)
    if "p808" in groups:
        row["p808"] = listening.p808(audio)
    if "heard" in groups:
        said = listening.syllables(text)
        wrong = listening.errors(said, listening.syllables(listening.transcribe(audio)))
        row |= {"syllables": len(said), "errors": wrong}
    return row


class Results:
    """Figures by condition and clip, kept in a file."""

    def __init__(self, path: Path) -> None:
        """Read the file, if it is there."""
        self.path = path
        self.rows: dict[str, dict[str, Row]] = defaultdict(dict)
        if path.exists():
            self.rows |= json.loads(path.read_text(encoding="utf-8"))

    def missing(self, condition: str, clip: str, groups: list[str]) -> list[str]:
        """Return the groups of figures that have not been measured."""
        keys = {"naturalness": "distillmos", "p808": "p808", "heard": "errors"}
        row = self.rows[condition].get(clip, {})
        return [group for group in groups if keys[group] not in row]

    def add(self, condition: str, clip: str, row: Row) -> None:
        """Keep some figures."""
        self.rows[condition].setdefault(clip, {}).update(row)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.rows, ensure_ascii=False), encoding="utf-8")
        part.replace(self.path)


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Return the mean and its standard error (``nan`` for less than two values)."""
    count = len(values)
    spread = float(np.std(values, ddof=1)) if count > 1 else float("nan")
    return float(np.mean(values)), spread / count**0.5


def table(rows: dict[str, dict[str, Row]], against: str | None = None) -> str:
    """Return a Markdown table: a line for each condition, its figures with standard errors.

    A figure counts only the clips of which all conditions that have it have it. With ``against``,
    the figures are the differences from that condition, clip by clip.
    """
    everything = [row for mine in rows.values() for row in mine.values()]
    keys = [key for key in _NAMES if any(key in row for row in everything)]
    common: dict[str, set[str]] = {}
    for key in keys:
        clips = [{clip for clip, row in mine.items() if key in row} for mine in rows.values()]
        common[key] = set.intersection(*[some for some in clips if some])
    heads = ["condition", *[f"{_NAMES[key]} ({len(common[key])} clips)" for key in keys]]
    listened = against is None and any("errors" in row for row in everything)
    heads += ["syllable error %"] * listened
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for condition, mine in rows.items():
        cells = [condition]
        for key in keys:
            clips_of_all = [clip for clip in sorted(common[key]) if key in mine.get(clip, {})]
            values = [mine[clip][key] for clip in clips_of_all]
            if against is not None and values:
                values = [mine[clip][key] - rows[against][clip][key] for clip in clips_of_all]
            mean, error = mean_and_error(values) if values else (0.0, 0.0)
            shown = f"{mean:.2f}" if against is None else f"{mean:+.2f}"
            cells.append(f"{shown} ± {error:.2f}" if values else "-")
        if listened:
            heard = [row for row in mine.values() if "errors" in row]
            count = sum(row["syllables"] for row in heard)
            wrong = sum(sum(row["errors"]) for row in heard)
            cells.append(f"{100 * wrong / count:.1f}" if count else "-")
        if condition != against:
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Take the missing measurements, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder with aligned features")
    parser.add_argument("--voice", type=Path, required=True, help="a voice's .onnx")
    parser.add_argument("--nisqa", type=Path, required=True, help="folder with NISQA's weights")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--variants", action="store_true", help="changes that need no training")
    parser.add_argument("--only", nargs="+", help="some of the conditions, by their names")
    parser.add_argument("--named", default="", help="only clips whose names begin so")
    parser.add_argument("--first", type=int, default=0, help="leave out this number of clips")
    parser.add_argument("--limit", type=int, default=50, help="clips to measure")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    torch.set_num_threads(1)
    conditions = VARIANTS if options.variants else CONDITIONS
    if options.only:
        conditions = {name: conditions[name] for name in options.only}
    kind = "variants" if options.variants else "ablation"
    results = Results(options.work / f"measured-{kind}.json")
    voice = Dissected(options.voice)
    cpu = torch.device("cpu")
    clips = data.load(options.work, cpu, held_out=True)
    if not clips:
        clips = data.load(options.work, cpu, held_out=False)[::STEERING]
    clips = [clip for clip in clips if clip.name.startswith(options.named)]
    tempo = (description.load(options.work) or description.EMBEDDED).tempo
    last = options.first + options.limit
    chosen = list(enumerate(clips))[options.first : last]
    for seed, clip in tqdm(chosen, unit="clip"):
        one = Utterance(voice, clip, seed, tempo)
        for name, make in conditions.items():
            if missing := results.missing(name, clip.name, options.groups):
                sound = make(one)
                results.add(name, clip.name, measured(sound, clip.text, missing, options.nisqa))
    names = {clip.name for _, clip in chosen}
    rows = {
        condition: {clip: row for clip, row in results.rows[condition].items() if clip in names}
        for condition in conditions
    }
    first = next(iter(rows))
    print(f"{table(rows)}\nDifferences from {first!r}:\n\n{table(rows, first)}")  # noqa: T201


if __name__ == "__main__":
    main()
