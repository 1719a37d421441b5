"""Data sets made of catalogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attrex.api.products import Data, path_of, stream_products
from attrex.errors import InputError
from attrex.io.product_table import write_products
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

    Raises ``InputError`` where there is no filled cell to make an example of.
    """
    examples, report = make_implicit(
        stream_products(data), attributes=attributes, per_value=per_value, at_least=at_least, seed=seed
    )
    if not examples:
        raise InputError(
            f"no example can be made of {report.cells} filled cells",
            file=path_of(data),
            fix="check the mapping of the attribute columns, or ask for fewer examples of a value",
        )
    path = Path(out)
    files = {path: [e.product for e in examples]}
    if parts:
        files = {path.with_suffix(f".{part}{path.suffix}"): [] for part in PARTS}
        for example in examples:
            part = part_of(example.title, PARTS, seed)
            files[path.with_suffix(f".{part}{path.suffix}")].append(example.product)
    made = [Made(file, len(own), write_products(file, own)) for file, own in files.items() if own]
    return made, report
