"""Portions of a long text, such as a book, so that speech starts before all of it is read."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of a text: its characters, its ``start``, and whether it ends a ``paragraph``."""

    text: str
    start: int
    paragraph: bool


def portions(text: str, most: int) -> Iterator[Portion]:
    """Yield a text in portions of at most ``most`` characters.

    A portion ends after an empty line or, without one, after a line. It is longer than ``most``
    only if a single line is longer.
    """
    start = 0
    while start < len(text):
        end, paragraph = _end(text, start, start + most)
        yield Portion(text[start:end], start, paragraph)
        start = end


def _end(text: str, start: int, most: int) -> tuple[int, bool]:
    if most >= len(text):
        return len(text), True
    for mark in ("\n\n", "\n"):
        place = text.rfind(mark, start, most)
        if place > start:
            return place + len(mark), mark == "\n\n"
    place = text.find("\n", most)
    return (place + 1, False) if place >= 0 else (len(text), True)
