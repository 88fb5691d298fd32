"""Parameters of a request, from its query, a form or JSON; invalid input is refused."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from tornado import httputil

from vits_tts.errors import (
    EncodingInvalid,
    JsonInvalid,
    MediaTypeUnsupported,
    RequestError,
)

Parameters: TypeAlias = Mapping[str, Any]

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def from_query(request: httputil.HTTPServerRequest) -> Parameters:
    """Return the parameters of the query; of a repeated one, the last value.

    Raises:
        EncodingInvalid: a value is not UTF-8.

    """
    return _decoded(request.query_arguments)


def from_body(request: httputil.HTTPServerRequest, body: bytes) -> Parameters:
    """Return the parameters of the body: a JSON object or a form.

    If the content type is missing, a body that begins with ``{`` is read as JSON.

    Raises:
        EncodingInvalid: a value is not UTF-8.
        JsonInvalid: the content type is JSON, but the body is not a JSON object.
        MediaTypeUnsupported: the content type is another one, or the body is compressed.

    """
    if not body:
        return {}
    content_type = request.headers.get("Content-Type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if "Content-Encoding" in request.headers:
        raise MediaTypeUnsupported("the body is compressed; send it without Content-Encoding")
    looks_like_json = body.lstrip()[:1] == b"{"
    if kind == "application/json" or kind.endswith("+json") or (not kind and looks_like_json):
        return _json(body)
    if kind in _FORMS:
        if looks_like_json:
            raise MediaTypeUnsupported(
                f"the body looks like JSON, but its Content-Type is {kind}; send Content-Type: "
                "application/json"
            )
        return _form(content_type, body)
    raise MediaTypeUnsupported(
        f"the Content-Type is {kind[:60] or 'missing'}; send application/json or a form"
    )


def from_json(body: bytes) -> Parameters:
    """Return the parameters of a body that is a JSON object; ignore its content type.

    Raises:
        EncodingInvalid: it is not UTF-8.
        JsonInvalid: it is not JSON, or is not an object.

    """
    return _json(body) if body else {}


def _decoded(arguments: Mapping[str, list[bytes]]) -> Parameters:
    """Return the last value of each argument as text.

    Raises:
        EncodingInvalid: a value is not UTF-8.

    """
    found = {}
    for name, values in arguments.items():
        try:
            found[name] = values[-1].decode()
        except UnicodeDecodeError:
            shown = name if name.isascii() and name.isidentifier() else None
            raise EncodingInvalid(f"{shown or 'a parameter'} is not UTF-8", field=shown) from None
    return found


def _json(body: bytes) -> Parameters:
    """Return the fields of a JSON object.

    Raises:
        EncodingInvalid: the body is not UTF-8.
        JsonInvalid: the body is not JSON, not an object, or nested too deeply.

    """
    try:
        data = json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise EncodingInvalid("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise JsonInvalid(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (ValueError, RecursionError):
        raise JsonInvalid(
            "the body is JSON that is nested too deeply, or has too long a number"
        ) from None
    if not isinstance(data, dict):
        raise JsonInvalid(f"the body is {kind(data)}, not an object")
    return data


def _form(content_type: str, body: bytes) -> Parameters:
    arguments: dict[str, list[bytes]] = {}
    try:
        httputil.parse_body_arguments(content_type, body, arguments, {})
    except httputil.HTTPInputError:
        raise RequestError("the form cannot be read") from None
    return _decoded(arguments)


def kind(value: object) -> str:
    """Return the type of a JSON value in words, for error messages."""
    kinds = {bool: "true or false", dict: "an object", list: "a list", str: "a text"}
    return "null" if value is None else kinds.get(type(value), "a number")
