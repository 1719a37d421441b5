"""Reads the long form back, for inspection."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from attrex.errors import InputError
from attrex.io.cells import literal_list
from attrex.io.formula import unescape
from attrex.io.input import Input
from attrex.io.layouts import LISTS, LONG_COLUMNS, NUMBERS
from attrex.io.tables import Table


def read_long(path: str | Path) -> Iterator[dict[str, Any]]:
    """The records of a long-form file (CSV, TSV, JSONL, Parquet): numbers as numbers, lists as lists, missing
    ones None, texts as they were before escaping. Streams. Raises ``InputError`` where the file is something
    else."""
    source = Input(path)
    table = Table(source)
    number = 0
    with closing(table.rows()) as rows:
        for number, cells in rows:
            if isinstance(cells, InputError):
                raise cells
            _check(cells, number, source)
            yield _record(cells, number, source, escaped=table.kind == "delimited")
    if number == 0:
        _check(table.columns, None, source)


def _check(columns: Container[str], row: int | None, source: Input) -> None:
    missing = [name for name in ("product_id", "attribute", "status", "value") if name not in columns]
    if missing:
        raise InputError(
            "this is not the long form of attrex",
            file=source.name,
            row=row,
            field=missing[0],
            fix="write one with: attrex fill ... -o filled.parquet (or --layout long)",
        )


def _record(cells: Mapping[str, Any], row: int, source: Input, *, escaped: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in LONG_COLUMNS:
        value = cells.get(name)
        if value is None or value == "":
            made[name] = None
        elif name in NUMBERS:
            try:
                made[name] = NUMBERS[name](value)
            except (ValueError, TypeError):
                raise InputError(
                    f"{value!r} is no number",
                    file=source.name,
                    row=row,
                    field=name,
                    fix="write the file again",
                ) from None
        elif name in LISTS:
            parsed = literal_list(value) if isinstance(value, str) else value
            if not isinstance(parsed, list):
                raise InputError(
                    "this is no list in JSON",
                    file=source.name,
                    row=row,
                    field=name,
                    fix="write the file again",
                )
            made[name] = parsed
        else:
            made[name] = unescape(value) if escaped else value
    return made
