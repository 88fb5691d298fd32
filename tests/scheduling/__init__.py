"""Tests of what happens between listeners."""
