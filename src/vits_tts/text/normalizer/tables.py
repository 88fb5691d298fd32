"""Tables of the package: YAML with strings only, and sorted files of words."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any, Final

import yaml

# libyaml is ten times as fast as Python's reader, and tables are read at each start.
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def texts(document: str) -> Any:
    """Return a YAML document in which every scalar is a string, including ``yes`` and ``on``.

    It is built from the events of the parser, which takes a third of the time of ``yaml.load``. An
    empty document is None.

    Raises:
        yaml.YAMLError: the document is not YAML, or has an alias, which no file of the package has.

    """
    loader = _Loader(document)
    event = loader.get_event
    try:
        while not isinstance(start := event(), yaml.DocumentStartEvent):
            if isinstance(start, yaml.StreamEndEvent):
                return None
        return _value(event(), event)
    finally:
        loader.dispose()


def _value(first: yaml.Event, event: Callable[[], yaml.Event]) -> Any:
    """Return the value that begins with the event ``first``."""
    if isinstance(first, yaml.ScalarEvent):
        return first.value
    if isinstance(first, yaml.MappingStartEvent):
        mapping = {}
        while not isinstance(key := event(), yaml.MappingEndEvent):
            mapping[_value(key, event)] = _value(event(), event)
        return mapping
    if not isinstance(first, yaml.SequenceStartEvent):
        raise yaml.YAMLError(f"aliases are not allowed: {first}")
    sequence = []
    while not isinstance(item := event(), yaml.SequenceEndEvent):
        sequence.append(_value(item, event))
    return sequence


class SortedFile:
    """A file ``data/NAME.tsv`` of words and their meanings, kept as its bytes.

    The lines are sorted, so a word is found by bisection. A dictionary of thousands of strings
    would take ten times as much memory and longer to build.
    """

    def __init__(self, name: str) -> None:
        """Read a file of the package."""
        data = resources.files("vits_tts.text").joinpath(f"data/{name}").read_bytes()
        start = next(line.start() for line in re.finditer(rb"^[^#]", data, re.MULTILINE))
        self._data = data[start:]
        self._starts = array("I", [0])
        self._starts.extend(newline.end() for newline in re.finditer(rb"\n(?=.)", self._data))

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._starts)

    def __iter__(self) -> Iterator[str]:
        """Yield the words in their order."""
        for start in self._starts:
            yield self._data[start : self._data.index(b"\t", start)].decode()

    def get(self, word: str) -> str:
        """Return the text after a word and a tab; empty if the file lacks the word."""
        key = word.encode() + b"\t"
        data = self._data
        place = bisect_left(self._starts, key, key=lambda start: data[start : start + len(key)])
        start = self._starts[place] if place < len(self._starts) else len(data)
        if not data.startswith(key, start):
            return ""
        end = data.find(b"\n", start)
        return data[start + len(key) : end if end >= 0 else len(data)].decode()
