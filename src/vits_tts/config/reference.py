"""Makes the reference page and the shipped ``config.yaml`` from the settings."""

import json
from typing import Any

import yaml
from pydantic import ByteSize
from pydantic.fields import FieldInfo

from vits_tts.config import Config, environment_name, section_of, settings

_PAGE_HEAD = """\
# Configuration

<!-- Made by `vits-tts config --reference`; a test keeps it current. -->

Settings are read from `config.yaml` in the folder where the server is started, or from the file
that `--config PATH` names. An environment variable overrides the file. A setting that neither sets
has the default below. If a key is unknown or a value cannot be used, the server does not start, and
one line names the key, its source and the accepted values.

Sizes take units (`256KiB`, `1GiB`). Lists in the environment are separated by commas or written as
JSON. Relative paths are relative to the folder of the settings file. `vits-tts config` prints the
settings in effect.
"""

_FILE_HEAD = """\
# Settings of vits-tts, each with its default. A setting that is left out keeps its default, so this
# file may be short. docs/CONFIGURATION.md has the same settings as a table, with the environment
# variable of each.
"""


def page() -> str:
    """Return the reference page, in Markdown."""
    lines = [_PAGE_HEAD]
    for name, field in settings():
        if section_of(field):
            lines += [f"\n## {name}\n", f"{field.description}\n"]
            lines += ["| setting | default | environment | |", "|---|---|---|---|"]
        else:
            row = (f"`{name}`", f"`{_shown(field)}`", f"`{environment_name(name)}`")
            lines.append(f"| {' | '.join(row)} | {field.description} |")
    return "\n".join(_without_empty_tables(lines)) + "\n"


def template() -> str:
    """Return ``config.yaml`` with every setting, its default and its description."""
    lines = [_FILE_HEAD]
    for name, field in settings():
        depth = name.count(".")
        indent = "  " * depth
        if depth == 0:
            lines.append("")
        lines += [f"{indent}# {line}" for line in _wrapped(field.description or "", 96 - 2 * depth)]
        value = "" if section_of(field) else f" {_shown(field)}"
        lines.append(f"{indent}{name.rpartition('.')[2]}:{value}")
    return "\n".join(lines) + "\n"


def effective(config: Config) -> str:
    """Return the settings in effect as YAML; secrets are masked."""
    return yaml.safe_dump(
        config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100
    )


def _shown(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, ByteSize):
        return value.human_readable(decimal=False).replace(".0", "")
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return value
    text = yaml.safe_dump(value if isinstance(value, bool | int | float | None) else str(value))
    return text.removesuffix("\n").removesuffix("\n...")


def _without_empty_tables(lines: list[str]) -> list[str]:
    """Remove the heads of tables without rows, which sections without own settings would have."""
    kept: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("|---") and not following.startswith("| `"):
            kept.pop()
        else:
            kept.append(line)
    return kept


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
