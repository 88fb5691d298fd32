"""Tests of vits_tts.audio."""
