"""Build sentences from recordings of single syllables, so that a voice can be trained on them.

A prosody network that has learnt from other recordings predicts how long each sound of a sentence
lasts and how its pitch moves. The recordings have other lengths and contours, which are clearer.
The sentences get a mean of both: the syllables are joined, and stretched and tuned to it by Praat
(PSOLA). Beside those sentences there are lists of syllables as they were said, with pauses between
them, so that the decoder also hears sound that was not changed. Every duration is known, so nothing
has to be aligned again.
"""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import torch
from parselmouth.praat import call
from tqdm import tqdm

from training import prepare
from training.corpus import CorpusError, Recording
from training.data import SHORTEST_PAUSE
from training.frontend import BOS, COMMA, EOS, SILENCES, SPACE
from training.inspection.coverage import split, words
from training.phonemes import text_to_ids
from training.prepare import Settings
from training.processes import mapping
from training.prosody import Prosody
from training.timing import frame_places
from training.voice import lasting, vowels

ROUNDS = 3  # sentences in which each syllable is heard
SYLLABLES = (4, 14)  # of a sentence
PHRASE = (2, 10)  # syllables between commas
LISTED = (3, 4)  # syllables of a list
PAUSES = (12, 40)  # frames between the syllables of a list
LEAD_IN, LEAD_OUT = (4, 12), (6, 15)  # frames of silence at the ends
LENGTHS = (8, 80)  # frames of a syllable; others were not found well in their recordings
FEWEST = 4  # syllables, and sentences of them
FEWEST_VOICED = 3  # frames of a syllable; one with fewer has no contour
OWN_LENGTHS = 0.6  # weight of the recorded lengths in the geometric mean with the predicted ones
OWN_TONES = 0.7  # weight of the recorded contours of syllables beside the predicted ones
TREND = 121  # frames over which predicted pitch is averaged to the melody of a phrase
FALL = -0.55  # semitones a second that phrases fall in addition, since syllables said alone do not
TEMPO = (0.85, 1.2)  # of the mean durations
LEVEL = 0.08  # spread of sentences' log F0
RANGE = (0.8, 1.2)  # of the movement of pitch
FADED_DB = -25.0  # of the loudest frame: the end of a syllable that is said alone
FADE = 0.02  # seconds on each side of a join: shorter ones are heard as breaks
RELEASE = 0.03  # seconds after the last sound before a pause
NOISE_FLOOR = 1e-4  # noise in silence, of full scale: 60 dB below the speech
_LOG = logging.getLogger("joined")


@dataclass(frozen=True)
class Unit:
    """A recorded syllable: its phones, the frames of each, and its sound from ``start`` on.

    ``sound`` is that of the whole recording, so that joins can use what is around the syllable.
    ``contour`` is log F0 above the speaker's mean, for each frame from ``start`` on.
    """

    text: str
    phones: tuple[int, ...]
    frames: np.ndarray
    sound: np.ndarray
    start: int
    contour: np.ndarray
    audible: int
    """Frames of the last phone before it fades, at least; all of them for stops."""

    def bound(self) -> "Unit":
        """Return the syllable without its end, for a place where another one follows at once.

        A syllable that is said alone fades, which in a sentence would sound like a list of words.
        """
        frames = self.frames.copy()
        frames[-1] = self.audible
        return dataclasses.replace(self, frames=frames)


@dataclass(frozen=True)
class Job:
    """The sound of a sentence, with the durations and the pitch that it will be given.

    ``before`` and ``durations`` are the frames of each token, ``log_hertz`` [frames] is the wanted
    pitch. Without it the sound stays as it is.
    """

    name: str
    text: str
    ids: list[int]
    sound: np.ndarray
    before: np.ndarray
    durations: np.ndarray
    log_hertz: np.ndarray | None
    settings: Settings


def are_single(recordings: Sequence[Recording]) -> bool:
    """Return whether most recordings are of single syllables."""
    single = sum(len(one.text.split()) == 1 for one in recordings)
    return 2 * single > len(recordings)


def units(clips: Sequence[dict[str, Any]], settings: Settings) -> list[Unit]:
    """Return the Vietnamese syllables of aligned clips that may train."""
    found = []
    level = float(np.concatenate([np.log(c["hertz"][c["voiced"] > 0]) for c in clips]).mean())
    for clip in clips:
        phones, frames = clip["ints"][1:-1, 0], clip["durations"][1:-1]
        spelled = words(clip["text"])
        if clip["held_out"] or len(spelled) != 1 or not split(spelled[0]):
            continue
        if np.isin(phones, SILENCES).any():
            continue
        first = int(clip["durations"][0])
        spoken = slice(first, first + int(frames.sum()))
        voiced = clip["voiced"][spoken].sum() >= FEWEST_VOICED
        if voiced and LENGTHS[0] <= frames.sum() <= LENGTHS[1]:
            sound = clip["audio"].astype(np.float32) / 32768
            start = first * settings.framing.hop_length
            contour = np.log(clip["hertz"][spoken]) - level
            stop = bool(clip["ints"][1:-1, 8].any())
            audible = int(frames[-1]) if stop else _audible(sound, start, frames, settings)
            known = tuple(phones.tolist())
            found.append(Unit(spelled[0], known, frames, sound, start, contour, audible))
    return found


def enough_units(clips: Sequence[dict[str, Any]], settings: Settings) -> list[Unit]:
    """Return the syllables of aligned clips as :func:`units` does.

    Raises:
        CorpusError: they are too few.

    """
    found = units(clips, settings)
    if len(found) < FEWEST:
        problem = (
            f"{len(found)} of {len(clips)} recordings can be joined: {FEWEST} at least should be "
            "one Vietnamese syllable each, with a pitch, and last at most 0.8 s"
        )
        raise CorpusError([problem])
    return found


def _audible(sound: np.ndarray, start: int, frames: np.ndarray, settings: Settings) -> int:
    """Return the frames of the last phone until it is softer than ``FADED_DB``."""
    hop, count = settings.framing.hop_length, int(frames.sum())
    spoken = sound[start : start + count * hop]
    power = np.mean(spoken[: len(spoken) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (FADED_DB / 10))
    last = int(loud[-1]) + 1 if len(loud) else count
    return int(np.clip(last - int(frames[:-1].sum()), min(3, frames[-1]), frames[-1]))


def divided(
    count: int, sizes: tuple[int, int], random: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield all numbers below ``count`` in a random order, in parts of ``sizes`` (inclusive).

    The last part may be longer.
    """
    order = random.permutation(count)
    while len(order):
        size = int(random.integers(sizes[0], sizes[1] + 1))
        if len(order) - size < sizes[0]:  # the rest would be too short
            size = len(order)
        yield order[:size]
        order = order[size:]


class Sentences:
    """Sentences of recorded syllables with prosody between a network's and their own."""

    def __init__(self, prosody: Prosody, recorded: list[Unit], settings: Settings) -> None:
        """Keep the parts. The network's pitch statistics are those of the speaker."""
        self.prosody, self.units, self.settings = prosody.eval(), recorded, settings

    def jobs(self, random: np.random.Generator) -> Iterator[Job]:
        """Yield all sentences, and all lists of syllables."""
        for number in range(ROUNDS):
            for chosen in divided(len(self.units), SYLLABLES, random):
                parts = [chosen[part] for part in divided_in_order(len(chosen), PHRASE, random)]
                job = self.sentence(f"sentence-{number}-{chosen[0]}", parts, random)
                if job:
                    yield job
        for chosen in divided(len(self.units), LISTED, random):
            job = self.listed(f"list-{chosen[0]}", chosen, random)
            if job:
                yield job

    @torch.no_grad()
    def sentence(
        self, name: str, phrases: Sequence[np.ndarray], random: np.random.Generator
    ) -> Job | None:
        """Return a sentence of phrases of syllables; None if they are read otherwise in it."""
        text = ", ".join(" ".join(self.units[i].text for i in phrase) for phrase in phrases)
        ids = text_to_ids(text)
        chosen = [
            self.units[i].bound() if i != phrase[-1] else self.units[i]
            for phrase in phrases
            for i in phrase
        ]
        tokens = prepare.written(text, ids)
        ints = torch.from_numpy(tokens["ints"].astype(np.int64))
        floats = torch.from_numpy(tokens["floats"])
        before = matched(tokens["ints"], chosen)
        if before is None:
            return None
        times = self.prosody.time(ints[None], floats[None])[0]
        expected = lasting(ints, times, vowels()).numpy()
        recorded = np.where(before > 0, before, expected)
        expected = expected ** (1 - OWN_LENGTHS) * recorded**OWN_LENGTHS * random.uniform(*TEMPO)
        durations = np.maximum(1, expected.round()).astype(np.int64)
        phones = tokens["ints"][:, 0]
        durations[(phones == SPACE) & (expected < SHORTEST_PAUSE)] = 0
        durations[phones == BOS] = random.integers(*LEAD_IN)
        durations[phones == EOS] = random.integers(*LEAD_OUT)
        frames = torch.arange(int(durations.sum()), dtype=torch.float32)
        token, places = frame_places(ints, torch.from_numpy(durations).float(), frames)
        melody = self.prosody.melody(ints[None], floats[None])[:, token]
        predicted = self.prosody.tune(melody, places[None])[0, :, 0] * self.prosody.pitch_spread
        said = contours(chosen, durations, np.flatnonzero(is_first(ids)))
        movement = blended(predicted.numpy(), said) * random.uniform(*RANGE)
        movement = movement + falling(durations, phones == COMMA, self.settings)
        log_hertz = float(self.prosody.pitch_mean) + movement + random.normal(0.0, LEVEL)
        return self._job(name, text, ids, chosen, before, durations, log_hertz)

    def listed(self, name: str, chosen: np.ndarray, random: np.random.Generator) -> Job | None:
        """Return a list of syllables as they were said; None if they are read otherwise in it."""
        mine = [self.units[i] for i in chosen]
        text = ", ".join(unit.text for unit in mine)
        ids = text_to_ids(text)
        ints = prepare.written(text, ids)["ints"]
        before = matched(ints, mine)
        if before is None:
            return None
        durations = before.copy()
        commas = np.flatnonzero(ints[:, 0] == COMMA)
        durations[commas] = random.integers(*PAUSES, len(commas))
        durations[ints[:, 0] == BOS] = random.integers(*LEAD_IN)
        durations[ints[:, 0] == EOS] = random.integers(*LEAD_OUT)
        return self._job(name, text, ids, mine, before, durations, None)

    def _job(
        self,
        name: str,
        text: str,
        ids: list[int],
        chosen: list[Unit],
        before: np.ndarray,
        durations: np.ndarray,
        log_hertz: np.ndarray | None,
    ) -> Job:
        """Return a job with the joined sound; silences already have their lengths there."""
        hop, rate = self.settings.framing.hop_length, self.settings.framing.sample_rate
        shortest = round(prepare.SHORTEST_CLIP * rate / hop)
        durations[-1] += max(0, shortest - int(durations.sum()))
        before = np.where(before > 0, before, durations)
        sound = joined(chosen, before, np.flatnonzero(is_first(ids)), self.settings)
        return Job(name, text, ids, sound, before, durations, log_hertz, self.settings)


def divided_in_order(
    count: int, sizes: tuple[int, int], random: np.random.Generator
) -> Iterator[slice]:
    """Yield slices of ``sizes`` (inclusive) that cover ``count`` places in order."""
    start = 0
    while start < count:
        end = start + int(random.integers(sizes[0], sizes[1] + 1))
        yield slice(start, end)
        start = end


def matched(ints: np.ndarray, chosen: Sequence[Unit]) -> np.ndarray | None:
    """Return the recorded frames of each token, 0 for silences.

    It is None if the phones of a sentence are not those of its syllables.
    """
    spoken = np.flatnonzero(~np.isin(ints[:, 0], SILENCES))
    phones = [phone for unit in chosen for phone in unit.phones]
    if ints[spoken, 0].tolist() != phones:
        return None
    before = np.zeros(len(ints), np.int64)
    before[spoken] = np.concatenate([unit.frames for unit in chosen])
    return before


def is_first(ids: list[int]) -> np.ndarray:
    """Return for each token of phoneme ids whether a syllable starts there."""
    ints = prepare.written("", ids)["ints"]
    first: np.ndarray = ~np.isin(ints[:, 0], SILENCES) & (ints[:, 6] == 0)
    return first


def contours(chosen: Sequence[Unit], durations: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the recorded contours of a sentence's syllables, stretched to ``durations``.

    Between them log F0 is interpolated. ``firsts`` are the syllables' first tokens.
    """
    starts = np.cumsum(durations) - durations
    result = np.full(int(durations.sum()), np.nan)
    for unit, first in zip(chosen, firsts, strict=True):
        offset, frames = 0.0, np.arange(len(unit.contour))
        for token, count in enumerate(unit.frames, int(first)):
            passed = (np.arange(durations[token]) + 0.5) / durations[token]
            inside = slice(starts[token], starts[token] + durations[token])
            result[inside] = np.interp(offset + passed * count - 0.5, frames, unit.contour)
            offset += count
    known = np.flatnonzero(~np.isnan(result))
    filled: np.ndarray = np.interp(np.arange(len(result)), known, result[known])
    return filled


def blended(predicted: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return contours with the trend of the predicted ones, and tones that are a mean of both.

    Both are log F0 [frames] above the speaker's mean.
    """
    weights = np.hanning(TREND + 2)[1:-1]
    padded = np.pad(predicted, TREND // 2, mode="edge")
    trend = np.convolve(padded, weights / weights.sum(), mode="valid")
    result: np.ndarray = trend + (1 - OWN_TONES) * (predicted - trend) + OWN_TONES * said
    return result


def falling(durations: np.ndarray, is_comma: np.ndarray, settings: Settings) -> np.ndarray:
    """Return log F0 [frames] that falls by ``FALL`` in each phrase and is 0 in its middle."""
    ends = np.cumsum(durations)
    edges = np.concatenate([[0], ends[is_comma], [ends[-1]]])
    step = FALL / 12 * np.log(2) * settings.framing.hop_length / settings.framing.sample_rate
    lengths = np.diff(edges)
    places = np.concatenate([np.arange(size) - (size - 1) / 2 for size in lengths])
    fallen: np.ndarray = step * places
    return fallen


def joined(
    chosen: Sequence[Unit], before: np.ndarray, firsts: np.ndarray, settings: Settings
) -> np.ndarray:
    """Return syllables and silences one after the other, with short cross-fades."""
    hop, rate = settings.framing.hop_length, settings.framing.sample_rate
    fade, release = round(FADE * rate), round(RELEASE * rate)
    starts = (np.cumsum(before) - before) * hop
    total = int(before.sum()) * hop
    result = np.zeros(total + release, np.float32)
    ends = [
        int(starts[at]) + int(unit.frames.sum()) * hop
        for at, unit in zip(firsts, chosen, strict=True)
    ]
    for number, (unit, at, end) in enumerate(zip(chosen, firsts, ends, strict=True)):
        start = int(starts[at])
        last = number + 1 == len(chosen) or int(starts[firsts[number + 1]]) > end
        after = release if last else fade
        first, size = start - fade, end - start + fade + after
        source = unit.start - fade
        piece = np.zeros(size, np.float32)
        low, high = max(0, source), min(len(unit.sound), source + size)
        piece[low - source : high - source] = unit.sound[low:high]
        piece[: 2 * fade] *= np.linspace(0.0, 1.0, 2 * fade, dtype=np.float32)
        piece[size - fade - after :] *= np.linspace(1.0, 0.0, fade + after, dtype=np.float32)
        skipped = max(0, -first)
        result[first + skipped : first + size] += piece[skipped:]
    return result[:total]


def changed(job: Job) -> np.ndarray:
    """Return the sound of a sentence with the wanted durations and pitch."""
    framing, settings = job.settings.framing, job.settings
    if job.log_hertz is None:
        return job.sound
    seconds = framing.hop_length / framing.sample_rate
    after = np.concatenate([[0], np.cumsum(job.durations)]) * seconds
    before = np.concatenate([[0], np.cumsum(job.before)]) * seconds
    sound = parselmouth.Sound(job.sound.astype(np.float64), framing.sample_rate)
    manipulation = call(sound, "To Manipulation", 0.01, settings.floor, settings.ceiling)
    lengths = call("Create DurationTier", "lengths", 0.0, before[-1])
    for token in np.flatnonzero(job.before > 0):
        factor = float(job.durations[token] / job.before[token])
        call(lengths, "Add point", before[token] + 1e-5, factor)
        call(lengths, "Add point", before[token + 1] - 1e-5, factor)
    tune = call("Create PitchTier", "tune", 0.0, before[-1])
    times = np.interp((np.arange(len(job.log_hertz)) + 0.5) * seconds, after, before)
    for time, hertz in zip(times, np.exp(job.log_hertz), strict=True):
        call(tune, "Add point", float(time), float(hertz))
    call([manipulation, lengths], "Replace duration tier")
    call([manipulation, tune], "Replace pitch tier")
    found = call(manipulation, "Get resynthesis (overlap-add)").values[0]
    wanted = int(job.durations.sum()) * framing.hop_length
    return np.pad(found, (0, max(0, wanted - len(found))))[:wanted].astype(np.float32)


def made(job: Job) -> dict[str, Any]:
    """Return the features of a sentence."""
    sound = changed(job)
    random = np.random.default_rng(len(sound))
    sound = sound + random.normal(0.0, NOISE_FLOOR, len(sound)).astype(np.float32)
    found = prepare.written(job.text, job.ids) | prepare.heard(job.name, sound, job.settings)
    return found | {"durations": job.durations, "held_out": False}


def run(
    clips: Sequence[dict[str, Any]],
    prosody: Prosody,
    work: Path,
    settings: Settings,
    *,
    jobs: int,
    seed: int,
) -> None:
    """Write the features of sentences made from the syllables of aligned ``clips``.

    Clips of whole sentences are added as they are.

    Raises:
        CorpusError: too few sentences can be made.

    """
    recorded = enough_units(clips, settings)
    sentences = Sentences(prosody, recorded, settings)
    wanted = sentences.jobs(np.random.default_rng(seed))
    count = ROUNDS * len(recorded) * 2 // sum(SYLLABLES) + len(recorded) * 2 // sum(LISTED)
    with mapping(jobs) as mapped:
        found = list(tqdm(mapped(made, wanted), total=count, desc="join", unit="sentence"))
    if len(found) < FEWEST:
        raise CorpusError(
            [f"{len(recorded)} syllables make {len(found)} sentences; {FEWEST} are the least"]
        )
    rate = settings.framing.sample_rate
    minutes = sum(len(clip["audio"]) for clip in found) / rate / 60
    counts = (len(found), len(recorded), len(clips), minutes)
    _LOG.info("%d sentences of the syllables in %d of %d recordings, %.1f min", *counts)
    long_enough = prepare.SHORTEST_CLIP * rate
    said = [c for c in clips if " " in c["text"] and len(c["audio"]) >= long_enough]
    if said:
        _LOG.info("and %d recorded sentences", len(said))
    prepare.save([*found, *said], work)
