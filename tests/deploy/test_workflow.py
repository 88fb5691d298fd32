"""The CI workflow: pinned, with no rights, running the scripts that people run."""

import os
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / ".github" / "workflows" / "ci.yml"


def test_actions_are_pinned() -> None:
    """Every action is named by a commit, with its version beside it, and keeps no credentials."""
    text = FILE.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"(- )?uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job
        for step in job["steps"]:
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_every_supported_python_is_tested() -> None:
    """The versions are those that the package says it supports, and the scripts are there."""
    workflow = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", project)
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == supported
    commands = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    scripts = [command for command in commands if command.startswith("scripts/")]
    assert {"scripts/test", "scripts/wheel", "scripts/image", "scripts/audit"} <= set(scripts)
    for script in scripts:
        assert os.access(ROOT / script.split()[0], os.X_OK), script
