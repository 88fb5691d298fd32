"""Write the model card of a voice that was trained from a folder of recordings."""

from dataclasses import dataclass, field

from training.config import CONFIGS, Config
from training.description import Description
from training.licences import Licence


@dataclass(frozen=True)
class Facts:
    """The facts of a card that are known when the voice has been trained.

    ``rates`` counts recordings by sample rate, ``figures`` holds the measures by column (the
    recordings and the voice), and ``unmeasured`` says why there are none. ``lent`` counts the
    recordings of others that the melody was learnt from; ``joined`` says that most of the
    speaker's own ones are single syllables.
    """

    trained: int
    steered: int
    held_out: int
    minutes: float
    rates: dict[int, int]
    steps: dict[str, int]
    config: Config
    lent: int = 0
    joined: bool = False
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    unmeasured: str = ""


def card(described: Description, licence: Licence, facts: Facts) -> str:
    """Return the card in Markdown, with a line ``License:`` that installers read."""
    about = (
        f"A Vietnamese voice of one speaker, {kilohertz(described.sample_rate)} kHz. It speaks "
        "through the interface of Piper's voices and was trained by `python -m training new` of "
        "vits-tts-vietnamese."
    )
    limits = (
        "- Read speech of one speaker. Sounds that the recordings lack are guessed.\n"
        f"- Nothing above {kilohertz(described.sample_rate // 2)} kHz.\n"
        "- No listening test with people was made."
    )
    parts = [
        f"# {described.name}",
        about,
        *_dataset(described, licence, facts),
        *_method(described, facts),
        *_measures(facts),
        "## Limits",
        limits,
    ]
    return "\n\n".join(parts) + "\n"


def kilohertz(rate: float) -> str:
    """Return a rate in kHz: ``16`` or ``22.05``."""
    return f"{rate / 1000:.5g}"


def _dataset(described: Description, licence: Licence, facts: Facts) -> list[str]:
    count = facts.trained + facts.steered + facts.held_out
    rates = ", ".join(f"{n} of {kilohertz(rate)} kHz" for rate, n in facts.rates.items())
    address = f" {described.licence_url}" if described.licence_url else ""
    recordings = (
        f"* Recordings: {count} ({rates}), {facts.minutes:.1f} minutes without the silence at "
        f"their ends; {facts.trained} trained the voice, {facts.steered} controlled the training, "
        f"{facts.held_out} took no part."
    )
    lines = [recordings, f"* License: {described.licence}{address}"]
    if described.attribution:
        lines.append(f"* Attribution: {described.attribution}")
    parts = ["## Dataset", "\n".join(lines)]
    if described.lent:
        parts.append(
            f"Durations, pauses and the melody of phrases were learnt from {facts.lent} recordings "
            f"of other speakers, whose licence is stated as {described.lent['licence']}; "
            "their pitch was moved to the level of this speaker."
        )
    if facts.joined:
        parts.append(
            "Most or all of the speaker's own recordings are single syllables. They were joined to "
            "sentences of syllables in random order. A network that had learnt from the recordings "
            "of others predicted durations and contours for these; the syllables were stretched "
            "and tuned (PSOLA) to a mean of that and of their own. The voice, its durations and "
            "melody too, was trained on those sentences and on the syllables as they were said."
        )
    parts += described.notices
    if described.source:
        source = described.source
        parts.append(
            f"Training started from the weights of the voice `{source['name']}`, which carries "
            f"{source['licence']}. The recordings are under {described.own_licence}. So this voice "
            f"carries the stricter of both, {described.licence}."
        )
    duties = []
    if licence.non_commercial:
        duties.append("It is not for commercial use.")
    if licence.share_alike:
        duties.append("Changed versions of it have to carry the same licence.")
    if licence.kind in {"cc", "permissive"}:
        duties.append("Name the source where it is used.")
    return [*parts, " ".join(duties)] if duties else parts


def _method(described: Description, facts: Facts) -> list[str]:
    steps = ", ".join(f"{stage} {count}" for stage, count in facts.steps.items())
    start = "from the weights named above" if described.source else "from the start"
    text = (
        "It is not a VITS: a convolutional text encoder predicts durations, pitch, voicing and a "
        "mel spectrogram; a decoder filters pulses and noise in the Fourier domain, 100 frames a "
        "second. The phonemes are espeak-ng's. Durations come from a hidden Markov model aligned "
        f"with the recordings, pitch ({described.pitch[0]:.0f} to {described.pitch[1]:.0f} Hz) "
        f"from Praat. The networks were trained {start}; steps: {steps}."
    )
    if facts.config.decoder_size == CONFIGS["tiny"].decoder_size:
        text += (
            " **The configuration `tiny` only shows that the commands work; nobody can understand "
            "this voice.**"
        )
    return ["## Method", text]


def _measures(facts: Facts) -> list[str]:
    if not facts.figures:
        return ["## Measures", f"None: {facts.unmeasured}."]
    from training.figures import table  # noqa: PLC0415  # needs recognisers, as the figures did

    cost = "\n".join(f"- {name}: {value:.3g}" for name, value in facts.cost.items())
    whose = " of other speakers" if facts.joined else ""
    how = (
        f"On {_clips(facts)}{whose} that took no part in the training, at 16 kHz, all trimmed "
        "alike. "
        "Syllable errors are Whisper base's, P.808 and overall are DNSMOS's estimates. The pitch "
        "is compared with the recording, each sound stretched to its length."
    )
    return ["## Measures", how, table(facts.figures).strip(), cost]


def _clips(facts: Facts) -> str:
    measured = int(next(iter(facts.figures.values()))["clips"])
    return f"{measured} recording{'s' * (measured != 1)}"
