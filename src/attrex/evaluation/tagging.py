"""What ULS-DRAM's tables count: CLS-F1 and TAG-F1 (Table 4), MAE's accuracy (A.3), thresholds (A.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from attrex.evaluation.counts import SetCounts
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, value_set

Applies = Mapping[str, float]
"""Of one product: the probability of each attribute that it has it."""


def class_counts(gold: Iterable[AbstractSet[str]], told: Iterable[AbstractSet[str]]) -> SetCounts:
    """CLS: each product's attributes against those that were told, over all products. F1 is its
    ``scores()``'s."""
    return _counts(zip(gold, told, strict=True))


def tag_counts(judged: Iterable[Judged]) -> SetCounts:
    """TAG: each tagged place against the annotators' own, by exact source and characters, over all asks. A
    value without a place counts as not tagged."""
    return _counts((frozenset(one.gold_spans), frozenset(one.predicted_spans)) for one in judged)


def _counts(pairs: Iterable[tuple[AbstractSet[object], AbstractSet[object]]]) -> SetCounts:
    tp = fp = fn = 0
    for gold, told in pairs:
        tp, fp, fn = tp + len(gold & told), fp + len(told - gold), fn + len(gold - told)
    return SetCounts(tp, fp, fn)


def pair_accuracy(judged: Iterable[Judged], matching: Matching = "exact") -> float | None:
    """MAE's accuracy (A.3, Eq. 9): of the annotated pairs of product and attribute the share whose predicted
    values are the annotated ones, all of them and no other. What is said of other attributes does not count.
    None where nothing is annotated."""
    correct = [
        value_set(one.predicted, matching) == value_set(one.gold, matching) for one in judged if one.gold
    ]
    return sum(correct) / len(correct) if correct else None


def threshold_sweep(
    gold: Sequence[AbstractSet[str]], applies: Sequence[Applies], thresholds: Sequence[float]
) -> list[tuple[float, SetCounts]]:
    """CLS at each threshold (A.2, Figure 8): an attribute is told where its probability is above it."""
    return [
        (
            threshold,
            class_counts(gold, [{name for name, p in own.items() if p > threshold} for own in applies]),
        )
        for threshold in thresholds
    ]
