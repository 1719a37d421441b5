"""Outcomes to counts, scores and intervals: by micro, macro, attribute, set and span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from attrex.evaluation import bootstrap
from attrex.evaluation.bootstrap import Ints
from attrex.evaluation.counts import VALUE_COLUMNS, Counts, Floats, Scores, SetCounts, measures, ratios
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, Outcome, set_counts, span_outcome


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the asks, counted and scored."""

    counts: Counts
    scores: Scores

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Group:
        """Without intervals."""
        counts = Counts.of(outcomes)
        return cls(counts, counts.scores())

    def to_json(self) -> dict[str, Any]:
        """The scores, with the counts under ``counts``."""
        return {**self.scores.to_json(), "counts": self.counts.to_json()}


@dataclass(frozen=True, slots=True)
class Scored:
    """``macro`` is the mean over the ``macro_attributes`` attributes that have an F1."""

    micro: Group
    macro: Scores
    macro_attributes: int
    per_attribute: dict[str, Group]


def score(judged: Sequence[Judged], outcomes: Sequence[Outcome], *, resamples: int, seed: int) -> Scored:
    """Score outcomes by attribute and together, with 95 % intervals over resampled products."""
    products, product_names = bootstrap.codes(j.product_id for j in judged)
    groups, names = bootstrap.codes(j.attribute for j in judged)
    table = one_hot(outcomes)
    drawn = bootstrap.resample(products, groups, table, resamples=resamples, seed=seed)
    samples = measures(drawn)
    spread = bootstrap.distinct_products(products, groups, len(names))
    members = [Counts(*row) for row in bootstrap.group_sums(table, groups, len(names)).tolist()]
    per_attribute = {
        name: Group(counts, counts.scores(ends))
        for name, counts, ends in zip(
            names, members, bootstrap.intervals_by_group(samples, spread), strict=True
        )
    }
    micro = Counts(*table.sum(axis=0).tolist())
    micro_ends = bootstrap.intervals(measures(drawn.sum(axis=0)), len(product_names))
    macro_ends = bootstrap.intervals(
        {name: bootstrap.mean_over_groups(one) for name, one in samples.items()}, len(product_names)
    )
    scores = [group.scores for group in per_attribute.values()]
    return Scored(
        micro=Group(micro, micro.scores(micro_ends)),
        macro=_macro(scores, macro_ends),
        macro_attributes=sum("f1" not in s.undefined for s in scores),
        per_attribute=dict(sorted(per_attribute.items())),
    )


def _macro(scores: Sequence[Scores], ends: dict[str, tuple[float, float]]) -> Scores:
    means: dict[str, float] = {}
    for measure in ("precision", "recall", "f1"):
        defined = [float(getattr(s, measure)) for s in scores if measure not in s.undefined]
        if defined:
            means[measure] = float(np.mean(defined))
    return Scores(
        precision=means.get("precision", 0.0),
        recall=means.get("recall", 0.0),
        f1=means.get("f1", 0.0),
        undefined=tuple(m for m in ("precision", "recall", "f1") if m not in means),
        intervals=ends,
    )


def score_sets(
    judged: Sequence[Judged], matching: Matching, *, resamples: int, seed: int
) -> tuple[SetCounts, Scores]:
    """Every predicted value against every gold value, micro."""
    products, names = bootstrap.codes(j.product_id for j in judged)
    table = np.array([set_counts(j, matching) for j in judged], dtype=np.int64).reshape(-1, 3)
    by_product = bootstrap.group_sums(table, products, len(names))
    numbers = np.arange(len(names))
    drawn = bootstrap.resample(numbers, np.zeros_like(numbers), by_product, resamples=resamples, seed=seed)
    tp, fp, fn = (drawn[:, column].sum(axis=0, dtype=np.float64) for column in range(3))
    counts = SetCounts(*table.sum(axis=0).tolist())
    return counts, counts.scores(bootstrap.intervals(ratios(tp, tp + fp, tp + fn), len(names)))


def score_spans(judged: Sequence[Judged], *, resamples: int, seed: int) -> tuple[Group, int] | None:
    """By exact span, micro, and the asks left out because their gold has no span; None without gold spans."""
    if not any(j.gold_spans for j in judged):
        return None
    kept = [(j, outcome) for j in judged if (outcome := span_outcome(j)) is not None]
    scored = score([j for j, _ in kept], [outcome for _, outcome in kept], resamples=resamples, seed=seed)
    return scored.micro, len(judged) - len(kept)


def one_hot(outcomes: Sequence[Outcome]) -> Ints:
    """asks x the five ``VALUE_COLUMNS``."""
    column = {outcome: at for at, outcome in enumerate(VALUE_COLUMNS)}
    table = np.zeros((len(outcomes), len(VALUE_COLUMNS)), dtype=np.int64)
    table[np.arange(len(outcomes)), np.array([column[o] for o in outcomes], dtype=np.int64)] = 1
    return table


def f1(counts: npt.NDArray[Any]) -> Floats:
    """F1 over the last axis but one, which holds the five ``VALUE_COLUMNS``; NaN where undefined."""
    return measures(counts)["f1"]
