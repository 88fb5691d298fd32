"""Tests of vits_tts.wyoming."""
