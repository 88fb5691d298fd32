"""Text to speech for Vietnamese: ``from vits_tts import Speech``."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vits_tts.api import AsyncSpeech, Recording, Speech, Window

__all__ = ["AsyncSpeech", "Recording", "Speech", "Window"]

# onnxruntime sends usage data to its vendor and keeps a database for that in the user's cache. It
# reads this variable once, when it is imported. Set it to 0 to allow that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    """Import a public name at its first use; the server's master must not import onnxruntime."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vits_tts import api  # noqa: PLC0415

    return getattr(api, name)
