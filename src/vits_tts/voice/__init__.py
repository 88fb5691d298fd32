"""Voices: their files, what they say of themselves, and the engine that makes them speak."""
