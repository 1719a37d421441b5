"""AE-110K as published: ``title \\x01 attribute \\x01 value``, one triple a line, ``NULL`` for none."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from attrex.core import Attribute, Product, Source, Stated
from attrex.errors import InputError
from attrex.io.input import Input, broken_byte
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.schema.schema import Schema

SEPARATOR = "\x01"
NONE = "NULL"


@lru_cache(maxsize=1 << 16)
def clean(text: str) -> str:
    """Entities decoded, runs of white space made one blank, none at the ends (EAVE, A.1.2).

    Some titles were encoded twice ("&amp;amp;"): decoding goes on while it changes something, thrice at most.
    """
    for _ in range(3):
        decoded = html.unescape(text)
        if decoded == text:
            break
        text = decoded
    return " ".join(text.split())


class Ae110kReader(Reader):
    """Triples cleaned as EAVE A.1.2 says and gathered into products by title, in order of appearance.

    Attributes that differ in letter case only are one, under the commonest spelling; repeated triples count
    once; a value beats a ``NULL``. A title's triples are scattered over the file, so this format is held
    in memory (it has 110,000 triples).
    """

    def __init__(self, source: Input, on_error: OnError) -> None:
        super().__init__(source, "ae110k", on_error)
        source.spool()

    def _rows(self) -> Iterator[Row]:
        spellings: dict[str, Counter[str]] = {}
        titles: dict[str, dict[str, dict[str, None]]] = {}
        for title, attribute, value in self._triples():
            key = attribute.casefold()
            spellings.setdefault(key, Counter())[attribute] += 1
            values = titles.setdefault(title, {}).setdefault(key, {})
            if value != NONE:
                values[value] = None
        names = {key: min(found, key=lambda n: (-found[n], n)) for key, found in spellings.items()}
        for number, (title, stated) in enumerate(titles.items(), 1):
            product = Product(
                id=f"row-{number}",
                sources=(Source("title", title),),
                stated={names[key]: tuple(map(Stated, values)) for key, values in stated.items()},
            )
            yield Row(number, product)

    def _triples(self) -> Iterator[tuple[str, str, str]]:
        with self.source.failures(), self.source.text(newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.isspace():
                    continue
                wrong = self._wrong(line, number)
                if wrong is not None:
                    self._problems.bad(wrong)
                    continue
                title, attribute, value = map(clean, line.split(SEPARATOR))
                if title and attribute and value:
                    yield title, attribute, value

    def _wrong(self, line: str, row: int) -> InputError | None:
        if broken_byte(line) is not None:
            return InputError("it is no UTF-8 text", file=self.path, row=row, fix="save the file as UTF-8")
        parts = line.count(SEPARATOR) + 1
        if parts != 3:
            return InputError(
                f"it has {parts} fields, not title, attribute and value",
                file=self.path,
                row=row,
                fix="separate three fields by the character \\x01",
            )
        return None

    def schema(self) -> Schema:
        """Every attribute of the file, common to all products: the format knows no categories."""
        names = dict.fromkeys(name for row in self for name in row.product.stated)
        return Schema(Attribute(name) for name in names)
