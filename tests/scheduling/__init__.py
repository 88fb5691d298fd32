"""Tests of vits_tts.scheduling."""
