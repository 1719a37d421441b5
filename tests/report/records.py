"""Long-form rows."""

from __future__ import annotations

from typing import Any


def record(**fields: Any) -> dict[str, Any]:
    """A found value, as the reader of the long form gives it, with some fields changed."""
    return {
        "product_id": "p1",
        "attribute": "Color",
        "status": "found",
        "value": "navy",
        "canonical": "Blue",
        "probability": 0.875,
        "source": "title",
        "start": 12,
        "end": 16,
        "snippet": "shoe, navy, 42",
        "snippet_start": 6,
        "evidence_kind": "span",
        "other_places": [],
        "alternatives": "[]",
        "input_read": "all",
        "model": "m",
        "schema": "s",
        "input": "i",
        **fields,
    }


def valueless(status: str, **fields: Any) -> dict[str, Any]:
    """An ask without a value."""
    gone = dict.fromkeys(
        ("value", "canonical", "source", "start", "end", "snippet", "snippet_start", "evidence_kind")
    )
    return record(**{**gone, "status": status, **fields})
