"""Schemas as people write them -> ``Schema``.

Read are a list of names, ``{name: description}``, a JSON Schema, and the full form::

    attributes:                     # every product has these
      Brand: Who makes it           # a description is enough, and even that may be left out
      Colour:
        values: [black, navy, red]  # the allowed ones
        many: true
        delimiter: "; "
    categories:
      Footwear:
        attributes: [Size]
      Boots:
        parent: Footwear            # inherits Size; a name defined again replaces the parent's
        attributes:
          Shaft height: {unit: cm, examples: [14 cm, 32 cm]}
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from attrex.core import Attribute
from attrex.errors import SchemaError
from attrex.schema.document import load_document
from attrex.schema.json_schema import from_pydantic, is_json_schema, parse_json_schema
from attrex.schema.place import Place, shown
from attrex.schema.schema import Category, Schema

_SETTINGS = ("description", "values", "unit", "many", "examples", "delimiter")
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


def read_schema(path: str | Path) -> Schema:
    """The schema in a file: ``.yaml``/``.yml``, ``.json`` (the same forms, or a JSON Schema), or
    ``.txt`` with one name a line.

    Raises ``SchemaError`` naming the file and the path in it.
    """
    return parse_schema(load_document(Path(path)), file=str(path))


def parse_schema(data: object, *, file: str | None = None) -> Schema:
    """A schema from plain data in any of the forms of the module's text, or from a Pydantic model class;
    ``file`` goes into messages.

    Raises ``SchemaError`` with the path of what is wrong.
    """
    if isinstance(data, Schema):
        return data
    if isinstance(data, type):
        return from_pydantic(data)
    place = Place(file)
    categories: tuple[Category, ...] = ()
    if is_json_schema(data):
        attributes = parse_json_schema(data, place)
    elif _is_full_form(data):
        _known_keys(data, ("attributes", "categories"), place)
        attributes = _attributes(data.get("attributes"), place.at("attributes"))
        categories = _categories(data.get("categories"), place.at("categories"))
    else:
        attributes = _attributes(data, place)
    if not attributes and not categories:
        raise place.error("the schema is empty; name at least one attribute")
    try:
        return Schema(attributes, categories)
    except SchemaError as error:
        raise place.error(str(error)) from None


def _is_full_form(data: object) -> TypeGuard[Mapping[object, object]]:
    """An attribute may itself be named "attributes": then its text is a description."""
    return isinstance(data, Mapping) and (
        isinstance(data.get("attributes"), Mapping | list | tuple)
        or isinstance(data.get("categories"), Mapping | list | tuple)
    )


def _known_keys(data: Mapping[object, object], known: Sequence[str], place: Place) -> None:
    for key in data:
        if key in known:
            continue
        near = difflib.get_close_matches(str(key), known, 1)
        hint = f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}"
        raise place.at(key).error(f"unknown setting; {hint}")


def _name(key: object, place: Place, what: str) -> str:
    if isinstance(key, int | float) and not isinstance(key, bool):
        key = str(key)
    if not isinstance(key, str) or not key.strip():
        raise place.error(f"expected the name of {what}, got {shown(key)}")
    return key


def _attributes(data: object, place: Place) -> tuple[Attribute, ...]:
    if data is None:
        return ()
    if isinstance(data, Mapping):
        return tuple(
            _attribute(name := _name(key, place, "an attribute"), settings, place.at(name))
            for key, settings in data.items()
        )
    if isinstance(data, list | tuple):
        return tuple(_listed(entry, place.at(number)) for number, entry in enumerate(data))
    raise place.error(f"expected a list of names or a mapping of attributes, got {shown(data)}")


def _listed(entry: object, place: Place) -> Attribute:
    if isinstance(entry, Attribute):
        return entry
    if not isinstance(entry, Mapping):
        return Attribute(_name(entry, place, "an attribute"))
    if "name" not in entry:
        raise place.error('an attribute given as a mapping in a list needs a "name"')
    name = _name(entry["name"], place.at("name"), "an attribute")
    return _attribute(name, {k: v for k, v in entry.items() if k != "name"}, place)


def _attribute(name: str, settings: object, place: Place) -> Attribute:
    if settings is None or isinstance(settings, str):
        return Attribute(name, settings or "")
    if not isinstance(settings, Mapping):
        raise place.error(
            f"expected a description or settings, got {shown(settings)}; "
            'allowed values stand under "values", categories under "categories"'
        )
    _known_keys(settings, _SETTINGS, place)
    delimiter = _text(settings.get("delimiter"), place.at("delimiter"))
    if delimiter == "":
        raise place.at("delimiter").error("expected what stands between two values, got nothing")
    many = settings.get("many")
    return Attribute(
        name,
        description=_text(settings.get("description"), place.at("description")) or "",
        values=_texts(settings.get("values"), place.at("values")),
        unit=_text(settings.get("unit"), place.at("unit")),
        # Whoever names a delimiter has several values in a cell.
        many=delimiter is not None if many is None else _flag(many, place.at("many")),
        examples=_texts(settings.get("examples"), place.at("examples")),
        delimiter=delimiter,
    )


def _text(value: object, place: Place) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise place.error(f"expected text, got {shown(value)}")


def _flag(value: object, place: Place) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in (*_TRUE, *_FALSE):
        return value.lower() in _TRUE
    raise place.error(f"expected true or false, got {shown(value)}")


def _texts(value: object, place: Place) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise place.error(f"expected a list, got {shown(value)}")
    return tuple(_member(entry, place.at(number)) for number, entry in enumerate(value))


def _member(value: object, place: Place) -> str:
    if isinstance(value, bool | int | float):
        return shown(value)
    if not isinstance(value, str) or not value:
        raise place.error(f"expected a value, got {shown(value)}")
    return value


def _categories(data: object, place: Place) -> tuple[Category, ...]:
    if data is None:
        return ()
    if not isinstance(data, Mapping):
        raise place.error(f"expected a mapping of categories, got {shown(data)}")
    return tuple(
        _category(name := _name(key, place, "a category"), settings, place.at(name))
        for key, settings in data.items()
    )


def _category(name: str, settings: object, place: Place) -> Category:
    if settings is None:
        return Category(name)
    if isinstance(settings, list | tuple):
        return Category(name, attributes=_attributes(settings, place))
    if not isinstance(settings, Mapping):
        raise place.error(
            f'expected a list of attributes, or "parent" and "attributes", got {shown(settings)}'
        )
    _known_keys(settings, ("parent", "attributes"), place)
    parent = settings.get("parent")
    return Category(
        name,
        None if parent is None else _name(parent, place.at("parent"), "a category"),
        _attributes(settings.get("attributes"), place.at("attributes")),
    )
