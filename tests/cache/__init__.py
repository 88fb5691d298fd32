"""Tests of vits_tts.cache."""
