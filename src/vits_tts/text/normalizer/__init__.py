"""Normalisation of Vietnamese text: ordered rules, one module for each kind of written forms."""
