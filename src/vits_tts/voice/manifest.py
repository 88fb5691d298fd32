"""What a voice says of itself: Piper's JSON beside the model, read and checked.

Format: ``NAME.onnx.json`` as Piper writes it, see ``docs/VOICES.md`` of OHF-Voice/piper1-gpl. Keys
that it does not know, ``licence`` among them, are allowed; ours is
``{"name": …, "url": …, "attribution": …}``. Without it the licence is that of the model card, if
there is one beside the model.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vits_tts.errors import SpeakerUnknown, VoiceError
from vits_tts.types import Prosody
from vits_tts.voice import card
from vits_tts.voice.card import Licence

BOS: Final = "^"
EOS: Final = "$"
PAD: Final = "_"


PhonemeId: TypeAlias = Annotated[int, Field(ge=0, lt=2**31)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AudioFormat(_Part):
    """The ``audio`` part: ``sample_rate`` in hertz."""

    sample_rate: int = Field(ge=4000, le=192_000)
    quality: str | None = None


class Espeak(_Part):
    """The ``espeak`` part: which of espeak-ng's voices made the phonemes."""

    voice: str = Field(min_length=1)


class Inference(_Part):
    """The ``inference`` part: the scales that the voice sounds best with."""

    noise_scale: float = Field(0.667, ge=0, le=10, allow_inf_nan=False)
    length_scale: float = Field(1.0, gt=0, le=10, allow_inf_nan=False)
    noise_w: float = Field(0.8, ge=0, le=10, allow_inf_nan=False)


class Language(_Part):
    """The ``language`` part: ``code`` is such as ``vi_VN``."""

    code: str


class Manifest(_Part):
    """A voice's configuration, with the name and the digest that it is known by."""

    audio: AudioFormat
    espeak: Espeak | None = None
    phoneme_type: Literal["espeak", "text"] = "espeak"
    inference: Inference = Inference()
    phoneme_id_map: Mapping[str, Annotated[tuple[PhonemeId, ...], Field(min_length=1)]]
    num_speakers: int = Field(1, ge=0)
    speaker_id_map: Mapping[str, int] = Field(default_factory=dict)
    language: Language | None = None
    licence: Licence = Licence()
    name: str
    model_path: Path
    model_bytes: int
    digest: str

    @property
    def short_digest(self) -> str:
        """Enough of the digest to tell voices apart in the names of cache entries."""
        return self.digest[:12]

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return self.audio.sample_rate

    @property
    def espeak_voice(self) -> str:
        """Which of espeak-ng's voices phonemises for this voice."""
        return self.espeak.voice if self.espeak else "vi"

    @property
    def language_code(self) -> str:
        """The language spoken, such as ``vi_VN``."""
        return self.language.code if self.language else self.espeak_voice

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names of the speakers, in the order of their ids; none if there is only one."""
        if self.num_speakers <= 1:
            return ()
        names = {number: name for name, number in self.speaker_id_map.items()}
        return tuple(names.get(number, str(number)) for number in range(self.num_speakers))

    def speaks(self, language: str | None) -> bool:
        """Whether it speaks a language, ``vi`` or ``vi_VN``; any does for None."""
        code = self.language_code.lower()
        wanted = (language or code).lower().replace("-", "_")
        return wanted in {code, code.partition("_")[0]}

    def speaker_id(self, speaker: str | None) -> int:
        """Return the id of a speaker by name or number; the first one's for None.

        Raises:
            SpeakerUnknown: there is no such speaker.

        """
        if speaker is None or (speaker == "0" and not self.speakers):
            return 0
        if speaker in self.speakers:
            return self.speakers.index(speaker)
        if speaker.isascii() and speaker.isdecimal() and int(speaker) < len(self.speakers):
            return int(speaker)
        known = f"one of {', '.join(self.speakers[:8])}" if self.speakers else "none"
        raise SpeakerUnknown(
            f"voice {self.name} has no speaker {speaker!r:.60}; it has {known}", field="speaker"
        )

    def prosody(self, length_scale: float = 1.0, speaker: str | None = None) -> Prosody:
        """Return the voice's own scales, its durations stretched by ``length_scale``."""
        return Prosody(
            length_scale=self.inference.length_scale * length_scale,
            noise_scale=self.inference.noise_scale,
            noise_w=self.inference.noise_w,
            speaker_id=self.speaker_id(speaker),
        )

    def phoneme_ids(self, phonemes: Iterable[str]) -> tuple[list[int], set[str]]:
        """Return the model's ids, padded as Piper's training pads them, and what it does not know.

        ``^ _ p1 _ p2 _ … $``: a pad after every phoneme but the last.
        """
        ids = [*self.phoneme_id_map[BOS], *self.phoneme_id_map[PAD]]
        unknown = set()
        for phoneme in phonemes:
            if found := self.phoneme_id_map.get(phoneme):
                ids += [*found, *self.phoneme_id_map[PAD]]
            else:
                unknown.add(phoneme)
        return [*ids, *self.phoneme_id_map[EOS]], unknown

    def places_of_ids(self, phonemes: Iterable[str]) -> list[int]:
        """Return where in ``phoneme_ids`` each phoneme's begin, and where the last one's end."""
        pad = len(self.phoneme_id_map[PAD])
        known = (self.phoneme_id_map.get(phoneme) for phoneme in phonemes)
        sizes = (len(ids) + pad if ids else 0 for ids in known)
        return list(accumulate(sizes, initial=len(self.phoneme_id_map[BOS]) + pad))

    def described(self, *, default: bool) -> dict[str, Any]:
        """Return what is shown of a voice wherever voices are listed, its licence with it."""
        return {
            "name": self.name,
            "default": default,
            "language": self.language_code,
            "sample_rate": self.sample_rate,
            "speakers": list(self.speakers),
            "licence": self.licence.name,
            "licence_url": self.licence.url,
            "attribution": self.licence.attribution,
            "advice": self.licence.advice,
        }


def read(model_path: Path) -> Manifest:
    """Read and check the manifest beside ``model_path`` and take the digest of both files.

    Raises:
        VoiceError: a file is missing or broken; the message says which and why.

    """
    name = model_path.name.removesuffix(".onnx")
    json_path = _json_path(model_path)
    model, text = _contents(model_path)
    try:
        data = json.loads(text)
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
    """Return the bytes of a voice's model.

    Raises:
        VoiceError: the files are not those any more that the manifest was read from.

    """
    model, text = _contents(manifest.model_path)
    if _digest(model, text) != manifest.digest:
        raise VoiceError(f"voice {manifest.name}: its files were replaced; have them read again")
    return model


def _contents(model_path: Path) -> tuple[bytes, bytes]:
    """Return the model and its JSON."""
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
    """Return the licence that the card beside a model states."""
    path = model_path.with_name(f"{model_path.name.removesuffix('.onnx')}{card.SUFFIX}")
    with suppress(OSError), path.open("rb") as file:
        stated = card.licence(file.read(card.MAX_BYTES).decode("utf-8", "replace"))
        return stated or Licence()
    return Licence()


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, TypeError):
        return "not a JSON object"
    return f"not JSON: {error}"
