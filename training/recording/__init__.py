"""A recorder for sentences to read aloud, in the browser or the terminal."""
