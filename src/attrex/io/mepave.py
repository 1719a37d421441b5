"""MEPAVE, in the format of JAVE and K-PLUG (tags within the sentence) and in that of AtTGen (JSONL)."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any

from attrex.core import Picture, Product, Source, Span, Stated
from attrex.errors import InputError
from attrex.io.category_schema import implied_schema
from attrex.io.input import Input, broken_byte
from attrex.io.mapping import within
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import json_rows
from attrex.schema.schema import Schema

Labels = dict[str, dict[str, list[Span]]]
"""Attribute to value to places."""
Sentence = tuple[str, str, str, Labels]
"""Id, document, text, labels."""
FIRST_LINE = re.compile(r"[^\t]+\t[^\t]+\t[^\t]+\t[^\t]*<([^<>/\t]+)>[^\t]*</\1>[^\t]*")
"""The look of a labelled line."""
_TAG = re.compile(r"<([^<>/]+)>(.*?)</\1>")
_TEXT = "title"


class MepaveReader(Reader):
    """One sentence a product, called by its sentence's id. An attribute of the file that a sentence does not
    mention is absent from it (``complete``): the annotators marked all.

    Of the tab-separated columns (document, sentence, text, labelled text) the document's id names the
    picture, which several sentences share. The data set's pictures go without an ending: ``picture_folder``
    says where they are; without it there are none. AtTGen's lines give values without places; the places
    are where the value stands.
    """

    def __init__(self, source: Input, on_error: OnError, picture_folder: str | None = None) -> None:
        super().__init__(source, "mepave", on_error)
        source.spool()
        self.complete = True
        self._pictures = picture_folder
        self._read = self._json if source.head_text().lstrip("\ufeff \r\n").startswith("{") else self._lines
        self._names = dict.fromkeys(
            name for _, found in self._read() if not isinstance(found, InputError) for name in found[3]
        )

    def _rows(self) -> Iterator[Row]:
        with closing(self._read()) as found:
            for number, each in found:
                if isinstance(each, InputError):
                    self._problems.bad(each)
                    continue
                id, document, text, labels = each
                stated: dict[str, tuple[Stated, ...]] = dict.fromkeys(self._names, ())
                for name, values in labels.items():
                    stated[name] = tuple(Stated(value, tuple(spans)) for value, spans in values.items())
                pictures = () if self._pictures is None else (Picture(within(self._pictures, document)),)
                product = Product(
                    id=self._unique(id, number, None),
                    sources=(Source(_TEXT, text),) if text.strip() else (),
                    pictures=pictures,
                    stated=stated,
                )
                yield Row(number, product)

    def _lines(self) -> Generator[tuple[int, Sentence | InputError], None, None]:
        with self.source.failures(), self.source.text(newline="\n") as file:
            number = 0
            for line in file:
                if not line.isspace():
                    number += 1
                    yield number, self._of_line(line.rstrip("\r\n"), number)

    def _of_line(self, line: str, row: int) -> Sentence | InputError:
        if broken_byte(line) is not None:
            return self._error("it is no UTF-8 text", row, None, "save the file as UTF-8")
        cells = line.split("\t")
        if len(cells) != 4:
            return self._error(
                f"it has {len(cells)} fields, not document, sentence, text and labelled text",
                row,
                None,
                "separate four fields by tabs",
            )
        document, id, text, labelled = cells
        plain, labels = _unlabelled(labelled)
        if plain != text:
            return self._error(
                f'without its tags this is "{plain}", which is not the text "{text}"',
                row,
                "labelled text",
                "close every <tag> by </tag>, and let both fields say the same",
            )
        return id, document, text, labels

    def _json(self) -> Generator[tuple[int, Sentence | InputError], None, None]:
        for number, record in json_rows(self.source):
            if isinstance(record, InputError):
                yield number, record
            else:
                yield number, self._of_record(record, number)

    def _of_record(self, record: Mapping[str, Any], row: int) -> Sentence | InputError:
        id, text, triples = record.get("text_id"), record.get("text"), record.get("spo_list")
        if not isinstance(text, str):
            field = "text"
        elif not isinstance(triples, list) or not all(
            isinstance(t, dict) and all(isinstance(t.get(k), str) for k in ("predicate", "object"))
            for t in triples
        ):
            field = "spo_list"
        else:
            plain = text.removeprefix("#")  # AtTGen's mark for the product, the subject of every triple
            labels: Labels = {}
            for triple in triples:
                name, value = triple["predicate"].removeprefix("@"), triple["object"]
                labels.setdefault(name, {})[value] = _places(value, plain)
            name = f"row-{row}" if id is None else str(id)
            return name, name, plain, labels
        fix = 'write {"text_id", "text", "spo_list": [{"predicate": "@...", "object": "..."}]}'
        return self._wrong_kind(row, field, fix)

    def _error(self, message: str, row: int, field: str | None, fix: str) -> InputError:
        return InputError(message, file=self.path, row=row, field=field, fix=fix)

    def schema(self) -> Schema:
        """Every attribute of the file, common to all products: the format knows no categories."""
        return implied_schema(row.product for row in self)


def _unlabelled(labelled: str) -> tuple[str, Labels]:
    """The text without its tags, and the values with their places in it."""
    labels: Labels = {}
    parts: list[str] = []
    at = size = 0
    for match in _TAG.finditer(labelled):
        before, value = labelled[at : match.start()], match[2]
        parts += [before, value]
        start = size + len(before)
        size = start + len(value)
        at = match.end()
        if value:
            labels.setdefault(match[1], {}).setdefault(value, []).append(Span(_TEXT, start, size))
    return "".join([*parts, labelled[at:]]), labels


def _places(value: str, text: str) -> list[Span]:
    """Where the value stands, without overlaps."""
    if not value:
        return []
    return [Span(_TEXT, m.start(), m.end()) for m in re.finditer(re.escape(value), text)]
