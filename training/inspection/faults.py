"""Decide from the measures which recordings are faulty, and name the remedy for each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from training.inspection.recordings import Recording
from training.inspection.sound import Sound
from training.inspection.words import Fit


class Remedy(StrEnum):
    """The thing to do about a fault."""

    RECORD = "record again"
    TEXT = "compare with the text"
    MEND = "can be mended"
    LISTEN = "listen"


@dataclass(frozen=True)
class Check:
    """A kind of fault: the text shown, its remedy, the threshold and the reason for it."""

    title: str
    remedy: Remedy
    threshold: str
    why: str


CHECKS = {
    "missing": Check("no recording", Remedy.RECORD, "no file of that name", "nothing to learn"),
    "unreadable": Check(
        "cannot be read", Remedy.RECORD, "not audio, or longer than 60 s", "nothing to learn"
    ),
    "empty": Check(
        "no speech",
        Remedy.RECORD,
        "less than 6 dB between loud and quiet, or peaks below -60 dB",
        "speech has vowels and pauses, which are 20 dB apart and more",
    ),
    "clipped": Check(
        "clipped",
        Remedy.RECORD,
        "3 places where the wave is flat at its top, or peaks pressed below 10 dB over the speech",
        "the cut peaks are lost, and a voice learns the crackle; two places are not heard",
    ),
    "noisy": Check(
        "noisy",
        Remedy.RECORD,
        "noise less than 20 dB below the speech; where the median clip is no better than 25 dB, "
        "more than 8 dB worse than it",
        "noise 20 dB down is heard in every pause, and is learnt with the voice",
    ),
    "narrow": Check(
        "made from a lower rate",
        Remedy.RECORD,
        "nothing above 0.8 of the frequency that half the clips reach",
        "telephones and 8 kHz files have no s and x; a voice learns to lisp in part",
    ),
    "cut": Check(
        "begins or ends in speech",
        Remedy.RECORD,
        "the first or last 10 ms are less than 12 dB below the speech",
        "natural speech fades in and out; a cut one teaches clicks and short finals",
    ),
    "words": Check(
        "other words are said",
        Remedy.TEXT,
        "fit more than 5 deviations below the median clip's",
        "nearly everywhere the aligner finds another sound likelier than the text",
    ),
    "unsaid": Check(
        "a word is not said",
        Remedy.TEXT,
        "the sound is likelier, by a log likelihood of 10, without the word",
        "a voice learns to swallow words",
    ),
    "extra": Check(
        "more is said than written",
        Remedy.TEXT,
        "likelier with any sound put after a word, by 4 deviations more than in the median clip",
        "a cough, a repeated word, or one that the text lacks",
    ),
    "replaced": Check(
        "another word is said",
        Remedy.TEXT,
        "likelier with any sound in a word's place, by 4 deviations more than in the median clip",
        "a slip of the tongue or of the text",
    ),
    "short": Check(
        "too short for its text",
        Remedy.TEXT,
        "less than 20 ms for each sound of the text",
        "nobody speaks as fast: the recording is cut, or the text is another",
    ),
    "pace": Check(
        "too fast or slow for its text",
        Remedy.TEXT,
        "syllables per second twice or half the median, and a distance of 6 deviations",
        "more is said than is written, or less",
    ),
    "twice": Check(
        "the same file as another",
        Remedy.TEXT,
        "equal bytes",
        "one of the two has another's text",
    ),
    "letters": Check(
        "text without words", Remedy.TEXT, "no letter in the text", "nothing says the sounds"
    ),
    "level": Check(
        "louder or softer than the others",
        Remedy.MEND,
        "speech more than 6 dB from the median clip",
        "twice or half as loud is heard; a voice takes it for expression",
    ),
    "offset": Check(
        "constant offset",
        Remedy.MEND,
        "mean of the samples above 5 % of the speech's level",
        "it takes room from the wave, and clicks at the ends",
    ),
    "hum": Check(
        "hum of the mains",
        Remedy.MEND,
        "a line at 50 or 60 Hz less than 30 dB below the speech",
        "no voice is as low; it comes from cables, and is heard in pauses",
    ),
    "silence": Check(
        "long silence at an end",
        Remedy.MEND,
        "more than 0.5 s before or after the speech",
        "training spends its time on silence, and alignment is less sure",
    ),
    "pause": Check(
        "long pause inside",
        Remedy.LISTEN,
        "more than 1 s",
        "a reader who lost the line; a comma takes 0.2 to 0.5 s",
    ),
}
"""Kinds of faults, the worst first."""

WORDS_Z, DOUBT_Z, PACE_Z = 5.0, 4.0, 6.0
UNSAID = 10.0


@dataclass
class Clip:
    """A recording with everything that was found out about it."""

    recording: Recording
    sound: Sound | None = None
    digest: str = ""
    fit: Fit | None = None
    too_short: bool = False
    faults: dict[str, str] = field(default_factory=dict)  # code: the figure, in words
    score: float = 0.0  # the worse, the greater

    @property
    def pace(self) -> float:
        """Syllables per second of sound between the silences at its ends."""
        if not self.fit or not self.sound:
            return 0.0
        inside = self.sound.seconds - self.sound.lead - self.sound.tail
        return self.fit.syllables / max(0.1, inside)


@dataclass(frozen=True)
class Norms:
    """Figures of the middle of the corpus that single clips are compared with."""

    speech_db: float
    snr_db: float
    bandwidth: float
    fit: tuple[float, float]  # median and deviation of the clips' fits
    replaced: tuple[float, float]  # of the greatest gains
    extra: tuple[float, float]
    pace: tuple[float, float]

    @property
    def fit_threshold(self) -> float:
        """The mean fit below which a clip's words are doubted."""
        return self.fit[0] - WORDS_Z * self.fit[1]

    def gain_threshold(self, kind: str) -> float:
        """Return the gain above which a ``replaced`` or ``extra`` syllable is believed."""
        middle, deviation = self.replaced if kind == "replaced" else self.extra
        return middle + DOUBT_Z * deviation


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the deviation (1.48 times the median distance from it, not below 1e-3).

    Single wild values do not move either.
    """
    if not values:
        return 0.0, 1.0
    middle = float(np.median(values))
    return middle, max(1e-3, 1.4826 * float(np.median(np.abs(np.array(values) - middle))))


def tail(values: Sequence[float], percent: float) -> tuple[float, float]:
    """Return the median, and the deviation of a normal distribution with the same percentile.

    Likelihoods fall off slowly on one side, which the middle of them does not show. With
    ``percent`` 10 or 90, as many wrong clips do not move it.
    """
    if not values:
        return 0.0, 1.0
    middle, outer = np.percentile(values, [50, percent])
    return float(middle), max(1e-3, abs(float(outer - middle)) / 1.2816)


def norms(clips: Sequence[Clip]) -> Norms:
    """Return the norms of a corpus."""
    sounds = [clip.sound for clip in clips if clip.sound]
    snr = [sound.snr_db for sound in sounds if sound.snr_db is not None]
    fitted = [clip for clip in clips if clip.fit]
    return Norms(
        speech_db=float(np.median([sound.speech_db for sound in sounds])) if sounds else 0.0,
        snr_db=float(np.median(snr)) if snr else 100.0,
        bandwidth=float(np.median([sound.bandwidth for sound in sounds])) if sounds else 0.0,
        fit=tail([clip.fit.mean for clip in fitted if clip.fit], 10),
        replaced=tail([clip.fit.replaced.gain for clip in fitted if clip.fit], 90),
        extra=tail([clip.fit.extra.gain for clip in fitted if clip.fit], 90),
        pace=spread([clip.pace for clip in fitted]),
    )


def judge(clips: Sequence[Clip]) -> Norms:
    """Fill in ``faults`` and ``score`` of every clip, and return the norms they were held to."""
    middle = norms(clips)
    first: dict[str, str] = {}
    for clip in clips:
        clip.faults = {}
        if not any(letter.isalpha() for letter in clip.recording.text):
            clip.faults["letters"] = repr(clip.recording.text)
        if clip.digest:
            other = first.setdefault(clip.digest, clip.recording.name)
            if other != clip.recording.name:
                clip.faults["twice"] = f"is {other} too"
        if clip.recording.path is None:
            clip.faults["missing"] = "no audio file"
        elif clip.sound is None:
            clip.faults.setdefault("unreadable", "cannot be decoded")
        else:
            clip.faults |= _sound_faults(clip.sound, middle)
            clip.faults |= _word_faults(clip, middle)
        order = list(CHECKS)
        clip.faults = dict(sorted(clip.faults.items(), key=lambda item: order.index(item[0])))
        clip.score = sum(float(len(order) - order.index(code)) for code in clip.faults)
    return middle


def _sound_faults(sound: Sound, middle: Norms) -> dict[str, str]:
    snr = sound.snr_db
    if sound.peak_db < -60 or (snr is not None and snr < 6):
        return {"empty": f"peaks at {sound.peak_db:.0f} dB"}
    limit = 20.0 if middle.snr_db >= 25 else middle.snr_db - 8.0
    where = [("begins", sound.starts_loud), ("ends", sound.ends_loud)]
    clipped = f"at {sound.clipped} places" if sound.clipped >= 3 else "before it was encoded"
    found = (
        ("clipped", sound.clipped >= 3 or sound.squashed, clipped),
        ("noisy", snr is not None and snr < limit, f"noise {snr or 0:.0f} dB below the speech"),
        (
            "narrow",
            sound.bandwidth < 0.8 * middle.bandwidth,
            f"nothing above {sound.bandwidth / 1000:.1f} kHz",
        ),
        (
            "cut",
            sound.starts_loud or sound.ends_loud,
            " and ".join(word for word, true in where if true) + " in speech",
        ),
        (
            "level",
            abs(sound.speech_db - middle.speech_db) > 6,
            f"{sound.speech_db - middle.speech_db:+.0f} dB",
        ),
        ("offset", sound.offset > 0.05, f"{100 * sound.offset:.0f} % of the speech"),
        (
            "hum",
            sound.hum_db is not None and sound.hum_db > -30,
            f"{-(sound.hum_db or 0):.0f} dB below the speech",
        ),
        (
            "silence",
            max(sound.lead, sound.tail) > 0.5,
            f"{sound.lead:.1f} s before, {sound.tail:.1f} s after",
        ),
        ("pause", sound.pause > 1.0, f"{sound.pause:.1f} s"),
    )
    return {code: figure for code, true, figure in found if true}


def _word_faults(clip: Clip, middle: Norms) -> dict[str, str]:
    if clip.too_short:
        return {"short": f"{clip.sound.seconds:.2f} s" if clip.sound else ""}
    if not (fit := clip.fit):
        return {}
    found = {}
    doubts = {
        "unsaid": (fit.unsaid, UNSAID, "“{}” at {:.1f} s"),
        "extra": (fit.extra, middle.gain_threshold("extra"), "after “{}” at {:.1f} s"),
        "replaced": (fit.replaced, middle.gain_threshold("replaced"), "for “{}” at {:.1f} s"),
    }
    if fit.mean < middle.fit_threshold:
        found["words"] = f"fit {fit.mean:.1f}"
    else:
        likely = {
            code: doubt.gain - limit
            for code, (doubt, limit, _) in doubts.items()
            if doubt and doubt.gain > limit
        }
        if likely:  # one wrong word makes all three likelier; the likeliest is named
            code = max(likely, key=lambda code: likely[code])
            doubt, _, text = doubts[code]
            if doubt:
                found[code] = text.format(doubt.syllable, doubt.start)
    median, deviation = middle.pace
    if (
        not 0.5 < clip.pace / max(median, 1e-6) < 2.0
        and abs(clip.pace - median) > PACE_Z * deviation
    ):
        found["pace"] = f"{clip.pace:.1f} syllables a second"
    return found
