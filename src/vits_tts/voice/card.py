"""A voice's model card: what it says about the terms.

Cards of Piper's voices are Markdown in which a section ``Dataset`` has ``* URL: …`` and
``* License: …``; see any ``MODEL_CARD`` of https://huggingface.co/rhasspy/piper-voices.
"""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict

UNKNOWN_LICENCE: Final = "unknown; see the voice's model card"
SUFFIX: Final = ".MODEL_CARD"
"""What a voice's card is called beside its model: ``NAME.MODEL_CARD``."""
MAX_BYTES: Final = 256 * 1024

_LINE: Final = r"(?mi)^[ \t]*[*-]?[ \t]*\**{}\**[ \t]*:\**[ \t]*(\S.*?)[ \t]*$"
_LICENCE: Final = re.compile(_LINE.format("licen[cs]e"))
_LINK: Final = re.compile(r"https?://[^\s<>)\]]+")
_NON_COMMERCIAL: Final = re.compile(r"(?i)\bnc\b|non-?\s?commercial|research only|personal use")
_SHOWN: Final = 120
_ADVICE: Final = (
    "its licence forbids commercial use; for that take another voice: "
    "`vits-tts voices list --available` shows them with their licences"
)


class Licence(BaseModel):
    """The terms of a voice, which are its own and not the server's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = UNKNOWN_LICENCE
    url: str | None = None
    attribution: str | None = None

    @property
    def commercial(self) -> bool:
        """Whether nothing in the licence's name says that it is not for commercial use."""
        return not _NON_COMMERCIAL.search(f"{self.name} {self.url or ''}")

    @property
    def advice(self) -> str | None:
        """What to do for commercial use, where this licence is not for that; else None."""
        return None if self.commercial else _ADVICE


def licence(text: str) -> Licence | None:
    """Return the terms that a card states; None if it states none."""
    found = _LICENCE.search(text)
    if found is None:
        return None
    said = " ".join(found[1].split())
    link = _LINK.search(said)
    name = re.sub(r"[\[\]()<>]", " ", _LINK.sub("", said) if link else said)
    name = " ".join(name.split()) or (link[0] if link else said)
    return Licence(name=name[:_SHOWN], url=link[0] if link else None)
