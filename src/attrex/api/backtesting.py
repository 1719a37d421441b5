"""Cells hidden and restored: what a catalogue's owner can expect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from attrex.api.extractor import Extractor
from attrex.api.fitting import GivenSchema, Progress, fit, known_of, settle_schema
from attrex.api.gating import Kind
from attrex.api.products import Data, path_of, stream_products
from attrex.api.recipe import DEFAULT, Recipe
from attrex.core import Attribute, Evidence, Extraction, Product, Status
from attrex.errors import InputError
from attrex.evaluation import Backtest, MaskedCell, judge
from attrex.evaluation import backtest as score_cells
from attrex.extract import Request
from attrex.io.pictures import PictureAccess
from attrex.io.reader import open_reader
from attrex.io.rows import Reader
from attrex.supervision.splits import split
from attrex.text.matching import locate


def backtest(
    data: Data,
    *,
    schema: GivenSchema | None = None,
    recipe: str | Path | Recipe = DEFAULT,
    aim: str = "f1",
    share: float = 0.2,
    gate: Kind | None = None,
    pictures: PictureAccess | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Backtest:
    """Hides a share of the filled cells, fits on the rest, restores them, and counts.

    All cells of a title are hidden together, so that no title stands on both sides; a hidden cell
    counts whether its value stands in a text or not. The lexicon, fitted on the same rest, stands beside.
    ``gate`` and ``pictures`` as of ``fit``.
    """
    if isinstance(data, str | Path):
        data = open_reader(data)
    reader = data if isinstance(data, Reader) else None
    if pictures is None and reader is not None:
        pictures = PictureAccess.beside(reader)
    products = list(stream_products(data, known_of(schema)))
    parts = split(products, {"rest": 1 - share, "hidden": share}, seed)
    rest = [products[i] for i in parts["rest"]]
    hidden = [product for i in parts["hidden"] if any((product := products[i]).stated.values())]
    from attrex.report.numbers import counted  # not at the top, for it brings rich

    if not hidden or not any(any(product.stated.values()) for product in rest):
        raise InputError(
            f"{counted(len(products), 'product')}: too few filled cells to hide some and learn from the rest",
            file=path_of(data),
            fix="give more rows, or check the mapping of the attribute columns",
        )
    # A schema inferred from the hidden cells would give their values away as examples.
    settled = settle_schema(schema, reader, rest)
    model = fit(
        rest,
        schema=settled,
        recipe=recipe,
        aim=aim,
        gate=gate,
        pictures=pictures,
        seed=seed,
        progress=progress,
    )
    cells = list(_cells(model, model.baseline or model, hidden))
    thresholds = model.policy.thresholds
    settings = {
        "model": model.name,
        "aim": aim,
        "share": share,
        "gate": None if model.report is None or model.report.gate is None else model.report.gate.kind,
        "thresholds": thresholds.to_json(),
        "products_learnt_from": len(rest),
    }
    return score_cells(cells, settings=settings, seed=seed)


def _cells(model: Extractor, lexicon: Extractor, products: Sequence[Product]) -> Iterator[MaskedCell]:
    requests = [_filled(product, model) for product in products]
    for one, other in zip(model.run(requests), lexicon.run(requests), strict=True):
        product = one.request.product
        for ours, theirs in zip(one.extractions, other.extractions, strict=True):
            gold = product.stated[ours.attribute]
            in_text = any(locate(value.text, source.text) for value in gold for source in product.sources)
            yield MaskedCell(
                judge(product, ours, gold),
                judge(product, theirs, gold),
                in_text,
                _first_evidence(ours),
                (judge(product, _proposed(ours), gold), judge(product, _proposed(theirs), gold)),
            )


def _filled(product: Product, extractor: Extractor) -> Request:
    own: dict[str, Attribute] = {a.name: a for a in extractor.schema.of(product.category)}
    names = [name for name, values in product.stated.items() if values]
    return Request(product, tuple(own.get(name) or extractor.attribute(name) for name in names))


def _proposed(extraction: Extraction) -> Extraction:
    """As it would be were every threshold zero."""
    if extraction.status is Status.FOUND or not extraction.alternatives:
        return extraction
    best = extraction.alternatives[0]
    return replace(extraction, status=Status.FOUND, values=(best,), probability=best.probability)


def _first_evidence(extraction: Extraction) -> Evidence | None:
    return next((e for value in extraction.values for e in value.evidence), None)
