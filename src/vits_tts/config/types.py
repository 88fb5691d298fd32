"""Types of setting values, and the base class of all sections."""

import json
import re
from pathlib import Path
from typing import Annotated, get_args
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
    """Return a list from a string such as ``a,b`` or JSON; other values are returned unchanged.

    Raises:
        ValueError: The string begins with ``[`` and is not valid JSON.

    """
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",") if part.strip()]
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('should be a list: a, b or ["a", "b"]') from None


def _http_url(value: str) -> str:
    """Return a URL ``http(s)://host[:port][/prefix]`` without its trailing slash.

    Raises:
        ValueError: It is not such a URL.

    """
    parts = urlsplit(value)
    plain = re.fullmatch(r"[!-~]+", value) and not (parts.query or parts.fragment)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain:
        raise ValueError("should be a URL such as https://speech.example.vn")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """Return an origin: ``*`` or ``scheme://host[:port]``, with ``*`` for any part of the host.

    Raises:
        ValueError: It is not an origin.

    """
    if value != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]+", value):
        raise ValueError("should be an origin such as https://app.example.vn, without a path")
    return value


def _host(value: str) -> str:
    """Return a host name, or ``*.`` and the end of a host name, in lower case.

    Raises:
        ValueError: It is not a host name.

    """
    if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", value):
        raise ValueError("should be a host name such as speech.example.vn, without a port")
    return value.lower()


def without_password(url: str) -> str:
    """Return a URL with its password masked, even if it is not percent-encoded as it should be."""
    url = re.sub(r"(//[^/@:]*:)(?![0-9]*(?:[/?#]|$)).*@", r"\1**********@", url, flags=re.DOTALL)
    return re.sub(r"([?&]password=)[^&#]*", r"\1**********", url)


def without_passwords(urls: tuple[str, ...]) -> list[str]:
    """Return URLs with their passwords masked."""
    return [without_password(url) for url in urls]


Strings = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Paths = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed)]
Origins = Annotated[
    tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_listed)
]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(_listed)
]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_listed)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Scale = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
LengthScale = Annotated[float, Field(ge=0.1, le=10, allow_inf_nan=False)]


class Section(BaseModel):
    """Base class of all sections: frozen, without unknown keys, without booleans for numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: object) -> object:
        """Return an empty mapping for an empty section."""
        return {} if data is None else data

    @field_validator("*", mode="before")
    @classmethod
    def _no_booleans(cls, value: object, info: ValidationInfo) -> object:
        """Return the value unless it is a boolean for a number, which pydantic would convert.

        Raises:
            ValueError: The value is a boolean and the setting is not.

        """
        field = cls.model_fields[info.field_name or ""]
        kinds = get_args(field.annotation) or (field.annotation,)
        if isinstance(value, bool) and bool not in kinds:
            raise ValueError("should not be a boolean")
        return value
