"""Pronunciation dictionaries: named, with versions that never change, shared by replicas."""
