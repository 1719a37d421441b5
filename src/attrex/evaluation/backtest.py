"""Cells hidden, restored and compared: what a catalogue's owner can expect, on filled cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from attrex.core import Evidence
from attrex.evaluation import bootstrap
from attrex.evaluation.counts import Floats, Interval, divided
from attrex.evaluation.curves import CurvePoint, best_cut, curve
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, Outcome, value_outcome

_MARKS = (0.90, 0.95)
"""The precisions at which the two models' coverages are always set side by side."""


@dataclass(frozen=True, slots=True)
class MaskedCell:
    """One hidden cell: what the model and the lexicon made of it.

    ``model`` and ``lexicon`` are of the same ask, with the cell's values as gold. ``in_text`` says
    whether one of them stands in a source of the product. ``evidence`` is that of the model's first value.
    ``proposed``: the same two with the best proposal where nothing was sure enough to be given; what could
    be reached at another precision is read off these.
    """

    model: Judged
    lexicon: Judged
    in_text: bool
    evidence: Evidence | None = None
    proposed: tuple[Judged, Judged] | None = None

    @property
    def best(self) -> tuple[Judged, Judged]:
        """The model's and the lexicon's best, given or not."""
        return self.proposed or (self.model, self.lexicon)


@dataclass(frozen=True, slots=True)
class Side:
    """One model's restored cells. ``answered``: given a value; ``correct``: the cell's own.

    ``precision`` is None where nothing was answered, ``coverage_in_text`` where no value stands in the text.
    """

    cells: int
    in_text: int
    answered: int
    answered_in_text: int
    correct: int
    correct_in_text: int
    intervals: Mapping[str, Interval]

    @classmethod
    def of(cls, counts: Sequence[int], intervals: Mapping[str, Interval]) -> Side:
        """From the six counts in order."""
        cells, in_text, answered, answered_in_text, correct, correct_in_text = counts
        return cls(cells, in_text, answered, answered_in_text, correct, correct_in_text, intervals)

    @property
    def precision(self) -> float | None:
        """The share of the answers that are correct."""
        return self.correct / self.answered if self.answered else None

    @property
    def precision_in_text(self) -> float | None:
        """The same among the cells whose value stands in the text."""
        return self.correct_in_text / self.answered_in_text if self.answered_in_text else None

    @property
    def coverage(self) -> float | None:
        """The share of all masked cells that were answered."""
        return self.answered / self.cells if self.cells else None

    @property
    def coverage_in_text(self) -> float | None:
        """The share answered of the masked cells whose value stands in the text."""
        return self.answered_in_text / self.in_text if self.in_text else None

    @property
    def restored(self) -> float | None:
        """The share of all masked cells that got their own value back."""
        return self.correct / self.cells if self.cells else None

    @property
    def restored_in_text(self) -> float | None:
        """The same of those whose value stands in the text."""
        return self.correct_in_text / self.in_text if self.in_text else None

    def to_json(self) -> dict[str, Any]:
        """Counts and fractions; null for what is 0/0."""
        return {
            **{name: getattr(self, name) for name in COUNTS},
            "precision": self.precision,
            "precision_in_text": self.precision_in_text,
            "coverage": self.coverage,
            "coverage_in_text": self.coverage_in_text,
            "restored": self.restored,
            "restored_in_text": self.restored_in_text,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
        }


COUNTS = ("cells", "in_text", "answered", "answered_in_text", "correct", "correct_in_text")
"""The whole numbers of ``Side``, in order."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The model beside the lexicon."""

    model: Side
    lexicon: Side

    def to_json(self) -> dict[str, Any]:
        """The model's numbers, with the lexicon's under ``lexicon``."""
        return {**self.model.to_json(), "lexicon": self.lexicon.to_json()}


@dataclass(frozen=True, slots=True)
class AtPrecision:
    """The largest coverage each reaches at this precision, by a threshold chosen on these very cells."""

    precision: float
    model: float
    lexicon: float
    model_in_text: float
    lexicon_in_text: float

    def to_json(self) -> dict[str, float]:
        """Fractions; 0 where the precision is never reached."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A cell where the model gave another value than the catalogue's."""

    product_id: str
    attribute: str
    catalogue: tuple[str, ...]
    given: tuple[str, ...]
    probability: float | None
    catalogue_in_text: bool
    evidence: Evidence | None

    def to_json(self) -> dict[str, Any]:
        """With the evidence's snippet, and where in the snippet the value stands."""
        evidence = self.evidence
        span = evidence.span if evidence else None
        return {
            "product_id": self.product_id,
            "attribute": self.attribute,
            "catalogue": list(self.catalogue),
            "given": list(self.given),
            "probability": self.probability,
            "catalogue_in_text": self.catalogue_in_text,
            "evidence_kind": evidence.kind if evidence else None,
            "source": span.source if span else None,
            "start": span.start if span else None,
            "end": span.end if span else None,
            "snippet": evidence.snippet if evidence else None,
            "snippet_start": evidence.snippet_start if evidence else None,
        }


@dataclass(frozen=True, slots=True)
class Backtest:
    """See ``backtest``. ``settings`` is whatever the caller wants recorded with the numbers
    (model, aim, thresholds), JSON-able.
    """

    matching: Matching
    products: int
    overall: Pair
    per_attribute: Mapping[str, Pair]
    at_precision: tuple[AtPrecision, ...]
    curves: tuple[tuple[CurvePoint, ...], tuple[CurvePoint, ...]]
    disagreements: tuple[Disagreement, ...]
    disagreements_in_all: int
    settings: Mapping[str, Any]
    resamples: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """JSON-able. ``on`` says what the numbers hold for."""
        model, lexicon = self.curves
        return {
            "on": "filled cells",
            "matching": self.matching,
            "products": self.products,
            **self.overall.to_json(),
            "per_attribute": {name: pair.to_json() for name, pair in self.per_attribute.items()},
            "at_precision": [one.to_json() for one in self.at_precision],
            "curve": [asdict(point) for point in model],
            "lexicon_curve": [asdict(point) for point in lexicon],
            "disagreements": [one.to_json() for one in self.disagreements],
            "disagreements_in_all": self.disagreements_in_all,
            "settings": dict(self.settings),
            "intervals_by": {
                "level": bootstrap.LEVEL,
                "by": "product",
                "resamples": self.resamples,
                "seed": self.seed,
            },
        }


def backtest(
    cells: Sequence[MaskedCell],
    *,
    matching: Matching = "loose",
    disagreements: int = 20,
    settings: Mapping[str, Any] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Backtest:
    """Score the masked cells, the model beside the lexicon, with 95 % intervals by product.

    Values are compared loosely unless told otherwise: a title's "BUILT IN" restores a cell's "Built-In".
    An answer without a probability counts as the least sure.
    """
    ends = [(value_outcome(c.model, matching), value_outcome(c.lexicon, matching)) for c in cells]
    overall, per_attribute = _pairs(cells, ends, resamples, seed)
    wrong = [cell for cell, (end, _) in zip(cells, ends, strict=True) if end is Outcome.VW]
    wrong.sort(key=lambda c: (-_sureness(c.model), c.model.product_id, c.model.attribute))
    marks = {*_MARKS, *(p for p in (overall.lexicon.precision, overall.model.precision) if p is not None)}
    best = [tuple(value_outcome(side, matching) for side in c.best) for c in cells]
    return Backtest(
        matching=matching,
        products=len({c.model.product_id for c in cells}),
        overall=overall,
        per_attribute=per_attribute,
        at_precision=_at_precision(cells, best, sorted(marks)),
        curves=(
            curve(*_sure(cells, best, 0), len(cells)),
            curve(*_sure(cells, best, 1), len(cells)),
        ),
        disagreements=tuple(_disagreement(cell) for cell in wrong[:disagreements]),
        disagreements_in_all=len(wrong),
        settings=dict(settings or {}),
        resamples=resamples,
        seed=seed,
    )


Ends = Sequence[tuple[Outcome, ...]]
_GIVEN = (Outcome.VC, Outcome.VW, Outcome.NV)


def _pairs(
    cells: Sequence[MaskedCell], ends: Ends, resamples: int, seed: int
) -> tuple[Pair, dict[str, Pair]]:
    products, product_names = bootstrap.codes(c.model.product_id for c in cells)
    groups, attributes = bootstrap.codes(c.model.attribute for c in cells)
    spread = bootstrap.distinct_products(products, groups, len(attributes))
    whole, parts = [], []
    for which in (0, 1):
        table = np.array(
            [_row(cell.in_text, end[which]) for cell, end in zip(cells, ends, strict=True)], dtype=np.int64
        ).reshape(-1, 6)
        drawn = bootstrap.resample(products, groups, table, resamples=resamples, seed=seed).astype(np.float64)
        shares = _shares(drawn)
        whole.append(
            Side.of(
                table.sum(axis=0).tolist(),
                bootstrap.intervals(_shares(drawn.sum(axis=0)), len(product_names)),
            )
        )
        sums = bootstrap.group_sums(table, groups, len(attributes)).tolist()
        found = bootstrap.intervals_by_group(shares, spread)
        parts.append([Side.of(row, one) for row, one in zip(sums, found, strict=True)])
    pairs = {name: Pair(parts[0][at], parts[1][at]) for at, name in enumerate(attributes)}
    return Pair(*whole), dict(sorted(pairs.items()))


def _row(in_text: bool, end: Outcome) -> tuple[int, ...]:
    """In the order of ``Side``'s counts."""
    given, correct = end in _GIVEN, end is Outcome.VC
    return (1, in_text, given, given and in_text, correct, correct and in_text)


def _shares(counts: Floats) -> dict[str, Floats]:
    """The measures that get an interval; ``counts`` hold ``Side``'s counts on the last axis but one."""
    cells, in_text, answered, answered_in_text, correct = (counts[..., at, :] for at in range(5))
    return {
        "precision": divided(correct, answered),
        "coverage": divided(answered, cells),
        "coverage_in_text": divided(answered_in_text, in_text),
    }


def _sureness(judged: Judged) -> float:
    return judged.probability if judged.probability is not None else 0.0


def _at_precision(cells: Sequence[MaskedCell], ends: Ends, marks: Sequence[float]) -> tuple[AtPrecision, ...]:
    in_text = sum(cell.in_text for cell in cells)
    curves = [curve(*_sure(cells, ends, which), len(cells), thin=False) for which in (0, 1)]
    found = []
    for mark in marks:
        reached = []
        for which in (0, 1):
            cut = best_cut(mark, curves[which])
            through = cut is not None and sum(
                cell.in_text and end[which] in _GIVEN and _sureness(cell.best[which]) >= cut.threshold
                for cell, end in zip(cells, ends, strict=True)
            )
            reached.append((cut.coverage if cut else 0.0, through / in_text if in_text else 0.0))
        (model, model_in_text), (lexicon, lexicon_in_text) = reached
        found.append(AtPrecision(mark, model, lexicon, model_in_text, lexicon_in_text))
    return tuple(found)


def _sure(cells: Sequence[MaskedCell], ends: Ends, which: int) -> tuple[list[float], list[bool]]:
    """Probabilities and correctness of the best proposals."""
    given = [
        (_sureness(cell.best[which]), end[which] is Outcome.VC)
        for cell, end in zip(cells, ends, strict=True)
        if end[which] in _GIVEN
    ]
    return [p for p, _ in given], [right for _, right in given]


def _disagreement(cell: MaskedCell) -> Disagreement:
    return Disagreement(
        product_id=cell.model.product_id,
        attribute=cell.model.attribute,
        catalogue=cell.model.gold,
        given=cell.model.predicted,
        probability=cell.model.probability,
        catalogue_in_text=cell.in_text,
        evidence=cell.evidence,
    )
