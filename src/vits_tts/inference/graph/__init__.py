"""Tools for a voice's ONNX graph, used only to compile a voice.

They import the package ``onnx``, which a start with compiled voices does not need.
"""
