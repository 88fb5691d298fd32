"""Settings of the section ``usage``: accounts of use by API key, and budgets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from vits_tts.config.types import Count, Section


def _number(value: object) -> object:
    """Convert digits to a number, since environment variables have only strings."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


class Budget(Section):
    """The limits of one key in a calendar month, in UTC."""

    characters: Count | None = Field(None, description="Characters of text; null for no limit.")
    seconds: Count | None = Field(None, description="Seconds of sound; null for no limit.")


class Usage(Section):
    """Settings of `/v1/usage`."""

    enabled: bool = Field(
        True, description="Whether characters and seconds are recorded for each key and day."
    )
    folder: Path = Field(
        Path("usage"),
        description="Folder of the accounts, on a local disk; the processes of one machine share "
        "it. With `cache.redis.url`, machines exchange their accounts through Redis.",
    )
    keep_days: Count = Field(400, description="Days for which accounts are kept; at least 31 are.")
    characters_per_month: Count | None = Field(
        None,
        description="Maximum characters of each key in a month (UTC), or of all callers if there "
        "are no keys; null for no limit.",
    )
    seconds_per_month: Count | None = Field(
        None, description="Maximum seconds of sound of each key in a month; null for no limit."
    )
    budgets: Mapping[str, Budget] = Field(
        {},
        description="Limits of single keys instead of the two above: `NAME: {characters: 1000000, "
        "seconds: 36000}`. A limit that is left out is unlimited.",
    )
    budget_status: Annotated[Literal[402, 429], BeforeValidator(_number)] = Field(
        402,
        description="Status of requests beyond a budget: 402, or 429 with the seconds until the "
        "next month in `Retry-After`.",
    )

    def budget(self, key: str | None) -> Budget:
        """Return the limits of a key; None stands for all callers without one."""
        if key is not None and key in self.budgets:
            return self.budgets[key]
        return Budget(characters=self.characters_per_month, seconds=self.seconds_per_month)

    @property
    def has_budgets(self) -> bool:
        """True if any key has a limit."""
        return bool(self.budgets or self.characters_per_month or self.seconds_per_month)
