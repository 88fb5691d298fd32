"""The unit for systemd in docs/DEPLOYMENT.md."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from vits_tts.config.loading import load

PAGE = Path(__file__).parents[2] / "docs" / "DEPLOYMENT.md"


def folders(settings: Mapping[str, Any]) -> Iterator[Path]:
    """Yield all folders in settings."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from folders(value)
        elif name.endswith("folder") and value:
            yield Path(value)


def test_the_server_may_write_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All folders are in those that systemd makes; the rest of the disk cannot be written."""
    found = re.search(r"```ini\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    lines = [line.partition("=")[::2] for line in found[1].splitlines()]
    unit = dict(lines)
    assert unit["ProtectSystem"] == "strict"
    for name, value in lines:
        if name == "Environment":
            monkeypatch.setenv(*value.split("=", 1))
    path = tmp_path / "config.yaml"
    path.write_text("server: {port: 8888}\n", encoding="utf-8")
    state = Path("/var/lib", unit["StateDirectory"])
    cache = Path("/var/cache", unit["CacheDirectory"])
    config = load(path)
    outside = [
        folder
        for folder in folders(config.model_dump())
        if not (folder.is_relative_to(state) or folder.is_relative_to(cache))
    ]
    assert outside == []
    assert config.jobs.folder.is_relative_to(state)
