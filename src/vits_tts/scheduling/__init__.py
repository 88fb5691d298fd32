"""Scheduling: the order in which inference runs, and the admission of new streams."""
