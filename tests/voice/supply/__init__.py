"""Tests of vits_tts.voice.supply."""
