"""From models to JSON Schema, as JSON bodies, forms and queries need it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from vits_tts.web.fields import JSON_ONLY, LIMITED, ONE_OF

Json: TypeAlias = dict[str, Any]
Values: TypeAlias = Mapping[str, Callable[[Any], Json]]

_REFERENCE: Final = "#/components/schemas/{model}"


class _Untitled(GenerateJsonSchema):
    """Leaves out titles of fields, which say no more than their names."""

    def field_title_should_be_set(self, *_: Any) -> bool:
        """Return that it should not."""
        return False


def reference(name: str) -> Json:
    """Return a reference to the schema of that name."""
    return {"$ref": _REFERENCE.format(model=name)}


def described(shapes: Iterable[Any], max_chars: int, names: Mapping[str, list[str]]) -> Json:
    """Return the schemas of models and typed dictionaries by name, and of all that they refer to.

    A text may have ``max_chars`` characters; ``names`` are those that ``ONE_OF`` refers to.
    """
    _, made = TypeAdapter.json_schemas(
        [(shape, "validation", TypeAdapter(shape)) for shape in dict.fromkeys(shapes)],
        ref_template=_REFERENCE,
        schema_generator=_Untitled,
    )
    values: Values = {
        LIMITED: lambda _: {"minLength": 1, "maxLength": max_chars},
        ONE_OF: lambda what: {"enum": names[what], "examples": names[what][:1]},
    }
    return {name: _filled(schema, values) for name, schema in sorted(made["$defs"].items())}


def plain(schema: Any) -> Any:
    """Return a schema without our own keywords."""
    return _filled(schema, {JSON_ONLY: lambda _: {}})


def parameters(asked: Json) -> Iterator[Json]:
    """Yield the parameters of a query that takes what a model does."""
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
    """Return the schema of a form that takes what a model does."""
    required = {"required": asked["required"]} if "required" in asked else {}
    return {"type": "object", **required, "properties": _written(asked)}


def example(asked: Json) -> Json:
    """Return the shortest good request for what a model takes."""
    return {name: asked["properties"][name]["examples"][0] for name in asked.get("required", ())}


def _written(asked: Json) -> Json:
    """Return a model's fields as a query or a form has them, which know no null and no objects."""
    return {
        name: _without_null(schema)
        for name, schema in asked.get("properties", {}).items()
        if JSON_ONLY not in schema
    }


def _without_null(schema: Json) -> Json:
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: part for key, part in schema.items() if key != "anyOf"}
    return (
        {**kinds[0], **rest} if len(kinds) == 1 else {**rest, **({"anyOf": kinds} if kinds else {})}
    )


def _filled(schema: Any, values: Values) -> Any:
    """Return a schema with ``values`` in the place of keywords, and without defaults of null."""
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
