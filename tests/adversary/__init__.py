"""A generator of hostile requests and environments, and a referee that checks the server."""
