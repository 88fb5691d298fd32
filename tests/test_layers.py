"""Layers of the package: a module imports only modules of lower layers."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "vits_tts"

LAYERS = [
    "errors",
    "types",
    "cores",
    "thread_pool",
    "loop_thread",
    "ending_tasks",
    "file_lock",
    "yaml_files",
    "archives",
    "config",
    "telemetry",
    "circuit_breaker",
    "rest",
    "uncollected",
    "text",
    "text.normalizer",
    "text.context",
    "text.settled",
    "text.incremental",
    "text.phonemes",
    "markup",
    "voice",
    "audio.loudness",
    "audio.true_peak",
    "audio.limiter",
    "inference.durations",
    "inference.feed",
    "inference.plan",
    "inference.noise",
    "inference.cancel",
    "inference.arena",
    "inference.memory",
    "inference.chunks",
    "inference.session",
    "inference.streaming",
    "inference.graph",
    "inference.graph.passes",
    "inference.graph.streaming",
    "inference",
    "catalogue",
    "scheduling",
    "cache",
    "dictionaries",
    "audio",
    "usage",
    "speech",
    "api",
    "books",
    "jobs",
    "web.state",
    "web.http",
    "web.auth",
    "web.schema.responses",
    "web.schema.fields",
    "web.schema.json_schema",
    "web.schema.requests",
    "web.schema.messages",
    "web.schema.jobs",
    "web.schema.usage",
    "web.request_log",
    "web.process_metrics",
    "web.failures",
    "web.http.exchange",
    "web.callbacks",
    "web.context",
    "web.background",
    "web.base",
    "web.schema.route",
    "web.handlers",
    "web.sockets",
    "web.schema.openapi",
    "web.routes",
    "web",
    "wyoming",
    "server",
    "cli",
    "__main__",
]
"""From the bottom to the top: a module belongs to the longest of these names that it begins with.

Modules with the same name here may import each other."""

MADE = [
    f"{name}("
    for name in (
        "Scheduler",
        "Admission",
        "MemoryCache",
        "SentenceStore",
        "AudioFiles",
        "VoiceRegistry",
    )
]


MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
    if path != SOURCE / "__init__.py"
}


def layer(module: str) -> str:
    """Return the layer that a module belongs to."""
    found = [name for name in LAYERS if f"{module}.".startswith(f"{name}.")]
    assert found, f"{module} has no layer"
    return max(found, key=len)


def imported(path: Path) -> set[str]:
    """Return the modules of this package that a file imports at any place."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    known = {name.removeprefix("vits_tts.") for name in names if name.startswith("vits_tts.")}
    # An import of a module also imports its package; only the name in the statement counts.
    found = known & MODULES.keys()
    return {name for name in found if not any(other.startswith(f"{name}.") for other in found)}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_downwards(module: str) -> None:
    """No module imports one of a higher layer."""
    own = LAYERS.index(layer(module))
    above = {name for name in imported(MODULES[module]) if LAYERS.index(layer(name)) > own}
    assert not above


def test_every_layer_has_a_module() -> None:
    """Every name in the list belongs to at least one module."""
    assert {layer(module) for module in MODULES} == set(LAYERS)


def test_only_builders_build() -> None:
    """Only `speech.build` and `make_app` create collaborators; all other code receives them."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for made in MADE:
            if path.name != "pipeline.py":
                uses = [line for line in text.splitlines() if made in line]
                assert all(line.startswith("class ") for line in uses), path
