"""The examples of docs/MARKUP.md, run."""

import re
from pathlib import Path

import pytest

from tests.support.plans import said

PAGE = (Path(__file__).parents[2] / "docs" / "MARKUP.md").read_text()
FOUND = re.findall(r"```(?:xml|text)\n(.*?)```\n> ([^\n]*)", PAGE, re.DOTALL)
EXAMPLES = [(text.strip(), told) for text, told in FOUND]
READINGS = re.findall(r"^\| `([a-z-]+)`(?: `(\w+)`)? \| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE)


def test_there_are_examples() -> None:
    """The patterns find the examples."""
    assert len(EXAMPLES) >= 9
    assert len(READINGS) >= 25


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_example(text: str, expected: str) -> None:
    """It is said as the page says."""
    assert said(text) == expected


@pytest.mark.parametrize(("kind", "form", "text", "expected"), READINGS)
def test_say_as(kind: str, form: str, text: str, expected: str) -> None:
    """A reading by name is as the table says, at the end of a sentence."""
    given = f' format="{form}"' if form else ""
    document = f'<speak>Đọc <say-as interpret-as="{kind}"{given}>{text}</say-as>.</speak>'
    assert said(document) == f"đọc {expected}."
