"""Passes: rewritings of a graph that make it faster and keep its results."""
