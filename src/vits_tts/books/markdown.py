"""Reading of Markdown: its headings begin chapters; code and notes are not spoken."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from vits_tts.books import markup, texts
from vits_tts.books.book import Book, by_headings
from vits_tts.yaml_files import read_pairs

_FRONT_MATTER: Final = "front_matter"
_NOTE: Final = "footnote_"
_CODE: Final = "fence"
_FACTS: Final = ("title", "author")


def read(path: Path) -> Book:
    """Return the book of a Markdown file, with the title and author of its front matter.

    Raises:
        BadBook: it is too large, or not UTF-8.
        OSError: it cannot be read.

    """
    # Optional dependencies.
    from markdown_it import MarkdownIt  # noqa: PLC0415
    from mdit_py_plugins.footnote import footnote_plugin  # noqa: PLC0415
    from mdit_py_plugins.front_matter import front_matter_plugin  # noqa: PLC0415
    from mdit_py_plugins.tasklists import tasklists_plugin  # noqa: PLC0415

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin).use(tasklists_plugin)
    parser.disable("code")  # an indented paragraph of a story is no code
    tokens = parser.parse(texts.read(path))
    front = next((token.content for token in tokens if token.type == _FRONT_MATTER), "")
    html = parser.renderer.render(list(_spoken(tokens)), parser.options, {})
    facts = _facts(front)
    title, chapters = by_headings(markup.blocks(html.encode()), facts.get("title") or path.stem)
    return Book(facts.get("title") or title, tuple(chapters), author=facts.get("author", ""))


def _spoken(tokens: list[Any]) -> Iterator[Any]:
    """Yield the tokens without front matter, blocks of code, notes and their marks."""
    in_notes = False
    for token in tokens:
        if token.type == f"{_NOTE}block_open":
            in_notes = True
        if token.children:
            token.children = [one for one in token.children if not one.type.startswith(_NOTE)]
        if not in_notes and token.type not in {_FRONT_MATTER, _CODE}:
            yield token


def _facts(front: str) -> dict[str, str]:
    """Return the title and author that front matter in YAML states; none if it is broken."""
    try:
        stated = read_pairs(front)
    except yaml.YAMLError:
        return {}
    pairs = stated.items() if isinstance(stated, dict) else ()
    return {
        name: " ".join(value.split())
        for name, value in pairs
        if name in _FACTS and isinstance(value, str)
    }
