"""The class ``Config``, which has all settings, and functions that list them."""

from collections.abc import Iterator
from functools import reduce
from typing import Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vits_tts.config.cache import Cache
from vits_tts.config.dictionaries import DictionarySettings
from vits_tts.config.interfaces import (
    Agents,
    CallbackSettings,
    Cartesia,
    ElevenLabs,
    Fpt,
    Piper,
    Vbee,
    Viettel,
    Wyoming,
    Zalo,
)
from vits_tts.config.jobs import Jobs
from vits_tts.config.markup import Markup
from vits_tts.config.server import Access, Limits, Logging, OpenAI, Server, Tracing
from vits_tts.config.usage import Usage
from vits_tts.config.voice import Audio, Text, Voice
from vits_tts.cores import available_cores
from vits_tts.types import Level

ENVIRONMENT_PREFIX = "VITS_TTS__"


class Config(BaseSettings):
    """All settings, by section."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str="null",
    )

    server: Server = Field(Server(), description="Address, connections and limits of HTTP.")
    access: Access = Field(Access(), description="API keys and rate limits.")
    limits: Limits = Field(Limits(), description="Limits of the work of one process.")
    text: Text = Field(Text(), description="How written Vietnamese is read.")
    markup: Markup = Field(Markup(), description="SSML, and marks inside plain text.")
    dictionaries: DictionarySettings = Field(
        DictionarySettings(), description="Pronunciation dictionaries."
    )
    voice: Voice = Field(Voice(), description="Voices, their speed and memory.")
    cache: Cache = Field(Cache(), description="The cache of synthesised sentences.")
    audio: Audio = Field(Audio(), description="Loudness, and the files that `/tts` saves.")
    jobs: Jobs = Field(Jobs(), description="Jobs: speech that is made after its request.")
    usage: Usage = Field(Usage(), description="Accounts of use by key and day, and budgets.")
    openai: OpenAI = Field(
        OpenAI(), description="Names of models and voices on OpenAI's paths, `/v1`."
    )
    wyoming: Wyoming = Field(Wyoming(), description="The Wyoming protocol of Home Assistant.")
    piper: Piper = Field(Piper(), description="The interface of Piper's own HTTP server.")
    elevenlabs: ElevenLabs = Field(
        ElevenLabs(), description="ElevenLabs' paths, told from OpenAI's by `xi-api-key`."
    )
    cartesia: Cartesia = Field(Cartesia(), description="Cartesia's paths.")
    agents: Agents = Field(
        Agents(), description="Text that arrives in pieces over WebSockets, for voice agents."
    )
    fpt: Fpt = Field(Fpt(), description="FPT.AI's path, `/hmi/tts/v5`.")
    viettel: Viettel = Field(Viettel(), description="Viettel AI's paths below `/tts`.")
    zalo: Zalo = Field(Zalo(), description="Zalo AI's path, `/v1/tts/synthesize`.")
    vbee: Vbee = Field(Vbee(), description="Vbee's paths, `/v1/tts` and `/api/v1/tts`.")
    callbacks: CallbackSettings = Field(
        CallbackSettings(), description="Results that are posted to callers (jobs, FPT.AI, Vbee)."
    )
    logging: Logging = Field(Logging(), description="The log.")
    tracing: Tracing = Field(Tracing(), description="Traces of requests, for OpenTelemetry.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by precedence: the environment, then the file (``load`` passes it)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def has_jobs(self) -> bool:
        """True if this server takes jobs."""
        if self.jobs.enabled is not None:
            return self.jobs.enabled
        return self.jobs.url is not None or self.server.on_loopback

    @property
    def level(self) -> Level:
        """The gain of all voices, and their target loudness."""
        return Level(self.voice.volume, self.audio.lufs)

    @property
    def inference_threads(self) -> int:
        """The number of inference threads of one process."""
        if self.voice.threads != "auto":
            return self.voice.threads
        return max(1, available_cores() // self.server.worker_count)


def settings(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(name, field)`` for every setting and section, each section before its settings."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        if inner := section_of(field):
            yield from settings(inner, f"{prefix}{name}.")


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the model of a field that is a section, or None if the field is a setting."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def changed(before: Config, after: Config) -> list[str]:
    """Return the names, not the values, of the settings that differ."""

    def value(config: Config, name: str) -> object:
        return reduce(getattr, name.split("."), config)

    return [
        name
        for name, field in settings()
        if not section_of(field) and value(before, name) != value(after, name)
    ]


def environment_name(setting: str) -> str:
    """Return the environment variable for a setting such as ``server.port``."""
    return ENVIRONMENT_PREFIX + setting.replace(".", "__").upper()
