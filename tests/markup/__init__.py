"""Tests of markup: SSML and inline marks."""
