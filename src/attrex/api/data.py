"""Data sets made of catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attrex.api.products import Data, path_of, stream_products
from attrex.core import Product
from attrex.errors import ConfigError, InputError
from attrex.io.place import check_place
from attrex.io.product_table import check_ending, write_products
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.supervision.implicit import ImplicitReport, make_implicit
from attrex.supervision.splits import part_of

PARTS = {"train": 0.7, "validation": 0.15, "test": 0.15}
"""EIVEN 3 gives 0.75 : 0.15 : 0.15, which is more than 1."""


@dataclass(frozen=True, slots=True)
class Made:
    """One file of a data set: its examples, and the mapping that reading it takes, if any."""

    path: Path
    examples: int
    mapping: Path | None


def implicit(
    data: Data,
    out: str | Path,
    *,
    attributes: Sequence[str] | None = None,
    per_value: int | None = 1000,
    at_least: int = 1,
    parts: bool = False,
    seed: int = 0,
) -> tuple[list[Made], ImplicitReport]:
    """Writes a data set of implicit values (``supervision.implicit``) as JSON lines or delimited text.

    With ``parts`` three files, "NAME.train.jsonl" and so on: all examples of one title stand in one of them,
    though one attribute's example still states the others. Pictures stay where they are: their locations are
    relative to the catalogue's folder.

    Raises ``InputError`` where there is no filled cell to make an example of, ``ConfigError`` for an
    attribute that no product states, and ``OutputError`` where nothing can be written, or over the data.
    """
    path = Path(out)
    reader = open_reader(data) if isinstance(data, str | Path) else data
    source = reader.source.path if isinstance(reader, Reader) else None
    check_place(path, source)
    check_ending(path)
    places = {part: path.with_suffix(f".{part}{path.suffix}") if parts else path for part in PARTS}
    files: dict[Path, list[Product]] = {place: [] for place in places.values()}
    for place in files:
        check_place(place, source)
    stated: dict[str, None] = {}
    examples, report = make_implicit(
        _noting(stream_products(reader), stated),
        attributes=attributes,
        per_value=per_value,
        at_least=at_least,
        seed=seed,
    )
    for name in attributes or ():
        if name not in stated:
            raise ConfigError(f'ask: no product states "{name}"; stated are {", ".join(stated) or "none"}')
    if not examples:
        raise InputError(
            f"no example can be made of {report.cells} filled cells",
            file=path_of(reader),
            fix="check the mapping of the attribute columns, or ask for fewer examples of a value",
        )
    for example in examples:
        files[places[part_of(example.title, PARTS, seed)]].append(example.product)
    made = [Made(file, len(own), write_products(file, own)) for file, own in files.items() if own]
    return made, report


def _noting(products: Iterable[Product], stated: dict[str, None]) -> Iterator[Product]:
    for product in products:
        stated.update(dict.fromkeys(product.stated))
        yield product
