"""Tests of reading licences and of finding the one that fits two sources."""

import pytest

from training import licences
from training.licences import Irreconcilable
from vits_tts.voice import model_card


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("cc-by-nc-sa-4.0", "CC BY-NC-SA 4.0", "licenses/by-nc-sa/4.0/"),
        ("CC BY 3.0", "CC BY 3.0", "licenses/by/3.0/"),
        (
            "Creative Commons Attribution-NonCommercial 4.0 International",
            "CC BY-NC 4.0",
            "licenses/by-nc/4.0/",
        ),
        ("GPL-3.0-or-later", "GPL-3.0-or-later", "gpl-3.0.html"),
        ("CC0", "CC0", "zero/1.0/"),
        ("Ours https://example.vn/terms", "Ours", "https://example.vn/terms"),
    ],
)
def test_names_are_read(text: str, name: str, url: str) -> None:
    """Known licences get their usual name and address; others stay as they are."""
    found = licences.parse(text)
    assert found.name == name
    assert (found.url or "").endswith(url)


def test_known_terms_agree_with_the_installer() -> None:
    """The installer agrees on which licences forbid commercial use."""
    for clauses in ("", "-NC", "-SA", "-NC-SA", "-ND", "-NC-ND"):
        found = licences.parse(f"CC BY{clauses} 4.0")
        assert found.non_commercial == ("NC" in clauses)
        assert found.non_commercial != model_card.Licence(name=found.name).commercial


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("CC BY 4.0", "CC BY 4.0", "CC BY 4.0"),
        ("Ours", "Ours", "Ours"),
        ("CC0", "CC BY 4.0", "CC BY 4.0"),
        ("MIT", "CC BY-SA 4.0", "CC BY-SA 4.0"),
        ("CC BY 4.0", "CC BY-NC 4.0", "CC BY-NC 4.0"),
        ("CC BY 4.0", "CC BY-NC-SA 4.0", "CC BY-NC-SA 4.0"),
        ("CC BY-NC 4.0", "CC BY-NC-SA 4.0", "CC BY-NC-SA 4.0"),
        ("CC BY-SA 3.0", "CC BY-SA 4.0", "CC BY-SA 4.0"),
        ("CC BY 4.0", "GPL-3.0", "GPL-3.0"),
        ("CC BY-SA 4.0", "GPL-3.0", "GPL-3.0"),
        ("Apache-2.0", "GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("GPL-3.0-only", "GPL-3.0-or-later", "GPL-3.0-only"),
        ("GPL-3.0-or-later", "AGPL-3.0-or-later", "AGPL-3.0-or-later"),
    ],
)
def test_the_stricter_one_holds(first: str, second: str, expected: str) -> None:
    """The order of the two sources does not matter."""
    a, b = licences.parse(first), licences.parse(second)
    assert licences.stricter(a, b).name == licences.stricter(b, a).name == expected


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("CC BY-SA 4.0", "CC BY-NC 4.0", "neither"),
        ("CC BY-SA 4.0", "CC BY-NC-SA 4.0", "neither"),
        ("CC BY-NC 4.0", "GPL-3.0", "neither"),
        ("CC BY-NC-SA 4.0", "AGPL-3.0", "neither"),
        ("CC BY-SA 3.0", "GPL-3.0", "neither"),
        ("CC BY 4.0", "CC BY-ND 4.0", "forbids changed versions"),
        ("CC BY-ND 4.0", "CC BY-ND 4.0", "forbids changed versions"),
        ("CC BY 4.0", "Ours", "not known"),
        ("Ours", "Theirs", "not known"),
    ],
)
def test_the_irreconcilable_is_refused(first: str, second: str, reason: str) -> None:
    """No licence is invented where none fits both sources."""
    a, b = licences.parse(first), licences.parse(second)
    for pair in ((a, b), (b, a)):
        with pytest.raises(Irreconcilable, match=reason):
            licences.stricter(*pair)


@pytest.mark.parametrize("text", ["", "  ", "CC BY\n4.0", "a\x07"])
def test_a_licence_has_a_name(text: str) -> None:
    """Nothing that would break the model card is taken for a licence."""
    with pytest.raises(ValueError, match="name of a licence"):
        licences.parse(text)
