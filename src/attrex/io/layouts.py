"""What is written of a row and its extractions: the user's table, one line a value, or a MAVE record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrex.core import Evidence, Extraction, Status, Value
from attrex.io import mave
from attrex.io.cells import as_json, as_text
from attrex.io.formula import escape
from attrex.io.mapping import Column
from attrex.io.rows import Row

LONG_COLUMNS = (
    "product_id", "attribute", "status", "value", "canonical", "probability", "source", "start", "end",
    "snippet", "snippet_start", "evidence_kind", "picture", "box", "confidence", "other_places",
    "alternatives", "input_read", "model", "schema", "input",
)  # fmt: skip
NUMBERS = {"start": int, "end": int, "snippet_start": int, "probability": float, "confidence": float}
"""The long form's columns of numbers."""
PLACE = (
    *("source", "start", "end", "snippet", "snippet_start", "evidence_kind"),
    *("picture", "box", "confidence"),
)
LISTS = {
    "other_places": PLACE,
    "alternatives": ("value", "canonical", "probability", "source", "start", "end"),
}
"""The long form's columns of lists, with the fields of an item; a field's type is that of the column."""


class Layout(Protocol):
    """Records of one shape: ``names`` are their keys, ``header`` what a delimited file begins with."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def header(self) -> tuple[str, ...]: ...

    def records(self, row: Row, extractions: Sequence[Extraction]) -> list[dict[str, Any]]: ...


class LongLayout:
    """One record a value; one without a value for every ask that found none.

    ``source``, ``start`` and ``snippet`` speak of the value's first place, ``other_places`` holds the rest;
    for a picture, ``source`` is its location. ``picture`` and ``box`` ("left top right bottom", in pixels)
    tell where on a picture it stands or is seen, ``confidence`` how surely it was read there.
    ``spreadsheet``: texts are escaped for spreadsheets, and lists are JSON text.
    """

    names = header = LONG_COLUMNS

    def __init__(self, *, spreadsheet: bool) -> None:
        self._spreadsheet = spreadsheet

    def records(self, row: Row, extractions: Sequence[Extraction]) -> list[dict[str, Any]]:
        made = [record for extraction in extractions for record in _long(extraction)]
        if self._spreadsheet:
            made = [{name: _cell(content) for name, content in record.items()} for record in made]
        return made


def _cell(content: Any) -> Any:
    if isinstance(content, list):
        return json.dumps(content, ensure_ascii=False)
    return escape(content) if isinstance(content, str) else content


def _long(extraction: Extraction) -> list[dict[str, Any]]:
    common = {
        "product_id": extraction.product_id,
        "attribute": extraction.attribute,
        "status": str(extraction.status),
    }
    rest = {
        "alternatives": [_alternative(v) for v in extraction.alternatives],
        "input_read": extraction.input_read,
        "model": extraction.provenance.model,
        "schema": extraction.provenance.schema,
        "input": extraction.provenance.input,
    }
    if not extraction.values:
        none: dict[str, Any] = {**dict.fromkeys(LONG_COLUMNS), "other_places": []}
        return [{**none, **common, "probability": extraction.probability, **rest}]
    return [{**dict.fromkeys(LONG_COLUMNS), **common, **_value(v), **rest} for v in extraction.values]


def _value(value: Value) -> dict[str, Any]:
    places = [_place(evidence) for evidence in value.evidence]
    return {
        "value": value.text,
        "canonical": value.canonical,
        "probability": value.probability,
        **(places[0] if places else {}),
        "other_places": places[1:],
    }


def _place(evidence: Evidence) -> dict[str, Any]:
    span = evidence.span
    return {
        "source": evidence.picture if span is None else span.source,
        "start": None if span is None else span.start,
        "end": None if span is None else span.end,
        "snippet": evidence.snippet,
        "snippet_start": evidence.snippet_start,
        "evidence_kind": evidence.kind,
        "picture": evidence.picture,
        "box": None if evidence.box is None else " ".join(f"{edge:g}" for edge in evidence.box),
        "confidence": evidence.confidence,
    }


def _alternative(value: Value) -> dict[str, Any]:
    span = next((e.span for e in value.evidence if e.span is not None), None)
    return {
        "value": value.text,
        "canonical": value.canonical,
        "probability": value.probability,
        "source": None if span is None else span.source,
        "start": None if span is None else span.start,
        "end": None if span is None else span.end,
    }


class WideLayout:
    """The user's own table with the blanks filled; cells that were filled stay as they are.

    An attribute that has no column gets one at the end. With ``answer_all``, what was found for filled
    cells too stands beside, in a column "<attribute> (attrex)". Several values are joined by the
    attribute's delimiter. ``spreadsheet``: what attrex writes (and only that) is escaped for spreadsheets.
    ``lines``: for JSON lines, where a row keeps its own keys with their values as they are (numbers,
    lists, null), only what was found is added, and several values are a list.
    """

    def __init__(
        self,
        columns: Sequence[str],
        header: Sequence[str],
        mapping: Mapping[str, Column],
        attributes: Sequence[str],
        *,
        answer_all: bool,
        delimiters: Mapping[str, str],
        spreadsheet: bool,
        lines: bool = False,
    ) -> None:
        self._columns = tuple(columns)
        self._lines = lines
        self._escape = escape if spreadsheet else str
        cells = {c.target: c for c in mapping.values() if c.role == "attribute"}
        self._delimiters = {name: c.delimiter for name, c in cells.items() if c.delimiter} | dict(delimiters)
        self._place = {name: column.name for name, column in cells.items()}
        new: list[str] = []
        for name in attributes:
            if name not in self._place:
                self._place[name] = self._free(name, new)
                new.append(self._place[name])
        self._beside: dict[str, str] = {}
        for name in attributes if answer_all else ():
            self._beside[name] = self._free(f"{name} (attrex)", new)
            new.append(self._beside[name])
        self._new = tuple(new)
        self.names = (*self._columns, *new)
        self.header = (*header, *map(self._escape, self._new))

    def _free(self, name: str, new: Sequence[str]) -> str:
        """The name, with "(attrex)" behind it as often as it takes to be new in the table."""
        while name in self._columns or name in new:
            name += " (attrex)"
        return name

    def records(self, row: Row, extractions: Sequence[Extraction]) -> list[dict[str, Any]]:
        cells = row.cells or {}
        made: dict[str, Any]
        if self._lines:
            made = {str(column): as_json(cell) for column, cell in cells.items()}
        else:
            made = {column: as_text(cells.get(column)) for column in self._columns}
            made |= dict.fromkeys(self._new, "")
        for extraction in extractions:
            if extraction.status is not Status.FOUND:
                continue
            name = extraction.attribute
            written = self._written([v.canonical for v in extraction.values], name)
            if name not in row.product.stated and name in self._place:
                made[self._place[name]] = written
            if name in self._beside:
                made[self._beside[name]] = written
        return [made]

    def _written(self, values: list[str], name: str) -> str | list[str]:
        if self._lines:
            return values if len(values) > 1 else values[0]
        return self._escape(self._delimiters.get(name, "; ").join(values))


class MaveLayout:
    """MAVE's JSONL: one record a product."""

    names: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    def records(self, row: Row, extractions: Sequence[Extraction]) -> list[dict[str, Any]]:
        return [mave.record(row.product, extractions)]
