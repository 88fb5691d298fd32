"""Inspect a folder of recordings before a voice is trained on them.

Writes a report (HTML, and JSON with ``--json``), and mended copies with ``--mend``.
"""

import argparse
import json
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from tqdm import tqdm

from training.inspection import coverage, faults, mend, page, recordings, report, words
from training.inspection.faults import Clip
from training.inspection.recordings import FolderError, Recording, Unreadable
from training.inspection.sound import measure
from training.signal import HOP_LENGTH, SAMPLE_RATE

_LOG = logging.getLogger("inspect")
_LEAST = 2.0
"""Minutes of speech. From less, the aligner learns wrong texts by heart and does not find them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 if the folder or an option is wrong."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        inspect(options)
    except (FolderError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.inspection", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="metadata.csv (id|text), wavs/ with wav, flac, mp3"
    )
    parser.add_argument("--output", type=Path, required=True, help="the report, one HTML file")
    parser.add_argument("--json", type=Path, help="the same facts as JSON, for programs")
    parser.add_argument("--work", type=Path, help="keep the aligner here for the next time")
    parser.add_argument("--text-column", type=_natural, help="column of the text, from 1")
    parser.add_argument("--sample", type=_natural, help="inspect this many clips, at random")
    parser.add_argument("--prompts", type=Path, help="sentences, one a line, to choose from")
    parser.add_argument("--mend", type=Path, help="write mended copies into this new folder")
    parser.add_argument("--no-words", action="store_true", help="do not compare sound and text")
    parser.add_argument("--jobs", type=_natural, default=1, help="processes (default 1)")
    return parser


def _natural(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def inspect(options: argparse.Namespace) -> dict[str, Any]:
    """Inspect as the options say, write the report and return its facts.

    Raises:
        FolderError: the folder has no recordings with texts, or mended copies would lie in it.
        OSError: a file cannot be written.
    """
    folder: Path = options.folder
    if options.mend:
        _check_apart(folder, options.mend)
    found = recordings.read(folder, options.text_column)
    chosen = recordings.sample(found.recordings, options.sample)
    _LOG.info("%d clips, text in column %d", len(chosen), found.text_column)
    measured = list(looked_at(chosen, options.jobs, listen=not options.no_words))
    clips = [clip for clip, _ in measured]
    compare(measured, options.work)
    norms = faults.judge(clips)
    counts = coverage.count(clip.recording.text for clip in clips)
    prompts = _prompts(options.prompts, counts)
    verdict = _try_reduction(clips) if options.mend else None
    facts = report.facts(folder.resolve().name, clips, norms, counts, prompts, verdict)
    facts["without_text"] = found.unnamed
    if options.mend:
        _mend(clips, options.mend, reduce=bool(verdict and verdict.helps))
    _write(options.output, page.html(facts, _loader(clips)))
    if options.json:
        _write(options.json, json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    for line in facts["summary"]:
        _LOG.info("%s", line)
    return facts


def _check_apart(folder: Path, target: Path) -> None:
    """Refuse a folder for mended copies that is not new, or is in or around the originals."""
    source, target = folder.resolve(), target.resolve()
    if target.exists():
        raise FolderError(f"{target} exists already; mended copies want a folder of their own")
    if target.is_relative_to(source):
        raise FolderError(f"{target} is inside the recordings, which are not touched")


def looked_at(
    chosen: Sequence[Recording], jobs: int, *, listen: bool
) -> Iterator[tuple[Clip, dict[str, Any] | None]]:
    """Yield each clip with its measures, and its features for the aligner, in order."""
    work = partial(look, listen=listen)
    with _mapping(jobs) as mapped:
        yield from tqdm(mapped(work, chosen), total=len(chosen), unit="clip", disable=None)


@contextmanager
def _mapping(jobs: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """Provide ``map`` over some processes, or in this one."""
    if jobs == 1:
        yield map
        return
    # Two libraries' threads would wait for each other in each of the processes.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield partial(pool.imap, chunksize=16)


def look(recording: Recording, *, listen: bool) -> tuple[Clip, dict[str, Any] | None]:
    """Measure one recording; return it, and with ``listen`` its features for the aligner."""
    clip = Clip(recording)
    if recording.path is None:
        return clip, None
    try:
        audio = recordings.decode(recording.path)
    except Unreadable as error:
        clip.faults["unreadable"] = str(error)
        return clip, None
    clip.digest, clip.sound = audio.digest, measure(audio.samples, audio.rate)
    if not listen or not any(letter.isalpha() for letter in recording.text):
        return clip, None
    if audio.rate < 8000 or clip.sound.peak_db < -60:
        return clip, None
    samples = soxr.resample(audio.samples, audio.rate, SAMPLE_RATE)
    features = words.features(samples, recording.text)
    clip.too_short = not words.fits_in(features)
    return clip, None if clip.too_short else features


def compare(measured: Sequence[tuple[Clip, dict[str, Any] | None]], work: Path | None) -> None:
    """Fill in the fit of every clip that has features, if there is enough speech."""
    able = [(clip, features) for clip, features in measured if features]
    frames = sum(len(features["mel"]) for _, features in able)
    if frames * HOP_LENGTH / SAMPLE_RATE / 60 < _LEAST:
        return
    aligner = words.trained([features for _, features in able], work)
    for clip, features in tqdm(able, unit="clip", disable=None):
        clip.fit = words.fit(aligner, features, clip.recording.text)


def _prompts(path: Path | None, counts: coverage.Coverage) -> list[str]:
    """Return the sentences of a file that have rare sounds; ids before ``|`` are left out."""
    if path is None:
        return []
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    sentences = [line.split("|")[-1].strip() for line in lines if line.strip()]
    return coverage.choose([line for line in sentences if line[0] != "#"], counts.rare)


def _loader(clips: Sequence[Clip]) -> page.Load:
    paths = {clip.recording.name: clip.recording.path for clip in clips}

    def load(name: str) -> tuple[np.ndarray, int] | None:
        """Decode the clip with this name."""
        path = paths[name]
        try:
            audio = recordings.decode(path) if path else None
        except Unreadable:
            return None
        return (audio.samples, audio.rate) if audio else None

    return load


def _try_reduction(clips: Sequence[Clip]) -> mend.Verdict | None:
    """Try noise reduction on noisy clips of the corpus, chosen at random."""
    try:
        from training.listening import opinion  # noqa: PLC0415  # half a minute of loading
    except ImportError:
        judge = None
    else:
        judge = opinion
    noisy = [
        clip
        for clip in clips
        if clip.sound
        and clip.sound.snr_db is not None
        and clip.sound.snr_db < mend.NOISY
        and not {"empty", "clipped"} & clip.faults.keys()
    ]
    order = np.random.default_rng(1).permutation(len(noisy))
    load = _loader(noisy)
    loaded = []
    seconds = 0.0
    for i in order:
        clip = noisy[i]
        if seconds < mend.TRIAL_SECONDS * mend.TRIALS and (audio := load(clip.recording.name)):
            loaded.append((*audio, measure(*audio)))
            seconds += len(audio[0]) / audio[1]
    return mend.trial(loaded, judge)


def _mend(clips: Sequence[Clip], target: Path, *, reduce: bool) -> None:
    """Write mended copies of all clips that can be read, with their ``metadata.csv``."""
    load = _loader(clips)
    (target / "wavs").mkdir(parents=True)
    lines = []
    for clip in tqdm(clips, unit="clip", disable=None):
        audio = load(clip.recording.name)
        if not audio or not clip.sound or "empty" in clip.faults:
            continue
        samples = mend.mended(*audio, clip.sound, reduce=reduce)
        mend.write(target / "wavs" / f"{clip.recording.name}.flac", samples, audio[1])
        lines.append(f"{clip.recording.name}|{clip.recording.text}\n")
    _write(target / "metadata.csv", "".join(lines))
    _LOG.info("%d mended copies in %s", len(lines), target)


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
