"""JSON Schema of models, for JSON bodies, forms and queries."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from vits_tts.web.schema.fields import INSTEAD, JSON_ONLY, LIMITED, ONE_OF

Json: TypeAlias = dict[str, Any]
Values: TypeAlias = Mapping[str, Callable[[Any], Json]]

_REFERENCE: Final = "#/components/schemas/{model}"


class _Untitled(GenerateJsonSchema):
    """Omits the titles of fields, which only repeat their names."""

    def field_title_should_be_set(self, *_: Any) -> bool:
        """Return False for every field."""
        return False


def reference(name: str) -> Json:
    """Return a reference to the schema ``name`` of the OpenAPI document."""
    return {"$ref": _REFERENCE.format(model=name)}


def described(shapes: Iterable[Any], max_chars: int, names: Mapping[str, Json]) -> Json:
    """Return the schemas of models and typed dictionaries, and of all types in them, by name.

    A text may have ``max_chars`` characters; ``names`` has a schema for each value of ``ONE_OF``.
    """
    _, made = TypeAdapter.json_schemas(
        [(shape, "validation", TypeAdapter(shape)) for shape in dict.fromkeys(shapes)],
        ref_template=_REFERENCE,
        schema_generator=_Untitled,
    )
    values: Values = {
        LIMITED: lambda _: {"minLength": 1, "maxLength": max_chars},
        ONE_OF: lambda what: names[what],
    }
    return {name: _filled(schema, values) for name, schema in sorted(made["$defs"].items())}


def with_names(schema: Mapping[str, Any], names: Mapping[str, Json]) -> Json:
    """Return a schema with the list of names that ``ONE_OF`` refers to."""
    filled: Json = _filled(dict(schema), {ONE_OF: lambda what: names[what]})
    return filled


def plain(schema: Any) -> Any:
    """Return a schema for JSON, without the keywords that are our own."""
    return _filled(schema, {JSON_ONLY: lambda _: {}, INSTEAD: _one_of_two})


def _one_of_two(names: list[str]) -> Json:
    """Return keywords that require exactly one of two parameters, in place of ``required``."""
    first, second = names
    return {
        "required": [],
        "oneOf": [
            {"required": [first], "properties": {second: {"type": "null"}}},
            {
                "required": [second],
                "properties": {second: {"type": "array"}},
                "not": {"required": [first]},
            },
        ],
    }


def parameters(asked: Json) -> Iterator[Json]:
    """Yield the query parameters for the schema of a model."""
    required = asked.get("required", ())
    for name, schema in _written(asked).items():
        about = {"description": schema.pop("description", "")}
        examples = schema.pop("examples", ())
        yield {
            "name": name,
            "in": "query",
            "required": name in required,
            **about,
            **({"example": examples[0]} if examples else {}),
            "schema": schema,
        }


def form(asked: Json) -> Json:
    """Return the schema of a form for the schema of a model."""
    required = {"required": asked["required"]} if "required" in asked else {}
    return {"type": "object", **required, "properties": _written(asked)}


def example(asked: Json) -> Json:
    """Return an example of a request with only the required fields of a model's schema."""
    return {name: asked["properties"][name]["examples"][0] for name in asked.get("required", ())}


def _written(asked: Json) -> Json:
    """Return the schemas of a model's fields for a query or a form, without null and objects."""
    return {
        name: _without_null(schema)
        for name, schema in asked.get("properties", {}).items()
        if JSON_ONLY not in schema
    }


def _without_null(schema: Json) -> Json:
    """Return a schema that does not allow null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: part for key, part in schema.items() if key != "anyOf"}
    return (
        {**kinds[0], **rest} if len(kinds) == 1 else {**rest, **({"anyOf": kinds} if kinds else {})}
    )


def _filled(schema: Any, values: Values) -> Any:
    """Return a schema with keywords replaced by ``values``, and without defaults that are null."""
    if isinstance(schema, list):
        return [_filled(part, values) for part in schema]
    if not isinstance(schema, dict):
        return schema
    filled: Json = {}
    for key, part in schema.items():
        if key in values:
            filled |= values[key](part)
        elif key != "default" or part is not None:
            filled[key] = _filled(part, values)
    return filled
