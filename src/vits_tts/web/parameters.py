"""Parameters of a request, out of its query, a form or JSON: decoded strictly, never guessed."""

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
    """Return the query's parameters; of a repeated one, the last.

    Raises:
        EncodingInvalid: a value is not UTF-8.

    """
    return _decoded(request.query_arguments)


def from_body(request: httputil.HTTPServerRequest, body: bytes) -> Parameters:
    """Return the body's parameters: a JSON object's, or a form's.

    Raises:
        EncodingInvalid: a value is not UTF-8.
        JsonInvalid: it says it is JSON and is not, or is not an object.
        MediaTypeUnsupported: it is something else.

    """
    if not body:
        return {}
    content_type = request.headers.get("Content-Type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if "Content-Encoding" in request.headers:
        raise MediaTypeUnsupported("the body is compressed; send it plainly")
    if kind == "application/json" or kind.endswith("+json"):
        return _json(body)
    if kind in _FORMS:
        return _form(content_type, body)
    raise MediaTypeUnsupported(
        f"the body is {kind[:60] or 'of no named type'}; send application/json or a form"
    )


def _decoded(arguments: Mapping[str, list[bytes]]) -> Parameters:
    found = {}
    for name, values in arguments.items():
        try:
            found[name] = values[-1].decode()
        except UnicodeDecodeError:
            shown = name if name.isascii() and name.isidentifier() else None
            raise EncodingInvalid(f"{shown or 'a parameter'} is not UTF-8", field=shown) from None
    return found


def _json(body: bytes) -> Parameters:
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
            "the body is not JSON that can be read: too deep, or a number too long"
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
    """Return what a value of JSON is, in words for the person who sent it."""
    kinds = {bool: "true or false", dict: "an object", list: "a list", str: "a text"}
    return "null" if value is None else kinds.get(type(value), "a number")
