"""Inference: from phoneme ids to samples, window by window, on the cores of one process."""
