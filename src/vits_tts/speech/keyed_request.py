"""The only place that builds requests: each sentence gets its key, rate, volume and voice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from vits_tts.audio.gain import MAX_VOLUME
from vits_tts.cache.key import sentence_key
from vits_tts.errors import FieldInvalid
from vits_tts.speech.options import MAX_RATE, MIN_RATE
from vits_tts.types import KeyedSentence, Level, Prosody, Sentence, SpeechRequest
from vits_tts.voice.manifest import Manifest

NO_VOICES: Final[Mapping[str | None, tuple[Manifest, Prosody]]] = {}


def keyed_request(
    manifest: Manifest,
    sentences: Iterable[Sentence],
    prosody: Prosody,
    level: Level,
    voices: Mapping[str | None, tuple[Manifest, Prosody]] = NO_VOICES,
    lead: float = 0.0,
) -> SpeechRequest:
    """Return the request that says ``sentences``, each with its key.

    ``voices`` maps the names in sentences to voices and their prosody. Only this function builds
    requests, so each key is computed once.
    """
    keyed = []
    for sentence in sentences:
        voice, way = voices.get(sentence.voice, (manifest, prosody))
        if sentence.rate != 1:
            way = replace(way, length_scale=_faster(way.length_scale, sentence.rate))
        keyed.append(
            KeyedSentence(
                sentence.text,
                sentence.pause,
                sentence.start,
                sentence.end,
                None if voice is manifest else voice.name,
                volume=sentence.volume,
                key=sentence_key(voice.digest, sentence.text, way, level),
                prosody=None if way is prosody else way,
            )
        )
    return SpeechRequest(manifest.name, tuple(keyed), prosody, lead)


def with_volume(sentences: Sequence[Sentence], volume: float) -> Sequence[Sentence]:
    """Return sentences with their volumes multiplied by that of the request.

    Raises:
        FieldInvalid: the volume of the request is out of range.

    """
    if not 0 <= volume <= MAX_VOLUME:
        message = f"volume must be a number from 0 to {MAX_VOLUME:g}"
        raise FieldInvalid(message, field="volume")
    if volume == 1:
        return sentences
    return [
        replace(sentence, volume=min(sentence.volume * volume, MAX_VOLUME))
        for sentence in sentences
    ]


def _faster(scale: float, rate: float) -> float:
    """Return the length scale for ``rate`` times the speed, limited to the allowed rates."""
    return min(max(scale / rate, min(scale, 1 / MAX_RATE)), max(scale, 1 / MIN_RATE))
