"""Usage records by API key and day, and the budgets of keys."""

from vits_tts.usage.accounts import Accounts
from vits_tts.usage.model import Amounts, Summary

__all__ = ["Accounts", "Amounts", "Summary"]
