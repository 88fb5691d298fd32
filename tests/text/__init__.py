"""Tests of `vits_tts.text`."""
