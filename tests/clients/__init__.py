"""Third-party programs against the server as users install it; each one is really run."""
