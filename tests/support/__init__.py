"""What tests need: servers, sound, voices."""
