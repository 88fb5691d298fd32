"""The index of a catalogue: its entries, validated.

The format is that of Piper's ``voices.json`` at https://huggingface.co/rhasspy/piper-voices. It
maps keys to voices, each with language, quality, speakers and files (``size_bytes``,
``md5_digest``). A mirror may add the ``sha256`` of a file, and the ``licence`` and ``sample_rate``
of a voice.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vits_tts.catalogue.download import Tries, read
from vits_tts.catalogue.partial_file import Wanted
from vits_tts.catalogue.sources import CATALOGUE, Failed, Folder, Source
from vits_tts.config import nearest
from vits_tts.errors import ConfigError
from vits_tts.voice import model_card
from vits_tts.voice.model_card import Licence

_MAX_CATALOGUE_BYTES: Final = 16 * 1024 * 1024
MAX_JSON_BYTES: Final = 16 * 1024 * 1024
MAX_FILE_BYTES: Final = 4 * 1024**3
_CARD: Final = "MODEL_CARD"
_MODEL: Final = ".onnx"
_JSON: Final = ".onnx.json"
NAME: Final = re.compile(r"\w[\w.+-]{0,99}")
_SAMPLE_RATES: Final = {"x_low": 16_000, "low": 16_000, "medium": 22_050, "high": 22_050}
"""Samples per second of Piper's qualities; see docs/TRAINING.md of OHF-Voice/piper1-gpl."""

Words = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Language(_Part):
    code: Words
    name_english: Words = ""
    country_english: Words = ""


class _File(_Part):
    size_bytes: int = Field(ge=0, le=MAX_FILE_BYTES)
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    md5_digest: str | None = Field(None, pattern=r"^[0-9a-f]{32}$")


class CatalogueEntry(_Part):
    """A voice of the catalogue."""

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
        """Refuse a key that cannot be a file name."""
        if not NAME.fullmatch(key):
            raise ValueError(f"{key!r:.60} cannot be a voice's name")
        return key

    @field_validator("licence", mode="before")
    @classmethod
    def _licence(cls, value: object) -> object:
        """Accept the name of a licence in place of an object."""
        return {"name": value} if isinstance(value, str) else value

    @field_validator("files")
    @classmethod
    def _files(cls, files: Mapping[str, _File]) -> Mapping[str, _File]:
        """Refuse paths that lead out of the catalogue, and voices without a model or a manifest."""
        for path in files:
            if not all(NAME.fullmatch(part) for part in path.split("/")):
                raise ValueError(f"{path!r:.60} is no path below the catalogue")
        for ending in (_MODEL, _JSON):
            if sum(path.endswith(ending) for path in files) != 1:
                raise ValueError(f"one file should end with {ending}")
        if any(path.endswith(_JSON) and files[path].size_bytes > MAX_JSON_BYTES for path in files):
            raise ValueError(f"its {_JSON} is too large")
        return files

    @property
    def model(self) -> Wanted:
        """The file of the model."""
        return self._wanted(_MODEL)

    @property
    def manifest(self) -> Wanted:
        """The file of the manifest."""
        return self._wanted(_JSON)

    @property
    def card(self) -> Wanted | None:
        """The file of the model card; None if it is missing or too large to be a model card."""
        small = [path for path in self.files if path.rpartition("/")[2].endswith(_CARD)]
        found = self._wanted(_CARD) if small else None
        return found if found and found.size <= model_card.MAX_BYTES else None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return self.model.size + self.manifest.size + (self.card.size if self.card else 0)

    @property
    def rate(self) -> int | None:
        """Samples per second: the listed rate, else that of the quality, else None."""
        return self.sample_rate or _SAMPLE_RATES.get(self.quality)

    @property
    def speakers(self) -> tuple[str, ...]:
        """The names of the speakers in the order of their ids; empty if there is only one."""
        if self.num_speakers <= 1:
            return ()
        return tuple(sorted(self.speaker_id_map, key=lambda name: self.speaker_id_map[name]))

    def speaks(self, language: str) -> bool:
        """Return whether the voice speaks a language: ``vi``, ``vi_VN`` or ``Vietnamese``."""
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
class CatalogueIndex:
    """A catalogue that was read: its voices, the errors of unusable entries, and the sources."""

    voices: Mapping[str, CatalogueEntry]
    broken: Mapping[str, str]
    sources: Sequence[Source]

    def find(self, name: str) -> CatalogueEntry:
        """Return the entry of a voice, by its key or one of its aliases.

        Raises:
            ConfigError: there is no usable entry.

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

    def licence(self, offer: CatalogueEntry, tries: Tries) -> Licence | None:
        """Return the licence of a voice from its entry or its model card, or None if unknown."""
        if offer.licence or offer.card is None:
            return offer.licence
        for source in self.sources:
            try:
                content = read(source, offer.card.path, model_card.MAX_BYTES, tries)
            except Failed:
                continue
            return model_card.licence(content.decode("utf-8", "replace"))
        return None


def load(sources: Sequence[Source], tries: Tries) -> CatalogueIndex:
    """Read the catalogue from the first source that has one.

    Raises:
        ConfigError: no source has one; the message has the reason for each.

    """
    reasons = []
    for number, source in enumerate(sources):
        try:
            voices, broken = _read(source, tries)
        except Failed as error:
            reasons.append(f"{source.address}{CATALOGUE}: {error}")
            continue
        return CatalogueIndex(voices, broken, [*sources[number:], *sources[:number]])
    raise ConfigError(f"voice.catalogue.urls: {'; '.join(reasons) or 'there is no address'}")


def _read(source: Source, tries: Tries) -> tuple[dict[str, CatalogueEntry], dict[str, str]]:
    """Return the usable voices of a source, and the errors of its other entries."""
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


def _parsed(content: Any) -> tuple[dict[str, CatalogueEntry], dict[str, str]]:
    if not isinstance(content, dict) or not content:
        raise Failed("not a catalogue: it lists no voices", lasting=True)
    voices, broken = {}, {}
    for key, entry in content.items():
        try:
            voices[key] = CatalogueEntry.model_validate({**entry, "key": key})
        except ValidationError as error:
            first = error.errors()[0]
            broken[key] = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        except TypeError:
            broken[key] = "not an object"
    return voices, broken


def _found(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an entry for each voice in a folder that has no ``voices.json``.

    Raises:
        Failed: the folder does not exist.

    """
    if not folder.is_dir():
        raise Failed("there is no such folder", lasting=True)
    for model in sorted(folder.glob(f"*{_MODEL}")):
        name = model.name.removesuffix(_MODEL)
        files = [model.name, f"{name}{_JSON}", f"{name}{model_card.SUFFIX}"]
        sizes = {file: (folder / file).stat().st_size for file in files if (folder / file).exists()}
        yield (
            name,
            {
                **_described(folder / f"{name}{_JSON}"),
                "files": {file: {"size_bytes": size} for file, size in sizes.items()},
            },
        )


def _described(path: Path) -> dict[str, Any]:
    """Return the fields of an entry that can be taken from a voice's own manifest."""
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
