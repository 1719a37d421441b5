"""A catalogue of which only so many labels of each value are known, to see what these are worth."""

from __future__ import annotations

from collections.abc import Sequence

from attrex.core import Product
from attrex.errors import ConfigError
from attrex.supervision.sampling import labels_per_value


def few_labels(
    products: Sequence[Product], number: int | None, *, complete: bool, seed: int
) -> tuple[list[Product], list[str]]:
    """The products with at most ``number`` labels of each value (``supervision.sampling``), and what to note
    of it; all of them, and nothing, where it is None.

    Raises ``ConfigError`` for a number below 1, and together with ``complete``: an empty cell would then say
    that there is no value where a label was only left aside.
    """
    if number is None:
        return list(products), []
    if complete:
        raise ConfigError(
            f"labels_per_value is {number} and the table is said to be complete, but a label that is not "
            "drawn leaves an empty cell that says nothing. Fix: give one of the two"
        )
    drawn = labels_per_value(products, number, seed=seed)
    cells, before = (sum(len(product.stated) for product in each) for each in (drawn, products))
    note = (
        f"at most {number:,} labels of each value are known: {cells:,} of {before:,} cells, "
        f"in {len(drawn):,} of {len(products):,} products"
    )
    return drawn, [note]
