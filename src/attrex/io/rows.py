"""One product of a file, and what every reader of a format offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrex.core import Product
from attrex.errors import InputError
from attrex.io.dialect import Dialect
from attrex.io.digests import DigestSet
from attrex.io.input import Input
from attrex.io.mapping import Column
from attrex.io.problems import OnError, Problems
from attrex.schema.schema import Schema

if TYPE_CHECKING:
    from attrex.io.tables import RawRow


@dataclass(frozen=True, slots=True)
class Row:
    """A product, its place in the file (1 is the first after the header), and, of a table, the user's cells.

    ``cells`` are as read: text from CSV and TSV, any JSON-like value from JSONL and Parquet.
    """

    number: int
    product: Product
    cells: Mapping[str, Any] | None = None


class Reader(ABC):
    """Streams a file's products. May be iterated again and again, standard input read as a table only once.

    ``columns`` and ``mapping`` (column to role, with the reason) are None where the format has no columns;
    ``header`` has the columns as the file writes them, blank ones blank.
    ``complete``: an attribute of the category that a product does not list is absent, not unknown.
    ``problems`` speaks of the latest pass.
    """

    columns: tuple[str, ...] | None = None
    header: tuple[str, ...] | None = None
    mapping: Mapping[str, Column] | None = None
    dialect: Dialect | None = None
    complete: bool = False

    def __init__(self, source: Input, format: str, on_error: OnError) -> None:
        self.source = source
        self.format = format
        self._problems = Problems(on_error)
        self._seen = DigestSet()

    def __iter__(self) -> Iterator[Row]:
        self._problems.clear()
        self._seen = DigestSet()
        yield from self._rows()

    @property
    def path(self) -> str:
        """The file's name, or "standard input"."""
        return self.source.name

    @property
    def folder(self) -> Path:
        """What pictures' locations are relative to: the file's folder; of standard input the working one."""
        return Path() if self.source.path is None else self.source.path.parent

    @property
    def problems(self) -> list[InputError]:
        """Skipped rows first, then warnings; at most 1000 of each, see ``skipped`` and ``warned``."""
        return self._problems.listed

    @property
    def skipped(self) -> int:
        """Rows left out under ``on_error="skip"``."""
        return self._problems.skipped

    @property
    def warned(self) -> int:
        """Warnings given."""
        return self._problems.warned

    @property
    def warnings(self) -> list[InputError]:
        """The first 1000 warnings."""
        return self._problems.warnings

    @property
    def skipped_rows(self) -> list[InputError]:
        """The first 1000 skipped rows."""
        return self._problems.skipped_rows

    def fraction(self) -> float | None:
        """How much of the file the latest pass has read; None where the size is not known."""
        return self.source.fraction()

    def schema(self) -> Schema | None:
        """The schema the data set itself implies; None where it has to be inferred."""
        return None

    @property
    def delimiters(self) -> Mapping[str, str]:
        """What cells of several values are cut at, by attribute, as far as it is known."""
        return {c.target: c.delimiter for c in (self.mapping or {}).values() if c.delimiter is not None}

    def cut_at(self, delimiters: Mapping[str, str]) -> None:  # noqa: B027 - most have nothing to cut
        """Has cells of these attributes cut there, but for those of which the user said otherwise. Formats
        whose values stand apart by themselves take no notice."""

    @abstractmethod
    def _rows(self) -> Iterator[Row]: ...

    def _of_records(
        self,
        records: Generator[RawRow, None, None],
        misshapen: Callable[[Mapping[str, Any], int], InputError | None],
        product: Callable[[int, Mapping[str, Any]], Product],
    ) -> Iterator[Row]:
        """The records' products. One that cannot be read is a problem, and so is one that ``misshapen`` says
        something of."""
        with closing(records):
            for number, record in records:
                wrong = record if isinstance(record, InputError) else misshapen(record, number)
                if wrong is not None:
                    self._problems.bad(wrong)
                    continue
                assert not isinstance(record, InputError)
                yield Row(number, product(number, record))

    def _wrong_kind(self, row: int, field: str | None, fix: str) -> InputError:
        """Of a record's field that is missing, or holds something else than the format says."""
        return InputError(
            "this field is missing or of the wrong kind", file=self.path, row=row, field=field, fix=fix
        )

    def _unique(self, id: str, row: int, field: str | None) -> str:
        """The id, with ``#row`` behind it (and a warning) where it was met before."""
        if self._seen.add(id):
            return id
        other = f"{id}#{row}"
        self._problems.warn(
            InputError(
                f'the id "{id}" was met before; this row is called "{other}"',
                file=self.path,
                row=row,
                field=field,
                fix="give every product an id of its own, or map another column to the id",
            )
        )
        return other
