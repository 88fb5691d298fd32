"""Manifest of a voice: Piper's JSON file beside the model, read and validated.

The format is that of ``NAME.onnx.json`` in ``docs/VOICES.md`` of OHF-Voice/piper1-gpl. Piper
ignores unknown keys, so we add one: ``licence``, with ``{"name": …, "url": …, "attribution": …}``.
Without it the licence comes from the model card beside the model, if there is one.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from itertools import accumulate, repeat
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vits_tts.errors import SpeakerUnknown, VoiceError
from vits_tts.types import Prosody
from vits_tts.voice import model_card
from vits_tts.voice.model_card import Licence

BOS: Final = "^"
EOS: Final = "$"
PAD: Final = "_"
_MOST_SPEAKERS: Final = 100_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


PhonemeId: TypeAlias = Annotated[int, Field(ge=0, lt=2**31)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AudioFormat(_Part):
    """The ``audio`` object; ``sample_rate`` is in hertz."""

    sample_rate: int = Field(ge=4000, le=192_000)
    quality: str | None = None


class Espeak(_Part):
    """The ``espeak`` object: the espeak-ng voice that made the phonemes of the training data."""

    voice: str = Field(min_length=1)


class Inference(_Part):
    """The ``inference`` object: the default scales of the voice."""

    noise_scale: float = Field(0.667, ge=0, le=10, allow_inf_nan=False)
    length_scale: float = Field(1.0, gt=0, le=10, allow_inf_nan=False)
    noise_w: float = Field(0.8, ge=0, le=10, allow_inf_nan=False)


class Language(_Part):
    """The ``language`` object; ``code`` is a locale such as ``vi_VN``."""

    code: str


class Manifest(_Part):
    """A voice's configuration, with its name, its files and their digest."""

    audio: AudioFormat
    espeak: Espeak | None = None
    phoneme_type: Literal["espeak", "text"] = "espeak"
    inference: Inference = Inference()
    phoneme_id_map: Mapping[str, Annotated[tuple[PhonemeId, ...], Field(min_length=1)]]
    num_speakers: int = Field(1, ge=0, le=_MOST_SPEAKERS)
    speaker_id_map: Mapping[str, int] = Field(default_factory=dict)
    language: Language | None = None
    licence: Licence = Licence()
    name: str
    model_path: Path
    model_bytes: int
    digest: str

    @property
    def short_digest(self) -> str:
        """The first 12 digits of the digest, which identify the voice in names of cache entries."""
        return self.digest[:12]

    @property
    def sample_rate(self) -> int:
        """Samples per second of the voice's output."""
        return self.audio.sample_rate

    @property
    def espeak_voice(self) -> str:
        """The name of the espeak-ng voice that phonemises for this voice."""
        return self.espeak.voice if self.espeak else "vi"

    @property
    def language_code(self) -> str:
        """The code of the language, such as ``vi_VN``."""
        return self.language.code if self.language else self.espeak_voice

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names of the speakers in the order of their ids; empty if there is only one."""
        if self.num_speakers <= 1:
            return ()
        names = {number: name for name, number in self.speaker_id_map.items()}
        return tuple(names.get(number, str(number)) for number in range(self.num_speakers))

    def speaks(self, language: str | None) -> bool:
        """Return whether the voice speaks a language (``vi`` or ``vi_VN``); None matches any."""
        code = self.language_code.lower()
        wanted = (language or code).lower().replace("-", "_")
        return wanted in {code, code.partition("_")[0]}

    def speaker_id(self, speaker: str | None) -> int:
        """Return the id of a speaker, given by name or number; None is the first speaker.

        Raises:
            SpeakerUnknown: the voice has no speaker of this name or number.

        """
        if speaker is None or (speaker == "0" and not self.speakers):
            return 0
        if speaker in self.speakers:
            return self.speakers.index(speaker)
        number = int(speaker) if _NUMBER.fullmatch(speaker) else len(self.speakers)
        if number < len(self.speakers):
            return number
        known = f"one of {', '.join(self.speakers[:8])}" if self.speakers else "none"
        raise SpeakerUnknown(
            f"voice {self.name} has no speaker {speaker!r:.60}; it has {known}", field="speaker"
        )

    def prosody(self, length_scale: float = 1.0, speaker: str | None = None) -> Prosody:
        """Return the voice's scales and the speaker's id, with durations times ``length_scale``.

        Raises:
            SpeakerUnknown: the voice has no such speaker.

        """
        return Prosody(
            length_scale=self.inference.length_scale * length_scale,
            noise_scale=self.inference.noise_scale,
            noise_w=self.inference.noise_w,
            speaker_id=self.speaker_id(speaker),
        )

    def phoneme_ids(self, phonemes: Iterable[str]) -> tuple[list[int], set[str]]:
        """Return the model's input ids, and the phonemes that the model does not know.

        The ids are padded as in Piper's training: ``^ _ p1 _ p2 _ … $``, a pad after every phoneme.
        """
        known = self._padded_ids
        ids = [*known[BOS]]
        unknown = set()
        for phoneme in phonemes:
            if found := known.get(phoneme):
                ids += found
            else:
                unknown.add(phoneme)
        return [*ids, *self.phoneme_id_map[EOS]], unknown

    def places_of_ids(self, phonemes: Iterable[str]) -> list[int]:
        """Return the index in ``phoneme_ids`` of each phoneme's first id, and the last's end."""
        known = self._padded_ids
        sizes = map(len, map(known.get, phonemes, repeat(())))
        return list(accumulate(sizes, initial=len(known[BOS])))

    @cached_property
    def _padded_ids(self) -> Mapping[str, tuple[int, ...]]:
        """The ids of each phoneme, with those of the pad after it."""
        pad = self.phoneme_id_map[PAD]
        return {phoneme: (*ids, *pad) for phoneme, ids in self.phoneme_id_map.items()}

    def described(self, *, default: bool) -> dict[str, Any]:
        """Return the JSON object that describes the voice in lists of voices, with its licence."""
        return {
            "name": self.name,
            "default": default,
            "language": self.language_code,
            "sample_rate": self.sample_rate,
            "speakers": list(self.speakers),
            "licence": self.licence.name,
            "licence_url": self.licence.url,
            "attribution": self.licence.attribution,
            "commercial": self.licence.commercial,
            "advice": self.licence.advice,
        }


def read(model_path: Path) -> Manifest:
    """Read and validate the manifest beside ``model_path``, and compute the digest of both files.

    Raises:
        VoiceError: a file is missing or broken; the message names the file and the reason.

    """
    name = model_path.name.removesuffix(".onnx")
    json_path = _json_path(model_path)
    model, text = _contents(model_path)
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair cannot be sent
        if isinstance(data, dict) and "licence" not in data:
            data["licence"] = _stated_licence(model_path)
        known = {"model_bytes": len(model), "digest": _digest(model, text)}
        manifest = Manifest(**{**data, "name": name, "model_path": model_path, **known})
    except (ValueError, TypeError) as error:
        raise VoiceError(f"voice {name}: {json_path}: {_reason(error)}") from None
    missing = [symbol for symbol in (BOS, EOS, PAD) if symbol not in manifest.phoneme_id_map]
    if missing:
        raise VoiceError(f"voice {name}: {json_path}: phoneme_id_map lacks {' '.join(missing)}")
    return manifest


def model_of(manifest: Manifest) -> bytes:
    """Return the bytes of the model that a manifest belongs to.

    Raises:
        VoiceError: the files have changed since the manifest was read.

    """
    model, text = _contents(manifest.model_path)
    if _digest(model, text) != manifest.digest:
        raise VoiceError(f"voice {manifest.name}: its files were replaced; reload the server")
    return model


def _contents(model_path: Path) -> tuple[bytes, bytes]:
    """Return the bytes of the model and of its JSON file.

    Raises:
        VoiceError: a file cannot be read.

    """
    try:
        return model_path.read_bytes(), _json_path(model_path).read_bytes()
    except OSError as error:
        name = model_path.name.removesuffix(".onnx")
        raise VoiceError(f"voice {name}: {error.filename}: {error.strerror}") from None


def _json_path(model_path: Path) -> Path:
    return model_path.with_name(f"{model_path.name}.json")


def _digest(model: bytes, text: bytes) -> str:
    return hashlib.blake2b(hashlib.blake2b(model).digest() + text, digest_size=16).hexdigest()


def _stated_licence(model_path: Path) -> Licence:
    """Return the licence stated by the model card beside a model; an unknown one without it."""
    path = model_path.with_name(f"{model_path.name.removesuffix('.onnx')}{model_card.SUFFIX}")
    with suppress(OSError), path.open("rb") as file:
        stated = model_card.licence(file.read(model_card.MAX_BYTES).decode("utf-8", "replace"))
        return stated or Licence()
    return Licence()


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, UnicodeEncodeError):
        return "a string is not valid Unicode"
    if isinstance(error, TypeError):
        return "not a JSON object"
    return f"not JSON: {error}"
