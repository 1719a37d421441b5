"""What changed between two schemas, and whether a model of the old one can still be believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from attrex.core import Attribute
from attrex.schema.schema import Category, Schema


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``breaking``: what was extracted before may now be refused or no longer asked."""

    kind: Literal["added", "removed", "changed"]
    path: str
    detail: str = ""
    breaking: bool = False

    def __str__(self) -> str:
        mark = {"added": "+", "removed": "-", "changed": "~"}[self.kind]
        return f"{mark} {self.path}{f': {self.detail}' if self.detail else ''}"


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences, in the order of the new schema, what was removed last. False where there are none."""

    changes: tuple[Change, ...]

    @property
    def breaking(self) -> bool:
        """Whether any change is."""
        return any(change.breaking for change in self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        return "\n".join(str(change) for change in self.changes) or "no differences"


def diff(old: Schema, new: Schema) -> Diff:
    """The differences from ``old`` to ``new``; the order of attributes and categories is none."""
    changes = [*_attributes("attributes", _named(old.attributes), _named(new.attributes))]
    for name, category in new.categories.items():
        path = f"categories.{name}"
        before = old.categories.get(name)
        if before is None:
            changes.append(Change("added", path))
        changes += _category(path, before or Category(name, category.parent), category)
    changes += [
        Change("removed", f"categories.{name}", breaking=True)
        for name in old.categories
        if name not in new.categories
    ]
    return Diff(tuple(changes))


def _named(attributes: tuple[Attribute, ...]) -> dict[str, Attribute]:
    return {attribute.name: attribute for attribute in attributes}


def _category(path: str, old: Category, new: Category) -> Iterator[Change]:
    if old.parent != new.parent:
        detail = f"{_shown(old.parent)} -> {_shown(new.parent)}"
        yield Change("changed", f"{path}.parent", detail, breaking=True)
    yield from _attributes(f"{path}.attributes", _named(old.attributes), _named(new.attributes))


def _attributes(path: str, old: Mapping[str, Attribute], new: Mapping[str, Attribute]) -> Iterator[Change]:
    for name, attribute in new.items():
        if name in old:
            yield from _attribute(f"{path}.{name}", old[name], attribute)
        else:
            yield Change("added", f"{path}.{name}")
    for name in old:
        if name not in new:
            yield Change("removed", f"{path}.{name}", breaking=True)


def _attribute(path: str, old: Attribute, new: Attribute) -> Iterator[Change]:
    for field in ("description", "unit", "many", "delimiter"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield Change(
                "changed",
                f"{path}.{field}",
                f"{_shown(before)} -> {_shown(after)}",
                breaking=field == "unit" or (field == "many" and not after),
            )
    for field in ("values", "examples"):
        before, after = getattr(old, field), getattr(new, field)
        if set(before) != set(after):
            gained = [f"+{_shown(value)}" for value in after if value not in before]
            lost = [f"-{_shown(value)}" for value in before if value not in after]
            # From any text to a list, and from a longer list to a shorter one.
            narrowed = field == "values" and bool(after) and (bool(lost) or not before)
            yield Change("changed", f"{path}.{field}", ", ".join(gained + lost), breaking=narrowed)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "nothing"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f'"{value}"'
