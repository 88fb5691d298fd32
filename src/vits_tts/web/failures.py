"""Conversion of any exception to an error of ``errors.py``, and the headers of its answer."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from tornado import httputil
from tornado.web import HTTPError

from vits_tts.errors import (
    BudgetExceededForNow,
    KeyInvalid,
    KeyMissing,
    MethodNotAllowed,
    NotFound,
    RangeNotSatisfiable,
    RateLimited,
    RequestError,
    TokenExpired,
    Unavailable,
    UpgradeRequired,
    VitsTtsError,
)


def as_ours(status: int, error: BaseException | None) -> VitsTtsError:
    """Return the error of ``errors.py`` for any exception; ``status`` is that of tornado."""
    if isinstance(error, VitsTtsError):
        return error
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("this path does not support this method")
    if status == HTTPStatus.NOT_FOUND:
        return NotFound("there is no such path")
    if (
        isinstance(error, HTTPError | httputil.HTTPInputError)
        and status < HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return RequestError("the request is invalid")
    if isinstance(error, MemoryError) or "can't start new thread" in str(error):
        return Unavailable("the server has no memory or no threads left for this request")
    return VitsTtsError("an internal error occurred; the log has it under this request id")


def told(error: VitsTtsError, names: Mapping[str, str]) -> tuple[str, str | None]:
    """Return an error's message and field, with the ``names`` that fields have in an interface."""
    field = error.field or ""
    if field not in names:
        return error.message, error.field
    sent = names[field]
    return re.sub(rf"\b(?:the )?{re.escape(field)}\b", sent, error.message, count=1), sent


def headers(error: VitsTtsError) -> Mapping[str, str]:
    """Return the headers that the answer with an error needs besides the common ones."""
    if isinstance(error, Unavailable | BudgetExceededForNow):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after), **error.headers}
    if isinstance(error, RangeNotSatisfiable):
        return {"Content-Range": f"bytes */{error.size}"}
    if isinstance(error, UpgradeRequired):  # RFC 9110, section 15.5.22
        return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    if isinstance(error, KeyMissing | KeyInvalid | TokenExpired):  # RFC 6750, section 3
        wrong = "" if isinstance(error, KeyMissing) else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="vits-tts"{wrong}'}
    return {}
