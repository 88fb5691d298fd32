"""Text processing: normalisation, splitting into sentences, phonemes."""
