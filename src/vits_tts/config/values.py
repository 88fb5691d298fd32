"""What settings are made of: kinds of values, and what all sections share."""

import json
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode


def _listed(value: object) -> object:
    """Let an environment variable give a list as ``a,b`` as well as in JSON."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('should be a list: a, b or ["a", "b"]') from None


def _http_url(value: str) -> str:
    """Accept ``http(s)://host[:port][/prefix]`` and drop a trailing slash."""
    parts = urlsplit(value)
    plain = re.fullmatch(r"[!-~]+", value) and not (parts.query or parts.fragment)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ValueError("should be a URL such as https://speech.example.vn")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """Accept ``*`` or ``scheme://host[:port]``, where ``*`` stands for any part of the host."""
    if value != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", value):
        raise ValueError("should be an origin such as https://app.example.vn, without a path")
    return value


def without_password(url: str) -> str:
    """Show a URL without its password."""
    return re.sub(r"(//[^/@]*:)[^/@]*@", r"\1**********@", url)


def without_passwords(urls: tuple[str, ...]) -> list[str]:
    """Show URLs without their passwords."""
    return [without_password(url) for url in urls]


Strings = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_listed)
]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_listed)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Scale = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
LengthScale = Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)]


class Section(BaseModel):
    """What every section shares: frozen, no unknown keys, no ``yes`` where a number is meant."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: object) -> object:
        """Read an empty section as no settings."""
        return {} if data is None else data

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans(cls, value: object, info: ValidationInfo) -> object:
        """Refuse booleans where numbers are meant, which Python would take for 0 and 1."""
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("should be no boolean")
        return value
