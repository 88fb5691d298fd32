"""All families of attacks, and how often each is used."""

from dataclasses import replace
from random import Random

from tests.adversary import (
    bodies,
    configurations,
    connections,
    files,
    heads,
    lexicons,
    redis_values,
    signals,
    texts,
)
from tests.adversary.attack import Attack, Facts, Family

FAMILIES: dict[str, tuple[Family, int]] = {
    "bodies": (bodies.family, 20),
    "heads": (heads.family, 20),
    "connections": (connections.family, 12),
    "lexicons": (lexicons.family, 8),
    "texts": (texts.family, 20),
    "redis values": (redis_values.family, 10),
    "files": (files.family, 8),
    "configurations": (configurations.family, 2),
    "signals": (signals.family, 2),
}
"""By name: the function that makes an attack, and its weight among the others."""

_TAG = "adversary-"


def attack(seed: int, number: int, facts: Facts, only: str | None = None) -> Attack:
    """Return an attack, which follows from the seed, the number and the facts about the server."""
    chance = Random(f"{seed}/{number}")  # noqa: S311  # the same every time
    names = list(FAMILIES)
    weights = [weight for _, weight in FAMILIES.values()]
    family, _ = FAMILIES[only or chance.choices(names, weights)[0]]
    made = family(chance, replace(facts, tag=f"{_TAG}{number}"))
    return replace(made, number=number)


def number_of(request: str | None) -> int | None:
    """Return the number of the attack that a request's id names; None if it names none."""
    digits = (request or "").removeprefix(_TAG)
    return int(digits) if request != digits and digits.isdecimal() else None
