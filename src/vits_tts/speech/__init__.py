"""The pipeline: from a request to its samples. The only package that knows all the others."""

from vits_tts.speech.pipeline import Speech, build
from vits_tts.speech.requests import MAX_RATE, MIN_RATE, length_scale
from vits_tts.speech.tally import Tally
from vits_tts.speech.warming import warm

__all__ = ["MAX_RATE", "MIN_RATE", "Speech", "Tally", "build", "length_scale", "warm"]
