"""The conditions of rules are necessary: no rule misses a match because of them."""

import re
import subprocess
import sys

import pytest

from tests.support.reading import cases
from training.reading.conditions import conditions
from vits_tts.text.aligned import Text
from vits_tts.text.normalizer.conditions import conditions_of
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.normalizer.rules import Rule
from vits_tts.text.traces import traces


def test_they_are_those_of_the_patterns() -> None:
    """``scripts/format`` has written the conditions of all rules as they are now."""
    # in a process of its own, which has no other rules
    program = """if True:
        from training.reading.conditions import TARGET, table
        print(TARGET.read_text(encoding="utf-8") == table())
    """
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout == b"True\n", "run scripts/format"


@pytest.mark.slow
def test_no_match_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its conditions, each rule finds the same matches as its pattern alone."""
    read, met = Rule.__call__, set[str]()

    def checked(rule: Rule, text: Text) -> Text:
        conditions = conditions_of(rule.pattern.pattern)
        alone = [match.span() for match in rule.pattern.finditer(text.spoken)]
        found = conditions.matches(rule.pattern, text.spoken)
        assert [match.span() for match in found] == alone, rule.pattern.pattern
        assert text.traces is None or traces(text.spoken) <= text.traces, text.spoken
        if alone and text.traces is not None:
            missed = [need for need in conditions.needs if need.isdisjoint(text.traces)]
            assert not missed, (rule.pattern.pattern, text.spoken)
            met.add(rule.pattern.pattern)
        return read(rule, text)

    monkeypatch.setattr(Rule, "__call__", checked)
    reader = Normalizer("south", "read")
    for number, case in enumerate(cases()):
        if number % 40 == 0:
            reader(case.written)
            reader(case.written.upper())
    assert len(met) > 80


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(?i:km)", "\u212am"), ("(?i:ks)", "Kſ"), ("(?i:φa)", "ϕA"), ("(?i:ß)", "ẞ")],
)
def test_letters_that_are_equal_without_case(pattern: str, text: str) -> None:
    """The needs of a pattern that ignores case have all letters that it matches."""
    assert re.search(pattern, text)
    _, _, *needs = conditions(pattern)
    assert needs
    for singles, pairs in needs:
        one_of = {*singles, *(pairs[at : at + 2] for at in range(0, len(pairs), 2))}
        assert one_of & traces(text)


def test_traces_of_changed_texts() -> None:
    """A changed text has the traces of its replacements and of the places where they touch."""
    text = Text("Ở A-B 25%", traces=traces("Ở A-B 25%"))
    changed = text.rewritten([(2, 3, "x"), (3, 4, "y"), (4, 6, ""), (8, 9, " phần")])
    assert changed.spoken == "Ở xy25 phần"
    assert changed.traces is not None
    assert traces(changed.spoken) <= changed.traces


@pytest.mark.parametrize(
    ("written", "found"),
    [("Ấ12", {"Ấ", "0", "ấ0", "00"}), ("aİ", {"a", "İ", "ai"}), ("x", {"x"}), ("", set())],
)
def test_traces(written: str, found: set[str]) -> None:
    """Pairs are in small letters, and all digits are the same."""
    assert traces(written) == found
