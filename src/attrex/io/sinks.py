"""Writes rows and their extractions: a file that is there whole or not at all, or standard output."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

from attrex.core import Extraction, Status
from attrex.errors import ConfigError, OutputError
from attrex.io.dialect import Dialect
from attrex.io.encoders import Encoder, Kind, ParquetEncoder, TextEncoder
from attrex.io.layouts import LISTS, NUMBERS, Layout, LongLayout, MaveLayout, WideLayout
from attrex.io.parts import PartFolder, kept_rows
from attrex.io.place import check_place
from attrex.io.rows import Reader, Row
from attrex.io.standard_output import put
from attrex.io.uninterrupted import uninterrupted

LayoutName = Literal["auto", "wide", "long", "mave"]
Existing = Literal["resume", "restart"]
_KINDS: dict[str, Kind] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
}  # fmt: skip
PIECE_ROWS = 1000
PIECE_SIZE = 1 << 24


@dataclass(slots=True)
class Fill:
    """An attribute's cells: those asked or filled that apply, those filled before, those filled after."""

    cells: int = 0
    before: int = 0
    after: int = 0


class Sink(ABC):
    """Takes rows in the reader's order. As a context manager it closes itself at the end and, after an
    exception, keeps what is done.

    ``rows`` were written, the last of them number ``last_row``: after a resumed run's beginning, the caller
    goes on with the first row beyond it. ``fills`` counts cells by attribute, of those ``asked``: nobody
    looks where others are empty. Without names all are counted.
    """

    def __init__(self, layout: Layout, encoder: Encoder, asked: Iterable[str] = ()) -> None:
        self._layout, self._encoder, self._asked = layout, encoder, frozenset(asked)
        self.rows = 0
        self.last_row = 0
        self.fills: dict[str, Fill] = {}

    def write(self, row: Row, extractions: Sequence[Extraction]) -> None:
        """A row and the extractions of its product. Raises ``OutputError`` where it cannot be kept."""
        for record in self._layout.records(row, extractions):
            self._encoder.add(record)
        self._count(row, extractions)
        self.rows += 1
        self.last_row = row.number
        self._written()

    def _count(self, row: Row, extractions: Sequence[Extraction]) -> None:
        stated = row.product.stated
        for name, values in stated.items():
            if self._asked and name not in self._asked:
                continue
            fill = self.fills.setdefault(name, Fill())
            fill.cells += 1
            fill.before += len(values) > 0
            fill.after += len(values) > 0
        for extraction in extractions:
            # What does not apply is no gap in the catalogue.
            if extraction.attribute not in stated and extraction.status is not Status.NOT_APPLICABLE:
                fill = self.fills.setdefault(extraction.attribute, Fill())
                fill.cells += 1
                fill.after += extraction.status is Status.FOUND

    @abstractmethod
    def _written(self) -> None: ...

    @abstractmethod
    def keep(self) -> None:
        """Saves what is done, for a later run; the sink is not used after that."""

    @abstractmethod
    def close(self) -> None:
        """Finishes the output."""

    def __enter__(self) -> Sink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif not isinstance(error, OutputError):
            self.keep()


class FileSink(Sink):
    """A file, written in pieces beside it and put together at the end (``PartFolder``)."""

    def __init__(
        self,
        target: Path,
        layout: Layout,
        encoder: Encoder,
        job: Mapping[str, Any],
        existing: Existing,
        asked: Iterable[str] = (),
    ) -> None:
        super().__init__(layout, encoder, asked)
        self._parts = PartFolder(target)
        self._state: dict[str, Any] = {"job": dict(job), "pieces": 0, "rows": 0, "last_row": 0, "fills": {}}
        self._open = 0
        found = self._parts.load() if existing == "resume" else None
        if found is None:
            self._parts.start()
            return
        if found["job"] != self._state["job"]:
            different = sorted(
                k for k in {*found["job"], *job} if found["job"].get(k) != self._state["job"].get(k)
            )
            raise OutputError(
                f"{kept_rows(found['rows'])} kept of another run in {self._parts.path.name} "
                f"(it differs in: {', '.join(different)})",
                file=str(target),
                fix="run that one to its end, delete the folder, or start again (--restart)",
            )
        self._state = {key: found[key] for key in self._state}
        self.rows, self.last_row = found["rows"], found["last_row"]
        self.fills = {name: Fill(*counts) for name, counts in found["fills"].items()}

    def write(self, row: Row, extractions: Sequence[Extraction]) -> None:
        with uninterrupted():  # half a row, or a piece that is not counted, would spoil what is kept
            super().write(row, extractions)

    def _written(self) -> None:
        self._open += 1
        if self._open >= PIECE_ROWS or self._encoder.size >= PIECE_SIZE:
            self.keep()

    def keep(self) -> None:
        """Saves the rows gathered as one more piece; nothing is left behind where there is none."""
        with uninterrupted():
            self._keep()

    def _keep(self) -> None:
        if self._open:
            now = {
                "rows": self.rows,
                "last_row": self.last_row,
                "fills": {n: [f.cells, f.before, f.after] for n, f in self.fills.items()},
            }
            self._state = self._parts.save(self._state, now, self._encoder.piece)
            self._open = 0
        elif not self._state["pieces"]:
            self._parts.clear()

    def close(self) -> None:
        if self._open:
            self.keep()
        pieces = self._parts.pieces(self._state)
        self._parts.finish(self._state, lambda file: self._encoder.join(pieces, file))


class StreamSink(Sink):
    """Standard output; nothing can be resumed."""

    def __init__(self, layout: Layout, encoder: TextEncoder, asked: Iterable[str] = ()) -> None:
        super().__init__(layout, encoder, asked)
        self._put(encoder.head())

    def _put(self, data: bytes) -> None:
        put(data)

    def _written(self) -> None:
        piece = io.BytesIO()
        self._encoder.piece(piece)
        self._put(piece.getvalue())

    def keep(self) -> None:
        """Every row is out already."""

    def close(self) -> None:
        """Every row is out already."""


def open_sink(
    path: str | Path,
    *,
    reader: Reader | None = None,
    layout: LayoutName = "auto",
    attributes: Sequence[str] = (),
    answer_all: bool = False,
    delimiters: Mapping[str, str] | None = None,
    job: Mapping[str, Any] | None = None,
    existing: Existing = "resume",
) -> Sink:
    """A sink for a .csv, .tsv, .jsonl or .parquet file (text may end in .gz), or standard output ("-").

    "auto" is the wide layout for .csv, .tsv and "-" where the reader's rows have cells, else the long one.
    ``attributes`` are those asked: their cells are counted, and the wide layout gives each a column.
    ``job`` is what must be the same for a run that was broken off to be resumed (model, schema, options);
    the input, the layout and the columns are added. "restart" throws an unfinished run away.

    Raises ``ConfigError`` for a layout that does not fit, ``OutputError`` where nothing can be written.
    """
    if layout not in get_args(LayoutName):
        raise ConfigError(
            f'layout: there is no layout "{layout}"; there are {", ".join(get_args(LayoutName))}'
        )
    table = reader is not None and reader.columns is not None
    kind, packed = _kind(path, "csv" if layout == "wide" or (layout == "auto" and table) else "jsonl")
    if layout == "auto":
        layout = "wide" if table and kind in ("csv", "tsv") else "long"
    spreadsheet = kind in ("csv", "tsv")
    chosen: Layout
    if layout == "mave":
        if kind != "jsonl":
            raise ConfigError('layout: "mave" is JSON lines; name an output that ends in .jsonl')
        chosen = MaveLayout()
    elif layout == "long":
        chosen = LongLayout(spreadsheet=spreadsheet)
    else:
        if reader is None or reader.columns is None or reader.header is None or reader.mapping is None:
            raise ConfigError('layout: "wide" gives a table back, and the input is none; use "long"')
        chosen = WideLayout(
            reader.columns,
            reader.header,
            reader.mapping,
            attributes,
            answer_all=answer_all,
            delimiters=delimiters or {},
            spreadsheet=spreadsheet,
            lines=kind == "jsonl",
        )
    encoder = _encoder(kind, chosen, reader.dialect if reader else None, packed=packed)
    if str(path) == "-":
        assert isinstance(encoder, TextEncoder)
        return StreamSink(chosen, encoder, attributes)
    target = Path(path)
    check_place(target, reader.source.path if reader is not None else None)
    full_job = {
        **(job or {}),
        "layout": layout,
        "kind": kind,
        "columns": list(chosen.header),
        "input": _fingerprint(reader),
    }
    reading = reader is not None and reader.source.path is None
    return FileSink(target, chosen, encoder, full_job, "restart" if reading else existing, attributes)


def _kind(path: str | Path, streamed: Kind) -> tuple[Kind, bool]:
    if str(path) == "-":
        return streamed, False
    endings = [suffix.lower() for suffix in Path(path).suffixes]
    packed = endings[-1:] == [".gz"]
    ending = endings[-2 if packed else -1] if len(endings) > packed else ""
    kind = _KINDS.get(ending)
    if kind is None or (packed and kind == "parquet"):
        raise OutputError(
            f'the ending "{"".join(endings[-2:])}" tells no format',
            file=str(path),
            fix=f"use one of {', '.join(_KINDS)} (text also with .gz behind it)",
        )
    return kind, packed


def _encoder(kind: Kind, layout: Layout, dialect: Dialect | None, *, packed: bool) -> Encoder:
    if kind == "parquet":
        long = isinstance(layout, LongLayout)
        return ParquetEncoder(layout.names, NUMBERS if long else {}, LISTS if long else {})
    if kind == "jsonl":
        return TextEncoder(None, Dialect(), packed=packed)
    own = dialect if dialect is not None and isinstance(layout, WideLayout) else Dialect()
    if kind == "tsv":
        own = Dialect("\t", own.end, own.mark)
    elif own.delimiter == "\t":
        own = Dialect(",", own.end, own.mark)
    return TextEncoder(layout.header, own, packed=packed)


def _fingerprint(reader: Reader | None) -> list[Any]:
    if reader is None or reader.source.path is None:
        return []
    about = reader.source.path.stat()
    return [str(reader.source.path.resolve()), about.st_size, about.st_mtime_ns]
