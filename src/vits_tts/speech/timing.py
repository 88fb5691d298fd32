"""The times of a sentence's words and phonemes: sums of the durations that the voice gives."""

from collections.abc import Sequence
from itertools import accumulate
from sys import intern

import numpy as np

from vits_tts.inference.streaming import Synthesis
from vits_tts.text.phonemes.alignment import spoken_words
from vits_tts.text.phonemes.ipa import grouped
from vits_tts.types import Timing
from vits_tts.voice.manifest import Manifest


def word_timing(
    text: str, phonemes: Sequence[str], manifest: Manifest, synthesis: Synthesis
) -> Timing:
    """Return the times of the words and phonemes of ``text``, the sentence of ``synthesis``.

    If the voice does not give durations, the time is divided among the words by their numbers of
    letters, and the time of a word equally among its phonemes.
    """
    words, exact = spoken_words(text, phonemes, manifest.phoneme_type)
    rows: list[tuple[int, ...]]
    starts: Sequence[int] | None = None
    if synthesis.durations is None:
        exact, samples, chars = False, synthesis.samples, len(text)
        rows = [(*at, *(samples * place // chars for place in at)) for at, _ in words]
    else:
        sums = list(accumulate(synthesis.durations.tolist(), initial=0))
        starts = [sums[place] for place in manifest.places_of_ids(phonemes)]
        rows = [(*at, *(starts[place] for place in said)) for at, said in words]
    language = manifest.espeak_voice if manifest.phoneme_type == "espeak" else ""
    names: list[str] = []
    times: list[tuple[int, int, int]] = []
    for number, (row, (_, said)) in enumerate(zip(rows, words, strict=True)):
        for name, start, end in grouped("".join(phonemes[said.start : said.end]), language):
            # The same few names occur in all cached sentences, so each is stored once.
            names.append(intern(name))
            if starts is not None:
                at = starts[said.start + start], starts[said.start + end]
            else:
                first, length, count = row[2], row[3] - row[2], said.end - said.start
                at = first + length * start // count, first + length * end // count
            times.append((number, *at))
    return Timing(
        synthesis.samples,
        np.array(rows, np.int32).reshape(-1, 4),
        not exact,
        tuple(names),
        np.array(times, np.int32).reshape(-1, 3),
    )
