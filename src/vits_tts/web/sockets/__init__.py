"""WebSockets on which text arrives in pieces and is spoken meanwhile."""
