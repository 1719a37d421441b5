"""ExtractGPT's JSONL: ``{"input": title, "category": ..., "target_scores": {attribute: {value: 1}}}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrex.core import Product, Source, Stated
from attrex.errors import InputError
from attrex.io.category_schema import implied_schema
from attrex.io.input import Input
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import json_rows
from attrex.schema.schema import Schema

NONE = "n/a"


class ExtractGptReader(Reader):
    """AE-110K and OA-Mine as ExtractGPT publishes them.

    AE-110K lists what is absent as "n/a"; OA-Mine leaves it out. The two are told apart by the file: where
    no "n/a" stands in it at all, an attribute that the file knows for the category and a product does not
    list is absent (``complete``). The format "oa-mine" says so outright. Where a value stands beside "n/a",
    the value counts.
    """

    def __init__(self, source: Input, format: str, on_error: OnError) -> None:
        super().__init__(source, format, on_error)
        source.spool()
        self._attributes: dict[str | None, dict[str, None]] = {}
        explicit = False
        for _, record in json_rows(source):
            if isinstance(record, InputError) or self._misshapen(record, 0) is not None:
                continue
            of_category = self._attributes.setdefault(record.get("category"), {})
            for name, values in record["target_scores"].items():
                of_category[name] = None
                explicit = explicit or NONE in values
        self.complete = format == "oa-mine" or not explicit

    def _rows(self) -> Iterator[Row]:
        return self._of_records(json_rows(self.source), self._misshapen, self._product)

    def _misshapen(self, record: Mapping[str, Any], row: int) -> InputError | None:
        scores = record.get("target_scores")
        if not isinstance(record.get("input"), str):
            field = "input"
        elif not isinstance(record.get("category"), str | None):
            field = "category"
        elif not (isinstance(scores, dict) and all(isinstance(v, dict) for v in scores.values())):
            field = "target_scores"
        else:
            return None
        return self._wrong_kind(
            row, field, 'write {"input": "...", "category": "...", "target_scores": {"Color": {"red": 1}}}'
        )

    def _product(self, row: int, record: Mapping[str, Any]) -> Product:
        category = record.get("category")
        stated = {
            name: tuple(Stated(value) for value in values if value != NONE)
            for name, values in record["target_scores"].items()
        }
        if self.complete:
            for name in self._attributes.get(category, {}):
                stated.setdefault(name, ())
        title = record["input"]
        return Product(
            id=f"row-{row}",
            category=category,
            sources=(Source("title", title),) if title.strip() else (),
            stated=stated,
        )

    def schema(self) -> Schema:
        """The attributes each category lists anywhere in the file."""
        return implied_schema(row.product for row in self)
