"""What a model is worth on products whose values are known: the ground for calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrex.core import Product
from attrex.extract.pipeline import Answers, Pipeline
from attrex.extract.request import Request
from attrex.resolve import Trial


def known(product: Product, pipeline: Pipeline, *, complete: bool = False) -> Request:
    """Asks what is known: filled cells and explicit "no value"; empty ones too where the data are
    ``complete``."""
    own = pipeline.schema.of(product.category)
    return Request(product, own if complete else tuple(a for a in own if a.name in product.stated))


def trials(pipeline: Pipeline, requests: Sequence[Request], answers: Sequence[Answers]) -> Iterator[Trial]:
    """One trial per ask that could be read; ``answers`` are the pipeline's to the requests, for whose
    attributes an absent cell means that there is no value.

    A proposal is right where it is canonically one of the stated values. The pipeline's resolver must be
    uncalibrated, for trials hold raw scores.
    """
    resolver = pipeline.resolver
    for request, own in zip(requests, answers, strict=True):
        for attribute, (answer, read) in zip(request.attributes, own, strict=True):
            if read == "none":
                continue
            stated = request.product.stated.get(attribute.name, ())
            gold = {resolver.key(attribute, value.text) for value in stated}
            proposals = resolver.proposals(attribute, answer)
            yield Trial(
                attribute.name,
                tuple((v.probability, resolver.key(attribute, v.text) in gold) for v in proposals),
                answer.none_score,
                len(gold),
            )
