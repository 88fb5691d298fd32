"""Tests of vits_tts.web."""
