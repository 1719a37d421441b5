"""What users hand over, as products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrex.core import Attribute, Picture, Product, Source, Stated
from attrex.errors import InputError
from attrex.io.cells import as_text, is_blank, values_of
from attrex.io.reader import open_reader
from attrex.io.rows import Reader

Given = Product | Mapping[str, Any]
"""A product, or its texts by name, beside "id", "category", "pictures" and "attributes" (what is stated:
value or values by name) where there are any. A key that is the name of an attribute which is known states it
too, so that a table's row does as it is."""
Data = str | Path | Reader | Iterable[Given]
"""A file, an open reader, or products."""
_RESERVED = ("id", "category", "pictures", "attributes")


def as_product(given: Given, number: int = 1, known: Iterable[Attribute] = ()) -> Product:
    """The product itself; of a mapping, its texts and what it states of the attributes that are ``known``.

    None and NaN are missing, a list of texts is its lines. A product without an id is called by its number.
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
    names = {attribute.name for attribute in known}
    delimiters = delimiters_of(known)
    inner = given.get("attributes")
    cells = dict(inner) if isinstance(inner, Mapping) else {}
    sources = []
    for name, value in given.items():
        if name in names and name not in _RESERVED:
            cells.setdefault(name, value)
        elif name not in _RESERVED or (name == "attributes" and not isinstance(inner, Mapping)):
            text = _text(value, number, name)
            if text is not None:
                sources.append(Source(name, text))
    stated = {name: values_of(value, delimiters.get(name)) for name, value in cells.items()}
    places = given.get("pictures")
    return Product(
        as_text(given.get("id")).strip() or f"row-{number}",
        as_text(given.get("category")).strip() or None,
        tuple(sources),
        () if is_blank(places) else tuple(Picture(str(place)) for place in _several(places)),
        {str(name): tuple(map(Stated, values)) for name, values in stated.items() if values is not None},
    )


def _text(value: Any, number: int, name: str) -> str | None:
    if value is None or value != value:  # NaN, as which pandas hands over an empty cell
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    raise InputError(f"expected a text, got {value!r}", row=number, field=name, fix="give text or None")


def delimiters_of(attributes: Iterable[Attribute]) -> dict[str, str]:
    """By attribute, of those that have one."""
    return {a.name: a.delimiter for a in attributes if a.delimiter is not None}


def _several(value: Any) -> Iterable[Any]:
    return (value,) if isinstance(value, str | Path) else value


def stream_products(data: Data, known: Iterable[Attribute] = ()) -> Iterator[Product]:
    """The products one by one, in constant memory; ``known`` as of ``as_product``, and of a file what says
    where its cells are cut.

    Raises ``InputError`` for what holds no products, such as an extractor or one product alone.
    """
    if isinstance(data, str | Path):
        data = open_reader(data)
    if isinstance(data, Product | Mapping) or not isinstance(data, Iterable):
        raise InputError(
            f"expected a file or products, got one {type(data).__name__}",
            fix='give "catalog.csv", or a list such as [{"title": "..."}]',
        )
    known = tuple(known)
    if isinstance(data, Reader):
        data.cut_at(delimiters_of(known))
        for row in data:
            yield row.product
        return
    for number, given in enumerate(data, start=1):
        yield as_product(given, number, known)


def path_of(data: object) -> str | None:
    """The file's name, for messages; None where the data are no file."""
    return data.path if isinstance(data, Reader) else str(data) if isinstance(data, str | Path) else None
