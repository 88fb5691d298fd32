"""Model card of a voice, and the licence that it states.

Cards of Piper's voices are Markdown with a section ``Dataset`` that has ``* URL: …`` and ``*
License: …``. For examples see any ``MODEL_CARD`` of https://huggingface.co/rhasspy/piper-voices.
"""

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from vits_tts.config import EMBEDDED_COMMERCIAL_VOICE

UNKNOWN_LICENCE: Final = "unknown; see the voice's model card"
SUFFIX: Final = ".MODEL_CARD"
"""Ending of the card's file name: ``NAME.MODEL_CARD`` beside ``NAME.onnx``."""
MAX_BYTES: Final = 256 * 1024

_LINE: Final = r"(?mi)^[ \t]*[*-]?[ \t]*\**{}\**[ \t]*:\**[ \t]*(\S.*?)[ \t]*$"
_LICENCE: Final = re.compile(_LINE.format("licen[cs]e"))
_LINK: Final = re.compile(r"https?://[^\s<>)\]]+")
_NON_COMMERCIAL: Final = re.compile(
    r"(?i)\bnc\b|\b(?:non|no|not for|not for any|without)[-\s\u2010\u2011\u2013]{0,2}commercial"
    r"|commercial\W+(?:use|usage|purposes?)\W+(?:is\W+|are\W+)?(?:not|prohibited|forbidden|excluded)"
    r"|\b(?:research|academic|educational|evaluation|personal)\W+(?:(?:use|purposes?)\W+)?only"
    r"|\bonly\W+for\W+(?:research|academic|educational|personal)|personal use"
    r"|phi thương mại|không[^.;]{0,24} thương mại"
)
_COMMERCIAL: Final = re.compile(
    r"(?i)\b(?:cc[ -]?0|cc[ -]by|creative commons (?:attribution|zero)|public domain"
    r"|(?:mit|bsd|isc)(?=\s*(?:$|[-;,.(/+]|licen[cs]e))|apache|unlicense|mpl"
    r"|[al]?gpl(?:v?\d[\d.]*)?|gnu (?:affero |lesser )?general public licen[cs]e)(?!\w)"
)
_COMMERCIAL_LINK: Final = re.compile(
    r"(?i)https?://(?:www\.)?(?:creativecommons\.org/(?:licenses/by|publicdomain)"
    r"|gnu\.org/licenses|apache\.org/licenses|mozilla\.org/(?:\w{2}-\w{2}/)?mpl"
    r"|(?:opensource\.org/licen[cs]es?|spdx\.org/licenses)/"
    r"(?:mit|apache|bsd|isc|mpl|[al]?gpl|unlicense|cc0|cc-by))\b"
)
_SHOWN: Final = 120
_LONGEST: Final = 2000
_ADVICE: Final = (
    "its licence forbids commercial use; for that set "
    f"`voice.name: {EMBEDDED_COMMERCIAL_VOICE}` or take another voice: "
    "`vits-tts voices list --available` shows them with their licences"
)


class Licence(BaseModel):
    """The licence of a voice, which is independent of the server's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(UNKNOWN_LICENCE, max_length=_LONGEST)
    url: str | None = Field(None, max_length=_LONGEST)
    attribution: str | None = Field(None, max_length=_LONGEST)

    @property
    def commercial(self) -> bool | None:
        """True if the licence allows commercial use, False if it forbids it, None if unknown.

        Names and addresses of well-known licences tell; of others only that they forbid it.
        """
        stated = f"{self.name} {self.url or ''}".replace("_", " ")
        if _NON_COMMERCIAL.search(stated):
            return False
        named = _LINK.sub(" ", stated)
        if "commercial" in named.lower():
            return None  # it says more than the name of a licence
        return True if _COMMERCIAL.search(named) or _COMMERCIAL_LINK.search(stated) else None

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
