"""Settings of the section ``dictionaries``."""

from pathlib import Path

from pydantic import Field

from vits_tts.config.types import Count, Section


class DictionarySettings(Section):
    """Settings of pronunciation dictionaries."""

    folder: Path = Field(
        Path("dictionaries"),
        description="Folder of the dictionaries. With `cache.redis.url` replicas share them in "
        "Redis, and the folder has a copy for times when Redis cannot be reached.",
    )
    max_dictionaries: Count = Field(
        100,
        description="Maximum dictionaries of one API key, or of all callers if there are no keys.",
    )
    max_rules: Count = Field(5000, description="Maximum rules of one dictionary.")
