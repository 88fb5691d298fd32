"""The house: a module imports only what stands above it."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "vits_tts"

LAYERS = [
    "errors",
    "types",
    "cores",
    "config",
    "reference",
    "rotation",
    "logs",
    "probe",
    "metrics",
    "tracing",
    "text",
    "voice",
    "scheduling",
    "cache",
    "audio",
    "speech",
    "api",
    "web",
    "cli",
    "__main__",
]

MADE = [
    f"{name}("
    for name in ("Scheduler", "Admission", "MemoryCache", "Sentences", "AudioFiles", "Voices")
]


def imported(path: Path) -> set[str]:
    """Return our own top-level modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = node.module
            names |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("vits_tts.")}


def test_imports_point_upwards() -> None:
    """No module imports one that stands below it in the list of the architecture."""
    seen = set()
    for path in SOURCE.rglob("*.py"):
        layer = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if layer == "__init__":
            continue
        seen.add(layer)
        below = {name for name in imported(path) if LAYERS.index(name) > LAYERS.index(layer)}
        assert not below, f"{path.relative_to(SOURCE)} imports {below}"
    assert seen == set(LAYERS)


def test_only_builders_build() -> None:
    """Collaborators are made in `speech.build` and `make_app` and handed to everybody else."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for made in MADE:
            if path.name != "pipeline.py":
                uses = [line for line in text.splitlines() if made in line]
                assert all(line.startswith("class ") for line in uses), path
