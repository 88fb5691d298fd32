"""The times of the words of one sentence: the durations of their phonemes, added up."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from vits_tts.inference.streaming import Synthesis
from vits_tts.text.phonemes.alignment import spoken_words
from vits_tts.types import Timing
from vits_tts.voice.manifest import Manifest


def word_timing(
    text: str, phonemes: Sequence[str], manifest: Manifest, synthesis: Synthesis
) -> Timing:
    """Return the times of the words of ``text``, a sentence that ``synthesis`` says.

    Where the voice does not tell durations, each word has its share by its letters' places.
    """
    words, exact = spoken_words(text, phonemes, manifest.phoneme_type)
    rows: list[tuple[int, ...]]
    if synthesis.durations is None:
        exact, samples, chars = False, synthesis.samples, len(text)
        rows = [(*at, *(samples * place // chars for place in at)) for at, _ in words]
    else:
        starts = list(accumulate(synthesis.durations.tolist(), initial=0))
        ids = manifest.places_of_ids(phonemes)
        rows = [(*at, *(starts[ids[place]] for place in said)) for at, said in words]
    return Timing(synthesis.samples, np.array(rows, np.int32).reshape(-1, 4), not exact)
