"""A reader whose products have the words on their pictures as one more source."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from attrex.core import Product
from attrex.errors import InputError
from attrex.io.ocr.words import Words
from attrex.io.rows import Reader, Row

if TYPE_CHECKING:
    from attrex.schema import Schema

AHEAD = 8
"""Rows whose pictures are read while those before are worked on."""


class OcrReader(Reader):
    """The rows of ``inner``, in order, all else as it has it; pictures that cannot be read are among its
    warnings."""

    def __init__(self, inner: Reader, words: Words) -> None:
        self._inner, self._words = inner, words
        self.source, self.format = inner.source, inner.format
        self.columns, self.header, self.mapping = inner.columns, inner.header, inner.mapping
        self.dialect, self.complete = inner.dialect, inner.complete
        self._problems, self._seen = inner._problems, inner._seen

    @property
    def folder(self) -> Path:
        return self._inner.folder

    def fraction(self) -> float | None:
        return self._inner.fraction()

    def schema(self) -> Schema | None:
        return self._inner.schema()

    @property
    def delimiters(self) -> Mapping[str, str]:
        return self._inner.delimiters

    def cut_at(self, delimiters: Mapping[str, str]) -> None:
        self._inner.cut_at(delimiters)
        self.mapping = self._inner.mapping

    def _rows(self) -> Iterator[Row]:
        waiting: deque[tuple[Row, Future[tuple[Product, list[InputError]]]]] = deque()
        rows = pictured = 0
        with ThreadPoolExecutor(1, "attrex-ocr") as pool:
            try:
                for row in self._inner:
                    rows, pictured = rows + 1, pictured + bool(row.product.pictures)
                    waiting.append((row, pool.submit(self._read, row)))
                    if len(waiting) > AHEAD:
                        yield self._told(*waiting.popleft())
                while waiting:
                    yield self._told(*waiting.popleft())
            finally:
                for _, future in waiting:
                    future.cancel()
        if rows and not pictured:
            self._problems.warn(
                InputError(
                    "no product has a picture, so that there are no words to read on pictures",
                    file=self.path,
                    fix="name the column of pictures, or the folder that has them under the products' ids; "
                    "or leave reading their words out",
                )
            )

    def _read(self, row: Row) -> tuple[Product, list[InputError]]:
        problems: list[InputError] = []
        return self._words.added(row.product, problems.append), problems

    def _told(self, row: Row, future: Future[tuple[Product, list[InputError]]]) -> Row:
        product, problems = future.result()
        for each in problems:
            self._problems.warn(
                InputError(each.message, file=self.path, row=row.number, field=each.field, fix=each.fix)
            )
        return replace(row, product=product)
