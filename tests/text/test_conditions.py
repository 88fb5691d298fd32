"""The conditions of rules are necessary: no rule misses a match because of them."""

import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import islice

import pytest

from tests.support.reading import cases
from training.reading.conditions import conditions
from vits_tts.text.aligned import Text
from vits_tts.text.normalizer import orthography, pipeline
from vits_tts.text.normalizer.chain import Chain, Prefilter
from vits_tts.text.normalizer.conditions import conditions_of
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.normalizer.rules import Rule, Step, Where
from vits_tts.text.traces import Signature, has_other_digits, traces


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
    """A chain reads like all its steps one by one, and conditions hide no match of a pattern."""
    read, met = Rule.__call__, set[str]()

    def checked(rule: Rule, text: Text) -> Text:
        conditions = conditions_of(rule.pattern.pattern)
        alone = [match.span() for match in rule.pattern.finditer(text.spoken)]
        if not has_other_digits(text.spoken):
            found = conditions.matches(rule.pattern, text.spoken)
            assert [match.span() for match in found] == alone, rule.pattern.pattern
        if alone:
            missed = [need for need in conditions.needs if need.isdisjoint(traces(text.spoken))]
            assert not missed, (rule.pattern.pattern, text.spoken)
            met.add(rule.pattern.pattern)
        return read(rule, text)

    reader = Normalizer("south", "read")
    steps = (*pipeline._cleaning("south", "read"), *pipeline._reading("south", "safe"))
    for case in islice(cases(), 0, None, 40):
        for written in (case.written, case.written.upper(), case.written.replace("2", "٢")):
            chained = reader(written)
            with monkeypatch.context() as patched:
                patched.setattr(Rule, "__call__", checked)
                assert chained == _one_by_one(steps, Text(written))
    assert len(met) > 80


def _one_by_one(steps: Iterable[Step], text: Text) -> Text:
    """Return the text after all steps, without a prefilter."""
    for step in steps:
        if not isinstance(step, Where):
            text = step(text)
        elif step.wants(text):
            text = _one_by_one(step.steps, text)
    return text


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
    """A signature has the traces of replacements, and of the places where they touch."""
    seen: set[str] = set()

    def noted(word: str) -> int:
        seen.update(traces(f" {word} "))
        return 0

    text = Text("Ở A-B 25%", signature=Signature(noted, "Ở A-B 25%"))
    assert traces(text.spoken) <= seen
    changed = text.rewritten([(2, 3, "x"), (3, 4, "y"), (4, 6, ""), (8, 9, " phần")])
    assert changed.spoken == "Ở xy25 phần"
    assert traces(changed.spoken) <= seen


def test_prefilter() -> None:
    """A step is a candidate if the text has a trace of each of its needs."""
    needs = [(), ({"0"}, {"kg", "KG"}), ({"m "}, {"0"}, {"x"}), ({"0"},)]
    prefilter = Prefilter([tuple(map(frozenset, sets)) for sets in needs])

    def candidates(spoken: str) -> list[int]:
        steps = prefilter.candidates(prefilter.signature(spoken).met)
        return [step for step in range(len(needs)) if steps >> step & 1]

    assert candidates("Không có số.") == [0]
    assert candidates("Nặng 25kg") == [0, 1, 3]
    assert candidates("25 Kg x 3") == [0, 1, 3]
    assert candidates("3m x 4m") == [0, 2, 3]
    assert candidates("٣ kg") == [0, 1, 3]
    assert candidates(f"{'a' * 100}kg0") == [0, 1, 3]


def test_groups() -> None:
    """The steps of a group run only if its pattern is found where the group begins."""
    inner = Where(r"b", Rule("d", "e"), Rule(r"e", "f"))
    chain = Chain(
        [Rule("a", "b", glued=True)], [Where(r"[bc]", inner, Rule("x", "y")), orthography.lower]
    )
    assert chain(Text("A d x"), ()).spoken == "a d x"
    assert chain(Text("a d x"), ()).spoken == "b f y"
    assert chain(Text("c d x"), ()).spoken == "c d y"
    assert chain(Text("D"), (Rule("D", "c d x"),)).spoken == "c d y"


@pytest.mark.parametrize(
    ("written", "other"), [("12", False), ("Ấ1", False), ("2٣", True), ("a𝟗", True)]
)
def test_other_digits(written: str, *, other: bool) -> None:
    """Only decimal digits beside those of ASCII are other ones."""
    assert has_other_digits(written) is other


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("Ấ12", {"Ấ", "0", "Ấ0", "ấ0", "00"}),
        ("aİ", {"a", "İ", "aİ", "ai"}),
        ("x", {"x"}),
        ("", set()),
    ],
)
def test_traces(written: str, found: set[str]) -> None:
    """Pairs are as written and in small letters, and all digits are the same."""
    assert traces(written) == found
