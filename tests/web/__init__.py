"""Tests of vits_tts.web: the HTTP interfaces and the page."""
