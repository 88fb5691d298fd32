"""Settings of the section ``markup``."""

from typing import Literal

from pydantic import Field

from vits_tts.config.types import Section


class Markup(Section):
    """Settings of SSML and of marks inside plain text."""

    unknown: Literal["refuse", "ignore"] = Field(
        "refuse",
        description="Treatment of SSML elements and attributes that have no effect here: "
        "`refuse` answers 400, `ignore` speaks the content as if they were not there. Broken XML "
        "is always refused.",
    )
    inline: bool = Field(
        True,
        description="Whether plain text may have pauses, as `[pause 0.5s]`, "
        '`<break time="0.5s"/>` or `<<<sil#500>>>`, and characters to spell: `<spell>A1</spell>`.',
    )
