"""Processes: start, master, workers, connections and shutdown."""
