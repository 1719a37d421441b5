"""Products written as a table that the readers read back, by convention where that suffices."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import yaml

from attrex.core import Product
from attrex.errors import OutputError
from attrex.io.mapping import Column, ColumnMapping, resolve

ENDINGS = (".jsonl", ".csv", ".tsv")
_SAMPLE = 200
_NEVER = "\u241f"
"""A delimiter that cuts nothing: the sign for a separator."""


def write_products(path: Path, products: Sequence[Product]) -> Path | None:
    """One row a product, by the ending as JSON lines or delimited text; there whole or not at all.

    Where a reader would by convention take a column for something else than it is, a mapping is written
    beside ("NAME.mapping.yaml"), and its path returned: to be given as ``--mapping``.

    Raises ``OutputError`` for another ending, and where it cannot be written.
    """
    check_ending(path)
    columns = _columns(products)
    rows = [_row(product, columns) for product in products]
    misread = _misread(columns, rows[:_SAMPLE], str(path))
    mapping = _mapping(columns, misread) if misread else None
    beside = path.with_name(path.name + ".new")
    mapped = path.with_suffix(".mapping.yaml")
    try:
        with beside.open("w", encoding="utf-8", errors="replace", newline="") as file:
            _write(file, path.suffix.lower(), columns, rows)
        if mapping is not None:
            mapped.write_text(yaml.safe_dump(mapping, allow_unicode=True, sort_keys=False), "utf-8")
        beside.replace(path)
    except OSError as problem:
        raise OutputError(
            f"cannot be written: {problem.strerror or problem}", file=str(path), fix="choose another place"
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    return None if mapping is None else mapped


def check_ending(path: Path) -> None:
    """Raises ``OutputError`` for one that products are not written by."""
    if path.suffix.lower() not in ENDINGS:
        raise OutputError(
            f'"{path.suffix}" is no ending that products are written by',
            file=str(path),
            fix=f"use {', '.join(ENDINGS)}",
        )


def _columns(products: Sequence[Product]) -> dict[str, Column]:
    """The columns by name, what each is: the id, the category and the texts first."""
    found = {"id": Column("id", "id", "id", "")}

    def add(name: str, role: Any, target: str) -> None:
        while name in found and (found[name].role, found[name].target) != (role, target):
            name += "_"
        found[name] = Column(name, role, target, "")

    if any(product.category is not None for product in products):
        add("category", "category", "category")
    for name in dict.fromkeys(s.name for product in products for s in product.sources):
        add(name, "source", name)
    if any(product.pictures for product in products):
        add("pictures", "picture", "picture")
    for name in dict.fromkeys(name for product in products for name in product.stated):
        add(name, "attribute", name)
    return found


def _row(product: Product, columns: Mapping[str, Column]) -> dict[str, Any]:
    """What stands in each column: text, or a list of several."""
    made: dict[str, Any] = {}
    for name, column in columns.items():
        cell: Any = None
        if column.role == "id":
            cell = product.id
        elif column.role == "category":
            cell = product.category
        elif column.role == "source":
            cell = product.text(column.target)
        elif column.role == "picture":
            cell = [picture.location for picture in product.pictures] or None
        elif (values := product.stated.get(column.target)) is not None:
            texts = [value.text for value in values]
            cell = texts[0] if len(texts) == 1 else texts or "n/a"
        made[name] = cell
    return made


def _write(
    file: IO[str], ending: str, columns: Mapping[str, Column], rows: Sequence[Mapping[str, Any]]
) -> None:
    if ending == ".jsonl":
        for row in rows:
            filled = {name: cell for name, cell in row.items() if cell is not None}
            file.write(json.dumps(filled, ensure_ascii=False) + "\n")
        return
    writer = csv.writer(file, delimiter="\t" if ending == ".tsv" else ",", lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(
            "" if cell is None else json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell
            for cell in row.values()
        )


def _misread(columns: Mapping[str, Column], sample: Sequence[Mapping[str, Any]], file: str) -> list[str]:
    """The columns that a reader would take for something else, or cut where nothing is to be cut."""
    read = resolve(list(columns), sample, ColumnMapping(), file)
    return [
        name
        for name, column in columns.items()
        if (read[name].role, read[name].target, read[name].delimiter) != (column.role, column.target, None)
    ]


def _mapping(columns: Mapping[str, Column], misread: Sequence[str]) -> dict[str, Any]:
    def named(role: str) -> dict[str, str]:
        return {c.target: name for name, c in columns.items() if c.role == role}

    made: dict[str, Any] = {"id": "id", "sources": named("source"), "attributes": named("attribute")}
    for name, column in columns.items():
        if column.role == "category":
            made["category"] = name
        elif column.role == "picture":
            made["pictures"] = [name]
    if whole := {columns[name].target: _NEVER for name in misread if columns[name].role == "attribute"}:
        made["many"] = whole
    return made
