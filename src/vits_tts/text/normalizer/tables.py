"""Tables: YAML with strings only (also users' lexicons), and sorted files of words."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from importlib import resources
from typing import Any, Final

import yaml

# The base loaders create no objects. libyaml is ten times as fast, and tables are read at each
# start.
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def texts(document: str) -> Any:
    """Return a YAML document in which every scalar is a string, including ``yes`` and ``on``.

    Raises:
        yaml.YAMLError: the document is not YAML.

    """
    return yaml.load(document, _Loader)  # noqa: S506


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
