"""From a file and the environment to settings, or to one line that says what is wrong."""

import difflib
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from vits_tts.config.speaking import Voice
from vits_tts.config.values import Section
from vits_tts.config.whole import ENVIRONMENT_PREFIX, Config, environment_name, settings
from vits_tts.errors import ConfigError

DEFAULT_FILE = Path("config.yaml")


def nearest(name: str, known: list[str]) -> str:
    """Return ``; did you mean …?`` for the known name most like ``name``, or nothing."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def load(path: Path | None = None) -> Config:
    """Read settings from ``path`` and the environment.

    Without a path that is ``config.yaml`` in the current folder, or the defaults where there is
    none. Relative folders in the result are made absolute against the file's own folder.

    Raises:
        ConfigError: one line that names the key, its source and what was expected.

    """
    if path is None and not DEFAULT_FILE.is_file():
        return _validated({}, None)
    path = path or DEFAULT_FILE
    return _validated(_read(path), path)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a safe one
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data or {}, dict):
        raise ConfigError(
            f"{path}: should hold sections such as `server:`, not {type(data).__name__}"
        )
    for name, value in (data or {}).items():
        if name in Config.model_fields and not isinstance(value, dict | None):
            kind = type(value).__name__
            raise ConfigError(f"{path}: {name}: should hold settings such as `name: …`, not {kind}")
    return {str(key): value for key, value in (data or {}).items()}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without duplicate keys, of which one would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands there twice."""
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key}: stands there twice, line {node.start_mark.line + 1}")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _validated(data: dict[str, Any], path: Path | None) -> Config:
    _check_environment()
    try:
        config = Config(**data)
    except ValidationError as error:
        raise ConfigError(_explain(error.errors(), path)) from None
    except SettingsError as error:  # a whole section in one variable that is no JSON
        raise ConfigError(f"environment: {error}") from None
    _check_together(config, path)
    return _anchored(config, (path or DEFAULT_FILE).absolute().parent)


def _check_together(config: Config, path: Path | None) -> None:
    """Refuse settings that each make sense but not with one another."""
    server, most = config.server, config.access.characters_per_minute
    if most and most < server.max_text_chars:
        raise ConfigError(
            f"{_source('access.characters_per_minute', path)}: access.characters_per_minute: "
            f"should be no less than server.max_text_chars ({server.max_text_chars}), not {most}"
        )
    served = {config.voice.name, *config.voice.others}
    for name, voice in config.openai.voices.items():
        if voice.partition("/")[0] not in served:
            raise ConfigError(
                f"{_source('openai.voices', path)}: openai.voices: {name}: should be one of "
                f"{', '.join(sorted(served))}, not {voice!r:.60}"
            )
    if server.tls_key and not server.tls_certificate:
        raise ConfigError(
            f"{_source('server.tls_key', path)}: server.tls_key: needs server.tls_certificate too"
        )


def _check_environment() -> None:
    known = [environment_name(name) for name, _ in settings()]
    for variable in os.environ:
        if variable.upper().startswith(ENVIRONMENT_PREFIX) and variable.upper() not in known:
            hint = nearest(variable.upper(), known)
            raise ConfigError(f"environment: {variable}: unknown setting{hint}")


def _explain(errors: list[ErrorDetails], path: Path | None) -> str:
    """Tell the first problem in one line, and how many others there are."""
    known = [name for name, _ in settings()]
    error = errors[0]
    parts = [str(part) for part in error["loc"]]
    while parts and ".".join(parts) not in known and error["type"] != "extra_forbidden":
        parts.pop()  # what pydantic adds for a member of a union or a list
    name = ".".join(parts)
    if error["type"] == "extra_forbidden":
        problem = f"unknown setting{nearest(name, known)}"
    else:
        message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
        problem = f"{message}, not {error['input']!r:.60}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 and not _one_union(errors) else ""
    return f"{_source(name, path)}: {name}: {problem}{more}"


def _one_union(errors: list[ErrorDetails]) -> bool:
    """Whether all errors are the members of one union complaining about one value."""
    return len({tuple(error["loc"][:-1]) for error in errors}) == 1


def _source(name: str, path: Path | None) -> str:
    variables = {variable.upper(): variable for variable in os.environ}
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if variable := variables.get(environment_name(".".join(parts[:end]))):
            return f"environment {variable}"
    return str(path or DEFAULT_FILE)


def _anchored(config: Config, base: Path) -> Config:
    """Make relative files and folders absolute, so that they mean the same from everywhere."""
    return config.model_copy(
        update={
            "server": _at(base, config.server, "tls_certificate", "tls_key"),
            "access": _at(base, config.access, "keys_file"),
            "text": config.text.model_copy(
                update={"lexicon": tuple(base / path for path in config.text.lexicon)}
            ),
            "voice": _at(base, _with_catalogue(base, config.voice), "folder", "pieces_folder"),
            "audio": _at(base, config.audio, "folder"),
            "logging": _at(base, config.logging, "file"),
        }
    )


def _with_catalogue(base: Path, voice: Voice) -> Voice:
    """Make the catalogues' plain folders absolute."""
    urls = tuple(url if "://" in url else str(base / url) for url in voice.catalogue.urls)
    return voice.model_copy(update={"catalogue": voice.catalogue.model_copy(update={"urls": urls})})


def _at(base: Path, section: Section, *names: str) -> Section:
    paths = {name: getattr(section, name) for name in names}
    return section.model_copy(update={name: path and base / path for name, path in paths.items()})
