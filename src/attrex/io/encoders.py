"""Records to files: delimited text, JSON lines, Parquet; in pieces, and the pieces put together."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from attrex.io.dialect import Dialect

Kind = Literal["csv", "tsv", "jsonl", "parquet"]
_MARK = "\ufeff"


class Encoder(Protocol):
    """Gathers records (``add``), writes those gathered as one piece (``piece``), joins pieces to a file."""

    @property
    def size(self) -> int:
        """Characters gathered, roughly."""
        ...

    def add(self, record: dict[str, Any]) -> None: ...

    def piece(self, file: IO[bytes]) -> None:
        """Writes what was gathered and forgets it."""
        ...

    def join(self, pieces: Sequence[Path], file: IO[bytes]) -> None:
        """Writes the finished file."""
        ...


class _Lines:
    """What a csv writer writes to: takes rows ending in ``\\r\\n``, for which it quotes both characters
    within cells, and ends them as the dialect does."""

    def __init__(self, end: str) -> None:
        self.buffer, self._end = io.StringIO(newline=""), end

    def write(self, line: str) -> int:
        return self.buffer.write(line[:-2] + self._end)


class TextEncoder:
    """Delimited text where there is a header, JSON lines where there is none; packed on joining if wanted."""

    def __init__(self, header: Sequence[str] | None, dialect: Dialect, *, packed: bool) -> None:
        self._header, self._dialect, self._packed = header, dialect, packed
        self._start()

    def _start(self) -> None:
        self._lines = _Lines(self._dialect.end)
        self._writer = csv.writer(self._lines, delimiter=self._dialect.delimiter, lineterminator="\r\n")

    @property
    def size(self) -> int:
        return self._lines.buffer.tell()

    def add(self, record: dict[str, Any]) -> None:
        if self._header is None:
            self._lines.buffer.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            self._writer.writerow(record.values())

    def piece(self, file: IO[bytes]) -> None:
        file.write(self._lines.buffer.getvalue().encode("utf-8", "replace"))
        self._start()

    def head(self) -> bytes:
        """What stands before the first piece."""
        if self._header is None:
            return b""
        lines = _Lines(self._dialect.end)
        csv.writer(lines, delimiter=self._dialect.delimiter, lineterminator="\r\n").writerow(self._header)
        return ((_MARK if self._dialect.mark else "") + lines.buffer.getvalue()).encode("utf-8", "replace")

    def join(self, pieces: Sequence[Path], file: IO[bytes]) -> None:
        if self._packed:
            with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
                self._copy(pieces, packed)
        else:
            self._copy(pieces, file)

    def _copy(self, pieces: Sequence[Path], file: Any) -> None:
        file.write(self.head())
        for piece in pieces:
            with piece.open("rb") as part:
                shutil.copyfileobj(part, file)


class ParquetEncoder:
    """One row group a piece. Everything is text but the columns named as ``numbers`` or as ``lists`` (of
    structs with these fields)."""

    def __init__(
        self, names: Sequence[str], numbers: Mapping[str, type], lists: Mapping[str, Sequence[str]]
    ) -> None:
        types = {int: pa.int64(), float: pa.float64()}

        def type_of(name: str) -> pa.DataType:
            if name in lists:
                return pa.list_(pa.struct([(field, type_of(field)) for field in lists[name]]))
            return types[numbers[name]] if name in numbers else pa.string()

        self._schema = pa.schema([(name, type_of(name)) for name in names])
        self._records: list[dict[str, Any]] = []
        self._size = 0

    @property
    def size(self) -> int:
        return self._size

    def add(self, record: dict[str, Any]) -> None:
        self._records.append(record)
        self._size += sum(len(v) for v in record.values() if isinstance(v, str))

    def piece(self, file: IO[bytes]) -> None:
        pq.write_table(pa.Table.from_pylist(self._records, self._schema), file)
        self._records, self._size = [], 0

    def join(self, pieces: Sequence[Path], file: IO[bytes]) -> None:
        with pq.ParquetWriter(file, self._schema) as writer:
            for piece in pieces:
                with piece.open("rb") as part:
                    writer.write_table(pq.read_table(part))
