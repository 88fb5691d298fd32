"""Tests of vits_tts.config."""
