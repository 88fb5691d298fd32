"""Tests of vits_tts.speech."""
