"""What is odd about a schema, alone and beside the data it is meant for."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from attrex.core import Attribute, Product
from attrex.schema.cells import split_cell
from attrex.schema.quantity import parse_quantity
from attrex.schema.schema import Schema
from attrex.schema.units import find_unit

Severity = Literal["warning", "hint"]

_NO_VALUE = {"n/a", "na", "none", "null", "unknown", "other", "not applicable", "-", "?"}
_SHOWN = 3
_PATHS = 10  # listed of a group of findings
_BETWEEN = re.compile(r"(?:(?<!\d)|(?!.\d))[\W_]|[\s_]")
_KEPT = 1_000  # different unexpected values remembered per attribute


@dataclass(frozen=True, slots=True)
class Finding:
    """One oddity: a ``warning`` will give wrong results, a ``hint`` could give better ones."""

    severity: Severity
    path: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.path}: {self.message}. Fix: {self.fix}"


def lint(schema: Schema, products: Iterable[Product] | None = None) -> list[Finding]:
    """Oddities in the order of the schema; with ``products`` (read once) also where the two disagree."""
    findings: list[Finding] = []
    seen: dict[str, str] = {}
    for path, attribute in _every(schema):
        near = seen.setdefault(_folded(attribute.name), attribute.name)
        if near != attribute.name:
            findings.append(
                Finding("warning", path, f'differs from "{near}" in spelling only', "give the two one name")
            )
        findings += _attribute(path, attribute)
    findings += _categories(schema)
    if products is not None:
        findings += _against(schema, products)
    return findings


def grouped(findings: Iterable[Finding]) -> list[str]:
    """The findings for people: those that say the same of several places are one line, where the first of
    them stands."""
    groups: dict[tuple[Severity, str, str], list[str]] = {}
    for each in findings:
        groups.setdefault((each.severity, each.message, each.fix), []).append(each.path)
    return [
        str(Finding(severity, _listed(paths), message, fix))
        for (severity, message, fix), paths in groups.items()
    ]


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _PATHS} more" if len(paths) > _PATHS else ""
    return ", ".join(paths[:_PATHS]) + more


def _every(schema: Schema) -> Iterator[tuple[str, Attribute]]:
    for attribute in schema.attributes:
        yield f"attributes.{attribute.name}", attribute
    for category in schema.categories.values():
        for attribute in category.attributes:
            yield f"categories.{category.name}.attributes.{attribute.name}", attribute


def _attribute(path: str, a: Attribute) -> Iterator[Finding]:
    if a.name != " ".join(a.name.split()):
        yield Finding("warning", path, "the name has stray white space", "trim it")
    if not (a.description or a.values or a.examples):
        yield Finding(
            "hint",
            path,
            "nothing but its name is known",
            "give a description or a few examples; the models read them",
        )
    ways: dict[str, str] = {}
    for value in a.values:
        first = ways.setdefault(_folded(value), value)
        if first is not value:
            yield Finding(
                "warning",
                path,
                f'the allowed values "{first}" and "{value}" are the same',
                "keep one of them",
            )
    if odd := [v for v in a.values if v.casefold().strip() in _NO_VALUE]:
        yield Finding(
            "warning",
            path,
            f"{_quoted(odd)} among the allowed values is no value",
            "remove it; that nothing is stated has its own status",
        )
    if short := [v for v in a.values if len(v.strip()) == 1]:
        yield Finding(
            "hint",
            path,
            f"allowed values of one character ({_quoted(short)}) are found by chance",
            "write them out where the catalogue does",
        )
    if a.values and (foreign := [e for e in a.examples if _folded(e) not in ways]):
        yield Finding(
            "warning", path, f"the examples {_quoted(foreign)} are not allowed values", "allow or remove them"
        )
    if a.unit is not None:
        yield from _unit(path, a, a.unit)
    if a.delimiter is not None and not a.many:
        yield Finding("warning", path, "has a delimiter but only one value", 'set "many: true" or drop it')
    if a.many and a.delimiter and (cut := [v for v in a.values if len(split_cell(v, a)) > 1]):
        yield Finding(
            "warning",
            path,
            f"the delimiter {a.delimiter!r} cuts allowed values apart ({_quoted(cut)})",
            "choose another delimiter",
        )


def _unit(path: str, a: Attribute, unit: str) -> Iterator[Finding]:
    known = find_unit(unit)
    if known is None:
        yield Finding(
            "warning", path, f'the unit "{unit}" is unknown; values are not converted', "use a usual symbol"
        )
        return
    for value in (*a.values, *a.examples):
        quantity = parse_quantity(value)
        if quantity is None or quantity.to(known) is None:
            yield Finding(
                "warning", path, f'"{value}" is not a quantity in {unit}', "correct it or drop the unit"
            )
            return


def _categories(schema: Schema) -> Iterator[Finding]:
    spelled: dict[str, str] = {}
    for category in schema.categories.values():
        path = f"categories.{category.name}"
        near = spelled.setdefault(_folded(category.name), category.name)
        if near != category.name:
            yield Finding("warning", path, f'differs from "{near}" in spelling only', "give the two one name")
        if not schema.of(category.name):
            yield Finding("warning", path, "has no attributes", "name some, or a parent that has")
        above = schema.of(category.parent) if category.parent else schema.attributes
        for attribute in category.attributes:
            if attribute in above:
                yield Finding(
                    "hint",
                    f"{path}.attributes.{attribute.name}",
                    "is the same as the inherited one",
                    "remove it here",
                )


@dataclass(slots=True)
class _Use:
    filled: int = 0
    several: int = 0
    foreign: Counter[str] = field(default_factory=Counter)


def _against(schema: Schema, products: Iterable[Product]) -> Iterator[Finding]:
    categories: Counter[str] = Counter()
    uses: dict[str, _Use] = {}
    outside: Counter[tuple[str, str | None]] = Counter()
    read = 0
    for product in products:
        read += 1
        if product.category is not None:
            categories[product.category] += 1
        known = {a.name: a for a in schema.of(product.category)}
        for name, stated in product.stated.items():
            if not stated:
                continue
            if name not in known:
                outside[name, product.category] += 1
                continue
            _count(uses.setdefault(name, _Use()), known[name], [value.text for value in stated])
    if not read:
        return
    yield from _category_use(schema, categories)
    for (name, category), count in outside.most_common():
        where = "the schema" if category is None else f'category "{category}"'
        yield Finding(
            "warning",
            f"attributes.{name}",
            f"{_times(count)} stated, but {where} has no such attribute",
            "add it to the schema, or leave the column out",
        )
    for attribute in schema.every:
        yield from _use(attribute, uses.get(attribute.name, _Use()))


def _count(use: _Use, attribute: Attribute, cells: list[str]) -> None:
    values = [value for cell in cells for value in split_cell(cell, attribute)]
    use.filled += 1
    use.several += len(values) > 1
    if attribute.values:
        allowed = {_folded(value) for value in attribute.values}
        for value in values:
            if _folded(value) not in allowed and (value in use.foreign or len(use.foreign) < _KEPT):
                use.foreign[value] += 1


def _category_use(schema: Schema, categories: Counter[str]) -> Iterator[Finding]:
    if not schema.categories:
        return
    for name, count in categories.most_common():
        if name not in schema.categories:
            has = "the common attributes" if schema.attributes else "every attribute there is"
            yield Finding(
                "warning",
                f"categories.{name}",
                f"{_times(count)} in the data, unknown to the schema: such products are asked {has}",
                "add the category",
            )
    parents = {category.parent for category in schema.categories.values()}
    for name in schema.categories:
        if not categories[name] and name not in parents:
            yield Finding("hint", f"categories.{name}", "no product has this category", "check its spelling")


def _use(attribute: Attribute, use: _Use) -> Iterator[Finding]:
    path = f"attributes.{attribute.name}"
    if not use.filled:
        yield Finding(
            "warning",
            path,
            "has not one filled cell, so nothing can be learnt",
            "fill a few, or give examples",
        )
    if use.several and not attribute.many:
        yield Finding(
            "warning", path, f"{_times(use.several)} several values in one cell", 'set "many: true"'
        )
    if use.foreign:
        yield Finding(
            "warning",
            path,
            f"{_times(use.foreign.total())} a value that is not allowed "
            f"({_quoted([value for value, _ in use.foreign.most_common(_SHOWN)])})",
            "allow it, or correct the cells",
        )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _quoted(values: list[str]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(f'"{value}"' for value in values[:_SHOWN]) + more


def _folded(text: str) -> str:
    """Letters and digits in one case; 1.5 stays another size than 15."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text).casefold()) or text
