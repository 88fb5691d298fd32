"""Tests of vits_tts.server."""
