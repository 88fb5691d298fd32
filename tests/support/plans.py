"""Readings of marked-up texts by the pipeline's own reader, without a server."""

import asyncio
from functools import cache
from typing import Any

from vits_tts.config import Config
from vits_tts.markup import InputKind
from vits_tts.speech import Speech, build
from vits_tts.text.split import Reading


@cache
def pipeline(unknown: str = "refuse", inline: bool = True) -> Speech:
    """Return a pipeline with the usual settings; it is never started, and loads no voice."""
    markup: Any = {"unknown": unknown, "inline": inline}
    return build(Config(markup=markup))


def reading(text: str, kind: InputKind | None = None, **settings: Any) -> Reading:
    """Return how a text is read."""
    return asyncio.run(pipeline(**settings).reading(text, kind=kind))


def said(text: str, kind: InputKind | None = None, **settings: Any) -> str:
    """Return the words of a text, with its pauses as ``(0.5 s)``."""
    read = reading(text, kind, **settings)
    words = [f"({read.lead:g} s)"] * bool(read.lead)
    for sentence in read.sentences:
        words.append(sentence.text)
        if sentence.pause:
            words.append(f"({sentence.pause:g} s)")
    return " ".join(words)
