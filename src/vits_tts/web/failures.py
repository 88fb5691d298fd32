"""From whatever was raised to an error of our tree, and to what the answer's headers say of it."""

from collections.abc import Mapping
from http import HTTPStatus

from tornado import httputil
from tornado.web import HTTPError

from vits_tts.errors import (
    KeyInvalid,
    KeyMissing,
    MethodNotAllowed,
    NotFound,
    RangeNotSatisfiable,
    RateLimited,
    RequestError,
    Unavailable,
    VitsTtsError,
)


def as_ours(status: int, error: BaseException | None) -> VitsTtsError:
    """Return an error of our tree for whatever was raised."""
    if isinstance(error, VitsTtsError):
        return error
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed("this path does not take this method")
    if status == HTTPStatus.NOT_FOUND:
        return NotFound("there is no such path")
    if (
        isinstance(error, HTTPError | httputil.HTTPInputError)
        and status < HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        return RequestError("the request cannot be read")
    return VitsTtsError("something went wrong here; it has been logged under this request id")


def headers(error: VitsTtsError) -> Mapping[str, str]:
    """Return the headers that an error's answer has besides the usual ones."""
    if isinstance(error, Unavailable):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after), **error.headers}
    if isinstance(error, RangeNotSatisfiable):
        return {"Content-Range": f"bytes */{error.size}"}
    if isinstance(error, KeyMissing):
        return {"WWW-Authenticate": 'Bearer realm="vits-tts"'}
    if isinstance(error, KeyInvalid):  # RFC 6750, section 3
        return {"WWW-Authenticate": 'Bearer realm="vits-tts", error="invalid_token"'}
    return {}
