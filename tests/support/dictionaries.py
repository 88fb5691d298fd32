"""Pronunciation dictionaries in a folder, as a server without keys makes them."""

import asyncio
from pathlib import Path

from vits_tts.config.dictionaries import DictionarySettings
from vits_tts.dictionaries.model import ALL
from vits_tts.dictionaries.rules import Rule
from vits_tts.dictionaries.service import Dictionaries


def make_dictionary(folder: Path, name: str, *rules: Rule) -> str:
    """Make a dictionary, and return the id of its version."""
    service = Dictionaries(DictionarySettings(folder=folder), (), None)
    return asyncio.run(service.add(name, rules, ALL)).latest.id


def change_rules(folder: Path, name: str, *rules: Rule) -> None:
    """Give a dictionary other rules, in a new version."""
    service = Dictionaries(DictionarySettings(folder=folder), (), None)
    asyncio.run(service.edit(name, ALL, lambda _: rules))
