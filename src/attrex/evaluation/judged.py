"""One ask with its gold and its prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from attrex.core import Extraction, Product, Span, Stated, Status

Form = Literal["text", "canonical"]
"""Of a value: as the text writes it, or as it is written into a table."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was stated and what was said of one (product, attribute).

    ``gold`` is empty where no value is stated, ``predicted`` where none was given; best first.
    ``probability`` is that of the stated outcome: of the values, or of "none". ``seen`` says whether
    a gold value stands in the training data, None where nobody looked.
    """

    product_id: str
    category: str | None
    attribute: str
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    probability: float | None = None
    gold_spans: tuple[Span, ...] = ()
    predicted_spans: tuple[Span, ...] = ()
    seen: bool | None = None


def judge(
    product: Product,
    extraction: Extraction,
    gold: Sequence[Stated],
    *,
    form: Form = "text",
    seen: bool | None = None,
) -> Judged:
    """Put an extraction beside its gold. Any status but ``found`` counts as no value.

    ``form``: whether the value as written or its canonical form is held against the gold.
    """
    values = extraction.values if extraction.status is Status.FOUND else ()
    return Judged(
        product_id=product.id,
        category=product.category,
        attribute=extraction.attribute,
        gold=tuple(stated.text for stated in gold),
        predicted=tuple(v.text if form == "text" else v.canonical for v in values),
        probability=extraction.probability,
        gold_spans=tuple(span for stated in gold for span in stated.spans),
        predicted_spans=tuple(e.span for v in values for e in v.evidence if e.span is not None),
        seen=seen,
    )
