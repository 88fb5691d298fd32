"""Reads settings from a file and the environment; an error is one line for the operator."""

import difflib
import os
import re
import reprlib
from collections import Counter
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError
from yaml.parser import ParserError
from yaml.scanner import ScannerError

from vits_tts import yaml_files
from vits_tts.config.root import ENVIRONMENT_PREFIX, Config, environment_name, section_of, settings
from vits_tts.config.types import Section, without_password
from vits_tts.config.voice import Voice
from vits_tts.errors import ConfigError

DEFAULT_FILE = Path("config.yaml")
_MAX_BYTES: Final = 1024 * 1024
_NO_VALUE: Final = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError)
"""Errors that PyYAML raises for values that do not fit their tag, such as ``!!int x``."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""The form of a setting's name. Other text in its place may be a value, and so a secret."""
_PRIVATE: Final = {"access.keys", "voice.catalogue.urls"}
"""Settings whose values are never shown in messages, besides those of type ``SecretStr``."""

_SHORT: Final = reprlib.Repr()
_SHORT.maxlevel = 2  # YAML's aliases make lists of billions of elements in a few lines
_SHORT.maxstring = _SHORT.maxother = _MAX_BYTES  # all of it, to find its password


def nearest(name: str, known: list[str]) -> str:
    """Return ``; did you mean …?`` with the known name most like ``name``, or an empty string."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""


def load(path: Path | None = None) -> Config:
    """Return the settings of ``path`` and the environment.

    Without a path, ``config.yaml`` in the current folder is read if it exists. Relative paths in
    the result are made absolute; they are relative to the folder of the file.

    Raises:
        ConfigError: One line that names the key, its source and the accepted values.

    """
    path = path or _default_file()
    return _validated(_read(path) if path else {}, path)


def _default_file() -> Path | None:
    """Return the path ``config.yaml``, or None if it does not exist.

    Raises:
        ConfigError: It is not a file, or the folder cannot be read.

    """
    try:
        DEFAULT_FILE.lstat()
        if not DEFAULT_FILE.is_file():
            raise ConfigError(f"{DEFAULT_FILE}: is not a file or a link to a file")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{DEFAULT_FILE}: cannot be read: {error.strerror}") from None
    return DEFAULT_FILE


def _read(path: Path) -> dict[str, Any]:
    try:
        text = yaml_files.read_text(path, _MAX_BYTES)
        yaml_files.check_depth(text)
        data = yaml.load(text, _Loader)  # noqa: S506  # a safe loader
    except FileNotFoundError:
        raise ConfigError(f"{path}: the file does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {_yaml_problem(error)}") from None
    except _NO_VALUE:  # its message contains the value, which may be a secret
        raise ConfigError(f"{path}: has a number or a date that cannot be read") from None
    if not isinstance(data or {}, dict):
        raise ConfigError(
            f"{path}: should have sections such as `server:`, not {type(data).__name__}"
        )
    for name, value in (data or {}).items():
        if name in Config.model_fields and not isinstance(value, dict | None):
            kind = type(value).__name__
            raise ConfigError(f"{path}: {name}: should have settings such as `name: …`, not {kind}")
    return {str(key): value for key, value in (data or {}).items()}


def _yaml_problem(error: yaml.YAMLError) -> str:
    """Return the problem and its place, without quoting the file, which may contain passwords."""
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = str(getattr(error, "problem", None) or " ".join(str(error).split()))
    if not isinstance(error, ScannerError | ParserError):  # these two quote only one character
        problem = re.sub(r" '.*'", "", problem)
    return problem + where


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Loads YAML and refuses duplicate keys, of which PyYAML would silently drop one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping.

        Raises:
            YAMLError: It has a key twice.

        """
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for name, count in names.most_common(1):
            if count > 1:
                line = node.start_mark.line + 1
                shown = name if _NAME.fullmatch(name) else "a name"
                raise yaml.YAMLError(f"{shown}: duplicate key, line {line}")
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


class Settings:
    """Reads a server's settings at the start and at every reload.

    It is stricter than :func:`load`: a server must not lose its API keys because its file is
    missing or empty. Container engines create an empty file or folder where a mount's source is
    missing.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Store the path; None means ``config.yaml`` in the current folder."""
        self._path = path
        self._found = False

    @property
    def file(self) -> Path | None:
        """The file that was read last, or None if there was no file."""
        return self._path or (DEFAULT_FILE if self._found else None)

    def __call__(self) -> Config:
        """Return the settings.

        Raises:
            ConfigError: A setting cannot be used, or the file is empty, or was removed since the
                last call.

        """
        path = self._path or DEFAULT_FILE
        if self._found and not os.path.lexists(path):
            raise ConfigError(f"{path}: the file no longer exists")
        config = load(self._path)
        self._found = os.path.lexists(path)
        if self._found and not path.stat().st_size:
            raise ConfigError(f"{path}: is empty; to use only defaults, write a comment into it")
        return config


def _validated(data: dict[str, Any], path: Path | None) -> Config:
    _check_environment()
    try:
        config = Config(**data)
    except ValidationError as error:
        raise ConfigError(_explain(error.errors(), path)) from None
    except SettingsError as error:  # a variable for a whole section that is not valid JSON
        raise ConfigError(f"environment: {error}") from None
    _check_together(config, path)
    _check_keys_kept(data, config, path)
    return _anchored(config, (path or DEFAULT_FILE).absolute().parent)


def _check_together(config: Config, path: Path | None) -> None:
    """Check settings that depend on each other.

    Raises:
        ConfigError: Two settings contradict each other.

    """
    server, most = config.server, config.access.characters_per_minute
    if most and most < server.max_text_chars:
        raise ConfigError(
            f"{_source('access.characters_per_minute', path)}: access.characters_per_minute: "
            f"should be at least server.max_text_chars ({server.max_text_chars}), not {most}"
        )
    served = {config.voice.name, *config.voice.others, *config.voice.aliases}
    sections = ("openai", "elevenlabs", "cartesia", "fpt", "viettel", "zalo", "vbee")
    maps = {f"{name}.voices": getattr(config, name).voices for name in sections}
    for setting, voices in maps.items():
        for name, voice in voices.items():
            if voice.partition("/")[0] not in served:
                raise ConfigError(
                    f"{_source(setting, path)}: {setting}: {name}: should be one of "
                    f"{', '.join(sorted(served))}, not {voice!r:.60}"
                )
    if config.access.open and (config.access.keys or config.access.keys_file):
        raise ConfigError(
            f"{_source('access.open', path)}: access.open: should be false where there are keys"
        )
    _check_wyoming(config, path)
    if config.cache.redis.previous_secret and not config.cache.redis.secret:
        name = "cache.redis.previous_secret"
        raise ConfigError(f"{_source(name, path)}: {name}: needs cache.redis.secret too")
    if server.tls_key and not server.tls_certificate:
        raise ConfigError(
            f"{_source('server.tls_key', path)}: server.tls_key: needs server.tls_certificate too"
        )


def _check_wyoming(config: Config, path: Path | None) -> None:
    """Refuse HTTP's port for Wyoming, and Wyoming without a list of networks if HTTP needs keys."""
    server, address = config.server, config.wyoming.address
    if address is None:
        return
    if address[1] in {server.port, server.operations_port}:
        raise ConfigError(
            f"{_source('wyoming.uri', path)}: wyoming.uri: should have a port of its own, "
            f"not {address[1]}"
        )
    if (config.access.keys or config.access.keys_file) and not config.wyoming.networks:
        raise ConfigError(
            f"{_source('wyoming.networks', path)}: wyoming.networks: should say which networks may "
            "connect without a key, since access.keys are set and the Wyoming protocol has none"
        )


def _check_keys_kept(data: dict[str, Any], config: Config, path: Path | None) -> None:
    """Check that environment variables do not remove the API keys of the settings file.

    Raises:
        ConfigError: A variable removes them, and ``access.open`` is false.

    """
    access = config.access
    had = [name for name in ("keys", "keys_file") if (data.get("access") or {}).get(name)]
    if had and not (access.keys or access.keys_file or access.open):
        name = f"access.{had[0]}"
        raise ConfigError(
            f"{_source(name, path)}: {name}: takes away the keys of {path}, so that clients would "
            "need no key; unset it, or set access.open to true to allow that"
        )


def _check_environment() -> None:
    """Check that every variable that looks like a setting is one.

    Raises:
        ConfigError: A variable has an unknown name, or ``null`` for a whole section.

    """
    known = {environment_name(name): field for name, field in settings()}
    collapsed = {_collapsed(name): name for name in known}
    for variable, value in os.environ.items():
        name = variable.upper()
        if name in known:
            if section_of(known[name]) and value.strip() == "null":
                raise ConfigError(f"environment {variable}: should be settings in JSON, not null")
            continue
        if name.startswith(ENVIRONMENT_PREFIX):
            hint = nearest(name, list(known))
            raise ConfigError(f"environment: {variable}: unknown setting{hint}")
        # Kubernetes sets NAME_PORT=tcp://… for a Service, whose name may be vits-tts-server.
        meant = collapsed.get(_collapsed(name))
        if meant and not value.startswith(("tcp://", "udp://")):
            raise ConfigError(f"environment: {variable}: unknown setting; did you mean {meant}?")


def _collapsed(variable: str) -> str:
    return re.sub(r"_+", "_", variable)


def _explain(errors: list[ErrorDetails], path: Path | None) -> str:
    """Return one line with the first problem and the number of others."""
    known = [name for name, _ in settings()]
    error = errors[0]
    parts = [str(part) if _NAME.fullmatch(str(part)) else "…" for part in error["loc"]]
    while parts and ".".join(parts) not in known and error["type"] != "extra_forbidden":
        parts.pop()  # pydantic appends the member of a union or a list
    name = ".".join(parts)
    if error["type"] == "extra_forbidden":
        problem = f"unknown setting{nearest(name, known)}"
    else:
        message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
        problem = message + _shown(name, error["input"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 and not _one_union(errors) else ""
    return f"{_source(name, path)}: {name}: {problem}{more}"


def _shown(name: str, value: object) -> str:
    """Return ``, not VALUE`` for a message, or an empty string if the value may be a secret."""
    field = dict(settings()).get(name)
    private = name in _PRIVATE or (field and (section_of(field) or _is_secret(field.annotation)))
    hidden = value == "" or (value and (private or isinstance(value, dict)))
    return "" if hidden else f", not {without_password(_SHORT.repr(value)):.60}"


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


def _one_union(errors: list[ErrorDetails]) -> bool:
    """Return whether all errors come from the members of one union, for one value."""
    return len({tuple(error["loc"][:-1]) for error in errors}) == 1


def set_by_environment(name: str) -> str | None:
    """Return the environment variable that sets ``name`` or a section around it, or None."""
    variables = {variable.upper(): variable for variable in os.environ}
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if variable := variables.get(environment_name(".".join(parts[:end]))):
            return variable
    return None


def _source(name: str, path: Path | None) -> str:
    variable = set_by_environment(name)
    return f"environment {variable}" if variable else str(path or DEFAULT_FILE)


def _anchored(config: Config, base: Path) -> Config:
    """Return the settings with all relative paths joined to ``base``."""
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
            "dictionaries": _at(base, config.dictionaries, "folder"),
            "jobs": _at(base, config.jobs, "folder"),
            "usage": _at(base, config.usage, "folder"),
        }
    )


def _with_catalogue(base: Path, voice: Voice) -> Voice:
    """Return the settings with the catalogue's relative folders joined to ``base``."""
    urls = tuple(url if "://" in url else str(base / url) for url in voice.catalogue.urls)
    return voice.model_copy(update={"catalogue": voice.catalogue.model_copy(update={"urls": urls})})


def _at(base: Path, section: Section, *names: str) -> Section:
    paths = {name: getattr(section, name) for name in names}
    return section.model_copy(update={name: path and base / path for name, path in paths.items()})
