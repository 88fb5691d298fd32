"""Learn durations, pauses and melody from sentences that other speakers read.

The pitch of each recording is moved to the level of the voice's own speaker, so that only its
shape is learnt.
"""

import dataclasses
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training import align, corpus, prepare, tones
from training.config import Config
from training.corpus import CorpusError, Recording
from training.frontend import COMMA, SILENCES, SPACE
from training.phonemes import PHONEME_ID_MAP
from training.prepare import Settings
from training.signal import Framing

FEWEST = 4
"""Recordings to learn from."""
SHORTEST_BREAK = 15
"""Frames. A pause of this length gets a comma, if the transcript has none."""
_MARK = re.compile(r"(?<!\S)-N(?!\S)")
_FEWEST_VOICED = 20  # frames; a recording with fewer has no melody
_LONGEST, _SHORT = 60, 0.35
"""Frames of a phone, and the share of phones with the fewest frames, in a sound alignment."""
_LOG = logging.getLogger("borrowed")


def read(folder: Path) -> list[Recording]:
    """Return the recordings of a folder; marks of noise (``-N``) in their texts become commas.

    Raises:
        CorpusError: the folder cannot be used.

    """
    return [
        dataclasses.replace(one, text=_MARK.sub(",", one.text).strip(" ,"))
        for one in corpus.read(folder)
    ]


def settings(framing: Framing) -> Settings:
    """Return the way in which recordings of many speakers become features."""
    return Settings(framing, trim=True, own_range=True)


def run(
    recordings: Sequence[Recording],
    held_out: set[str],
    own: Sequence[dict[str, Any]],
    work: Path,
    config: Config,
    jobs: int,
) -> None:
    """Write the features and the aligner of borrowed recordings into the folder ``work``.

    Every recording gets the mean log F0 of ``config.pitch``. The first guess where its phones are
    is that of the aligner in the folder above. Of the speaker's ``own`` aligned clips sentences are
    added as they are; where all are single syllables, the borrowed tones become more like those.

    Raises:
        CorpusError: a recording cannot be used, or there are too few.

    """
    folder = recordings[0].path.parent
    _check(folder, sum(one.name not in held_out for one in recordings))
    clips = prepare.prepare(recordings, held_out, settings(config.framing), jobs)
    start = align.Aligner.load(work.parent / "aligner.pt")
    kept, aligner = aligned(clips, start, config)
    _check(folder, sum(not clip["held_out"] for clip in kept))
    sentences = [clip | {"own": True} for clip in own if " " in clip["text"]]
    if not sentences:
        kept = with_tones(kept, own, config)
    prepare.save([*kept, *sentences], work)
    aligner.save(work / "aligner.pt")  # written last: it marks the features as finished


def _check(folder: Path, count: int) -> None:
    """Check that enough recordings train.

    Raises:
        CorpusError: they are too few.

    """
    if count < FEWEST:
        problem = f"{folder}: {count} recordings can teach melody; {FEWEST} with speech are needed"
        raise CorpusError([problem])


def aligned(
    clips: list[dict[str, Any]], start: align.Aligner, config: Config
) -> tuple[list[dict[str, Any]], align.Aligner]:
    """Return the clips that teach something, with durations, commas and their new level."""
    if config.pitch is None:
        raise ValueError("the pitch of the speaker is not known")
    # there are many speakers, and noise: phones that are known already are found more surely
    aligner = align.align(clips, (1, *config.alignment[1:]), start)
    align.report(clips)
    voiced = [clip for clip in clips if clip["voiced"].sum() >= _FEWEST_VOICED]
    kept = [clip for clip in voiced if plausible(clip)]
    _LOG.info("in %d of %d borrowed recordings phones were found well", len(kept), len(clips))
    if 2 * len(kept) < len(clips):
        _LOG.warning("so all with a voice are used; few or noisy recordings teach little")
        kept = voiced
    return [levelled(with_commas(clip), config.pitch[0]) for clip in kept], aligner


def with_tones(
    clips: list[dict[str, Any]], own: Sequence[dict[str, Any]], config: Config
) -> list[dict[str, Any]]:
    """Return borrowed clips with tones that are more like those of the speaker's syllables."""
    if config.pitch is None:
        raise ValueError("the pitch of the speaker is not known")
    level = config.pitch[0]
    theirs, mine = tones.shapes(clips, level), tones.shapes(own, level)
    return [tones.moved(clip, theirs, mine) for clip in clips]


def plausible(clip: dict[str, Any]) -> bool:
    """Return whether no phone is too long, and not too many have no more frames than they must."""
    frames = clip["durations"][~np.isin(clip["ints"][:, 0], SILENCES)]
    return bool(frames.max() <= _LONGEST and (frames <= align.STATES).mean() <= _SHORT)


def levelled(clip: dict[str, Any], level: float) -> dict[str, Any]:
    """Return a clip whose mean log F0 is ``level``."""
    own = float(np.log(clip["hertz"][clip["voiced"] > 0]).mean())
    return clip | {"hertz": clip["hertz"] * np.float32(np.exp(level - own))}


def with_commas(clip: dict[str, Any]) -> dict[str, Any]:
    """Return a clip with a comma in its phonemes for every long pause that has none.

    Transcripts often have no punctuation. Without this a voice would not know how a phrase ends.
    """
    phones, durations = clip["ints"][:, 0], clip["durations"]
    ids: list[int] = clip["ids"]
    spaces = [at for at, symbol in enumerate(ids) if symbol == SPACE]
    tokens = np.flatnonzero(phones == SPACE)
    if len(spaces) != len(tokens):  # a space at an end has no token
        return clip
    pad = PHONEME_ID_MAP["_"][0]
    ids = list(ids)
    for at, token in reversed(list(zip(spaces, tokens, strict=True))):
        if durations[token] >= SHORTEST_BREAK and phones[token - 1] != COMMA:
            ids[at:at] = [COMMA, pad]
            durations = np.insert(durations, token, 0)
    return clip | prepare.written(clip["text"], ids) | {"durations": durations}
