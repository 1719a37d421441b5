"""Small files and records for the tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrex.core import Evidence, Extraction, Provenance, Span, Status, Value
from attrex.io.rows import Row

PROVENANCE = Provenance("m1", "s1", "n1", "i1", "fill", True)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def write_lines(path: Path, *records: Any) -> Path:
    return write(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def found(row: Row, attribute: str, *values: str, probability: float = 0.9) -> Extraction:
    """An extraction with the values where they stand in the title, if they do."""
    title = row.product.text("title") or ""
    return Extraction(
        product_id=row.product.id,
        attribute=attribute,
        status=Status.FOUND,
        values=tuple(Value(v, v, probability, _evidence(title, v)) for v in values),
        probability=probability,
        alternatives=(),
        input_read="all",
        provenance=PROVENANCE,
    )


def _evidence(title: str, value: str) -> tuple[Evidence, ...]:
    at = title.find(value)
    if at < 0:
        return (Evidence("inferred"),)
    return (Evidence("span", Span("title", at, at + len(value)), snippet=title, snippet_start=at),)


def unfound(row: Row, attribute: str, status: Status = Status.NOT_STATED) -> Extraction:
    return Extraction(row.product.id, attribute, status, (), 0.8, (), "all", PROVENANCE)
