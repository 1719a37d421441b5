"""What a model is worth on products whose values are known: the ground for calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrex.core import Product
from attrex.extract.pipeline import Answers, Denied, Pipeline
from attrex.extract.request import Request
from attrex.resolve import Trial


def known(product: Product, pipeline: Pipeline, *, complete: bool = False) -> Request:
    """Asks what is known: filled cells and explicit "no value"; empty ones too where the data are
    ``complete``."""
    own = pipeline.schema.of(product.category)
    return Request(product, own if complete else tuple(a for a in own if a.name in product.stated))


def trials(
    pipeline: Pipeline,
    requests: Sequence[Request],
    answers: Sequence[Answers],
    without: Sequence[Denied] | None = None,
) -> Iterator[Trial]:
    """One trial per ask that could be read; ``answers`` are the pipeline's to the requests, for whose
    attributes an absent cell means that there is no value. What a gate denies (``without``) has no answer:
    its trial is a value that nobody proposes.

    A proposal is right where it is canonically one of the stated values. The pipeline's resolver must be
    uncalibrated, for trials hold raw scores; what it holds familiar gives their levels.
    """
    resolver = pipeline.resolver
    if without is None:
        without = [{}] * len(requests)
    for request, own, denied in zip(requests, answers, without, strict=True):
        given = iter(own)
        for attribute in request.attributes:
            stated = request.product.stated.get(attribute.name, ())
            gold = {resolver.key(attribute, value.text) for value in stated}
            if attribute.name in denied:
                yield Trial(attribute.name, (), None, len(gold))
                continue
            answer, read = next(given)
            if read == "none":
                continue
            proposals = resolver.proposals(attribute, answer)
            yield Trial(
                attribute.name,
                tuple((v.probability, resolver.key(attribute, v.text) in gold) for v in proposals),
                answer.none_score,
                len(gold),
                tuple(resolver.policy.familiarity.level(attribute.name, v.canonical) for v in proposals),
            )
