"""From one answer to one extraction: the only place where a status is decided.

In this order, the first that holds:

1. The model met a ``Problem``: ``unknown_attribute`` gives *abstained*, any other *unreadable*.
   Nothing was read: *unreadable*.
2. The model judges that the attribute does not apply (``applicable`` below one half): *not_applicable*.
3. A bare number is read with the unit that follows it in the text, or dropped (``measured``). Proposals are
   calibrated (by how familiar the value is, too), grouped by canonical value, letter case aside (the best
   one's text and probability stand for the group, all its places are kept), and compared with the
   attribute's threshold. Where the schema lists no values, the canonical one is written as the cells
   learnt from write it:

   - one value: the best group at or above the threshold is *found*, unless a second one is as well
     supported (at or above the threshold, and at least half as probable), not compatible with the
     first, and stands in other sources only: then the sources disagree, a *conflict*;
   - many: every group at or above the threshold is *found*, save those that stand only inside the
     place of a better one.

4. Nothing reaches the threshold. Where only part of the input was read: *unreadable*. Where "none" is
   at least as probable as the best proposal: *not_stated*. Otherwise *abstained*.

Runs once per ask, tens of thousands of times a second: plain code, and what depends on the attribute
alone is worked out once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from attrex.core import Answer, Attribute, Evidence, Extraction, InputRead, Provenance, Status, Value
from attrex.normalise import Normaliser
from attrex.resolve.calibration import EDGE, interpolate, shift_of
from attrex.resolve.measured import measured
from attrex.resolve.policy import Policy
from attrex.schema.units import find_unit
from attrex.text.folding import fold_text

ALTERNATIVES = 3
"""At most so many other proposals go with an extraction."""
APPLIES = 0.5
CONFLICT_RATIO = 0.5
"""A rival must be at least so probable, relative to the best, to make a conflict."""
REMEMBERED = 50_000
"""Canonical forms kept per attribute; past it the memory starts afresh, so that it stays bounded."""
REMEMBERED_RULES = 10_000


class _Rule:
    """Everything about one attribute that does not depend on the answer. Holds the attribute, so that
    its identity stays its own."""

    __slots__ = ("attribute", "canonical", "many", "name", "offset", "slope", "threshold", "unit")

    def __init__(self, attribute: Attribute, policy: Policy) -> None:
        line = policy.calibration.own.get(attribute.name, policy.calibration.common)
        self.attribute, self.name, self.many = attribute, attribute.name, attribute.many
        self.slope, self.offset = line.slope, line.offset
        self.threshold = policy.thresholds.of(attribute.name)
        self.unit = find_unit(attribute.unit) if attribute.unit else None
        self.canonical: dict[str, tuple[str, str, float]] = {}


class Resolver:
    """Decides by one policy and one normaliser."""

    def __init__(self, policy: Policy, normaliser: Normaliser) -> None:
        self.policy, self.normaliser = policy, normaliser
        self._knots = policy.calibration.knots
        self._none = policy.calibration.none
        self._rules: dict[int, _Rule] = {}  # by the attribute's identity: no hashing per ask

    @property
    def calibrated(self) -> bool:
        """Whether probabilities are calibrated ones."""
        return self.policy.calibration.fitted

    def resolve(
        self, product_id: str, attribute: Attribute, answer: Answer, read: InputRead, provenance: Provenance
    ) -> Extraction:
        """See the module's text. ``answer.candidates`` may come in any order."""
        name = attribute.name
        if answer.problem is not None:
            known = answer.problem.kind != "unknown_attribute"
            status = Status.UNREADABLE if known else Status.ABSTAINED
            return Extraction(product_id, name, status, (), None, (), read, provenance)
        if read == "none":
            return Extraction(product_id, name, Status.UNREADABLE, (), None, (), read, provenance)
        if answer.applicable is not None and answer.applicable < APPLIES:
            return Extraction(
                product_id, name, Status.NOT_APPLICABLE, (), 1 - answer.applicable, (), read, provenance
            )
        rule = self._rule(attribute)
        if rule.unit is not None:
            answer = measured(answer, rule.unit)
        values = self._values(rule, answer)
        threshold = rule.threshold
        if not values or values[0].probability < threshold:
            return self._nothing(product_id, name, answer, values, read, provenance)
        if rule.many:
            chosen = _apart([v for v in values if v.probability >= threshold])
            rest = tuple([v for v in values if v not in chosen][:ALTERNATIVES])
            return Extraction(
                product_id, name, Status.FOUND, chosen, chosen[0].probability, rest, read, provenance
            )
        best = values[0]
        if len(values) > 1 and self._disagree(rule, values):
            return Extraction(
                product_id,
                name,
                Status.CONFLICT,
                (),
                None,
                tuple(values[: ALTERNATIVES + 1]),
                read,
                provenance,
            )
        rest = tuple(values[1 : ALTERNATIVES + 1])
        return Extraction(product_id, name, Status.FOUND, (best,), best.probability, rest, read, provenance)

    def proposals(self, attribute: Attribute, answer: Answer) -> tuple[Value, ...]:
        """What would be written were every threshold zero: the best value, or for an attribute of many
        all that stand apart. What calibration and thresholds are learnt from."""
        rule = self._rule(attribute)
        if rule.unit is not None:
            answer = measured(answer, rule.unit)
        values = self._values(rule, answer)
        return _apart(values) if attribute.many else tuple(values[:1])

    def key(self, attribute: Attribute, text: str) -> str:
        """Two texts with the same key are the same value: equal canonical forms, letter case aside."""
        rule = self._rule(attribute)
        return (rule.canonical.get(text) or self._learn(rule, text))[0]

    def _rule(self, attribute: Attribute) -> _Rule:
        rule = self._rules.get(id(attribute))
        if rule is None:
            if len(self._rules) > REMEMBERED_RULES:
                self._rules.clear()
            rule = self._rules[id(attribute)] = _Rule(attribute, self.policy)
        return rule

    def _nothing(
        self,
        product_id: str,
        name: str,
        answer: Answer,
        values: Sequence[Value],
        read: InputRead,
        provenance: Provenance,
    ) -> Extraction:
        rest = tuple(values[:ALTERNATIVES])
        if read == "part":
            return Extraction(product_id, name, Status.UNREADABLE, (), None, rest, read, provenance)
        best = values[0].probability if values else 0.0
        none = 1 - best if answer.none_score is None else self._none.probability(answer.none_score)
        if none >= best:
            return Extraction(product_id, name, Status.NOT_STATED, (), none, rest, read, provenance)
        return Extraction(product_id, name, Status.ABSTAINED, (), None, rest, read, provenance)

    def _values(self, rule: _Rule, answer: Answer) -> list[Value]:
        """One value per canonical form, most probable first."""
        slope, offset, knots, known = rule.slope, rule.offset, self._knots, rule.canonical
        if len(known) > REMEMBERED:
            known.clear()
        groups: dict[str, tuple[float, str, list[Evidence]]] = {}
        for candidate in answer.candidates:
            score, text = candidate.score, candidate.text
            if score < EDGE:
                score = EDGE
            elif score > 1 - EDGE:
                score = 1 - EDGE
            key, _, shift = known.get(text) or self._learn(rule, text)
            probability = 1 / (1 + math.exp(-slope * math.log(score / (1 - score)) - offset - shift))
            if knots:
                probability = interpolate(knots, probability)
            group = groups.get(key)
            if group is None:
                groups[key] = (probability, text, [candidate.evidence])
            elif probability > group[0]:
                groups[key] = (probability, text, [candidate.evidence, *group[2]])
            else:
                group[2].append(candidate.evidence)
        values = [
            Value(text, known[text][1], probability, tuple(places))
            for probability, text, places in groups.values()
        ]
        if len(values) > 1:
            values.sort(key=_falling)
        return values

    def _learn(self, rule: _Rule, text: str) -> tuple[str, str, float]:
        """The text's key (same key, same value), its canonical form, and what its familiarity adds."""
        canonical = self.normaliser.canonical(text, rule.attribute)
        if not rule.attribute.values:
            canonical = self.policy.familiarity.spelt(rule.name, canonical)
        level = self.policy.familiarity.level(rule.name, canonical)
        shift = shift_of(self.policy.calibration.shifts, level)
        forms = rule.canonical[text] = (fold_text(canonical), canonical, shift)
        return forms

    def _disagree(self, rule: _Rule, values: Sequence[Value]) -> bool:
        best = values[0]
        floor = max(rule.threshold, CONFLICT_RATIO * best.probability)
        for rival in values[1:]:
            if rival.probability < floor:
                return False
            here, there = _sources(best), _sources(rival)
            apart = here and there and not here & there
            if apart and not self.normaliser.compatible(best.canonical, rival.canonical, rule.attribute):
                return True
        return False


def _falling(value: Value) -> tuple[float, str]:
    return -value.probability, value.canonical


def _sources(value: Value) -> set[str]:
    return {e.span.source for e in value.evidence if e.span is not None}


def _apart(values: Sequence[Value]) -> tuple[Value, ...]:
    """Without those whose every place lies on a better value's place."""
    if len(values) == 1:
        return tuple(values)
    chosen: list[Value] = []
    taken: list[Evidence] = []
    for value in values:
        free = [
            e
            for e in value.evidence
            if e.span is None or not any(t.span is not None and t.span.overlaps(e.span) for t in taken)
        ]
        if free or not value.evidence:
            chosen.append(value)
            taken.extend(value.evidence)
    return tuple(chosen)
