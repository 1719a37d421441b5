"""A JSON Schema's (or Pydantic model's) properties -> attributes.

``enum`` and ``const`` are allowed values, an array has many, ``examples`` stay examples; a unit is
given by ``unit`` or ``x-unit``, a delimiter by ``delimiter`` or ``x-delimiter``. References within
the document are followed; ``null`` beside a type (an optional field) is no value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from attrex.core import Attribute
from attrex.errors import SchemaError
from attrex.schema.place import Place, shown
from attrex.schema.schema import Schema


def is_json_schema(data: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether plain data is a JSON Schema rather than one of our own forms."""
    if not isinstance(data, Mapping):
        return False
    if isinstance(data.get("$schema"), str):
        return True
    return isinstance(data.get("properties"), Mapping) and data.get("type", "object") == "object"


def parse_json_schema(data: Mapping[str, Any], place: Place) -> tuple[Attribute, ...]:
    """One attribute a property. Raises ``SchemaError`` for nested objects and broken references."""
    top, place = _followed(data, data, place)
    properties = top.get("properties")
    if not isinstance(properties, Mapping):
        raise place.at("properties").error(f"expected the attributes, got {shown(properties)}")
    inside = place.at("properties")
    return tuple(_attribute(str(name), node, data, inside.at(name)) for name, node in properties.items())


def from_pydantic(cls: type) -> Schema:
    """The schema of a Pydantic model class: one attribute a field, by its alias where it has one.

    ``Field(description=..., examples=[...], json_schema_extra={"unit": "mm"})`` is understood.
    Raises ``SchemaError`` where Pydantic is missing, ``cls`` is not a model, or a field is itself a model.
    """
    try:
        from pydantic import BaseModel
        from pydantic.errors import PydanticInvalidForJsonSchema
    except ImportError:
        raise SchemaError(
            "a Pydantic model was given, but Pydantic is not installed: pip install 'attrex[pydantic]'"
        ) from None
    if not (isinstance(cls, type) and issubclass(cls, BaseModel)):
        raise SchemaError(f"expected a Pydantic model class, got {cls!r}")
    place = Place(cls.__name__)
    try:
        described = cls.model_json_schema()
    except PydanticInvalidForJsonSchema as error:
        raise place.error(f"has a field that no JSON Schema can describe ({error.message})") from None
    return Schema(parse_json_schema(described, place))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the branches of one property say together."""

    many: bool = False
    values: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    description: str = ""
    unit: str | None = None
    delimiter: str | None = None


def _attribute(name: str, node: object, root: Mapping[str, Any], place: Place) -> Attribute:
    if not name.strip():
        raise place.error("expected the name of an attribute, got nothing")
    found = _read(node, root, place, frozenset())
    return Attribute(
        name,
        description=found.description,
        values=found.values,
        unit=found.unit,
        many=found.many,
        examples=found.examples,
        delimiter=found.delimiter,
    )


def _read(node: object, root: Mapping[str, Any], place: Place, above: frozenset[int]) -> _Found:
    if node is True:  # JSON Schema's "anything"
        return _Found()
    if not isinstance(node, Mapping):
        raise place.error(f"expected a property, got {shown(node)}")
    if id(node) in above:
        raise place.error("contains itself; an attribute's value is a text or a list of texts")
    above = above | {id(node)}
    found = _Found()
    if "$ref" in node:
        target, there = _followed(node, root, place)
        found = _read(target, root, there, above)
    for key in ("allOf", "anyOf", "oneOf"):
        for number, branch in enumerate(node.get(key) or ()):
            if branch != {"type": "null"}:
                found = _joined(found, _read(branch, root, place.at(key).at(number), above))
    kinds = node.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "object" in kinds or "properties" in node:
        raise place.error("is an object; make each of its fields an attribute of its own")
    if "array" in kinds:
        items = node.get("items", True)
        if isinstance(items, Mapping) and items.get("type") == "array":
            raise place.at("items").error("a list of lists cannot be an attribute's value")
        found = replace(_joined(found, _read(items, root, place.at("items"), above)), many=True)
    own = _Found(
        values=_texts([node["const"]] if "const" in node else node.get("enum"), place.at("enum")),
        examples=_texts(node.get("examples"), place.at("examples")),
        description=_text(node.get("description"), place.at("description")) or "",
        unit=_text(node.get("unit", node.get("x-unit")), place.at("unit")),
        delimiter=_text(node.get("delimiter", node.get("x-delimiter")), place.at("delimiter")),
    )
    return _joined(found, own)


def _joined(inner: _Found, outer: _Found) -> _Found:
    """Values of all branches together; what stands further out describes better."""
    return _Found(
        many=inner.many or outer.many,
        values=tuple(dict.fromkeys((*inner.values, *outer.values))),
        examples=tuple(dict.fromkeys((*outer.examples, *inner.examples))),
        description=outer.description or inner.description,
        unit=outer.unit or inner.unit,
        delimiter=outer.delimiter or inner.delimiter,
    )


def _followed(
    node: Mapping[str, Any], root: Mapping[str, Any], place: Place
) -> tuple[Mapping[str, Any], Place]:
    """What ``$ref`` points at, however many steps away; the node itself where it has none."""
    seen: list[str] = []
    while isinstance(reference := node.get("$ref"), str):
        if reference in seen:
            raise place.error(f"references run in a circle: {' -> '.join([*seen, reference])}")
        if not reference.startswith("#"):
            raise place.error(f'the reference "{reference}" leaves the document; put the definition into it')
        seen.append(reference)
        target: object = root
        for step in reference.lstrip("#").strip("/").split("/") if reference != "#" else ():
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            raise place.error(f'the reference "{reference}" leads nowhere')
        node = target
    return node, place


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise place.error(f"expected a list, got {shown(value)}")
    return tuple(
        text
        for entry in value
        if entry is not None and (text := entry if isinstance(entry, str) else shown(entry))
    )


def _text(value: object, place: Place) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise place.error(f"expected text, got {shown(value)}")
