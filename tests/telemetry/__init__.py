"""Tests of vits_tts.telemetry."""
