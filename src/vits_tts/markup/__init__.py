"""Markup: SSML and inline marks, turned into a plan of segments."""

from vits_tts.markup.plan import (
    InputKind,
    Phonemes,
    Plan,
    SayAs,
    Segment,
    begins_as_ssml,
    place,
    plan_of,
)

__all__ = [
    "InputKind",
    "Phonemes",
    "Plan",
    "SayAs",
    "Segment",
    "begins_as_ssml",
    "place",
    "plan_of",
]
