"""Find the examples of the documentation by their fences, and run them as printed.

Only the port is replaced.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>sh|python)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)

OPENAI = "openai"
"""The mark of an example that needs OpenAI's client, which is installed for developers."""

_FENCE = re.compile(r"^```(?:sh|bash|shell|console|python)", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A fenced block, and the comment above it, which says whether the tests run it."""

    language: str
    code: str
    mark: str

    @property
    def runs(self) -> bool:
        """True if the tests run it."""
        return self.mark in {"try", OPENAI}

    def joined(self, other: "Example") -> "Example":
        """Return one example that runs both in one process, like the cells of a notebook."""
        return Example(self.language, f"{self.code}\n{other.code}", self.mark)

    def run(self, folder: Path, url: str, python: Path) -> str:
        """Run it in ``folder`` in a new process, assert that it succeeds, and return its output."""
        strict = ["-W", "error"]
        if self.mark == OPENAI:
            python, strict = Path(sys.executable), []
        code = self.code.replace("localhost:8888", url.removeprefix("http://"))
        bins = f"{folder / 'players'}:{python.parent}"
        command = {
            "sh": ["bash", "-ec", f'export PATH="{bins}:$PATH"\n{code}'],
            "python": [str(python), *strict, "-c", code],
        }[self.language]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{self.code}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def examples(page: Path) -> list[Example]:
    """Return all examples of a page; assert that each is run or says why it is not."""
    text = page.read_text(encoding="utf-8")
    found = [
        Example(block["language"], block["code"], block["mark"] or "")
        for block in _BLOCK.finditer(text)
    ]
    assert len(found) == len(_FENCE.findall(text))
    for example in found:
        told = example.runs or example.mark.startswith("not run: ")
        assert told, f"{page.name}: say `try` over it, or `not run: why`:\n{example.code}"
    return found


def tried(page: Path) -> list[Example]:
    """Return the examples of a page that are run; neighbours in one language share a process."""
    runs: list[Example] = []
    for example in examples(page):
        if not example.runs:
            continue
        if runs and (runs[-1].language, runs[-1].mark) == (example.language, example.mark):
            runs[-1] = runs[-1].joined(example)
        else:
            runs.append(example)
    return runs
