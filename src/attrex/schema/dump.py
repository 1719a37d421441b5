"""``Schema`` -> YAML that reads back as the same schema, name by name and character by character."""

from __future__ import annotations

from typing import Any

import yaml

from attrex.core import Attribute
from attrex.schema.schema import Category, Schema

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]  # the C dumper has no type
    """Mappings on lines of their own, lists on one line, nothing for null."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(
    list, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)
_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def schema_document(schema: Schema) -> dict[str, object]:
    """JSON-able; ``parse_schema`` of it equals ``schema`` (same version)."""
    document: dict[str, object] = {}
    if schema.attributes:
        document["attributes"] = _attributes(schema.attributes)
    if schema.categories:
        document["categories"] = {c.name: _category(c) for c in schema.categories.values()}
    return document


def dump_schema(schema: Schema) -> str:
    """``schema_document`` as YAML text."""
    text: str = yaml.dump(
        schema_document(schema),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=110,
    )
    return text


def _category(category: Category) -> dict[str, object] | None:
    settings: dict[str, object] = {}
    if category.parent is not None:
        settings["parent"] = category.parent
    if category.attributes:
        settings["attributes"] = _attributes(category.attributes)
    return settings or None


def _attributes(attributes: tuple[Attribute, ...]) -> dict[str, object]:
    return {a.name: _attribute(a) for a in attributes}


def _attribute(attribute: Attribute) -> dict[str, object] | str | None:
    settings: dict[str, object] = {}
    if attribute.description:
        settings["description"] = attribute.description
    if attribute.values:
        settings["values"] = list(attribute.values)
    if attribute.unit is not None:
        settings["unit"] = attribute.unit
    # A delimiter alone implies many, so that its absence has to be said.
    if attribute.many != (attribute.delimiter is not None):
        settings["many"] = attribute.many
    if attribute.delimiter is not None:
        settings["delimiter"] = attribute.delimiter
    if attribute.examples:
        settings["examples"] = list(attribute.examples)
    if not settings:
        return None
    return attribute.description if list(settings) == ["description"] else settings
