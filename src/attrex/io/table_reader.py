"""Product tables: rows to products, by the columns' roles."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from attrex.core import Picture, Product, Source, Stated
from attrex.errors import InputError
from attrex.io.cells import LONGEST_MARKER, as_text, is_blank, literal_list, packed, values_of
from attrex.io.input import Input
from attrex.io.mapping import Column, ColumnMapping, idle_delimiters, resolve, within
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import RawRow, Table

SAMPLE = 200
"""The roles of the columns are settled on so many rows; that of a later key, on so many of its cells."""
REMEMBERED, REMEMBERED_CELLS = 40, 1 << 16
LONG_TEXT = 1_000_000
"""A source of more characters than this gets a warning: reading it takes long."""
_PICTURES = re.compile(r"\s*[|;]\s*|\s*,\s*(?=https?://)|\s+(?=https?://)")
_LEVELS = re.compile(r"\s*>+\s*|\s*»\s*")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The columns by role, as the row loop wants them."""

    id: str | None
    category: str | None
    sources: Sequence[tuple[str, str]]
    pictures: Sequence[str]
    attributes: Sequence[tuple[str, str, str | None]]
    packed: Sequence[str]


class TableReader(Reader):
    """CSV, TSV, JSONL and Parquet. A blank cell is unknown, "n/a" or an empty list explicitly none.

    A product without an id is called by its row, "row-7"; a repeated id gets "#row" behind it and a
    warning. Texts are kept character by character, so that spans point into what the user wrote.
    """

    def __init__(self, source: Input, format: str, wish: ColumnMapping, on_error: OnError) -> None:
        super().__init__(source, format, on_error)
        said = "you said so" if format == "table" else f'the format "{format}" says so'
        self._table = Table(source)
        self._wish = wish
        rows = self._table.rows()
        sample: list[RawRow] = list(islice(rows, SAMPLE))
        read = [cells for _, cells in sample if not isinstance(cells, InputError)]
        self._pending: Generator[RawRow, None, None] | None = None
        if not source.rewindable:
            self._pending = _chained(sample, rows)
        elif self._table.kind == "jsonl":
            read += _late(read, rows)
        else:
            rows.close()
        if self._table.kind == "jsonl":
            self.columns = tuple(dict.fromkeys(str(key) for cells in read for key in cells))
            self.header: tuple[str, ...] = self.columns
        else:
            self.columns, self.header = self._table.columns, self._table.header
        self.dialect = self._table.dialect
        self.mapping: Mapping[str, Column] = resolve(self.columns, read, wish, source.name, said=said)
        self._delimiters: Mapping[str, str] = wish.many
        self._plan = _plan(self.mapping.values())
        self._remembered: dict[tuple[str, str | None], tuple[Stated, ...] | None] = {}

    @property
    def wish(self) -> ColumnMapping:
        """What was asked of the mapping, presets included."""
        return self._wish

    @property
    def delimiters(self) -> Mapping[str, str]:
        """Those of packed cells too, where the user said them."""
        packed = self._delimiters if self._plan.packed else {}
        return {**packed, **super().delimiters}

    def cut_at(self, delimiters: Mapping[str, str]) -> None:
        """See ``Reader``; what was seen in the first rows counts for less."""
        said = self._wish.many
        self._delimiters = {**delimiters, **said}
        self.mapping = {
            name: replace(column, delimiter=delimiters[column.target])
            if column.role == "attribute"
            and column.target in delimiters
            and not {name, column.target} & set(said)
            else column
            for name, column in (self.mapping or {}).items()
        }
        self._plan = _plan(self.mapping.values())

    def _rows(self) -> Iterator[Row]:
        raw = self._table.rows() if self._pending is None else self._pending
        self._pending = None
        known, strange = set(self.columns or ()), self._table.kind == "jsonl"
        if not self._plan.sources and self.columns:
            self._problems.warn(
                InputError(
                    f"no column holds text to read values from; there are {', '.join(self.columns or ())}",
                    file=self.path,
                    fix="name the columns with text as sources",
                )
            )
        for problem in idle_delimiters(self.mapping, self._wish, self.path):
            self._problems.warn(problem)
        number = made = readable = 0
        with closing(raw):
            for number, cells in raw:
                if isinstance(cells, InputError):
                    self._problems.bad(cells)
                    continue
                if strange and not known.issuperset(cells):
                    self._strange(cells, known, number)
                try:
                    product = self._product(number, cells)
                except InputError as error:
                    self._problems.bad(error)
                    continue
                made += 1
                readable += bool(product.sources or product.pictures)
                yield Row(number, product, cells)
        if number == 0:
            self._problems.warn(
                InputError("there is no row below the header", file=self.path, fix="add products")
            )
        elif made and not readable and (self._plan.sources or not self.columns):
            self._problems.warn(self._textless(made))

    def _textless(self, products: int) -> InputError:
        """Nothing can be read of any product, though the columns were found."""
        columns = ", ".join(column for column, _ in self._plan.sources)
        return InputError(
            f"not one of {products:,} products has a text{f' (looked for in {columns})' if columns else ''}",
            file=self.path,
            fix="check the file, or name the columns with text as sources",
        )

    def _strange(self, cells: Mapping[str, Any], known: set[str], row: int) -> None:
        """A key of JSONL from standard input that turns up after the columns were settled; said once."""
        for key in cells:
            if key not in known:
                known.add(key)
                self._problems.warn(
                    InputError(
                        f"this column is not among those of the first {SAMPLE} rows and is left out",
                        file=self.path,
                        row=row,
                        field=key,
                        fix="save the data to a file and name the file, or let an early row have the key, "
                        "with null for its value",
                    )
                )

    def _product(self, row: int, cells: Mapping[str, Any]) -> Product:
        plan = self._plan
        if self._table.kind == "parquet":
            self._check_bytes(row, cells)
        id = as_text(cells.get(plan.id)).strip() if plan.id else ""
        sources = []
        for column, name in plan.sources:
            text = self._text(cells.get(column))
            if text and not text.isspace():
                sources.append(Source(name, text))
                if len(text) > LONG_TEXT:
                    self._warn_long(len(text), row, column)
        stated: dict[str, tuple[Stated, ...]] = {}
        for column, name, delimiter in plan.attributes:
            value = cells.get(column)
            if value is None or value == "":
                continue
            values = self._values(value, delimiter)
            if values is not None:
                stated[name] = values
        for column in plan.packed:
            self._unpack(cells.get(column), stated, row, column)
        return Product(
            id=self._unique(id, row, plan.id) if id else f"row-{row}",
            category=self._category(cells.get(plan.category)) if plan.category else None,
            sources=tuple(sources),
            pictures=self._pictures(cells) if plan.pictures else self._by_id(id),
            stated=stated,
        )

    def _check_bytes(self, row: int, cells: Mapping[str, Any]) -> None:
        """Such columns are not taken for anything unless the user names them."""
        for column in self.mapping:
            if isinstance(cells[column], bytes) and self.mapping[column].role != "ignored":
                raise InputError(
                    "this cell holds bytes that are no UTF-8 text",
                    file=self.path,
                    row=row,
                    field=column,
                    fix="write the column as text, or leave it out",
                )

    def _values(self, value: Any, delimiter: str | None) -> tuple[Stated, ...] | None:
        """A cell's values. Short cells are remembered, a bounded number of them: they repeat within a
        catalogue, and reading is twice as fast for it."""
        if not isinstance(value, str) or len(value) > REMEMBERED:
            texts = values_of(value, delimiter, blank=self._wish.blank, absent=self._wish.absent)
            return None if texts is None else tuple(map(Stated, texts))
        key = (value, delimiter)
        if key in self._remembered:
            return self._remembered[key]
        texts = values_of(value, delimiter, blank=self._wish.blank, absent=self._wish.absent)
        if len(self._remembered) >= REMEMBERED_CELLS:
            self._remembered.clear()
        made = self._remembered[key] = None if texts is None else tuple(map(Stated, texts))
        return made

    def _text(self, value: Any) -> str:
        """A source's text; a list of bullets becomes lines."""
        if isinstance(value, str):
            return "" if len(value) <= LONGEST_MARKER and is_blank(value, self._wish.blank) else value
        if isinstance(value, list):
            return "\n".join(as_text(part) for part in value if not is_blank(part))
        return as_text(value)

    def _unpack(self, value: Any, stated: dict[str, tuple[Stated, ...]], row: int, column: str) -> None:
        if is_blank(value, self._wish.blank):
            return
        found = packed(value)
        if found is None:
            raise InputError(
                "this cell should hold several attributes, and cannot be read",
                file=self.path,
                row=row,
                field=column,
                fix='write it as JSON: {"Color": "red", "Size": "M"}',
            )
        for name, inner in found.items():
            values = self._values(inner, self._delimiters.get(name))
            if values is not None and name.strip():
                stated.setdefault(name.strip(), values)

    def _category(self, value: Any) -> str | None:
        if is_blank(value, self._wish.blank):
            return None
        text = as_text(value).strip()
        parts = value if isinstance(value, list) else literal_list(text) if text[:1] == "[" else None
        if parts:
            text = as_text(parts[0]).strip()
        if self._wish.category_depth is not None:
            text = " > ".join(_LEVELS.split(text)[: self._wish.category_depth])
        return text or None

    def _pictures(self, cells: Mapping[str, Any]) -> tuple[Picture, ...]:
        found: dict[str, None] = {}
        folder = self._wish.picture_folder or ""
        for column in self._plan.pictures:
            value = cells.get(column)
            if is_blank(value, self._wish.blank):
                continue
            parts = value if isinstance(value, list) else None
            if parts is None:
                text = as_text(value).strip()
                parts = (literal_list(text) if text[:1] == "[" else None) or _PICTURES.split(text)
            for part in parts:
                if location := as_text(part).strip():
                    found[location if "://" in location else within(folder, location)] = None
        return tuple(map(Picture, found))

    def _by_id(self, id: str) -> tuple[Picture, ...]:
        """Without a column of pictures: what the folder of pictures has under the product's id."""
        folder = self._wish.picture_folder
        return (Picture(within(folder, id)),) if folder is not None and id else ()

    def _warn_long(self, length: int, row: int, column: str) -> None:
        self._problems.warn(
            InputError(
                f"this text has {length:,} characters; all of it is read, which takes long",
                file=self.path,
                row=row,
                field=column,
                fix="check that it belongs to one product",
            )
        )


def _late(early: Sequence[Mapping[str, Any]], rest: Iterator[RawRow]) -> list[Mapping[str, Any]]:
    """The keys of JSONL that come after the ``early`` rows, each with its first cells. All of the file is
    gone through, at some 5 microseconds a row: no key may be lost from the user's own table."""
    known = {key for cells in early for key in cells}
    met: Counter[str] = Counter()
    found: list[Mapping[str, Any]] = []
    for _, cells in rest:
        if isinstance(cells, InputError) or known.issuperset(cells):
            continue
        new = {key: cell for key, cell in cells.items() if key not in known}
        met.update(new.keys())
        known.update(key for key in new if met[key] >= SAMPLE)
        found.append(new)
    return found


def _chained(first: Sequence[RawRow], rest: Generator[RawRow, None, None]) -> Generator[RawRow]:
    yield from first
    yield from rest


def _plan(columns: Any) -> _Plan:
    def having(role: str) -> list[Column]:
        return [column for column in columns if column.role == role]

    return _Plan(
        id=next((c.name for c in having("id")), None),
        category=next((c.name for c in having("category")), None),
        sources=_title_first([(c.name, c.target) for c in having("source")]),
        pictures=[c.name for c in having("picture")],
        attributes=[
            (c.name, c.target, None if c.delimiter is None else c.delimiter.strip() or c.delimiter)
            for c in having("attribute")
        ],
        packed=[c.name for c in having("packed")],
    )


def _title_first(sources: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(sources, key=lambda s: s[1] != "title")
