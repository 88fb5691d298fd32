"""Certificates: a self-signed one, and those that httpx trusts."""

import shutil
import ssl
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx._transports import default


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a self-signed certificate for 127.0.0.1; return the paths of it and of its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    name_of = ["-days", "1", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [openssl, "req", *kind, *name_of, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key


def read_once() -> None:
    """Let all clients share one TLS context, unless they name certificates of their own.

    httpx reads all certificates again for each ``httpx.get``. That takes a hundred times as long as
    the request itself, so a test that polls a starting server would take a core away from it.
    """
    default.create_ssl_context = _context  # type: ignore[attr-defined]


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is True and cert is None and trust_env:
        return _shared()
    return httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)


@cache
def _shared() -> ssl.SSLContext:
    return httpx.create_ssl_context()
