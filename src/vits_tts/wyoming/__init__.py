"""The Wyoming protocol: speech for Home Assistant and other voice assistants, over plain TCP."""
