"""Licences on model cards."""

import pytest

from vits_tts.voice import model_card


@pytest.mark.parametrize(
    ("text", "name", "commercial"),
    [
        ("* License: CC BY-NC-SA 4.0", "CC BY-NC-SA 4.0", False),
        ("## Dataset\n\n* URL: http://x\n* License: CC0\n", "CC0", True),
        ("* License: https://x.org/by/4.0/", "https://x.org/by/4.0/", None),
        (
            "* License: see https://creativecommons.org/licenses/by/4.0/",
            "see",
            True,
        ),
        ("* License: FPT Public License", "FPT Public License", None),
        ("* License: GPL-3.0 https://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0", True),
        ("* License: LGPL-2.1", "LGPL-2.1", True),
        ("* License: Mine https://creativecommons.org/licenses/by-nc/4.0/", "Mine", False),
        ("* License: Limited to my friends", "Limited to my friends", None),
        ("* Licence: Non-commercial use only", "Non-commercial use only", False),
        ("- **License:** [MIT](https://x.org/mit)", "MIT", True),
        ("* License: CC0, not for commercial use", "CC0, not for commercial use", False),
        ("* License: MIT (no commercial use)", "MIT no commercial use", False),
        ("* License: CC BY; commercial use on request", "CC BY; commercial use on request", None),
        ("* License: cc_by_nc_4.0", "cc_by_nc_4.0", False),
        ("* License: cc_by_4.0", "cc_by_4.0", True),
        ("* License: For research purposes only", "For research purposes only", False),
        ("* License: Phi thương mại", "Phi thương mại", False),
        ("* License: https://www.mit.edu/~lan/terms", "https://www.mit.edu/~lan/terms", None),
        ("* License: mine https://x.org/apache/gpl", "mine", None),
        ("* License: Mine https://opensource.org/license/mit", "Mine", True),
        ("* License: GPLv3", "GPLv3", True),
        ("* License: GNU General Public License v3.0", "GNU General Public License v3.0", True),
        ("* License: MIT Press proprietary", "MIT Press proprietary", None),
        ("A dance", None, True),
        ("* License:", None, True),
    ],
)
def test_cards(text: str, name: str | None, commercial: bool | None) -> None:
    """The licence is read from a card in the form of Piper's."""
    found = model_card.licence(text)
    assert (found.name if found else None) == name
    if found:
        assert found.commercial is commercial
