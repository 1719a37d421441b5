"""All the numbers of one run over judged asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from attrex.evaluation import bootstrap
from attrex.evaluation.counts import Scores, SetCounts
from attrex.evaluation.curves import Bin, CurvePoint, curve, reliability
from attrex.evaluation.judged import Judged
from attrex.evaluation.outcome import Matching, Outcome, value_outcome
from attrex.evaluation.scoring import Group, score, score_sets, score_spans
from attrex.evaluation.support import HEAD_ATTRIBUTE, HEAD_VALUE, Support


@dataclass(frozen=True, slots=True)
class Report:
    """See ``report``. ``spans`` is None where no gold value has a span; ``spans_left_out`` counts the
    asks whose gold value has none. ``macro`` is the mean over ``macro_attributes`` attributes.
    """

    name: str
    matching: Matching
    products: int
    micro: Group
    macro: Scores
    macro_attributes: int
    sets: tuple[SetCounts, Scores]
    spans: Group | None
    spans_left_out: int
    per_attribute: Mapping[str, Group]
    per_category: Mapping[str, Group]
    slices: Mapping[str, Group]
    curve: tuple[CurvePoint, ...]
    reliability: tuple[Bin, ...]
    calibration_error: float | None
    resamples: int
    seed: int

    @property
    def asks(self) -> int:
        """How many (product, attribute) pairs were judged."""
        return self.micro.counts.asks

    def to_json(self) -> dict[str, Any]:
        """Fractions between 0 and 1 and whole counts; JSON-able."""
        values, value_scores = self.sets
        return {
            "name": self.name,
            "matching": self.matching,
            "products": self.products,
            "asks": self.asks,
            "micro": self.micro.scores.to_json(),
            "macro": {**self.macro.to_json(), "attributes": self.macro_attributes},
            "counts": self.micro.counts.to_json(),
            "per_attribute": {name: group.to_json() for name, group in self.per_attribute.items()},
            "per_category": {name: group.to_json() for name, group in self.per_category.items()},
            "slices": {name: group.to_json() for name, group in self.slices.items()},
            "sets": {**value_scores.to_json(), "counts": values.to_json()},
            "spans": {**self.spans.to_json(), "left_out": self.spans_left_out} if self.spans else None,
            "curve": [asdict(point) for point in self.curve],
            "reliability": [asdict(one) for one in self.reliability],
            "calibration_error": self.calibration_error,
            "intervals": {
                "level": bootstrap.LEVEL,
                "by": "product",
                "resamples": self.resamples,
                "seed": self.seed,
            },
        }


def report(
    judged: Sequence[Judged],
    *,
    name: str = "",
    matching: Matching = "exact",
    support: Support | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Report:
    """Score the asks by value, by set and, where gold spans are given, by span.

    ``support`` (counts of the training data) gives the slices by attribute and by value; without it
    only ``Judged.seen`` is sliced by. 0 ``resamples``: no intervals.
    """
    outcomes = [value_outcome(j, matching) for j in judged]
    scored = score(judged, outcomes, resamples=resamples, seed=seed)
    spanned = score_spans(judged, resamples=resamples, seed=seed)
    sure = [
        (j.probability, outcome is Outcome.VC)
        for j, outcome in zip(judged, outcomes, strict=True)
        if j.probability is not None and outcome in (Outcome.VC, Outcome.VW, Outcome.NV)
    ]
    probabilities, correct = [p for p, _ in sure], [right for _, right in sure]
    bins, error = reliability(probabilities, correct)
    return Report(
        name=name,
        matching=matching,
        products=len({j.product_id for j in judged}),
        micro=scored.micro,
        macro=scored.macro,
        macro_attributes=scored.macro_attributes,
        sets=score_sets(judged, matching, resamples=resamples, seed=seed),
        spans=spanned[0] if spanned else None,
        spans_left_out=spanned[1] if spanned else 0,
        per_attribute=scored.per_attribute,
        per_category=_per_category(judged, outcomes),
        slices=_slices(judged, outcomes, support),
        curve=curve(probabilities, correct, len(judged)),
        reliability=bins,
        calibration_error=error,
        resamples=resamples,
        seed=seed,
    )


def _per_category(judged: Sequence[Judged], outcomes: Sequence[Outcome]) -> dict[str, Group]:
    members: dict[str, list[Outcome]] = {}
    for j, outcome in zip(judged, outcomes, strict=True):
        if j.category is not None:
            members.setdefault(j.category, []).append(outcome)
    return {name: Group.of(members[name]) for name in sorted(members)}


def _slices(
    judged: Sequence[Judged], outcomes: Sequence[Outcome], support: Support | None
) -> dict[str, Group]:
    """The non-empty ones. By value only asks with a gold value can be sliced: nothing can be wrongly
    given there (NV), so that recall is the number to read.
    """

    def seen(j: Judged) -> bool | None:
        if not j.gold:
            return None
        return j.seen if j.seen is not None or support is None else support.seen(j)

    tests: dict[str, Callable[[Judged], bool]] = {
        "seen values": lambda j: seen(j) is True,
        "unseen values": lambda j: seen(j) is False,
    }
    if support is not None:
        attributes, rows = support.attributes, support.rows
        tests |= {
            "head attributes": lambda j: attributes.get(j.attribute, 0) >= HEAD_ATTRIBUTE,
            "tail attributes": lambda j: attributes.get(j.attribute, 0) < HEAD_ATTRIBUTE,
            "head values": lambda j: bool(j.gold) and rows(j) >= HEAD_VALUE,
            "tail values": lambda j: bool(j.gold) and 0 < rows(j) < HEAD_VALUE,
        }
    found: dict[str, Group] = {}
    for name, belongs in tests.items():
        members = [outcome for j, outcome in zip(judged, outcomes, strict=True) if belongs(j)]
        if members:
            found[name] = Group.of(members)
    return found
