"""Helpers of tests: servers, sound, voices."""
