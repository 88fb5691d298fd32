"""A health check of a server on the same machine, for containers."""

import http.client
import ssl
from typing import Final

from vits_tts.config import Server

_SECONDS: Final = 4
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # not bound to


def ask(settings: Server, path: str) -> str | None:
    """Request ``path``; return None if the status is 200, or else a description of the problem."""
    host = _ANY.get(settings.host, settings.host)
    connection = _connection(settings, host)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(1000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{host}: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status == http.HTTPStatus.OK else f"{answer.status}: {body}"


def _connection(settings: Server, host: str) -> http.client.HTTPConnection:
    port = settings.operations_port or settings.port
    if settings.tls_certificate is None:
        return http.client.HTTPConnection(host, port, timeout=_SECONDS)
    # The certificate is for the server's public name, not for a loopback address.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
