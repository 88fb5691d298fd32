"""Audio as bytes: formats, encoders, and the folder of saved files."""
