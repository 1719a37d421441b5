"""Schema files as plain data: YAML, JSON or a list of names, read strictly.

YAML is read with every scalar as text but for null: shops have sizes named ``NO``, values such as
``on`` or ``1.50`` and ranges such as ``12:30``, all of which YAML 1.1 would turn into something else.
A key that stands twice is an error in both notations; the usual readers let the last one win.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from attrex.errors import SchemaError
from attrex.schema.place import Place

_KEPT_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_RESOLVERS = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT_TAGS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Loader(_Base):  # type: ignore[misc]  # the C loader has no type
    """Safe, scalars as text, duplicate keys refused."""

    yaml_implicit_resolvers = _RESOLVERS

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'"{key.value}" stands twice. Fix: leave one out', key.start_mark
                )
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load_document(path: Path) -> object:
    """The file's content: ``.json`` as JSON, ``.txt`` as one name a line, anything else as YAML.

    Raises ``SchemaError`` with the file and, where known, the line.
    """
    place = Place(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise place.error("there is no such file. Fix: check the path") from None
    except IsADirectoryError:
        raise place.error("is a folder; a schema is one file") from None
    except OSError as error:
        raise place.error(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise place.error(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    try:
        if path.suffix.lower() == ".json":
            return _load_json(text, place)
        if path.suffix.lower() == ".txt":
            return [line.strip() for line in text.splitlines() if line.strip()]
        return load_yaml(text, place)
    except RecursionError:
        raise place.error("is nested too deeply for a schema") from None


def load_yaml(text: str, place: Place) -> object:
    """YAML text as plain data. Raises ``SchemaError`` with the line."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        raise place.error(one_line(error)) from None
    except yaml.YAMLError as error:
        raise place.error(f"is not YAML ({one_line(error)})") from None


def one_line(error: Exception) -> str:
    """What a reader says, in one line; of YAML with the line in the file where it is known."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        return f"{line}{error.problem or error.context}"
    return " ".join(str(error).split())


def _load_json(text: str, place: Place) -> object:
    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        mapping: dict[str, object] = {}
        for key, value in found:
            if key in mapping:
                raise place.error(f'"{key}" stands twice. Fix: leave one out')
            mapping[key] = value
        return mapping

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise SchemaError(f"{place.file}: line {error.lineno}: is not JSON ({error.msg})") from None
