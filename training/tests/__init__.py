"""Tests of the way from recordings to voice, and of the voice that came out."""
