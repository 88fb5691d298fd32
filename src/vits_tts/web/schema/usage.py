"""Accounts of use over HTTP: the query, and the JSON of the response."""

import re
from contextlib import suppress
from datetime import date
from typing import Annotated, Final, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)
from typing_extensions import TypedDict

from vits_tts.errors import FieldInvalid

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _day(value: object, info: ValidationInfo) -> object:
    """Return the day of a text such as ``2026-11-29``; return other values unchanged.

    Raises:
        FieldInvalid: the text has another form, or there is no such day.

    """
    if not isinstance(value, str):
        return value
    if _DAY.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    message = f"{info.field_name} must be a day such as 2026-11-29"
    raise FieldInvalid(message, field=info.field_name)


Day: TypeAlias = Annotated[date, BeforeValidator(_day)]


class UsageQuery(BaseModel):
    """The requested days."""

    model_config = ConfigDict(frozen=True)

    since: Day | None = Field(
        None, description="The first day; the first of this month if it is left out."
    )
    until: Day | None = Field(None, description="The last day; today if it is left out.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse a last day that is before the first.

        Raises:
            FieldInvalid: it is before the first.

        """
        if self.since and self.until and self.until < self.since:
            raise FieldInvalid("until is before since", field="until")
        return self


class UsedAmounts(TypedDict):
    """Counts of use."""

    requests: int
    items: Annotated[int, Field(description="Items of jobs.")]
    characters: Annotated[int, Field(description="Characters of text, as given.")]
    seconds: Annotated[float, Field(description="Seconds of sound.")]
    made_seconds: Annotated[float, Field(description="Seconds that were synthesised.")]
    cached_seconds: Annotated[float, Field(description="Seconds that existed before.")]


class UsedOnDay(UsedAmounts):
    """The use of one day."""

    day: str


class BudgetLimit(TypedDict):
    """A limit, and the used part of it."""

    limit: int
    used: float


class BudgetState(TypedDict):
    """The budget of this month; a value without a limit is null."""

    characters: BudgetLimit | None
    seconds: BudgetLimit | None
    renewed: Annotated[str, Field(description="When the next one begins, as in RFC 3339.")]


class UsageAnswer(TypedDict):
    """The use of one key."""

    key: Annotated[str | None, Field(description="The key; null on servers without keys.")]
    since: str
    until: str
    days: Annotated[list[UsedOnDay], Field(description="Days on which something was used.")]
    total: UsedAmounts
    budget: Annotated[BudgetState | None, Field(description="Null if there is none.")]
