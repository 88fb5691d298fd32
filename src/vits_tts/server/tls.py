"""TLS without a proxy."""

import ssl

from vits_tts.config import Server
from vits_tts.errors import ConfigError


def tls_context(settings: Server) -> ssl.SSLContext | None:
    """Return the context with the certificate and its key, or None for plain HTTP.

    Raises:
        ConfigError: The certificate or its key cannot be used.

    """
    if settings.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without `password`, OpenSSL would ask for the password of a protected key at the terminal.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=lambda: "")
    except (OSError, ValueError) as error:
        files = f"{settings.tls_certificate}, {settings.tls_key or 'with its key'}"
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ConfigError(f"server.tls_certificate: {files}: cannot be used: {reason}") from None
    return context
