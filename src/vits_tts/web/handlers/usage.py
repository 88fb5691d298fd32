"""`/v1/usage`: the use of the caller's key."""

from typing import Any, ClassVar

from vits_tts.usage import Amounts
from vits_tts.usage.model import first_of_next_month, today
from vits_tts.web.base import Handler
from vits_tts.web.http import parameters
from vits_tts.web.schema.requests import checked
from vits_tts.web.schema.usage import (
    BudgetLimit,
    BudgetState,
    UsageAnswer,
    UsageQuery,
    UsedAmounts,
    UsedOnDay,
)


class UsageHandler(Handler):
    """`/v1/usage`: lists days, their sum, and the budget of this month."""

    query_model: ClassVar[Any] = UsageQuery

    async def get(self) -> None:
        """Answer with the account of the caller."""
        await self.while_connected(self._answer())

    head = get

    async def _answer(self) -> None:
        asked = checked(UsageQuery, parameters.from_query(self.request))
        until = asked.until or today()
        since = asked.since or until.replace(day=1)
        key = self.context.key
        found = await self.services.usage.summaries(since, until, key)
        total = Amounts()
        for summary in found:
            total.add(summary.amounts)
        answer = UsageAnswer(
            key=key,
            since=since.isoformat(),
            until=until.isoformat(),
            days=[UsedOnDay(day=each.day, **_shown(each.amounts)) for each in found],
            total=_shown(total),
            budget=self._budget(),
        )
        self.write_json(answer)

    def _budget(self) -> BudgetState | None:
        budget = self.config.usage.budget(self.context.key)
        if budget.characters is None and budget.seconds is None:
            return None
        used = self.services.usage.used(self.context.key)
        return BudgetState(
            characters=_limit(budget.characters, used.characters),
            seconds=_limit(budget.seconds, used.seconds),
            renewed=first_of_next_month(today()).isoformat(),
        )


def _limit(limit: int | None, used: float) -> BudgetLimit | None:
    return None if limit is None else BudgetLimit(limit=limit, used=round(used, 3))


def _shown(amounts: Amounts) -> UsedAmounts:
    return UsedAmounts(
        requests=amounts.requests,
        items=amounts.items,
        characters=amounts.characters,
        seconds=round(amounts.seconds, 3),
        made_seconds=round(amounts.made_seconds, 3),
        cached_seconds=round(amounts.cached_seconds, 3),
    )
