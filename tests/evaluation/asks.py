"""Judged asks in one short line each."""

from attrex.core import Span
from attrex.evaluation import Judged


def ask(
    product: str,
    attribute: str,
    gold: str = "",
    predicted: str = "",
    probability: float | None = None,
    *,
    category: str | None = None,
    gold_spans: tuple[Span, ...] = (),
    predicted_spans: tuple[Span, ...] = (),
    seen: bool | None = None,
) -> Judged:
    """``gold`` and ``predicted`` hold values parted by "|"; empty: none."""
    return Judged(
        product,
        category,
        attribute,
        tuple(filter(None, gold.split("|"))),
        tuple(filter(None, predicted.split("|"))),
        probability,
        gold_spans,
        predicted_spans,
        seen,
    )


SEVEN = [
    ask("p1", "Color", "red", "red"),  # VC
    ask("p1", "Size", "", "XL"),  # NV
    ask("p2", "Color", "blue|navy", "navy|x"),  # VC, the first counts
    ask("p2", "Size", "M", ""),  # VN
    ask("p3", "Color", "red", "Red"),  # VW: case differs
    ask("p3", "Size", "", ""),  # NN
    ask("p4", "Size", "10  cm", " 10 cm"),  # VC: white space does not count
]
"""VC 3, VW 1, VN 1, NV 1, NN 1. P = 3/5, R = 3/5. Color: P = R = 2/3. Size: P = R = 1/2."""
