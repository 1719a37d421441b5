"""Which attributes a category has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from attrex.core import Attribute, content_hash
from attrex.errors import SchemaError

_ONCE = "leave one out, or give it another name"


@dataclass(frozen=True, slots=True)
class Category:
    """A category's own attributes; those of its ancestors are inherited."""

    name: str
    parent: str | None = None
    attributes: tuple[Attribute, ...] = ()


class Schema:
    """Attributes for every product (``attributes``) and more for the categories.

    A category inherits its parent's attributes and the common ones; an attribute of the same name
    lower down replaces the one above. ``version`` is a content hash. Immutable after construction.

    Raises ``SchemaError`` for duplicate names, unknown parents and cycles.
    """

    def __init__(self, attributes: Iterable[Attribute] = (), categories: Iterable[Category] = ()) -> None:
        self.attributes: tuple[Attribute, ...] = tuple(attributes)
        self.categories: Mapping[str, Category] = self._by_name(categories)
        _check_unique("the schema", self.attributes)
        for category in self.categories.values():
            _check_unique(f'category "{category.name}"', category.attributes)
        self._inherited: dict[str, tuple[Attribute, ...]] = {
            name: self._resolve(name) for name in self.categories
        }

    @staticmethod
    def _by_name(categories: Iterable[Category]) -> dict[str, Category]:
        found: dict[str, Category] = {}
        for category in categories:
            if category.name in found:
                raise SchemaError(f'category "{category.name}" stands twice in the schema. Fix: {_ONCE}')
            found[category.name] = category
        return found

    def _resolve(self, name: str) -> tuple[Attribute, ...]:
        line: list[Category] = []
        at: str | None = name
        while at is not None:
            if any(at == c.name for c in line):
                path = " -> ".join([*(c.name for c in line), at])
                raise SchemaError(
                    f"categories inherit in a circle: {path}. Fix: leave one of these parents out"
                )
            if at not in self.categories:
                near = difflib.get_close_matches(at, self.categories, 1)
                fix = f'did you mean "{near[0]}"?' if near else "add that category, or leave the parent out"
                raise SchemaError(
                    f'category "{line[-1].name}" names the parent "{at}", which does not exist. Fix: {fix}'
                )
            line.append(self.categories[at])
            at = self.categories[at].parent
        merged = {a.name: a for a in self.attributes}
        for category in reversed(line):
            merged.update({a.name: a for a in category.attributes})
        return tuple(merged.values())

    def of(self, category: str | None) -> tuple[Attribute, ...]:
        """The attributes a product of this category has. An unknown category has the common ones,
        or, where the schema has none in common, every attribute there is."""
        if category is not None and category in self._inherited:
            return self._inherited[category]
        return self.attributes or self.every

    def applies(self, name: str, category: str | None) -> bool:
        """Whether the schema gives the category an attribute of that name."""
        return any(a.name == name for a in self.of(category))

    @cached_property
    def every(self) -> tuple[Attribute, ...]:
        """All attributes, one per name (the first definition met wins)."""
        found: dict[str, Attribute] = {}
        for attribute in self.attributes:
            found.setdefault(attribute.name, attribute)
        for category in self.categories.values():
            for attribute in category.attributes:
                found.setdefault(attribute.name, attribute)
        return tuple(found.values())

    @cached_property
    def version(self) -> str:
        """Content hash of everything in the schema."""
        return content_hash(
            [[asdict(a) for a in self.attributes], [asdict(c) for c in self.categories.values()]]
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)


def _check_unique(where: str, attributes: Iterable[Attribute]) -> None:
    seen: set[str] = set()
    for attribute in attributes:
        if attribute.name in seen:
            raise SchemaError(f'attribute "{attribute.name}" stands twice in {where}. Fix: {_ONCE}')
        seen.add(attribute.name)
