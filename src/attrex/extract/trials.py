"""What a model is worth on products whose values are known: the ground for calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from attrex.core import Product
from attrex.extract.pipeline import BATCH, Pipeline
from attrex.extract.request import Request
from attrex.resolve import Trial


def trials(pipeline: Pipeline, products: Iterable[Product], *, complete: bool = False) -> Iterator[Trial]:
    """One trial per ask of known outcome, through the same path as every extraction.

    Known are filled cells and explicit "no value"; empty ones too where the data are ``complete``.
    A proposal is right where it is canonically one of the stated values. The pipeline's resolver must
    be uncalibrated, for trials hold raw scores.
    """
    resolver = pipeline.resolver
    waiting = iter(products)
    while part := list(islice(waiting, BATCH)):
        requests = [_known(product, pipeline, complete) for product in part]
        for request, answers in zip(requests, pipeline.answers(requests), strict=True):
            for attribute, (answer, read) in zip(request.attributes, answers, strict=True):
                if read == "none":
                    continue
                gold = {
                    resolver.key(attribute, s.text) for s in request.product.stated.get(attribute.name, ())
                }
                proposals = resolver.proposals(attribute, answer)
                yield Trial(
                    attribute.name,
                    tuple((v.probability, resolver.key(attribute, v.text) in gold) for v in proposals),
                    answer.none_score,
                    len(gold),
                )


def _known(product: Product, pipeline: Pipeline, complete: bool) -> Request:
    own = pipeline.schema.of(product.category)
    return Request(product, own if complete else tuple(a for a in own if a.name in product.stated))
