"""Audio as bytes: containers, and the files that `/tts` makes."""
