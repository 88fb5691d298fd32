"""Tests of vits_tts.catalogue."""
