"""The values of usage records: amounts, and the rows that replicas exchange."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

NO_KEY = ""
"""The name in accounts of all callers together, on servers without API keys."""


@dataclass(slots=True)
class Amounts:
    """Amounts of use. ``made_seconds`` is the part of ``seconds`` that was synthesised for it."""

    requests: int = 0
    items: int = 0
    """Items of jobs."""
    characters: int = 0
    """Characters of the given texts."""
    seconds: float = 0.0
    made_seconds: float = 0.0

    def add(self, other: "Amounts") -> None:
        """Add other amounts to these."""
        self.requests += other.requests
        self.items += other.items
        self.characters += other.characters
        self.seconds += other.seconds
        self.made_seconds += other.made_seconds

    def since(self, before: "Amounts") -> "Amounts":
        """Return these amounts minus those of an earlier moment."""
        return Amounts(
            self.requests - before.requests,
            self.items - before.items,
            self.characters - before.characters,
            self.seconds - before.seconds,
            max(0.0, self.made_seconds - before.made_seconds),
        )

    @property
    def cached_seconds(self) -> float:
        """Seconds that came from a cache, from a file, or from another request under way."""
        return max(0.0, self.seconds - self.made_seconds)

    def __bool__(self) -> bool:
        """Return whether any amount is not zero."""
        return bool(self.requests or self.items or self.characters or self.seconds)


@dataclass(frozen=True, slots=True)
class Row:
    """The amounts of one key on one day, as counted by one store.

    Only that store changes the row, and each change increments ``version``. So of two copies the
    one with the higher version is the current one, and the sum over all stores counts nothing
    twice.
    """

    store: str
    day: str
    key: str
    version: int
    amounts: Amounts

    @property
    def place(self) -> tuple[str, str, str]:
        """The key of the row in the table of all rows."""
        return self.store, self.day, self.key

    @classmethod
    def read(cls, values: Any) -> "Row":
        """Return a row from its values in their order."""
        store, day, key, version, *amounts = values
        return cls(store, day, key, version, Amounts(*amounts))


@dataclass(frozen=True, slots=True)
class Summary:
    """The amounts of one key on one day (``2026-11-29``) over all stores."""

    day: str
    key: str
    amounts: Amounts


def today() -> date:
    """Return the day in UTC."""
    return datetime.now(UTC).date()


def first_of_next_month(day: date) -> datetime:
    """Return the moment at which the budgets of the next month begin."""
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime(following.year, following.month, 1, tzinfo=UTC)
