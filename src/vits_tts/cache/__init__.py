"""Caching of sentences: their keys, the tiers (memory, Redis), and streams that requests share."""
