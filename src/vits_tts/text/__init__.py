"""From written text to phonemes: normalise, split into sentences, phonemise."""
