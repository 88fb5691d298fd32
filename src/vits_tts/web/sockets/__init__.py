"""Text in as a stream, over WebSockets."""
