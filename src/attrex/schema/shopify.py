"""Shopify's product taxonomy -> a schema of chosen categories."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from attrex.core import Attribute
from attrex.errors import SchemaError
from attrex.schema.place import Place
from attrex.schema.schema import Category, Schema

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 3 s for the whole taxonomy; the other takes 40
_JOINT = " > "
_DELIMITER = "; "  # how Shopify's own export writes several values


def from_shopify(
    taxonomy_folder: str | Path, categories: Sequence[str], *, descendants: bool = False
) -> Schema:
    """A schema of the named categories (and, if asked, of all beneath them).

    A category is given by its name ("Shoes"), its full path ("Apparel & Accessories > Shoes") or its id
    ("aa-8"). Asked by name it keeps its name, asked by path or id it is called by its path, as in
    Shopify's exports; a name that two of the result share gives way to the path. A category becomes the
    child of the nearest chosen one above it where it has all of that one's attributes; the taxonomy
    itself lists a category's attributes in full and drops some on the way down, so that nothing may be
    inherited blindly. Every attribute takes several values, as in Shopify; "Other" is no value.

    Raises ``SchemaError`` for a folder that is not the taxonomy, an unknown or ambiguous category, and one
    that has no attributes.
    """
    taxonomy = _Taxonomy(Path(taxonomy_folder))
    chosen: dict[str, bool] = {}  # node id -> whether it is called by its path
    for asked in categories:
        node = taxonomy.find(asked)
        by_path = asked.strip().casefold() != node.name.casefold()
        chosen.setdefault(node.id, by_path)
        if descendants:
            for below in taxonomy.below(node):
                chosen.setdefault(below.id, by_path)
        elif not node.attributes:
            raise SchemaError(
                f'category "{taxonomy.path(node)}" has no attributes in this taxonomy; choose another'
            )
    nodes = [taxonomy.nodes[key] for key in chosen if taxonomy.nodes[key].attributes]
    if not nodes:
        raise SchemaError("no category with attributes was chosen from the taxonomy")
    shared = Counter(node.name for node in nodes)
    names = {
        node.id: taxonomy.path(node) if chosen[node.id] or shared[node.name] > 1 else node.name
        for node in nodes
    }
    made = {key: taxonomy.attribute(key) for key in dict.fromkeys(k for n in nodes for k in n.attributes)}
    return Schema(categories=(_category(node, names, taxonomy, made) for node in nodes))


@dataclass(frozen=True, slots=True)
class _Node:
    id: str
    name: str
    parent: str | None
    attributes: tuple[str, ...]


def _category(
    node: _Node, names: Mapping[str, str], taxonomy: _Taxonomy, made: Mapping[str, Attribute]
) -> Category:
    above = next(
        (a for a in taxonomy.above(node) if a.id in names and set(a.attributes) <= set(node.attributes)), None
    )
    inherited = above.attributes if above else ()
    own = tuple(made[key] for key in node.attributes if key not in inherited)
    return Category(names[node.id], names[above.id] if above else None, own)


class _Taxonomy:
    """The folder's files, each read when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data" if (folder / "data").is_dir() else folder
        if not (self._data / "categories").is_dir():
            raise SchemaError(f"{folder}: is not Shopify's taxonomy: it has no data/categories")

    def _read(self, path: Path) -> Any:
        try:
            return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  # a safe loader
        except OSError as error:
            raise SchemaError(f"{path}: cannot be read ({error.strerror})") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SchemaError(f"{path}: is not YAML ({str(error).splitlines()[0]})") from None

    @cached_property
    def nodes(self) -> dict[str, _Node]:
        """By id."""
        entries: dict[str, dict[str, Any]] = {}
        for path in sorted((self._data / "categories").glob("*.yml")):
            for number, entry in enumerate(_entries(self._read(path), Place(str(path)))):
                _fields(entry, ("id", "name", "children", "attributes"), Place(str(path)).at(number))
                entries[entry["id"]] = entry
        parents = {child: key for key, entry in entries.items() for child in entry["children"]}
        return {
            key: _Node(key, str(entry["name"]), parents.get(key), tuple(entry["attributes"]))
            for key, entry in entries.items()
        }

    @cached_property
    def _values(self) -> dict[str, str]:
        path = self._data / "values.yml"
        found = {}
        for number, entry in enumerate(_entries(self._read(path), Place(str(path)))):
            _fields(entry, ("friendly_id", "name"), Place(str(path)).at(number))
            found[entry["friendly_id"]] = str(entry["name"])
        return found

    @cached_property
    def _attributes(self) -> dict[str, dict[str, Any]]:
        path = self._data / "attributes.yml"
        place = Place(str(path))
        content = self._read(path)
        _fields(content, ("base_attributes", "extended_attributes"), place)
        return {
            entry["friendly_id"]: entry
            for group in ("base_attributes", "extended_attributes")
            for number, entry in enumerate(_entries(content[group], place.at(group)))
            if _fields(entry, ("friendly_id", "name"), place.at(group).at(number))
        }

    def attribute(self, key: str) -> Attribute:
        """An extended attribute has its own name and description and its base's values."""
        place = Place(str(self._data / "attributes.yml")).at(key)
        entry = base = self._attributes.get(key)
        if base is not None and "values_from" in base:
            base = self._attributes.get(base["values_from"])
        if entry is None or base is None or "values" not in base:
            raise place.error("a category names this attribute, but neither it nor its base has values")
        values = [self._values.get(value, "Other") for value in base["values"]]
        return Attribute(
            str(entry["name"]),
            description=str(entry.get("description") or ""),
            values=tuple(dict.fromkeys(value for value in values if value != "Other")),
            many=True,
            delimiter=_DELIMITER,
        )

    def above(self, node: _Node) -> list[_Node]:
        """Nearest first."""
        line: list[_Node] = []
        while node.parent is not None and (node := self.nodes[node.parent]) not in line:
            line.append(node)
        return line

    def below(self, node: _Node) -> list[_Node]:
        """In the taxonomy's order."""
        return [other for other in self.nodes.values() if node in self.above(other)]

    def path(self, node: _Node) -> str:
        """From the top: "Apparel & Accessories > Shoes"."""
        return _JOINT.join(n.name for n in reversed([node, *self.above(node)]))

    def find(self, asked: str) -> _Node:
        """By id, full path or name, in any case."""
        wanted = asked.strip().casefold()
        if wanted in self.nodes:
            return self.nodes[wanted]
        if ">" in wanted:
            wanted = _JOINT.join(part.strip() for part in wanted.split(">"))
            named = [n for n in self.nodes.values() if self.path(n).casefold() == wanted]
        else:
            named = [n for n in self.nodes.values() if n.name.casefold() == wanted]
        if len(named) == 1:
            return named[0]
        if named:
            paths = "; ".join(f'"{self.path(node)}"' for node in named)
            raise SchemaError(f'{len(named)} categories are named "{asked}"; give the full path: {paths}')
        last = wanted.rpartition(_JOINT)[2]
        spelled = {n.name.casefold(): n for n in self.nodes.values()}
        near = difflib.get_close_matches(last, spelled, 3, 0.7)
        paths = ", ".join(f'"{self.path(spelled[name])}"' for name in near)
        hint = f"; near to it are {paths}" if near else ""
        raise SchemaError(f'the taxonomy has no category "{asked}"{hint}')


def _entries(content: Any, place: Place) -> list[Any]:
    if not isinstance(content, list):
        raise place.error("expected a list; is this Shopify's taxonomy?")
    return content


def _fields(entry: Any, names: Sequence[str], place: Place) -> bool:
    if not isinstance(entry, dict):
        raise place.error("expected a mapping; is this Shopify's taxonomy?")
    for name in names:
        if name not in entry:
            raise place.error(f'"{name}" is missing; is this Shopify\'s taxonomy?')
    return True
