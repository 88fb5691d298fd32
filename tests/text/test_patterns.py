"""Regular expressions that are compiled when they are first used."""

import re
import subprocess
import sys

import pytest

from vits_tts.text.patterns import lazily


def test_it_has_the_methods_of_a_pattern() -> None:
    """A pattern finds the same as one that was compiled at once."""
    pattern = lazily("(?P<a>x)|y", re.IGNORECASE)
    assert [match.group() for match in pattern.finditer("aXby")] == ["X", "y"]
    assert pattern.sub("-", "aXby") == "a-b-"
    assert pattern.groupindex == {"a": 1}
    assert pattern.pattern == "(?P<a>x)|y"


def test_a_mistake_is_told_when_it_is_used() -> None:
    """A broken pattern raises the error of ``re`` each time."""
    pattern = lazily("(")
    for _ in range(2):
        with pytest.raises(re.error):
            pattern.search("")


def test_all_patterns_compile() -> None:
    """No pattern of the reader is broken, also of those that few texts need."""
    # in a process of its own, because frozen objects are not listed
    program = """if True:
        import gc
        from vits_tts.text.normalizer.pipeline import Normalizer
        from vits_tts.text.patterns import _Pattern
        reader = Normalizer("south", "read")
        patterns = [thing for thing in gc.get_objects() if isinstance(thing, _Pattern)]
        for pattern in patterns:
            assert pattern.groups >= 0, pattern.pattern
        print(len(patterns))
    """
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(found.stdout) > 500


def test_a_new_reader_compiles_nearly_none() -> None:
    """The patterns wait for their first text, so that the start does not."""
    program = """if True:
        import gc
        from vits_tts.text.normalizer.pipeline import Normalizer
        from vits_tts.text.patterns import _Pattern
        reader = Normalizer()
        patterns = [vars(thing) for thing in gc.get_objects() if isinstance(thing, _Pattern)]
        print(len(patterns), sum("_compiled" in one for one in patterns))
        reader("Ngày 2/3")
        print(sum("_compiled" in one for one in patterns))
    """
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    made, before, after = map(int, found)
    assert before < made / 20
    assert before + 50 < after < made
