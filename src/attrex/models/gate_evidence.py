"""What filled and empty cells say about which category has which attribute.

An empty cell is unknown, so the filled ones are positives among unlabelled ones. A category in which an
attribute is never filled, though it is often filled where it applies, hardly has it; a column that is filled
now and then applies to the whole category. This is the estimator of Elkan and Noto (2008, §2.1) with the
category as the only feature: of ``u`` cells that do not say "n/a", ``k`` are filled; where the attribute
applies the share ``c`` is; so it applies with probability ``(k / u) / c``.

Shapes: ``N`` products, ``A`` attributes, ``C`` categories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attrex.core import Product

LEAST_PRODUCTS = 10
"""A category of fewer is none of its own: its products are judged by their text."""
LEAST_FILLED = 3
"""An attribute with fewer filled cells is denied to no category where one of them stands."""
OTHERS = 2.0
"""So many filled cells the other attributes stand for in the share at which an attribute is filled."""

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """``names`` of the A attributes that are filled anywhere; ``categories`` the C large enough ones;
    ``category_N`` indexes them, -1 where there is none."""

    names: tuple[str, ...]
    categories: tuple[str, ...]
    filled_NA: Bools
    none_NA: Bools
    category_N: npt.NDArray[np.int64]

    @classmethod
    def of(cls, products: Sequence[Product]) -> Evidence:
        """Of the training products; an explicit "no value" is a strong negative."""
        names = tuple(dict.fromkeys(n for p in products for n, values in p.stated.items() if values))
        sizes = Counter(p.category for p in products)
        large = sorted(c for c, number in sizes.items() if c is not None and number >= LEAST_PRODUCTS)
        place, column = {c: at for at, c in enumerate(large)}, {n: at for at, n in enumerate(names)}
        filled = np.zeros((len(products), len(names)), dtype=np.bool_)
        none = np.zeros_like(filled)
        for row, product in enumerate(products):
            for name, values in product.stated.items():
                if name in column:
                    (filled if values else none)[row, column[name]] = True
        where = np.array([place.get(p.category or "", -1) for p in products], dtype=np.int64)
        return cls(names, tuple(large), filled, none, where)

    @property
    def outputs(self) -> int:
        """Of the wider of the two maps, that of attributes and that of categories."""
        return max(len(self.names), len(self.categories))

    def shares(self) -> tuple[Counts, Counts]:
        """C×A each: the probability that the attribute applies to the category, and the share of the
        category's products that have it (less, where "n/a" is said of some).

        One expected filled cell more, filled, is counted to every category: one of which little is known
        has every attribute.
        """
        known_N = self.category_N >= 0
        own = self.category_N[known_N]
        filled_CA = np.zeros((len(self.categories), len(self.names)))
        none_CA, all_CA = np.zeros_like(filled_CA), np.zeros((len(self.categories), 1))
        np.add.at(filled_CA, own, self.filled_NA[known_N])
        np.add.at(none_CA, own, self.none_NA[known_N])
        np.add.at(all_CA, own, 1)
        open_CA = all_CA - none_CA
        filled_A = filled_CA.sum(axis=0)
        # The mean, over filled cells, of the share that is filled in their category.
        weighted_A = (filled_CA**2 / np.maximum(open_CA, 1)).sum(axis=0)
        typical = weighted_A.sum() / max(filled_A.sum(), 1.0)
        rate_A = (weighted_A + OTHERS * typical) / (filled_A + OTHERS)
        applies_CA = np.minimum(1.0, (filled_CA + 1) / (open_CA * rate_A + 1))
        applies_CA[(filled_CA > 0) & (filled_A < LEAST_FILLED)] = 1.0
        has_CA = (filled_CA + applies_CA * (open_CA - filled_CA + 1)) / (all_CA + 1)
        return applies_CA, has_CA
