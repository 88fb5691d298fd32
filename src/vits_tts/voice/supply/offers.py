"""What a catalogue offers.

The format is that of Piper's public one, ``voices.json`` of
https://huggingface.co/rhasspy/piper-voices: an object of voices by key, each with its language,
quality, speakers and files (``size_bytes``, ``md5_digest``). A mirror may say more: ``sha256`` of a
file, ``licence`` and ``sample_rate`` of a voice.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vits_tts.config import nearest
from vits_tts.errors import ConfigError
from vits_tts.voice import card
from vits_tts.voice.card import Licence
from vits_tts.voice.supply.part import Wanted
from vits_tts.voice.supply.source import CATALOGUE, Failed, Folder, Source
from vits_tts.voice.supply.transfer import Tries, read

_MAX_CATALOGUE_BYTES: Final = 16 * 1024 * 1024
_MAX_JSON_BYTES: Final = 16 * 1024 * 1024
_MAX_FILE_BYTES: Final = 4 * 1024**3
_CARD: Final = "MODEL_CARD"
_MODEL: Final = ".onnx"
_JSON: Final = ".onnx.json"
_NAME: Final = re.compile(r"\w[\w.+-]{0,99}")
_SAMPLE_RATES: Final = {"x_low": 16_000, "low": 16_000, "medium": 22_050, "high": 22_050}
"""Piper's qualities, see docs/TRAINING.md of OHF-Voice/piper1-gpl."""

Words = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Language(_Part):
    code: Words
    name_english: Words = ""
    country_english: Words = ""


class _File(_Part):
    size_bytes: int = Field(ge=0, le=_MAX_FILE_BYTES)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    md5_digest: str | None = Field(None, pattern=r"^[0-9a-f]{32}$")


class Offer(_Part):
    """A voice that can be installed."""

    key: str
    language: _Language
    quality: Words = ""
    num_speakers: int = Field(1, ge=0)
    speaker_id_map: Mapping[str, int] = Field(default_factory=dict)
    files: Mapping[str, _File]
    aliases: tuple[str, ...] = ()
    licence: Licence | None = None
    sample_rate: int | None = None

    @field_validator("key")
    @classmethod
    def _key(cls, key: str) -> str:
        """Refuse a key that could not be the name of a file."""
        if not _NAME.fullmatch(key):
            raise ValueError(f"{key!r:.60} cannot be a voice's name")
        return key

    @field_validator("licence", mode="before")
    @classmethod
    def _licence(cls, value: object) -> object:
        """Accept a licence's name in place of an object."""
        return {"name": value} if isinstance(value, str) else value

    @field_validator("files")
    @classmethod
    def _files(cls, files: Mapping[str, _File]) -> Mapping[str, _File]:
        """Refuse paths that lead out of the catalogue, and a voice without its two files."""
        for path in files:
            if not all(_NAME.fullmatch(part) for part in path.split("/")):
                raise ValueError(f"{path!r:.60} is no path below the catalogue")
        for ending in (_MODEL, _JSON):
            if sum(path.endswith(ending) for path in files) != 1:
                raise ValueError(f"one file should end with {ending}")
        if any(path.endswith(_JSON) and files[path].size_bytes > _MAX_JSON_BYTES for path in files):
            raise ValueError(f"its {_JSON} is too large")
        return files

    @property
    def model(self) -> Wanted:
        """The model's file."""
        return self._wanted(_MODEL)

    @property
    def manifest(self) -> Wanted:
        """The file of its manifest."""
        return self._wanted(_JSON)

    @property
    def card(self) -> Wanted | None:
        """The file of its model card, if one is listed that is small enough to be one."""
        small = [path for path in self.files if path.rpartition("/")[2].endswith(_CARD)]
        found = self._wanted(_CARD) if small else None
        return found if found and found.size <= card.MAX_BYTES else None

    @property
    def size(self) -> int:
        """Bytes of all that is fetched."""
        return self.model.size + self.manifest.size + (self.card.size if self.card else 0)

    @property
    def rate(self) -> int | None:
        """Samples a second: as listed, or what Piper's quality means."""
        return self.sample_rate or _SAMPLE_RATES.get(self.quality)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names of the speakers, in the order of their ids; none if there is only one."""
        if self.num_speakers <= 1:
            return ()
        return tuple(sorted(self.speaker_id_map, key=lambda name: self.speaker_id_map[name]))

    def speaks(self, language: str) -> bool:
        """Whether it speaks ``vi``, ``vi_VN`` or ``Vietnamese``."""
        code = self.language.code.lower()
        names = {code, code.partition("_")[0], self.language.name_english.lower()}
        return language.lower().replace("-", "_") in names

    def _wanted(self, ending: str) -> Wanted:
        path, file = next(item for item in self.files.items() if item[0].endswith(ending))
        if file.sha256:
            return Wanted(path, file.size_bytes, "sha256", file.sha256)
        if file.md5_digest:
            return Wanted(path, file.size_bytes, "md5", file.md5_digest)
        return Wanted(path, file.size_bytes)


@dataclass(frozen=True, slots=True)
class Offers:
    """A catalogue: voices by key, why others cannot be used, and the sources of their files."""

    voices: Mapping[str, Offer]
    broken: Mapping[str, str]
    sources: Sequence[Source]

    def find(self, name: str) -> Offer:
        """Return the offer of a voice, by its key or by an older name.

        Raises:
            ConfigError: there is none.

        """
        if found := self.voices.get(name):
            return found
        for offer in self.voices.values():
            if name in offer.aliases:
                return offer
        if reason := self.broken.get(name):
            raise ConfigError(f"voice {name}: its entry in the catalogue cannot be used: {reason}")
        hint = nearest(name, list(self.voices))
        raise ConfigError(f"the catalogue has no voice {name!r:.60}{hint}")

    def licence(self, offer: Offer, tries: Tries) -> Licence | None:
        """Return the terms of a voice, as listed or from its card; None if they cannot be had."""
        if offer.licence or offer.card is None:
            return offer.licence
        for source in self.sources:
            try:
                content = read(source, offer.card.path, card.MAX_BYTES, tries)
            except Failed:
                continue
            return card.licence(content.decode("utf-8", "replace"))
        return None


def load(sources: Sequence[Source], tries: Tries) -> Offers:
    """Read the catalogue from the first source that gives one.

    Raises:
        ConfigError: none does; the message says why.

    """
    reasons = []
    for number, source in enumerate(sources):
        try:
            voices, broken = _read(source, tries)
        except Failed as error:
            reasons.append(f"{source.address}{CATALOGUE}: {error}")
            continue
        return Offers(voices, broken, [*sources[number:], *sources[:number]])
    raise ConfigError(f"voice.catalogue.urls: {'; '.join(reasons) or 'there is no address'}")


def _read(source: Source, tries: Tries) -> tuple[dict[str, Offer], dict[str, str]]:
    """Return the voices of a source that can be used, and what is wrong with the others."""
    if isinstance(source, Folder) and not (source.folder / CATALOGUE).exists():
        return _parsed(dict(_found(source.folder)))
    try:
        content = json.loads(read(source, CATALOGUE, _MAX_CATALOGUE_BYTES, tries))
    except (ValueError, RecursionError):
        raise Failed("not a catalogue: not JSON", lasting=True) from None
    voices, broken = _parsed(content)
    for key, offer in list(voices.items()):
        if offer.model.digest is None or offer.manifest.digest is None:
            del voices[key]
            broken[key] = "its files have no digests"
    return voices, broken


def _parsed(content: Any) -> tuple[dict[str, Offer], dict[str, str]]:
    if not isinstance(content, dict) or not content:
        raise Failed("not a catalogue: it lists no voices", lasting=True)
    voices, broken = {}, {}
    for key, entry in content.items():
        try:
            voices[key] = Offer.model_validate({**entry, "key": key})
        except ValidationError as error:
            first = error.errors()[0]
            broken[key] = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except TypeError:
            broken[key] = "not an object"
    return voices, broken


def _found(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield entries for the voices that simply lie in a folder, which has no catalogue.

    Raises:
        Failed: the folder is not there.

    """
    if not folder.is_dir():
        raise Failed("there is no such folder", lasting=True)
    for model in sorted(folder.glob(f"*{_MODEL}")):
        name = model.name.removesuffix(_MODEL)
        files = [model.name, f"{name}{_JSON}", f"{name}{card.SUFFIX}"]
        sizes = {file: (folder / file).stat().st_size for file in files if (folder / file).exists()}
        yield name, {
            **_described(folder / f"{name}{_JSON}"),
            "files": {file: {"size_bytes": size} for file, size in sizes.items()},
        }


def _described(path: Path) -> dict[str, Any]:
    """Return what a voice's own manifest says that an entry would say."""
    try:
        data = json.loads(path.read_text("utf-8"))
        language = data.get("language") or {"code": data.get("espeak", {}).get("voice", "")}
        rate = data.get("audio", {}).get("sample_rate")
        names = ("num_speakers", "speaker_id_map", "licence")
        return {
            "language": language,
            "sample_rate": rate,
            **{name: data[name] for name in names if name in data},
        }
    except (OSError, ValueError, AttributeError):
        return {}
