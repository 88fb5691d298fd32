"""Portions of a long text: so that a book can be read from its first page on."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Portion:
    """A stretch of a text, which stands at ``start``; ``paragraph`` if a paragraph ends with it."""

    text: str
    start: int
    paragraph: bool


def portions(text: str, most: int) -> Iterator[Portion]:
    """Yield a text in portions of ``most`` characters or, where no line ends in that, more.

    They end where a reader pauses: at an empty line, else at the end of a line.
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
