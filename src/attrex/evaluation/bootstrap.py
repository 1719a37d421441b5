"""Products drawn anew, many times: how far the numbers would move on other products.

The unit is the product, never the ask: the asks of one product share its text, and taking them for
independent makes intervals too narrow.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from attrex.evaluation.counts import Floats, Interval, divided

LEVEL = 0.95
"""Of all intervals: the middle 95 % of the resamples (percentile bootstrap)."""

_DRAWS_AT_ONCE = 2_000_000
"""Products x resamples held at a time (memory, and what fits a processor's cache)."""

Ints = npt.NDArray[np.int64]


def codes(names: Iterable[Hashable]) -> tuple[Ints, list[Any]]:
    """Each name's number in order of first appearance, and the names by number."""
    numbers: dict[Hashable, int] = {}
    coded = [numbers.setdefault(name, len(numbers)) for name in names]
    return np.asarray(coded, dtype=np.int64), list(numbers)


def resample(
    products: Ints, groups: Ints, counts: npt.NDArray[Any], *, resamples: int, seed: int
) -> npt.NDArray[np.float32]:
    """The groups' summed counts under ``resamples`` draws of the products, with replacement.

    ``products`` and ``groups`` number each ask's product and group from 0; ``counts`` is asks x columns.
    Returns groups x columns x resamples. Exact: float32 holds whole numbers up to 16 million.
    """
    return weighted_sums(products, groups, counts, _draws(_count(products), resamples, seed), resamples)


def weighted_sums(
    products: Ints,
    groups: Ints,
    counts: npt.NDArray[Any],
    weights: Iterable[npt.NDArray[np.float32]],
    resamples: int,
) -> npt.NDArray[np.float32]:
    """``counts`` times the weight of each ask's product, summed by group: groups x columns x resamples.

    ``weights`` come as blocks of products x some resamples.
    """
    members = _members(groups, _count(groups))
    tables = [counts[rows].T.astype(np.float32) for rows in members]
    summed = np.zeros((len(members), counts.shape[1], resamples), dtype=np.float32)
    at = 0
    for block in weights:
        upto = at + block.shape[1]
        for group, rows in enumerate(members):
            summed[group, :, at:upto] = tables[group] @ block[products[rows]]
        at = upto
    return summed


def group_sums(counts: npt.NDArray[Any], groups: Ints, group_count: int) -> npt.NDArray[Any]:
    """asks x columns -> groups x columns."""
    summed = np.zeros((group_count, counts.shape[1]), dtype=counts.dtype)
    np.add.at(summed, groups, counts)
    return summed


def _count(numbers: Ints) -> int:
    return int(numbers.max()) + 1 if len(numbers) else 0


def _members(groups: Ints, count: int) -> list[Ints]:
    order = np.argsort(groups, kind="stable")
    return list(np.split(order, np.cumsum(np.bincount(groups, minlength=count))[:-1])) if count else []


def _draws(products: int, resamples: int, seed: int) -> Iterator[npt.NDArray[np.float32]]:
    """How often each product was drawn: products x some resamples, until all resamples are done."""
    if not products:
        return
    rng = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // products)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        cells = rng.integers(0, products, size=(products, size), dtype=np.int64)
        cells *= size
        cells += np.arange(size)
        yield np.bincount(cells.ravel(), minlength=products * size).reshape(products, size).astype(np.float32)


def signs(products: Ints, resamples: int, seed: int) -> Iterator[npt.NDArray[np.float32]]:
    """+1 or -1 per product, at even odds: products x some resamples, until all are done."""
    if not (count := _count(products)):
        return
    rng = np.random.default_rng(seed)
    step = max(1, _DRAWS_AT_ONCE // count)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        heads = rng.integers(0, 2, size=(count, size), dtype=np.int8)
        yield (2 * heads - 1).astype(np.float32)


def interval(samples: Floats) -> tuple[Floats, Floats]:
    """The ends of the middle ``LEVEL`` along the last axis (linear between samples, as in numpy).

    Undefined samples (NaN) are left out; where all are, so are the ends.
    """
    if not samples.shape[-1]:
        nothing = np.full(samples.shape[:-1], np.nan)
        return nothing, nothing
    ordered = np.sort(samples, axis=-1)  # NaN last
    last = np.count_nonzero(~np.isnan(samples), axis=-1) - 1

    def at(share: float) -> Floats:
        place = np.maximum(last, 0) * share
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(last, 0))
        low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
        high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
        between: Floats = low + (high - low) * (place - below)
        return between

    return at((1 - LEVEL) / 2), at((1 + LEVEL) / 2)


def intervals(samples: Mapping[str, Floats], products: int) -> dict[str, Interval]:
    """Per measure, from its resamples. Empty with fewer than two products, from which nothing can be said."""
    return intervals_by_group({name: drawn[None] for name, drawn in samples.items()}, [products])[0]


def intervals_by_group(samples: Mapping[str, Floats], products: Sequence[int]) -> list[dict[str, Interval]]:
    """The same for measures given as groups x resamples; ``products`` per group."""
    found: list[dict[str, Interval]] = [{} for _ in products]
    for name, drawn in samples.items():
        for group, (low, high) in enumerate(zip(*interval(drawn), strict=True)):
            if products[group] >= 2 and not np.isnan(low):
                found[group][name] = (float(low), float(high))
    return found


def mean_over_groups(samples: Floats) -> Floats:
    """groups x resamples -> the mean of the defined groups in each resample; NaN where none is."""
    defined = ~np.isnan(samples)
    number = defined.sum(axis=0)
    total = np.where(defined, samples, 0.0).sum(axis=0)
    return divided(total, number.astype(np.float64))


def distinct_products(products: Ints, groups: Ints, group_count: int) -> Sequence[int]:
    """How many products each group has an ask of."""
    pairs = np.unique(np.stack([groups, products], axis=1), axis=0) if len(groups) else np.empty((0, 2), int)
    counted: list[int] = np.bincount(pairs[:, 0].astype(np.int64), minlength=group_count).tolist()
    return counted
