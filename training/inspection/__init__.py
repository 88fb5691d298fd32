"""Look at recordings before a voice is trained on them: faults, and sounds that are too rare."""
