"""Counts of outcomes, and precision, recall and F1 from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from attrex.evaluation.outcome import Outcome

Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]

VALUE_COLUMNS = tuple(Outcome)
"""The order of the five counts wherever they stand in an array."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall and F1, as fractions.

    A measure whose denominator is 0 (nothing given: precision; nothing stated: recall; neither: F1) is
    written as 0.0 and named in ``undefined``; a mean over attributes leaves it out.
    """

    precision: float
    recall: float
    f1: float
    undefined: tuple[str, ...] = ()
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """``intervals`` holds [low, high] per measure, where they were computed and are defined."""
        content: dict[str, Any] = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        if self.undefined:
            content["undefined"] = list(self.undefined)
        if self.intervals:
            content["intervals"] = {name: list(ends) for name, ends in self.intervals.items()}
        return content


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each outcome of ``Outcome`` occurred."""

    vc: int = 0
    vw: int = 0
    vn: int = 0
    nv: int = 0
    nn: int = 0

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Counts:
        """Count them."""
        counted = Counter(outcomes)
        return cls(*(counted[outcome] for outcome in VALUE_COLUMNS))

    @property
    def asks(self) -> int:
        """All five together."""
        return self.vc + self.vw + self.vn + self.nv + self.nn

    def scores(self, intervals: Mapping[str, Interval] | None = None) -> Scores:
        """P = VC/(NV+VC+VW), R = VC/(VN+VC+VW), F1 = 2PR/(P+R)."""
        return _scores(self.vc, self.nv + self.vc + self.vw, self.vn + self.vc + self.vw, intervals)

    def to_json(self) -> dict[str, int]:
        """By the names of ``Outcome``."""
        return {
            outcome.value: count for outcome, count in zip(VALUE_COLUMNS, asdict(self).values(), strict=True)
        }


@dataclass(frozen=True, slots=True)
class SetCounts:
    """Values of multi-valued asks, counted one by one."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def scores(self, intervals: Mapping[str, Interval] | None = None) -> Scores:
        """P = TP/(TP+FP), R = TP/(TP+FN)."""
        return _scores(self.tp, self.tp + self.fp, self.tp + self.fn, intervals)

    def to_json(self) -> dict[str, int]:
        """By their short names."""
        return {"TP": self.tp, "FP": self.fp, "FN": self.fn}


def _scores(correct: int, given: int, stated: int, intervals: Mapping[str, Interval] | None = None) -> Scores:
    undefined = tuple(
        name
        for name, denominator in (("precision", given), ("recall", stated), ("f1", given + stated))
        if denominator == 0
    )
    return Scores(
        precision=correct / given if given else 0.0,
        recall=correct / stated if stated else 0.0,
        f1=2 * correct / (given + stated) if given + stated else 0.0,
        undefined=undefined,
        intervals=intervals or {},
    )


def measures(counts: npt.NDArray[Any]) -> dict[str, Floats]:
    """Precision, recall and F1 over the last axis but one, which holds the five ``VALUE_COLUMNS``.

    What is undefined is NaN.
    """
    vc, vw, vn, nv = (counts[..., i, :].astype(np.float64) for i in range(4))
    return ratios(vc, nv + vc + vw, vn + vc + vw)


def ratios(correct: Floats, given: Floats, stated: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 elementwise; what is undefined is NaN."""
    return {
        "precision": divided(correct, given),
        "recall": divided(correct, stated),
        "f1": divided(2 * correct, given + stated),
    }


def divided(above: Floats, below: Floats) -> Floats:
    """Elementwise; NaN where ``below`` is 0."""
    quotient = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=quotient, where=below != 0)
    return quotient
