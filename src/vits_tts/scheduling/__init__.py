"""Between listeners: who is served when, and who cannot be served in time."""
