"""Voices as files: manifest, model card, licence, and the list of installed ones."""
