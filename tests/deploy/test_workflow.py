"""The workflows: pinned, with few rights, running the same scripts as developers."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI = ROOT / ".github" / "workflows" / "ci.yml"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"


def workflow(file: Path) -> dict[str, Any]:
    """Return a workflow as GitHub reads it."""
    read: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return read


def commands(file: Path) -> list[str]:
    """Return the lines of shell that a workflow runs."""
    steps = [step for job in workflow(file)["jobs"].values() for step in job["steps"]]
    return [line.strip() for step in steps for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_actions_are_pinned(file: Path) -> None:
    """Every action is pinned to a commit with a comment of its version, without credentials."""
    text = file.read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"(- )?uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    assert workflow(file)["permissions"] == {"contents": "read"}
    for job in workflow(file)["jobs"].values():
        assert "timeout-minutes" in job
        for step in job["steps"]:
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_every_supported_python_is_tested() -> None:
    """The versions are those that the package supports, and the scripts exist."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.findall(r"Python :: (3\.\d+)", project)
    assert workflow(CI)["jobs"]["test"]["strategy"]["matrix"]["python"] == supported
    wanted = {"scripts/test", "scripts/wheel", "scripts/image", "scripts/audit", "scripts/lowest"}
    assert wanted <= set(commands(CI))
    lines = [line for file in FILES for line in commands(file)]
    scripts = {name for line in lines for name in re.findall(r"\bscripts/\w+", line)}
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script


def test_only_publishing_may_write() -> None:
    """CI has no right to write; each job of a release has only the rights that it needs."""
    assert not any("permissions" in job for job in workflow(CI)["jobs"].values())
    rights = {name: job.get("permissions") for name, job in workflow(RELEASE)["jobs"].items()}
    assert rights == {
        "packages": None,
        "pypi": {"id-token": "write"},
        "image": {"contents": "read", "packages": "write"},
        "publish": {"contents": "write", "packages": "write"},
    }


def test_a_release_needs_its_tag_and_its_entry(tmp_path: Path) -> None:
    """The tag is the version, and the changelog has a dated entry for it, which is printed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tag = f"v{project['project']['version']}"

    def release(command: str, name: str) -> "subprocess.CompletedProcess[str]":
        script = [str(ROOT / "scripts" / "release"), command, name]
        return subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert release("check", tag).returncode == 0
    assert "the version" in release("check", "v9.9.9").stderr
    notes = release("notes", tag).stdout
    assert notes.strip()
    assert "\n## " not in notes
