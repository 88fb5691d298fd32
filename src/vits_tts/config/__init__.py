"""Settings: ``config.yaml`` and the environment, read into one frozen, validated object.

A setting has one name, ``section.name`` (``server.port``, ``cache.memory.max_bytes``), one default
and one description, all in this package. Its value comes from the environment variable
``VITS_TTS__SECTION__NAME``, else from the file, else from the default. A setting that cannot be
used stops the start with one line that names the key, its source and the accepted values.
"""

from vits_tts.config.cache import Cache, MemoryCacheSettings, RedisCacheSettings
from vits_tts.config.interfaces import CallbackSettings, Piper, Wyoming
from vits_tts.config.jobs import Jobs
from vits_tts.config.loading import DEFAULT_FILE, Settings, load, nearest
from vits_tts.config.markup import Markup
from vits_tts.config.root import Config, changed, environment_name, section_of, settings
from vits_tts.config.server import Access, Limits, Logging, OpenAI, Server, Tracing
from vits_tts.config.usage import Budget, Usage
from vits_tts.config.voice import (
    EMBEDDED_COMMERCIAL_VOICE,
    EMBEDDED_VOICE,
    Audio,
    Catalogue,
    Speeds,
    Text,
    Voice,
)

__all__ = [
    "DEFAULT_FILE",
    "EMBEDDED_COMMERCIAL_VOICE",
    "EMBEDDED_VOICE",
    "Access",
    "Audio",
    "Budget",
    "Cache",
    "CallbackSettings",
    "Catalogue",
    "Config",
    "Jobs",
    "Limits",
    "Logging",
    "Markup",
    "MemoryCacheSettings",
    "OpenAI",
    "Piper",
    "RedisCacheSettings",
    "Server",
    "Settings",
    "Speeds",
    "Text",
    "Tracing",
    "Usage",
    "Voice",
    "Wyoming",
    "changed",
    "environment_name",
    "load",
    "nearest",
    "section_of",
    "settings",
]
