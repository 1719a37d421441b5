"""The raw rows of CSV, TSV, JSONL and Parquet: cells by column, or the reason why a row cannot be read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from attrex.errors import InputError
from attrex.io.cells import mended
from attrex.io.dialect import Dialect, sniff
from attrex.io.input import Input, broken_byte

Kind = Literal["delimited", "jsonl", "parquet"]
RawRow = tuple[int, Mapping[str, Any] | InputError]
"""The row's number (from 1) and its cells, or what is wrong with it."""
LONGEST_CELL = 1 << 26
"""Characters a cell of a delimited file may have: more means a quote that is never closed."""
_BATCH = 256
_SAVE = "save the file as UTF-8, or name its encoding"


def kind_of(source: Input) -> Kind:
    """What kind of table the file is, by its first bytes and its ending."""
    if source.head.startswith(b"PAR1"):
        return "parquet"
    text = source.head_text().lstrip("\ufeff \t\r\n")
    endings = [] if source.path is None else [s.lower() for s in source.path.suffixes]
    if ".parquet" in endings:
        raise InputError("this is no Parquet file", file=source.name, fix="check how it was made")
    if ".jsonl" in endings or ".ndjson" in endings or text.startswith("{"):
        return "jsonl"
    if text.startswith("[") and (".json" in endings or text[1:].lstrip().startswith("{")):
        raise InputError(
            "this is one JSON list; one object a line is needed",
            file=source.name,
            fix="convert it, for example with: jq -c '.[]'",
        )
    return "delimited"


class Table:
    """A table's raw rows, one pass at a time. ``header`` is as the file writes it, ``columns`` has a name for
    each column that nothing else has. Of JSONL they are the keys of the first rows."""

    def __init__(self, source: Input) -> None:
        self.source = source
        self.kind = kind_of(source)
        self.dialect: Dialect | None = None
        self.header: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()
        if self.kind == "parquet":
            source.spool()
            self._read_parquet_header()
        elif self.kind == "delimited":
            endings = [] if source.path is None else [s.lower() for s in source.path.suffixes]
            tabs = ".tsv" in endings or ".tab" in endings
            self.dialect = sniff(source.head_text(), tabs=tabs, mark=source.mark)

    def rows(self) -> Generator[RawRow, None, None]:
        """Every row of the file, in order; a row that cannot be read comes as its error."""
        with self.source.failures():
            if self.kind == "parquet":
                yield from self._parquet()
            elif self.kind == "jsonl":
                yield from json_rows(self.source)
            else:
                yield from self._delimited()

    def _error(self, message: str, row: int | None, field: str | None, fix: str) -> InputError:
        return InputError(message, file=self.source.name, row=row, field=field, fix=fix)

    def _delimited(self) -> Generator[RawRow, None, None]:
        assert self.dialect is not None
        if csv.field_size_limit() < LONGEST_CELL:
            csv.field_size_limit(LONGEST_CELL)
        with self.source.text(newline="") as file:
            reader = csv.reader(file, delimiter=self.dialect.delimiter, strict=True)
            self._read_header(reader)
            columns, width, number = self.columns, len(self.columns), 0
            while True:
                line = reader.line_num + 1
                try:
                    values = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    number += 1
                    yield number, self._broken_row(error, number, line)
                    continue
                if not values:
                    continue  # an empty line
                number += 1
                if len(values) != width:
                    yield number, self._ragged(len(values), number, line)
                elif (wrong := self._unreadable(values, number)) is not None:
                    yield number, wrong
                else:
                    yield number, dict(zip(columns, values, strict=True))

    def _read_header(self, reader: Any) -> None:
        try:
            header: list[str] = next((cells for cells in reader if cells), [])
        except csv.Error as error:
            raise self._error(f"the header cannot be read: {error}", None, None, "check its quotes") from None
        wrong = broken_byte("".join(header))
        if wrong is not None or "\0" in "".join(header):
            raise self._error("the header is no text of this encoding", None, None, _SAVE)
        names: list[str] = []
        for at, cell in enumerate(header, 1):
            name = cell if cell.strip() else f"(column {at})"
            if name in names:
                raise self._error(
                    "two columns have this name", None, name, "rename one of them in the first line"
                )
            names.append(name)
        self.header, self.columns = tuple(header), tuple(names)

    def _broken_row(self, error: csv.Error, row: int, line: int) -> InputError:
        if "unexpected end" in str(error) or "field larger" in str(error):
            return self._error(
                f"a quote is opened and never closed (the row begins in line {line})",
                row,
                None,
                "close the quote, or double it where it belongs to the text",
            )
        return self._error(
            f"its quotes do not fit ({error}; line {line})",
            row,
            None,
            "double the quotes within a quoted cell",
        )

    def _ragged(self, width: int, row: int, line: int) -> InputError:
        assert self.dialect is not None
        return self._error(
            f"it has {width} cells where the header has {len(self.columns)} (line {line})",
            row,
            None,
            f"quote cells that contain {self.dialect.delimiter!r} or a line break, and keep empty cells",
        )

    def _unreadable(self, values: Sequence[str], row: int) -> InputError | None:
        """What is wrong with the characters of a row, if anything; costs a microsecond where nothing is."""
        joined = "".join(values)
        if "\0" in joined:
            field = next(c for c, v in zip(self.columns, values, strict=True) if "\0" in v)
            return self._error(
                "it contains a NUL byte",
                row,
                field,
                "remove it; a file full of them is UTF-16: name the encoding",
            )
        byte = broken_byte(joined)
        if byte is None:
            return None
        field = next(c for c, v in zip(self.columns, values, strict=True) if broken_byte(v) is not None)
        return self._error(f"the byte 0x{byte:02X} is no {self.source.encoding} text", row, field, _SAVE)

    def _read_parquet_header(self) -> None:
        with (
            self.source.failures(),
            self.source.bytes() as file,
            self._damage("damaged or cut off", lambda: None),
        ):
            names = tuple(pq.read_schema(file).names)
        if not names:
            raise self._error("the table has no column", None, None, "check how it was made")
        for at, name in enumerate(names):
            if name in names[:at]:
                raise self._error(
                    "two columns have this name", None, name, "rename one of them where the file is written"
                )
        self.header = self.columns = names

    def _parquet(self) -> Generator[RawRow, None, None]:
        number = 0
        with (
            self.source.bytes() as file,
            self._damage("damaged", lambda: number + 1),
            closing(pq.ParquetFile(file, pre_buffer=False)) as table,
        ):
            binary = [field.name for field in table.schema_arrow if _is_binary(field.type)]
            for batch in table.iter_batches(batch_size=_BATCH):
                for cells in batch.to_pylist():
                    number += 1
                    cells.update((name, _decoded(cells[name])) for name in binary)
                    yield number, cells

    @contextmanager
    def _damage(self, how: str, row: Callable[[], int | None]) -> Iterator[None]:
        """Turns what Arrow raises of a damaged file into an ``InputError``. Some of it is an ``OSError``: the
        operating system's have a number, Arrow's have not."""
        try:
            yield
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self._error(
                f"the Parquet file is {how} ({_first_line(error)})", row(), None, "copy or write it again"
            ) from None


def _is_binary(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in (pa.types.is_binary, pa.types.is_large_binary))


def _decoded(cell: bytes | None) -> str | bytes | None:
    """Some writers of Parquet do not say that a column is text. What is none stays as it is."""
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return cell


def parse_line(line: str, row: int, source: Input) -> Mapping[str, Any] | InputError:
    """One line of JSONL as an object, or what is wrong with it. Half a surrogate pair (``\\ud83d`` alone)
    becomes U+FFFD, one character as before."""
    byte = broken_byte(line)
    if byte is not None:
        return InputError(
            f"the byte 0x{byte:02X} is no {source.encoding} text", file=source.name, row=row, fix=_SAVE
        )
    if "\0" in line:
        return InputError("it contains a NUL byte", file=source.name, row=row, fix="remove it")
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError) as error:
        return InputError(
            f"it is no JSON ({_first_line(error)})",
            file=source.name,
            row=row,
            fix="write one JSON object on each line",
        )
    if not isinstance(parsed, dict):
        return InputError(
            f"it is a JSON {type(parsed).__name__}, not an object",
            file=source.name,
            row=row,
            fix="write one JSON object on each line",
        )
    made: Mapping[str, Any] = mended(parsed, line)
    return made


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def json_rows(source: Input) -> Generator[RawRow, None, None]:
    """The rows of a JSONL file, of whatever format."""
    number = 0
    with source.failures(), source.text(newline="\n") as file:
        for line in file:
            if not line.isspace():
                number += 1
                yield number, parse_line(line, number, source)
