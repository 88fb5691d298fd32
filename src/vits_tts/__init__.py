"""Text to speech for Vietnamese: ``from vits_tts import Speech``."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vits_tts.api import AsyncSpeech, Recording, Speech, Window

__all__ = ["AsyncSpeech", "Recording", "Speech", "Window"]

# onnxruntime reports its use to its makers and keeps a database for that in the user's cache. It
# looks here once, when it is imported, by us or by piper. Whoever wants that sets 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    """Import what a program uses when it does; the server's master must not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vits_tts import api  # noqa: PLC0415

    return getattr(api, name)
