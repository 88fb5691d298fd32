"""Settings: ``config.yaml`` and the environment, read into one frozen, validated object.

A setting has one name, ``section.name`` (``server.port``, ``cache.memory.max_bytes``), one default
and one description, all of them in this package and nowhere else. Its value is, first found first
taken: the environment variable ``VITS_TTS__SECTION__NAME``, the file, the default. What cannot be
used stops the start with one line that names the key, where it was set and what was expected.
"""

from vits_tts.config.caching import Cache, MemoryCacheSettings, RedisCacheSettings
from vits_tts.config.loading import DEFAULT_FILE, load, nearest
from vits_tts.config.service import Access, Limits, Logging, OpenAI, Server, Tracing
from vits_tts.config.speaking import EMBEDDED_VOICE, Audio, Catalogue, Speeds, Text, Voice
from vits_tts.config.whole import Config, environment_name, settings

__all__ = [
    "DEFAULT_FILE",
    "EMBEDDED_VOICE",
    "Access",
    "Audio",
    "Cache",
    "Catalogue",
    "Config",
    "Limits",
    "Logging",
    "MemoryCacheSettings",
    "OpenAI",
    "RedisCacheSettings",
    "Server",
    "Speeds",
    "Text",
    "Tracing",
    "Voice",
    "environment_name",
    "load",
    "nearest",
    "settings",
]
