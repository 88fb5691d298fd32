"""Cutting a voice's graph where its frames can be made window by window.

Only :mod:`vits_tts.voice.pieces` calls this, and only when a voice has not been cut before: it
imports ``onnx``, which a start with the pieces at hand does not need.
"""
