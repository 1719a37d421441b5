"""WDC-PAVE's JSONL: title and description, values with the text they stand in, explicit "n/a"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrex.core import Product, Source, Span, Stated
from attrex.errors import InputError
from attrex.io.category_schema import implied_schema
from attrex.io.input import Input
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import json_rows
from attrex.schema.schema import Schema

NONE = "n/a"
_TEXTS = (("title", "input_title"), ("description", "input_description"))


class WdcPaveReader(Reader):
    """Values as written, or normalised: the two parts of the data set have one format.

    A value's ``pid`` (0 title, 1 description) names the text, not the place in it: the spans are all exact
    occurrences there that begin and end a word, else the first occurrence; a normalised value has none.
    """

    def __init__(self, source: Input, on_error: OnError) -> None:
        super().__init__(source, "wdc-pave", on_error)
        source.spool()

    def _rows(self) -> Iterator[Row]:
        return self._of_records(json_rows(self.source), self._misshapen, self._product)

    def _misshapen(self, record: Mapping[str, Any], row: int) -> InputError | None:
        field = next((key for _, key in _TEXTS if not isinstance(record.get(key) or "", str)), None)
        scores = record.get("target_scores")
        if field is None and "input_title" not in record:
            field = "input_title"
        elif not isinstance(record.get("category"), str | None):
            field = "category"
        elif not (isinstance(scores, dict) and all(isinstance(v, dict) for v in scores.values())):
            field = "target_scores"
        if field is None:
            return None
        return self._wrong_kind(row, field, "compare the row with the data set's own files")

    def _product(self, row: int, record: Mapping[str, Any]) -> Product:
        texts = [(name, record.get(key) or "") for name, key in _TEXTS]
        stated: dict[str, tuple[Stated, ...]] = {}
        for attribute, values in record["target_scores"].items():
            stated[attribute] = tuple(
                Stated(value, _spans(value, texts, found)) for value, found in values.items() if value != NONE
            )
        id = record.get("id")
        return Product(
            id=f"row-{row}" if id is None else self._unique(str(id), row, "id"),
            category=record.get("category"),
            sources=tuple(Source(name, text) for name, text in texts if text.strip()),
            stated=stated,
        )

    def schema(self) -> Schema:
        """The attributes each category lists; every product of a category lists all of them."""
        return implied_schema(row.product for row in self)


def _spans(value: str, texts: list[tuple[str, str]], found: Any) -> tuple[Span, ...]:
    pids = found.get("pid", ()) if isinstance(found, dict) else ()
    spans: list[Span] = []
    for pid in pids:
        if not value or pid not in (0, 1):
            continue
        name, text = texts[pid]
        places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text)]
        first = text.find(value)
        if not places and first >= 0:
            places = [first]
        spans.extend(Span(name, at, at + len(value)) for at in places)
    return tuple(spans)
