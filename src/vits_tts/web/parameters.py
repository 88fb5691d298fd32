"""Parameters of a request, from its query, a form or JSON: decoded strictly, never guessed."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from tornado import httputil

from vits_tts.errors import (
    EncodingInvalid,
    FieldInvalid,
    JsonInvalid,
    MediaTypeUnsupported,
    RequestError,
)
from vits_tts.text.lexicon import Lexicon, LexiconInvalid

MAX_WORDS: Final = 1000
"""Words of a lexicon that one request brings along."""

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


def text(parameters: Parameters, name: str) -> str | None:
    """Return a parameter that has to be a text, or None if it was not given.

    Raises:
        FieldInvalid: it is something else.
        EncodingInvalid: it holds half of a surrogate pair, which no encoding can carry.

    """
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldInvalid(f"{name} is a text, not {_kind(value)}", field=name)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise EncodingInvalid(
            f"{name} is not valid Unicode: it has a lone surrogate", field=name
        ) from None
    return value


def text_or_number(parameters: Parameters, name: str) -> str | float | None:
    """Return a parameter that may be a text or a number, or None if it was not given.

    Raises:
        FieldInvalid: it is something else.

    """
    value = parameters.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return text(parameters, name)


def words(parameters: Parameters, name: str) -> Lexicon | None:
    """Return a parameter that has to be an object of words and their readings, or None.

    Raises:
        FieldInvalid: it is something else, has too many words or one that cannot be used.

    """
    value = parameters.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise FieldInvalid(f"{name} is an object of words and readings", field=name)
    if len(value) > MAX_WORDS:
        raise FieldInvalid(f"{name} has {len(value)} words; {MAX_WORDS} are allowed", field=name)
    for word, said in value.items():
        text({name: word}, name), text({name: said}, name)
    try:
        return Lexicon.of(value, patterns=False)
    except LexiconInvalid as error:
        raise FieldInvalid(f"{name}: {error}", field=name) from None


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
        raise JsonInvalid(f"the body is {_kind(data)}, not an object")
    return data


def _form(content_type: str, body: bytes) -> Parameters:
    arguments: dict[str, list[bytes]] = {}
    try:
        httputil.parse_body_arguments(content_type, body, arguments, {})
    except httputil.HTTPInputError:
        raise RequestError("the form cannot be read") from None
    return _decoded(arguments)


def _kind(value: object) -> str:
    kinds = {bool: "true or false", dict: "an object", list: "a list", str: "a text"}
    return "null" if value is None else kinds.get(type(value), "a number")
