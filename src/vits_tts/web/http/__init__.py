"""The HTTP protocol: connections, requests, bodies, parameters, origins and proxies."""
