"""The parameters of requests, the JSON of responses, and the OpenAPI description of both."""
