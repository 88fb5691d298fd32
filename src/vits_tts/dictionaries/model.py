"""Dictionaries as they are stored: an index of all, and the rules of each version."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from vits_tts.dictionaries.rules import Rule, Rules

MAX_VERSIONS: Final = 200
"""The maximum number of versions of one dictionary; beyond it the oldest is removed."""
ALL: Final = "all"
"""The owner of dictionaries on a server without keys, and of those that settings name."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a dictionary: its id, the number of its rules, and its time in Unix seconds."""

    id: str
    rules: int
    created: int


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A dictionary without its rules. ``versions`` are in the order of their creation.

    ``owner`` is the caller that made it. ``access`` says whether others may use it (``viewer``) or
    change it too (``editor``); None keeps it for the owner.
    """

    id: str
    name: str
    owner: str
    created: int
    versions: tuple[Version, ...]
    description: str | None = None
    access: str | None = None

    @property
    def latest(self) -> Version:
        """The newest version."""
        return self.versions[-1]

    def used_by(self, owner: str) -> bool:
        """Return whether a caller may use it."""
        return owner == self.owner or self.access is not None

    def changed_by(self, owner: str) -> bool:
        """Return whether a caller may change it."""
        return owner == self.owner or self.access == "editor"

    def with_version(self, version: Version) -> "Dictionary":
        """Return the dictionary with a new latest version."""
        return replace(self, versions=(*self.versions, version)[-MAX_VERSIONS:])


@dataclass(frozen=True, slots=True)
class Index:
    """All dictionaries by id, and a revision that differs after each change."""

    revision: str = ""
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)

    def dumps(self) -> bytes:
        """Return the index as bytes."""
        found = [asdict(dictionary) for dictionary in self.dictionaries.values()]
        data = {"revision": self.revision, "dictionaries": found}
        return json.dumps(data, ensure_ascii=False).encode()


def index_of(data: bytes) -> Index:
    """Return an index from its bytes.

    Raises:
        ValueError: the bytes are not an index.

    """
    try:
        known = json.loads(data)
        found = [_dictionary(entry) for entry in known["dictionaries"]]
        return Index(str(known["revision"]), {each.id: each for each in found})
    except (KeyError, TypeError, AttributeError, RecursionError, IndexError) as error:
        raise ValueError(f"no index of dictionaries: {error!r:.80}") from None


def _dictionary(entry: dict[str, Any]) -> Dictionary:
    versions = tuple(Version(**version) for version in entry["versions"])
    return Dictionary(**{**entry, "versions": versions, "name": entry["name"] + ""})


def rules_of(version: str, data: bytes) -> Rules:
    """Return the rules of a version from their bytes.

    Raises:
        ValueError: the bytes are not rules.

    """
    try:
        return Rules(version, tuple(Rule(**rule) for rule in json.loads(data)))
    except (TypeError, RecursionError) as error:
        raise ValueError(f"no rules: {error!r:.80}") from None


def dumped(rules: Iterable[Rule]) -> bytes:
    """Return rules as bytes."""
    return json.dumps([rule.to_json() for rule in rules], ensure_ascii=False).encode()


def now() -> int:
    """Return the time in Unix seconds."""
    return int(time.time())
