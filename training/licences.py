"""Read licences by their names, and find the one that fits two sources at once.

Only terms that decide this are known here: whether business is forbidden, whether changed versions
are forbidden, and under which licence they have to be shared. It is no legal advice.
"""

import re
from dataclasses import dataclass

from vits_tts.voice import model_card

KNOWN = "CC0 1.0, CC BY[-NC][-SA|-ND] 3.0 or 4.0, MIT, Apache-2.0, BSD-3-Clause, GPL-3.0"
_CC = re.compile(
    r"(?:cc|creative commons)[ -]*(?:attribution|by)((?:[ -]*(?:nc|noncommercial|sa|sharealike|nd"
    r"|noderivatives|noderivs))*)[ -]*(\d\.\d)?(?: (?:international|unported))?"
)
_CC0 = re.compile(r"cc[ -]?0(?:[ -]*1\.0)?|public domain")
_PERMISSIVE = re.compile(r"(?:mit|apache(?:[ -]license)?[ -]*2\.0|bsd[ -]?[23](?:[ -]clause)?)")
_GPL = re.compile(r"(a?)gpl[ -]*v?3(?:\.0)?(?:[ -](?:only|or[ -]later)|\+)?")


class Irreconcilable(Exception):
    """No licence fits both sources; the message says why."""


@dataclass(frozen=True)
class Licence:
    """A licence with the terms that matter for a voice made from its recordings.

    ``kind`` is ``free``, ``permissive``, ``cc``, ``gpl``, ``agpl`` or, for terms that are not known
    here, ``other``.
    """

    name: str
    url: str | None = None
    kind: str = "other"
    version: str = ""
    non_commercial: bool = False
    share_alike: bool = False
    no_derivatives: bool = False

    @property
    def strictness(self) -> tuple[int, int, int, str]:
        """The order of two licences that can be combined."""
        order = {"free": 0, "permissive": 1, "cc": 2, "gpl": 3, "agpl": 4, "other": 5}
        return (order[self.kind], self.non_commercial, self.share_alike, self.version)


def parse(text: str) -> Licence:
    """Return the licence that a user has written, with its address if there is one.

    Raises:
        ValueError: the text is empty or has control characters.

    """
    stated = model_card.licence(f"License: {text}")
    if stated is None or not text.isprintable():
        raise ValueError("the licence should be the name of a licence, such as CC BY 4.0")
    name, url = stated.name, stated.url
    plain = " ".join(re.sub(r"[_,()]+", " ", name.lower()).split())
    if found := _CC.fullmatch(plain):
        return _creative_commons(found[1], found[2] or "", url)
    if _CC0.fullmatch(plain):
        return Licence(name, url or "https://creativecommons.org/publicdomain/zero/1.0/", "free")
    if _PERMISSIVE.fullmatch(plain):
        return Licence(name, url, "permissive")
    if found := _GPL.fullmatch(plain):
        kind = f"{found[1]}gpl"
        address = f"https://www.gnu.org/licenses/{kind}-3.0.html"
        version = "" if plain.endswith(("later", "+")) else "only"
        return Licence(name, url or address, kind, version, share_alike=True)
    return Licence(name, url)


def _creative_commons(clauses: str, version: str, url: str | None) -> Licence:
    words = set(re.findall(r"nc|noncommercial|sa|sharealike|nd|no\s?deriv", clauses))
    non_commercial = bool(words & {"nc", "noncommercial"})
    share_alike = bool(words & {"sa", "sharealike"})
    no_derivatives = bool(words & {"nd", "noderiv"})
    code = "by" + "-nc" * non_commercial + "-sa" * share_alike + "-nd" * no_derivatives
    address = f"https://creativecommons.org/licenses/{code}/{version or '4.0'}/"
    return Licence(
        f"CC {code.upper()} {version}".strip(),
        url or address,
        "cc",
        version,
        non_commercial,
        share_alike,
        no_derivatives,
    )


def stricter(first: Licence, second: Licence) -> Licence:
    """Return the licence of a voice that is made from sources under both.

    Raises:
        Irreconcilable: there is none, or the terms of one of them are not known.

    """
    for one in (first, second):
        if one.no_derivatives:
            raise Irreconcilable(f"{one.name} forbids changed versions, and a voice is one")
    if first.name.casefold() == second.name.casefold():
        return first
    for one in (first, second):
        if one.kind == "other":
            raise Irreconcilable(
                f"the terms of {one.name!r} are not known here, so they cannot be compared with "
                f"another licence's; known are {KNOWN}"
            )
    low, high = sorted((first, second), key=lambda licence: licence.strictness)
    if not _fits(low, high):
        raise Irreconcilable(
            f"a voice from sources under {low.name} and under {high.name} can carry neither of "
            "these licences"
        )
    return high


def _fits(low: Licence, high: Licence) -> bool:
    """Return whether works from sources under ``low`` may carry the licence ``high``."""
    if low.kind in {"free", "permissive"}:
        return True
    if low.kind != "cc":  # versions of the GPL, and the AGPL by section 13 of both
        return high.kind in {"gpl", "agpl"}
    if high.kind != "cc":
        # by Creative Commons' own list, CC BY 4.0 and CC BY-SA 4.0 may go into works under GPL 3
        return not low.non_commercial and low.version == "4.0"
    if low.share_alike:
        return high.share_alike and high.non_commercial == low.non_commercial
    return high.non_commercial or not low.non_commercial
