"""Phonemes of normalised sentences, and their alignment with words."""
