"""Tests of vits_tts.inference."""
