"""Items of jobs as the queue stores them, and their conversion to options of speech."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from vits_tts.dictionaries.rules import Rules
from vits_tts.dictionaries.service import Locator
from vits_tts.jobs.model import ItemSpec
from vits_tts.markup.dialogue import Turn
from vits_tts.speech import SpeechOptions
from vits_tts.text.normalizer.lexicon import Lexicon

NORMAL_VOLUME: Final = 1.0


def spec(
    text: str,
    options: SpeechOptions,
    encoding: tuple[str, str | float | None, str | float | None],
    key: str | None,
    dictionaries: Sequence[Locator] | None,
    timestamps: str | None = None,
) -> ItemSpec:
    """Return an item for the queue; fields with their usual values are left out.

    ``encoding`` is the format, the sample rate and the bit rate as the caller gave them.
    ``dictionaries`` name the versions of the rules in ``options``. So an item that is synthesised
    later, or again, has the rules that were current at its request.
    """
    name, sample_rate, bit_rate = encoding
    item = ItemSpec(
        text=text,
        voice=options.voice,
        speaker=options.speaker,
        speed=options.speed,
        format=name,
        sample_rate=sample_rate,
        bit_rate=bit_rate,
        key=key,
    )
    if options.volume != NORMAL_VOLUME:
        item["volume"] = options.volume
    if options.input:
        item["input"] = options.input
    if options.lexicon:
        item["lexicon"] = options.lexicon.words
    if dictionaries is not None:
        item["dictionaries"] = tuple((each.dictionary, each.version or "") for each in dictionaries)
    if options.turns:
        item["turns"] = tuple(asdict(turn) for turn in options.turns)
    if options.turn_pause is not None:
        item["turn_pause"] = options.turn_pause
    if timestamps:
        item["timestamps"] = timestamps
    return item


def locators(item: ItemSpec) -> list[Locator] | None:
    """Return the dictionaries of an item; None for those of the settings."""
    found = item.get("dictionaries")
    return None if found is None else [Locator(name, version) for name, version in found]


def options(item: ItemSpec, rules: tuple[Rules, ...] | None) -> SpeechOptions:
    """Return the options of an item; ``rules`` are those of its dictionaries."""
    words = item.get("lexicon")
    return SpeechOptions(
        item["speed"],
        item["voice"],
        item["speaker"],
        None if words is None else Lexicon(words),
        item.get("input"),
        tuple(Turn(**turn) for turn in item.get("turns", ())),
        item.get("turn_pause"),
        item.get("volume", NORMAL_VOLUME),
        rules,
    )
