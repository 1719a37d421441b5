"""Extractions held against what is stated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from attrex.api.extractor import Extractor
from attrex.api.products import Data, path_of, stream_products
from attrex.core import Product
from attrex.errors import ConfigError, InputError
from attrex.evaluation import Form, Judged, Matching, Report, judge
from attrex.evaluation import report as score
from attrex.extract import Request, Result
from attrex.io.reader import open_reader


def judge_all(
    extractor: Extractor,
    products: Iterable[Product],
    *,
    complete: bool = False,
    form: Form = "text",
) -> list[Judged]:
    """Asks what is stated (filled cells and explicit "no value"; with ``complete`` all of the category's
    attributes, an empty cell being none) and sets each extraction beside it, in that ``form``."""
    requests = (_stated(product, extractor, complete) for product in products)
    return judge_results(extractor.run(requests), form=form)


def judge_results(results: Iterable[Result], *, form: Form = "text") -> list[Judged]:
    """Each extraction beside what its product states."""
    judged: list[Judged] = []
    for result in results:
        product = result.request.product
        for extraction in result.extractions:
            stated = product.stated.get(extraction.attribute, ())
            judged.append(judge(product, extraction, stated, form=form))
    return judged


def _stated(product: Product, extractor: Extractor, complete: bool) -> Request:
    """An attribute of the data that the schema gives to other categories only, or lacks, is asked
    all the same: the data say that it applies."""
    own = {a.name: a for a in extractor.schema.of(product.category)}
    asked = [own[name] for name in own if complete or name in product.stated]
    strange = [name for name in product.stated if name not in own]
    return Request(product, (*asked, *(extractor.attribute(name) for name in strange)))


def judge_data(
    extractor: Extractor, data: Data, *, complete: bool = False, file: str | None = None
) -> list[Judged]:
    """``judge_all`` over a file, a reader or products (which come from ``file``, for messages).

    Raises ``InputError`` where nothing is stated that could be held against an extraction.
    """
    if isinstance(data, str | Path):
        data = open_reader(data)
    judged = judge_all(
        extractor.beside(data), stream_products(data, extractor.schema.every), complete=complete
    )
    if not judged:
        raise InputError(
            "no product states a value, so there is nothing to compare with",
            file=file or path_of(data),
            fix="give labelled data, or check the mapping of the attribute columns",
        )
    return judged


def evaluate(
    extractor: Extractor,
    data: Data,
    *,
    complete: bool = False,
    matching: Matching = "exact",
    resamples: int = 1000,
    seed: int = 0,
) -> Report:
    """Precision, recall and F1 on labelled data, micro, macro and per attribute.

    Raises ``InputError`` where nothing is stated that could be held against an extraction, ``ConfigError``
    where the first argument is no extractor.
    """
    if not isinstance(extractor, Extractor):
        raise ConfigError(
            f"evaluate: expected an extractor, then the data; the first is {_told(extractor)}. Fix: "
            'evaluate(attrex.Extractor.from_pretrained("model/"), "labelled.csv")'
        )
    judged = judge_data(extractor, data, complete=complete)
    return score_of(extractor, judged, name=extractor.name, matching=matching, resamples=resamples, seed=seed)


def _told(given: object) -> str:
    return f'"{given}"' if isinstance(given, str | Path) else f"of the type {type(given).__name__}"


def score_of(
    extractor: Extractor,
    judged: Sequence[Judged],
    *,
    name: str,
    matching: Matching = "exact",
    resamples: int = 1000,
    seed: int = 0,
) -> Report:
    """The numbers of what the extractor said; sliced by what it was taught, where that is known."""
    support = None if extractor.support is None else extractor.support.matched(matching)
    return score(judged, name=name, matching=matching, support=support, resamples=resamples, seed=seed)
