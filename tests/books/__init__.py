"""Tests of vits_tts.books."""
