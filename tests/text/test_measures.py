"""Units of physics."""

import pytest

from vits_tts.text.normalizer.measures import _ATOM, _ATOMS, measure, named
from vits_tts.text.patterns import lazily


def test_all_units_of_the_pattern_have_names() -> None:
    """The pattern of a unit matches each name of the table, and no other."""
    atom = lazily(rf"{_ATOM}\Z")
    assert [name for name in _ATOMS if not atom.match(name)] == []
    letters = "acdeghiklmnopqrstuvxyABCFGHJKLMNPSTVWyzΩμ°độòngphútgiờiâylí"
    short = {a + b + c for a in ("", *letters) for b in ("", *letters) for c in letters}
    assert [name for name in sorted(short) if atom.match(name) and name not in _ATOMS] == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("J/kg.K", "giun trên ki lô gam ken vin"),
        ("J/(kg.K)", "giun trên ki lô gam ken vin"),
        ("N.m²/C²", "niu tơn mét vuông trên cu lông bình phương"),
        ("m·s⁻²", "mét giây mũ âm hai"),
        ("kg.m/s", "ki lô gam mét trên giây"),
        ("g/cm³", "gam trên xăng ti mét khối"),
    ],
)
def test_products_and_rates(written: str, said: str) -> None:
    """Products and rates of units are named part by part."""
    assert named(written) == said


def test_a_unit_ends_at_a_letter_that_goes_on() -> None:
    """Only a whole unit is one: not the beginning of a word or of another product."""
    found = measure("5 m/s, rồi", 1)
    assert found is not None
    assert (found.said, found.end) == ("mét trên giây", 5)
    assert measure("5 mm và", 1) is not None
    assert measure("5 mua", 1) is None
    assert measure("5 g·t", 1) is None
