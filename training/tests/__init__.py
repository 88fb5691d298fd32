"""Tests of training, and of the voice that it exported."""
