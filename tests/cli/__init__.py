"""Tests of `vits_tts.cli`."""
