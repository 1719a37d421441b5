"""MAVE's JSONL: paragraphs, and attributes with evidences by paragraph and offset. Read and written."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from attrex.core import Extraction, Product, Source, Span, Stated, Status, Value
from attrex.errors import InputError
from attrex.io.amazon import paragraphs
from attrex.io.category_schema import implied_schema
from attrex.io.input import Input
from attrex.io.label_index import LabelIndex
from attrex.io.problems import OnError
from attrex.io.rows import Reader, Row
from attrex.io.tables import RawRow, json_rows
from attrex.schema.schema import Schema

_NUMBERED = re.compile(r"#\d+$")


class MaveReader(Reader):
    """Full MAVE records, or label files joined with the Amazon metadata they point into.

    An attribute without evidences is explicitly none. Paragraphs of the same source are told apart as
    "feature", "feature#2", "feature#3". An evidence whose offsets do not give its value is reported and loses
    its span; the value stays. With ``metadata``, the labels are indexed (16 bytes each) and the metadata
    streamed; a row is then a row of the metadata, and labels whose product is not there are counted in
    a warning.
    """

    def __init__(self, source: Input, on_error: OnError, metadata: Input | None = None) -> None:
        super().__init__(source, "mave", on_error)
        self._metadata = metadata
        if metadata is not None:
            source.spool(packed=True)

    def fraction(self) -> float | None:
        """How much of the file, or of the metadata, the latest pass has read."""
        return (self._metadata or self.source).fraction()

    def _rows(self) -> Iterator[Row]:
        records = self._joined() if self._metadata else json_rows(self.source)
        return self._of_records(records, self._misshapen, self._product)

    def _joined(self) -> Generator[RawRow, None, None]:
        assert self._metadata is not None
        with LabelIndex(self.source) as labels, closing(json_rows(self._metadata)) as records:
            for number, record in records:
                if isinstance(record, InputError):
                    self._problems.bad(record)
                    continue
                label = labels.take(str(record.get("asin", "")))
                if label is None or not (found := paragraphs(record)):
                    continue
                texts = [{"text": text, "source": source} for source, text in found]
                yield number, {**label, "paragraphs": texts}
            if labels.left:
                self._problems.warn(
                    InputError(
                        f"{labels.left} of {labels.total} labelled products are not in {self._metadata.name}",
                        file=self.path,
                        fix="give the complete metadata file",
                    )
                )

    def _misshapen(self, record: Mapping[str, Any], row: int) -> InputError | None:
        texts, labels = record.get("paragraphs"), record.get("attributes")
        field, fix = None, 'write {"id", "category", "paragraphs": [{"text", "source"}], "attributes": [...]}'
        if not _objects(texts, "text"):
            field = "paragraphs"
            if texts is None and labels is not None:
                fix = "this is a label file: name the Amazon metadata it belongs to"
        elif not isinstance(record.get("category"), str | None):
            field = "category"
        elif not _objects(labels, "key") or not all(
            _objects(label.get(kind, []), "value")
            for label in labels or ()
            for kind in ("evidences", "inferred")
        ):
            field = "attributes"
        if field is None:
            return None
        return self._wrong_kind(row, field, fix)

    def _product(self, row: int, record: Mapping[str, Any]) -> Product:
        names: list[str] = []
        for paragraph in record["paragraphs"]:
            name = str(paragraph.get("source") or "text")
            before = sum(_NUMBERED.sub("", n) == name for n in names)
            names.append(f"{name}#{before + 1}" if before else name)
        texts = [paragraph["text"] for paragraph in record["paragraphs"]]
        stated: dict[str, tuple[Stated, ...]] = {}
        for attribute in record["attributes"]:
            if attribute.get("status") in (None, Status.FOUND, Status.NOT_STATED, Status.NOT_APPLICABLE):
                stated[attribute["key"]] = self._stated(attribute, names, texts, row)
        id = record.get("id")
        return Product(
            id=f"row-{row}" if id is None else self._unique(str(id), row, "id"),
            category=record.get("category"),
            sources=tuple(Source(n, t) for n, t in zip(names, texts, strict=True) if t.strip()),
            stated=stated,
        )

    def _stated(
        self, attribute: Mapping[str, Any], names: Sequence[str], texts: Sequence[str], row: int
    ) -> tuple[Stated, ...]:
        spans: dict[str, list[Span]] = {}
        for evidence in attribute.get("evidences", ()):
            places = spans.setdefault(evidence["value"], [])
            pid, begin, end = (evidence.get(k) for k in ("pid", "begin", "end"))
            if (
                all(isinstance(n, int) for n in (pid, begin, end))
                and 0 <= pid < len(texts)
                and 0 <= begin < end
                and texts[pid][begin:end] == evidence["value"]
            ):
                places.append(Span(names[pid], begin, end))
            else:
                self._problems.warn(
                    InputError(
                        f'paragraph {pid}, characters {begin} to {end} are not "{evidence["value"]}"',
                        file=self.path,
                        row=row,
                        field=attribute["key"],
                        fix="none needed: the value is kept without its place",
                    )
                )
        for inferred in attribute.get("inferred", ()):
            spans.setdefault(inferred["value"], [])
        return tuple(Stated(value, tuple(dict.fromkeys(places))) for value, places in spans.items())

    def schema(self) -> Schema:
        """The attributes each category lists anywhere in the file."""
        return implied_schema(row.product for row in self)


def _objects(value: Any, key: str) -> bool:
    return isinstance(value, list) and all(isinstance(v, dict) and isinstance(v.get(key), str) for v in value)


def record(product: Product, extractions: Sequence[Extraction]) -> dict[str, Any]:
    """A product and its extractions as one MAVE record.

    Values with a span are evidences. What MAVE has no field for stands in extension keys of the attribute:
    ``status``, ``probability``, ``inferred`` for values that stand nowhere, and an evidence's ``spelling``.
    """
    pids = {source.name: pid for pid, source in enumerate(product.sources)}
    return {
        "id": product.id,
        "category": product.category,
        "paragraphs": [
            {"text": source.text, "source": _NUMBERED.sub("", source.name)} for source in product.sources
        ],
        "attributes": [_attribute(extraction, pids, product) for extraction in extractions],
    }


def _attribute(extraction: Extraction, pids: Mapping[str, int], product: Product) -> dict[str, Any]:
    evidences: list[dict[str, Any]] = []
    inferred: list[dict[str, Any]] = []
    for value in extraction.values:
        spans = _spans(value, pids)
        evidences += [_evidence(value.text, span, pids[span.source], product) for span in spans]
        if not spans:
            inferred.append({"value": value.text, "probability": value.probability})
    made: dict[str, Any] = {"key": extraction.attribute, "evidences": evidences}
    if inferred:
        made["inferred"] = inferred
    return {**made, "status": str(extraction.status), "probability": extraction.probability}


def _evidence(value: str, span: Span, pid: int, product: Product) -> dict[str, Any]:
    """MAVE's value is what stands at the offsets; another spelling of it goes beside."""
    written = (product.text(span.source) or "")[span.start : span.end]
    made = {"value": written, "pid": pid, "begin": span.start, "end": span.end}
    return made if written == value else {**made, "spelling": value}


def _spans(value: Value, pids: Mapping[str, int]) -> list[Span]:
    return [e.span for e in value.evidence if e.span is not None and e.span.source in pids]
