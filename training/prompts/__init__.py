"""Sentences to read aloud when recording a voice, and their coverage of Vietnamese."""
