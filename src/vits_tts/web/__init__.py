"""The HTTP server: routes, handlers, access control, and the web page."""
