"""Caching of sentences: the key and where the speech is kept."""
