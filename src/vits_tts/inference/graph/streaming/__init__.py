"""Streaming: cutting a graph so that frames are computed window by window, with state."""
