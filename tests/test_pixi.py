"""Users of pixi get the same commands and the same dependencies."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_tasks_are_the_scripts() -> None:
    """Every command of a task is in a script, and dependencies are declared once."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pixi = pyproject["tool"]["pixi"]
    assert pixi["workspace"]["platforms"] == ["linux-64", "linux-aarch64", "osx-arm64", "win-64"]
    scripts = {
        "serve": ["start.sh"],
        "test": ["scripts/test"],
        "lint": ["scripts/check"],
        "format": ["scripts/format"],
    }
    assert set(pixi["tasks"]) == set(scripts)
    for task, paths in scripts.items():
        text = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths)
        command = pixi["tasks"][task]
        for part in (command if isinstance(command, str) else command["cmd"]).split(" && "):
            assert part in text, f"{task}: {part}"
    assert list(pixi["dependencies"]) == ["python"]
    assert list(pixi["pypi-dependencies"]) == [pyproject["project"]["name"]]
    assert set(pixi["environments"]["default"]["features"]) <= set(pyproject["dependency-groups"])
    assert not (ROOT / "requirements.txt").exists()
