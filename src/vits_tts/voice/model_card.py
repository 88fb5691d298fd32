"""Model card of a voice, and the licence that it states.

Cards of Piper's voices are Markdown with a section ``Dataset`` that has ``* URL: …`` and ``*
License: …``. For examples see any ``MODEL_CARD`` of https://huggingface.co/rhasspy/piper-voices.
"""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict

from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE

UNKNOWN_LICENCE: Final = "unknown; see the voice's model card"
SUFFIX: Final = ".MODEL_CARD"
"""Ending of the card's file name: ``NAME.MODEL_CARD`` beside ``NAME.onnx``."""
MAX_BYTES: Final = 256 * 1024

_LINE: Final = r"(?mi)^[ \t]*[*-]?[ \t]*\**{}\**[ \t]*:\**[ \t]*(\S.*?)[ \t]*$"
_LICENCE: Final = re.compile(_LINE.format("licen[cs]e"))
_LINK: Final = re.compile(r"https?://[^\s<>)\]]+")
_NON_COMMERCIAL: Final = re.compile(r"(?i)\bnc\b|non-?\s?commercial|research only|personal use")
_COMMERCIAL: Final = re.compile(
    r"(?i)\b(?:cc[ -]?0|cc[ -]by|creativecommons\.org/(?:licenses/by|publicdomain)|public domain"
    r"|mit|apache|bsd|isc|unlicense|mpl|[al]?gpl)\b"
)
_SHOWN: Final = 120
_ADVICE: Final = (
    "its licence forbids commercial use; for that set "
    f"`voice.name: {EMBEDDED_COMMERCIAL_VOICE}` or take another voice: "
    "`vits-tts voices list --available` shows them with their licences"
)


class Licence(BaseModel):
    """The licence of a voice, which is independent of the server's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = UNKNOWN_LICENCE
    url: str | None = None
    attribution: str | None = None

    @property
    def commercial(self) -> bool | None:
        """True if the licence allows commercial use, False if it forbids it, None if unknown.

        Names and addresses of well-known licences tell; of others only that they forbid it.
        """
        stated = f"{self.name} {self.url or ''}"
        if _NON_COMMERCIAL.search(stated):
            return False
        return True if _COMMERCIAL.search(stated) else None

    @property
    def advice(self) -> str | None:
        """Advice for commercial users if the licence forbids their use, else None."""
        return _ADVICE if self.commercial is False else None


def licence(text: str) -> Licence | None:
    """Return the licence that a card states, or None if it states none."""
    found = _LICENCE.search(text)
    if found is None:
        return None
    said = " ".join(found[1].split())
    link = _LINK.search(said)
    name = re.sub(r"[\[\]()<>]", " ", _LINK.sub("", said) if link else said)
    name = " ".join(name.split()) or (link[0] if link else said)
    return Licence(name=name[:_SHOWN], url=link[0] if link else None)
