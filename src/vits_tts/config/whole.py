"""All settings in one object."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from vits_tts.config.caching import Cache
from vits_tts.config.service import Access, Limits, Logging, OpenAI, Server, Tracing
from vits_tts.config.speaking import Audio, Text, Voice
from vits_tts.cores import available_cores

ENVIRONMENT_PREFIX = "VITS_TTS__"


class Config(BaseSettings):
    """Every setting there is."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str="null",
    )

    server: Server = Field(Server(), description="Where the server listens, and for whom.")
    access: Access = Field(Access(), description="Who may call, and how much.")
    limits: Limits = Field(Limits(), description="What one process takes on at once.")
    text: Text = Field(Text(), description="How written Vietnamese is read.")
    voice: Voice = Field(Voice(), description="Which voices speak, and how.")
    cache: Cache = Field(Cache(), description="What is kept so that nothing is made twice.")
    audio: Audio = Field(Audio(), description="The files that `/tts` makes.")
    openai: OpenAI = Field(OpenAI(), description="Names on OpenAI's paths, `/v1`.")
    logging: Logging = Field(Logging(), description="What is logged, and how.")
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
        """Read the environment before what the file said (which ``load`` passes in)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def inference_threads(self) -> int:
        """How many sentences one process synthesises at the same time."""
        if self.voice.threads != "auto":
            return self.voice.threads
        return max(1, available_cores() // self.server.worker_count)


def settings(section: type[BaseModel] = Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(name, field)`` of every setting and section, sections before their settings."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{prefix}{name}.")


def environment_name(setting: str) -> str:
    """Return the environment variable that overrides ``setting`` (``server.port``)."""
    return ENVIRONMENT_PREFIX + setting.replace(".", "__").upper()
