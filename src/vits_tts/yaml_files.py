"""Reads YAML files safely, with any content.

A user who edits such a file must not be able to block or crash the process that reads it. So a pipe
is not waited for, and only a limited number of bytes is read. The depth is limited, because
libyaml's composer is recursive and could run out of stack, and because its scanner takes time that
grows with the square of the depth.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

DEEPEST: Final = 50
"""The maximum levels of nesting; settings have four, a lexicon has one."""
_PARSER: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_text(path: Path, max_bytes: int, *, regular: bool = False) -> str:
    """Return the text of a file of at most ``max_bytes``; ``regular`` refuses pipes and devices.

    Raises:
        OSError: The file cannot be read, is too large, or is not a regular file.
        UnicodeDecodeError: The file is not UTF-8.

    """
    with open(path, "rb", opener=_open_at_once) as file:
        if regular and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data.decode()


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without blocking, and return its descriptor; a pipe without a writer is empty."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(descriptor, True)
    return descriptor


def check_depth(document: str) -> None:
    """Check that a document is not nested too deeply, event by event.

    Raises:
        yaml.YAMLError: It has more than ``DEEPEST`` levels, or is not valid YAML.

    """
    for _ in _events(document):
        pass


def _events(document: str) -> Iterator[yaml.Event]:
    """Yield the events of a document, up to one that is nested too deeply.

    Raises:
        yaml.YAMLError: It has more than ``DEEPEST`` levels, or is not valid YAML.

    """
    depth = 0
    for event in yaml.parse(document, _PARSER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.YAMLError(f"more than {DEEPEST} levels of nesting")
        yield event


def read_pairs(document: str, rest: Callable[[], object] = lambda: None) -> Any:
    """Return the value of a document, which is a mapping of strings to strings if it is valid.

    It is read event by event, in Python, so that other threads can run. libyaml would hold the
    interpreter lock for a second over a hundred thousand pairs. A value that is not a string
    becomes an empty list; a document that is not a mapping becomes a string or an empty list. Of a
    key that occurs twice, the last value counts. ``rest`` is called after each event.

    Raises:
        yaml.YAMLError: The document is not valid YAML, has more than ``DEEPEST`` levels, or a key
            is not a string.

    """
    pairs = _Pairs()
    for event in _events(document):
        pairs.take(event)
        rest()
    return pairs.root


class _Pairs:
    """Builds the mapping from events; ``root`` is the result so far."""

    def __init__(self) -> None:
        self.root: Any = {}
        self._documents = 0
        self._depth = 0
        self._key: str | None = None
        self._anchors: dict[str, str] = {}

    def take(self, event: yaml.Event) -> None:
        """Process the next event.

        Raises:
            yaml.YAMLError: There is a second document, or a key is not a string.

        """
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise yaml.YAMLError("more than one document")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                self._anchors[event.anchor] = event.value
            self._add(event.value)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._anchors.get(event.anchor or "", []))

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if not self._depth:
            self.root = {} if isinstance(event, yaml.MappingStartEvent) else []
        else:
            self._add([])
        self._depth += 1

    def _add(self, value: str | list[Any]) -> None:
        """Add a key, or the value of the last key; ignore deeper levels."""
        if not self._depth:
            self.root = value or {}  # an empty document is an empty string
        elif self._depth == 1 and isinstance(self.root, dict):
            if self._key is not None:
                self.root[self._key] = value
                self._key = None
            elif isinstance(value, str):
                self._key = value
            else:
                raise yaml.YAMLError("a key is not a string")
