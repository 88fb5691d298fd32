"""Pages and modules that the documentation names exist, so that a reader finds them."""

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


def test_index() -> None:
    """The index of the documentation lists every page."""
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"\]\(([\w/.-]+)\)", index))
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert pages - listed == set()


def test_rooms() -> None:
    """ARCHITECTURE.md describes every room, and its names and its picture's names exist."""
    text = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    source = ROOT / "src/vits_tts"
    described = set(re.findall(r"`([\w]+(?:\.py|/))`", text.split("## To add", 1)[0]))
    rooms = {f"{path.parent.name}/" for path in source.glob("*/__init__.py")}
    tools = {path.name for path in source.glob("*.py") if not path.name.startswith("__")}
    assert (rooms | tools) - described == set()
    drawn = re.findall(r"[\[{]\"([\w/, ]+)<br>", text)
    assert len(drawn) > 8
    places = [place.strip().rstrip("/") for names in drawn for place in names.split(",")]
    missing = [name for name in places if not (source / name).is_dir() and not exists(f"{name}.py")]
    assert missing == []
    folders = re.findall(r"`([a-z_]+(?:/[a-z_]+)*)/`", text)
    bases = [ROOT / base for base in ("src", "tests", "deploy", "docs")]
    inside = [path for base in bases for path in base.rglob("*") if path.is_dir()]
    ends = [f"/{path.relative_to(ROOT)}" for path in inside]
    assert [name for name in folders if not any(end.endswith(f"/{name}") for end in ends)] == []


def test_glossary() -> None:
    """The places of the glossary exist, and its terms are in order and have one row each."""
    text = (ROOT / "docs/GLOSSARY.md").read_text(encoding="utf-8")
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| ")][1:]
    terms = [row[0].lower() for row in rows]
    assert len(terms) > 80
    assert terms == sorted(set(terms))
    places = [name for row in rows for name in re.findall(r"`([^`]+)`", row[2])]
    bases = (ROOT / "src/vits_tts", ROOT)
    assert [name for name in places if not any((base / name).exists() for base in bases)] == []
