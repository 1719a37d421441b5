"""Two models on the same asks, with paired tests by product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from attrex.errors import InputError
from attrex.evaluation import bootstrap
from attrex.evaluation.bootstrap import Ints
from attrex.evaluation.counts import Floats, Interval
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, Outcome, value_outcome
from attrex.evaluation.scoring import f1, one_hot

_RIGHT = (Outcome.VC, Outcome.NN)


@dataclass(frozen=True, slots=True)
class Difference:
    """F1 of ``a`` and of ``b``, and by how much ``b`` is above ``a``.

    ``interval``: 95 % paired bootstrap. ``p``: approximate randomisation, two-sided: how often a
    difference as large arises when each product's two answers are swapped at random. Both by product,
    both None where fewer than two products or no defined F1 leave nothing to test.
    """

    a: float
    b: float
    interval: Interval | None
    p: float | None

    @property
    def difference(self) -> float:
        """b - a."""
        return self.b - self.a

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "interval": list(self.interval) if self.interval else None,
            "p": self.p,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """See ``compare``. ``only_a`` and ``only_b`` count the asks that one of the two alone got right."""

    names: tuple[str, str]
    matching: Matching
    products: int
    asks: int
    micro: Difference
    macro: Difference
    per_attribute: Mapping[str, Difference]
    both: int
    only_a: int
    only_b: int
    neither: int
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """JSON-able; differences are of F1, as fractions."""
        return {
            "names": list(self.names),
            "matching": self.matching,
            "products": self.products,
            "asks": self.asks,
            "micro": self.micro.to_json(),
            "macro": self.macro.to_json(),
            "per_attribute": {name: d.to_json() for name, d in self.per_attribute.items()},
            "right": {
                "both": self.both,
                "only_a": self.only_a,
                "only_b": self.only_b,
                "neither": self.neither,
            },
            "resamples": self.resamples,
            "seed": self.seed,
        }


def compare(
    a: Sequence[Judged],
    b: Sequence[Judged],
    *,
    names: tuple[str, str] = ("A", "B"),
    matching: Matching = "exact",
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Compare two runs over the same asks with the same gold, in any order.

    Raises ``InputError`` where the asks or their gold differ: such runs cannot be paired.
    """
    b = _paired(a, b, names)
    ends = [(value_outcome(x, matching), value_outcome(y, matching)) for x, y in zip(a, b, strict=True)]
    tables = (one_hot([x for x, _ in ends]), one_hot([y for _, y in ends]))
    products, product_names = bootstrap.codes(j.product_id for j in a)
    groups, attributes = bootstrap.codes(j.attribute for j in a)
    drawn = bootstrap.resample(products, groups, np.hstack(tables), resamples=resamples, seed=seed)
    swapped = _swapped(products, groups, tables, resamples, seed)
    spread = bootstrap.distinct_products(products, groups, len(attributes))
    once = bootstrap.group_sums(np.hstack(tables), groups, len(attributes))[:, :, None]

    def f1s(counts: npt.NDArray[Any]) -> tuple[Floats, Floats]:
        return f1(counts[..., :5, :]), f1(counts[..., 5:, :])

    def mean(pair: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        return bootstrap.mean_over_groups(pair[0]), bootstrap.mean_over_groups(pair[1])

    point, samples, shuffled = f1s(once), f1s(drawn), f1s(swapped)
    per_attribute = {
        name: _difference(*((x[at], y[at]) for x, y in (point, samples, shuffled)), products=spread[at])
        for at, name in enumerate(attributes)
    }
    right = [(x in _RIGHT, y in _RIGHT) for x, y in ends]
    count = len(product_names)
    return Comparison(
        names=names,
        matching=matching,
        products=count,
        asks=len(a),
        micro=_difference(*(f1s(c.sum(axis=0)) for c in (once, drawn, swapped)), products=count),
        macro=_difference(mean(point), mean(samples), mean(shuffled), products=count),
        per_attribute=dict(sorted(per_attribute.items())),
        both=right.count((True, True)),
        only_a=right.count((True, False)),
        only_b=right.count((False, True)),
        neither=right.count((False, False)),
        resamples=resamples,
        seed=seed,
    )


def _paired(a: Sequence[Judged], b: Sequence[Judged], names: tuple[str, str]) -> list[Judged]:
    """``b`` in the order of ``a``."""
    keyed = {(j.product_id, j.attribute): j for j in b}
    keys = {(j.product_id, j.attribute) for j in a}
    if len(keyed) != len(b) or len(keys) != len(a):
        raise InputError(
            "a product is asked the same attribute twice, so the two runs cannot be paired",
            fix="give every product an id of its own",
        )
    if keys != keyed.keys():
        product, attribute = min(keys ^ keyed.keys())
        holder = names[0] if (product, attribute) in keys else names[1]
        raise InputError(
            f'only {holder} was asked "{attribute}" of product "{product}"; '
            f"{len(keys ^ keyed.keys())} asks stand in one run alone",
            fix="evaluate both models on the same file and schema",
        )
    ordered = [keyed[j.product_id, j.attribute] for j in a]
    for x, y in zip(a, ordered, strict=True):
        if set(x.gold) != set(y.gold):
            raise InputError(
                f'the gold values of "{x.attribute}" of product "{x.product_id}" differ between the two runs',
                fix="evaluate both models on the same file and schema",
            )
    return ordered


def _swapped(
    products: Ints, groups: Ints, tables: tuple[Ints, Ints], resamples: int, seed: int
) -> npt.NDArray[np.float32]:
    """Summed counts (groups x 10 x resamples) with each product's two answers swapped at even odds."""
    middle, half = (tables[0] + tables[1]) / 2, (tables[0] - tables[1]) / 2
    signs = bootstrap.signs(products, resamples, seed)
    offset = bootstrap.weighted_sums(products, groups, half, signs, resamples)
    base = bootstrap.group_sums(middle, groups, len(offset))[:, :, None]
    return np.concatenate([base + offset, base - offset], axis=1).astype(np.float32)


def _difference(
    point: tuple[Floats, Floats],
    drawn: tuple[Floats, Floats],
    swapped: tuple[Floats, Floats],
    *,
    products: int,
) -> Difference:
    a, b = float(point[0].item()), float(point[1].item())
    gap = b - a
    if np.isnan(gap) or products < 2 or not drawn[0].size:
        return Difference(float(np.nan_to_num(a)), float(np.nan_to_num(b)), None, None)
    low, high = bootstrap.interval(drawn[1] - drawn[0])
    shuffled = swapped[1] - swapped[0]
    shuffled = shuffled[~np.isnan(shuffled)]
    # The observed assignment is one of those possible: it is counted, and p is never 0.
    extreme = np.count_nonzero(np.abs(shuffled) >= abs(gap) - 1e-12)
    ends = None if np.isnan(low) else (float(low), float(high))
    return Difference(a, b, ends, float((1 + extreme) / (1 + len(shuffled))))
