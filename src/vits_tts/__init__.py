"""Text to speech for Vietnamese."""
