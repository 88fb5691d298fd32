"""Catalogue of voices: reading it, downloading and installing its voices."""

from vits_tts.catalogue.catalogue import VoiceCatalogue

__all__ = ["VoiceCatalogue"]
