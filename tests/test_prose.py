"""The check of English finds the forms that it forbids, and only these."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.prose import findings

GOOD = '''
"""Sentences: how a text is split."""

def size(text: str) -> int:
    """Return the length of a text in characters.

    Callers that wait get the text first. "What is it?" is quoted.
    """
    return len(text)  # the limit of a request, which no caller sees
'''

BAD = {
    '"""What a voice says."""': "begins with 'what'",
    'def f():\n    """Whether it runs."""': "begins with 'whether'",
    'def f():\n    """The size of a text."""': "does not begin with a verb of the list: 'the'",
    'def f():\n    """Return what was read."""': "'Return what': name the thing",
    '"""A queue. Who waits is served first."""': "'Who waits is served first.': name the person",
    "x = 1  # for those who wait": "'those who': name the person",
    "raise ValueError('there are so many of them')": "'so many': say 'this many'",
    'x = 1\n"""Nobody waits."""': "'Nobody': name the client",
    "# one\n# so that who waits, waits": "'that who': name the person",
    'def close_file():\n    """Close the file."""': "only repeats the name",
    f'"""{"word " * 36}."""': "a sentence of 37 words",
}


def test_plain_english_passes(tmp_path: Path) -> None:
    """A file in the style of the project has no findings."""
    path = tmp_path / "good.py"
    path.write_text(GOOD, encoding="utf-8")
    assert list(findings(path)) == []


@pytest.mark.parametrize(("source", "finding"), BAD.items())
def test_banned_forms_are_found(tmp_path: Path, source: str, finding: str) -> None:
    """Each banned form is reported, with advice."""
    path = tmp_path / "bad.py"
    path.write_text(f"{source}\n", encoding="utf-8")
    assert any(finding in found.text for found in findings(path)), list(findings(path))


def test_command_fails_on_a_finding(tmp_path: Path) -> None:
    """The command prints the place of each finding and ends with 1."""
    path = tmp_path / "bad.py"
    path.write_text('def f() -> int:\n    """Whether it runs."""\n', encoding="utf-8")
    command = [sys.executable, "-m", "tests.support.prose", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{path}:2: begins with 'whether'" in done.stdout
