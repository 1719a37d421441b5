"""What users hand over, as products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrex.core import Picture, Product, Source
from attrex.errors import InputError
from attrex.io.reader import open_reader
from attrex.io.rows import Reader

Given = Product | Mapping[str, Any]
"""A product, or its texts by name, beside "id", "category" and "pictures" where there are any."""
Data = str | Path | Reader | Iterable[Given]
"""A file, an open reader, or products."""


def as_product(given: Given, number: int = 1) -> Product:
    """The product itself; of a mapping, its texts. A product without an id is called by its number.

    Raises ``InputError`` for a text that is none.
    """
    if isinstance(given, Product):
        return given
    if not isinstance(given, Mapping):
        raise InputError(
            f"expected a product or its texts by name, got {type(given).__name__}",
            row=number,
            fix='write {"title": "...", "description": "..."}',
        )
    sources = []
    for name, text in given.items():
        if name in ("id", "category", "pictures") or text is None:
            continue
        if not isinstance(text, str):
            raise InputError(
                f"expected a text, got {text!r}", row=number, field=name, fix="give text or None"
            )
        sources.append(Source(name, text))
    category = given.get("category")
    return Product(
        str(given.get("id") or f"row-{number}"),
        None if category is None else str(category),
        tuple(sources),
        tuple(Picture(str(place)) for place in given.get("pictures") or ()),
    )


def stream_products(data: Data) -> Iterator[Product]:
    """The products one by one, in constant memory."""
    if isinstance(data, str | Path):
        data = open_reader(data)
    if isinstance(data, Reader):
        for row in data:
            yield row.product
        return
    for number, given in enumerate(data, start=1):
        yield as_product(given, number)


def path_of(data: object) -> str | None:
    """The file's name, for messages; None where the data are no file."""
    return data.path if isinstance(data, Reader) else str(data) if isinstance(data, str | Path) else None
