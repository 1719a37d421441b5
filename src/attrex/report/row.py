"""One row of the long form, as read from a file: checked and typed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attrex.core import Status
from attrex.errors import InputError

STATUSES = tuple(status.value for status in Status)
_FIX = "pass the long form that `attrex fill` writes to a .parquet or .jsonl file"


@dataclass(frozen=True, slots=True)
class Alternative:
    """A proposal that was not taken; ``source`` is where it stands, if anywhere."""

    text: str
    probability: float | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, ``[start, end)`` in its source. ``mark`` is the same in the snippet. What was
    seen in a ``picture`` or read from one has its ``box`` there, as text, and if it was read, how surely
    (``confidence``)."""

    source: str | None
    snippet: str | None
    mark: tuple[int, int] | None
    kind: str | None
    span: tuple[int, int] | None = None
    picture: str | None = None
    box: str | None = None
    confidence: float | None = None

    @property
    def edges(self) -> tuple[float, float, float, float] | None:
        """The box's left, top, right and bottom; None where they are not four numbers."""
        try:
            left, top, right, bottom = map(float, (self.box or "").split())
        except ValueError:
            return None
        return (left, top, right, bottom) if all(map(math.isfinite, (left, top, right, bottom))) else None

    @property
    def seen_in(self) -> str | None:
        """Said of what a picture shows; None of everything else."""
        if self.kind != "region":
            return None
        return "in the picture" if self.box is None else f"in the picture at {self.box}"

    @property
    def read_on(self) -> str | None:
        """Said of what was read from a picture; None of everything else."""
        if self.kind != "span" or self.picture is None:
            return None
        sure = "" if self.confidence is None else f", {self.confidence:.0%} sure"
        at = "" if self.box is None else f" at {self.box}"
        return f"read on {self.picture}{at}{sure}"


@dataclass(frozen=True, slots=True)
class InspectRow:
    """One value, or one ask without a value; ``places`` are all that its record tells."""

    product_id: str
    attribute: str
    status: str
    value: str | None
    canonical: str | None
    probability: float | None
    places: tuple[Place, ...]
    alternatives: tuple[Alternative, ...]
    input_read: str | None


def parse(record: Mapping[str, Any], number: int, file: str | None = None) -> InspectRow:
    """Type a record, whose numbers may be texts (CSV) and whose gaps may be None or "".

    A mark that does not fit its snippet is dropped rather than shown in the wrong place. Raises
    ``InputError`` naming row and field.
    """
    status = _required(record, "status", number, file)
    if status not in STATUSES:
        raise InputError(
            f'"{status}" is no status; it is one of {", ".join(STATUSES)}',
            file=file,
            row=number,
            field="status",
            fix=_FIX,
        )
    others = (one for one in _list(record, "other_places", number, file) if isinstance(one, Mapping))
    places = [_place(one, number, file) for one in (record, *others)]
    return InspectRow(
        product_id=_required(record, "product_id", number, file),
        attribute=_required(record, "attribute", number, file),
        status=status,
        value=_text(record, "value"),
        canonical=_text(record, "canonical"),
        probability=_number(record, "probability", number, file),
        places=tuple(place for place in places if place.kind is not None or place.snippet is not None),
        alternatives=_alternatives(record, number, file),
        input_read=_text(record, "input_read"),
    )


def _place(record: Mapping[str, Any], number: int, file: str | None) -> Place:
    start, end = (_whole(record, name, number, file) for name in ("start", "end"))
    snippet, within = _text(record, "snippet"), _whole(record, "snippet_start", number, file)
    mark = None
    if snippet and start is not None and end is not None and within is not None:
        stop = within + end - start
        mark = (within, stop) if 0 <= within < stop <= len(snippet) else None
    span = None if start is None or end is None else (start, end)
    return Place(
        _text(record, "source"),
        snippet,
        mark,
        _text(record, "evidence_kind"),
        span,
        _text(record, "picture"),
        _text(record, "box"),
        _number(record, "confidence", number, file),
    )


def _text(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    return None if value is None or value == "" else str(value)


def _required(record: Mapping[str, Any], name: str, number: int, file: str | None) -> str:
    if record.get(name) is None:
        raise InputError("the value is missing", file=file, row=number, field=name, fix=_FIX)
    return str(record[name])


def _number(record: Mapping[str, Any], name: str, number: int, file: str | None) -> float | None:
    text = _text(record, name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        raise InputError(
            f'expected a number, got "{text}"', file=file, row=number, field=name, fix=_FIX
        ) from None
    return value if math.isfinite(value) else None


def _whole(record: Mapping[str, Any], name: str, number: int, file: str | None) -> int | None:
    value = _number(record, name, number, file)
    return None if value is None else int(value)


def _list(record: Mapping[str, Any], name: str, number: int, file: str | None) -> list[Any]:
    """A column of lists, which may be JSON text."""
    content = record.get(name)
    if isinstance(content, str):
        try:
            content = json.loads(content) if content else None
        except json.JSONDecodeError as error:
            raise InputError(
                f"the text is no JSON ({error.msg})", file=file, row=number, field=name, fix=_FIX
            ) from None
    return content if isinstance(content, list) else []


def _alternatives(record: Mapping[str, Any], number: int, file: str | None) -> tuple[Alternative, ...]:
    """An item is a text or an object with ``value`` (or ``text``)."""
    found = []
    for item in _list(record, "alternatives", number, file):
        fields = item if isinstance(item, Mapping) else {"value": item}
        text = fields.get("value", fields.get("text"))
        if text is not None:
            probability = _number(fields, "probability", number, file)
            found.append(Alternative(str(text), probability, _text(fields, "source")))
    return tuple(found)
