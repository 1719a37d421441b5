"""ImplicitAVE's TSV: one attribute of one product a row, with a photograph that often decides it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrex.core import Picture, Product, Source, Stated
from attrex.errors import InputError
from attrex.io.category_schema import implied_schema
from attrex.io.input import Input
from attrex.io.mapping import within
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import Table
from attrex.schema.schema import Schema

COLUMNS = frozenset({"id", "images", "category", "texts", "attribute_names", "attribute_values"})
_TITLE = "[Title]"
_PICTURES = "images"


class ImplicitAveReader(Reader):
    """The photographs stand in one folder ``images`` for all of the data set's domains, beside the folder of
    the file (``picture_folder`` names another): locations are relative to the folder that has it.
    """

    def __init__(self, source: Input, on_error: OnError, picture_folder: str | None = None) -> None:
        super().__init__(source, "implicitave", on_error)
        self._table = Table(source)
        self._pictures = _PICTURES if picture_folder is None else picture_folder

    @property
    def folder(self) -> Path:
        """The first of the file's folder and the one around it that has the photographs."""
        own = super().folder
        return next((each for each in (own, own / "..") if (each / self._pictures).is_dir()), own)

    def _rows(self) -> Iterator[Row]:
        return self._of_records(self._table.rows(), self._misshapen, self._product)

    def _misshapen(self, cells: Mapping[str, Any], row: int) -> InputError | None:
        missing = next((name for name in sorted(COLUMNS) if not isinstance(cells.get(name), str)), None)
        if missing is None:
            return None
        return self._wrong_kind(row, missing, f"write the columns {', '.join(sorted(COLUMNS))}")

    def _product(self, row: int, cells: Mapping[str, str]) -> Product:
        text = cells["texts"].removeprefix(_TITLE).strip()
        name, value, picture = (
            cells[key].strip() for key in ("attribute_names", "attribute_values", "images")
        )
        return Product(
            id=self._unique(cells["id"], row, "id"),
            category=cells["category"].strip() or None,
            sources=(Source("title", text),) if text else (),
            pictures=(Picture(within(self._pictures, picture)),) if picture else (),
            stated={name: (Stated(value),)} if name and value else {},
        )

    def schema(self) -> Schema:
        """The attributes each category has anywhere in the file."""
        return implied_schema(row.product for row in self)
