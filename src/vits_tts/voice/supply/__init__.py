"""Installing voices: what a catalogue offers, how it is fetched, how it gets its name."""

from vits_tts.voice.supply.supply import Supply

__all__ = ["Supply"]
