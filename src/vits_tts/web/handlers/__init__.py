"""The handlers of all paths, one module for each group of paths."""
