"""Modules that the documentation names exist, so that a reader finds them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
MODULES = {
    f"/{path.relative_to(ROOT)}"
    for folder in ("src", "tests", "benchmarks", "examples", "deploy", "training")
    for path in (ROOT / folder).rglob("*.py")
}


def exists(name: str) -> bool:
    """Return whether a module has this path, or one that ends with it."""
    return any(module.endswith(f"/{name}") for module in MODULES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths(page: Path) -> None:
    """Every path of a Python file in a page belongs to a file."""
    named = re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not exists(name)] == []


def test_reading_rules() -> None:
    """Every module in READING.md's table of rules belongs to a file."""
    text = (ROOT / "docs/READING.md").read_text(encoding="utf-8")
    table = text.split("| module | reads |", 1)[1].split("\n\n", 1)[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]
    named = [name for cell in cells for name in re.findall(r"`([\w/]+)`", cell)]
    assert len(named) > 30
    assert [name for name in named if not exists(f"{name}.py")] == []
