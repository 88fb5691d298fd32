"""Text to speech for Vietnamese: ``from vits_tts import Speech``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vits_tts.api import AsyncSpeech, Recording, Speech, Window

__all__ = ["AsyncSpeech", "Recording", "Speech", "Window"]


def __getattr__(name: str) -> Any:
    """Import what a program uses when it does; the server's master must not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vits_tts import api  # noqa: PLC0415

    return getattr(api, name)
