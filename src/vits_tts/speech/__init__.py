"""The pipeline from a request to its samples."""

from vits_tts.speech.options import MAX_RATE, MIN_RATE, Reader, SpeechOptions, length_scale
from vits_tts.speech.pipeline import Speech, build
from vits_tts.speech.request_stats import RequestStats
from vits_tts.speech.text_stream import TextPace, TextStream
from vits_tts.speech.warming import warm

__all__ = [
    "MAX_RATE",
    "MIN_RATE",
    "Reader",
    "RequestStats",
    "Speech",
    "SpeechOptions",
    "TextPace",
    "TextStream",
    "build",
    "length_scale",
    "warm",
]
