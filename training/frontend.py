"""Turn Piper's phoneme ids into the tokens that have a duration, inside the exported graph.

Espeak writes a Vietnamese syllable as base phones with marks between them: length and dental marks
belong to the phone before them, the tone digit and the stress mark to the whole syllable. Only base
phones, spaces and punctuation have a duration; everything else becomes a feature of those tokens.
The module works on one utterance and uses only operations that ONNX has, so that training and the
exported voice read phonemes in exactly the same way.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.phonemes import NUM_SYMBOLS, PHONEME_ID_MAP

_TONES = {"0": 1, "1": 2, "2": 3, "3": 4, "ɜ": 4, "4": 5, "5": 6, "6": 7, "7": 8}
_STRESS = {"ˈ": 2, "ˌ": 1}
_MARKS = {"ː": 1, "ˑ": 1, "̪": 2, "-": 4, "ʰ": 4, "ʲ": 4, "ʷ": 4, "ˤ": 4, "˞": 4}
_SILENT_MARKS = ["̧", "̃", "̯", "̩", "̺", "̻", "̝", "̊", "'", "8", "9", "↓", "↑"]
_PUNCTUATION = dict.fromkeys(',.:;?!()"#', ",")
_STOPS = "ptck"

# Phones that are missing or very rare in the recordings, each with the nearest one that is present.
NEAREST = {
    "d": "ɗ", "r": "z", "q": "k", "g": "ɣ", "ɡ": "ɣ", "ð": "z", "θ": "s", "ʒ": "z", "ʐ": "z",
    "ʑ": "z", "ʂ": "s", "ɕ": "s", "ç": "s", "ɹ": "z", "ɻ": "z", "ɾ": "l", "ɽ": "l", "ɺ": "l",
    "ʀ": "ɣ", "ʁ": "ɣ", "ɓ": "b", "ɖ": "ɗ", "ɟ": "z", "ɠ": "ɣ", "ɢ": "ɣ", "ʛ": "ɣ", "ʄ": "z",
    "ʈ": "t", "β": "v", "ʋ": "v", "ⱱ": "v", "ʙ": "b", "ɸ": "f", "χ": "x", "X": "x", "ħ": "h",
    "ɦ": "h", "ʜ": "h", "ɧ": "x", "ʝ": "z", "ɰ": "ɣ", "ʕ": "h", "ʢ": "h", "ɱ": "m", "ɳ": "n",
    "ɴ": "ŋ", "ɫ": "l", "ɬ": "l", "ɭ": "l", "ɮ": "l", "ʎ": "l", "ʟ": "l", "ʍ": "w", "ɥ": "w",
    "ʦ": "s", "ʔ": "h", "ʡ": "h", "ʘ": "p", "ǀ": "t", "ǁ": "l", "ǂ": "c", "ǃ": "t",
    "æ": "ɛ", "ø": "e", "œ": "ɛ", "ɐ": "a", "ɑ": "a", "ɒ": "ɔ", "ɘ": "ə", "ɚ": "ə", "ɝ": "ə",
    "ɞ": "ɔ", "ɤ": "ə", "ɨ": "y", "ɯ": "y", "ɵ": "o", "ɶ": "a", "ʉ": "u", "ʊ": "u", "ʌ": "ə",
    "ʏ": "y", "ᵻ": "i", "ε": "ɛ", "aɪ": "a", "aʊ": "a", "ɔɪ": "ɔ", "eɪ": "e", "oʊ": "o",
}  # fmt: skip

SPACE, COMMA, BOS, EOS = (PHONEME_ID_MAP[symbol][0] for symbol in " ,^$")
SILENCES = (SPACE, COMMA, BOS, EOS)
NUM_TONES = 10
NUM_MARKS = 8
NUM_FEATURES = 10  # integer columns of Tokens.ints
NUM_POSITIONS = 6  # float columns of Tokens.floats


class Tokens(NamedTuple):
    """One utterance's tokens: ``ints`` [N, 10] and ``floats`` [N, 6].

    The integer columns are:

    - phone, marks, tone, stress
    - tone of the syllable before and after (0 across a pause)
    - index in the syllable from its start and from its end (at most 7)
    - 1 if a stop closes the syllable
    - the syllable's number

    The float columns are log(1 + syllables) since the utterance's and phrase's start and before
    their ends, and the logarithms of both lengths.
    """

    ints: Tensor
    floats: Tensor


def _table(values: dict[str, int]) -> Tensor:
    table = torch.zeros(NUM_SYMBOLS, dtype=torch.float32)
    for symbol, value in values.items():
        if symbol in PHONEME_ID_MAP:
            table[PHONEME_ID_MAP[symbol][0]] = value
    return table


class Frontend(nn.Module):
    """Convert phoneme ids [T] of one utterance to :class:`Tokens`."""

    canonical: Tensor
    is_base: Tensor
    is_break: Tensor
    is_punctuation: Tensor
    is_stop: Tensor
    tone: Tensor
    stress: Tensor
    mark: Tensor

    def __init__(self) -> None:
        """Build the tables that classify each of Piper's ids."""
        super().__init__()
        marks = {*_TONES, *_STRESS, *_MARKS, *_SILENT_MARKS, "_"}
        breaks = {*_PUNCTUATION, " ", "^", "$"}
        bases = {s: 1 for s in PHONEME_ID_MAP if s not in marks and s not in breaks}
        names = {s: PHONEME_ID_MAP[s][0] for s in PHONEME_ID_MAP}
        canonical = {s: names[NEAREST.get(s, _PUNCTUATION.get(s, s))] for s in names}
        tables = {
            "canonical": _table(canonical),
            "is_base": _table(bases),
            "is_break": _table(dict.fromkeys(breaks, 1)),
            "is_punctuation": _table(dict.fromkeys(breaks - {" "}, 1)),
            "is_stop": _table(dict.fromkeys(_STOPS, 1)),
            "tone": _table(_TONES),
            "stress": _table(_STRESS),
            "mark": _table(_MARKS),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, ids: Tensor) -> Tokens:
        """Return the tokens of ``ids`` [T] (int64)."""
        base, gap = self.is_base[ids], self.is_break[ids]
        before = torch.cumsum(base, 0)
        total = before[-1:]
        ends = ((ids == BOS) | (ids == EOS)).float()
        # a break before the first or after the last phone adds nothing to BOS and EOS
        inside = gap * (before > 0).float() * (before < total).float()
        kept = base + torch.clamp(inside + ends, max=1.0)
        breaks = torch.clamp(inside + ends, max=1.0)
        syllable = torch.cumsum(breaks, 0)
        index = torch.nonzero(kept)[:, 0]

        phone = self.canonical[ids][index]
        own, of = base[index], before[index]
        at = syllable[index]

        def gather(values: Tensor, keys: Tensor, wanted: Tensor) -> Tensor:
            """Sum ``values`` [T] over the places whose key equals ``wanted`` [N]."""
            return torch.matmul((wanted[:, None] == keys[None, :]).float(), values[:, None])[:, 0]

        marks = torch.clamp(gather(self.mark[ids], before, of), max=7.0) * own

        def tone_at(wanted: Tensor) -> Tensor:
            """Return the tones of the wanted syllables: 0 without a syllable, 1 if unmarked."""
            tone = gather(self.tone[ids], syllable, wanted)
            spoken = (gather(base, syllable, wanted) > 0).float()
            return torch.clamp(tone, min=1.0, max=NUM_TONES - 1.0) * spoken

        tone = tone_at(at) * own
        left, right = tone_at(at - 1.0), tone_at(at + 1.0)
        stress = torch.clamp(gather(self.stress[ids], syllable, at), max=2.0) * own

        same = (at[:, None] == at[None, :]).float() * own[None, :]
        number = torch.cumsum(own, 0)
        size = torch.matmul(same, own[:, None])[:, 0]
        first = (
            number - torch.matmul(same * (number[None, :] < number[:, None]), own[:, None])[:, 0]
        )
        from_start = (number - first) * own
        from_end = (size - 1.0 - from_start) * own
        stop = self.is_stop[ids][index] * (from_end == 0.0).float() * (from_start > 0.0).float()
        stop = torch.matmul(same, stop[:, None])[:, 0] * own

        # a syllable is counted at its first phone
        start = own * (from_start == 0.0).float()
        count = torch.cumsum(start, 0)
        phrase = torch.cumsum(self.is_punctuation[ids][index], 0)
        mine = (phrase[:, None] == phrase[None, :]).float()
        phrase_size = torch.matmul(mine, start[:, None])[:, 0]
        done = torch.matmul(mine * (number[None, :] <= number[:, None]), start[:, None])[:, 0]
        everything = torch.sum(start)
        floats = torch.stack(
            [
                torch.log1p(count),
                torch.log1p(everything - count),
                torch.log1p(done),
                torch.log1p(torch.clamp(phrase_size - done, min=0.0)),
                torch.log1p(everything + 0.0 * count),
                torch.log1p(phrase_size),
            ],
            dim=1,
        )
        ints = torch.stack(
            [
                phone,
                marks,
                tone,
                stress,
                left,
                right,
                torch.clamp(from_start, max=7.0),
                torch.clamp(from_end, min=0.0, max=7.0),
                torch.clamp(stop, max=1.0),
                at,
            ],
            dim=1,
        )
        return Tokens(ints.long(), floats)
