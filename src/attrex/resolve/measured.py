"""A bare number means what the text after it says: the 26 of "26 g" is no battery life of 26 hours.

An attribute with a unit reads a bare number in that unit. Before it does, the text is looked at.
"""

from __future__ import annotations

from dataclasses import replace

from attrex.core import Answer, Candidate, Span
from attrex.schema.quantity import leading_unit, parse_quantity
from attrex.schema.units import Unit

_QUOTES = "\"'“‘"


def measured(answer: Answer, unit: Unit) -> Answer:
    """The answer of an attribute in ``unit``, its bare numbers read with the unit that follows them.

    A unit of another dimension: the proposal is dropped, and its score goes to "none". Another unit of the
    same dimension: the proposal takes it in ("26" of "26 mm" is "26 mm", to be converted). Otherwise, and
    where no snippet tells what follows, the proposal stays as it is.
    """
    kept: list[Candidate] = []
    dropped = 0.0
    changed = False
    for candidate in answer.candidates:
        read = _read(candidate, unit)
        changed = changed or read is not candidate
        if read is None:
            dropped += candidate.score
        else:
            kept.append(read)
    if not changed:
        return answer
    none = None if answer.none_score is None else min(1.0, answer.none_score + dropped)
    return Answer(tuple(kept), none, answer.applicable, answer.problem)


def _read(candidate: Candidate, unit: Unit) -> Candidate | None:
    evidence = candidate.evidence
    if evidence.span is None or evidence.snippet is None or evidence.snippet_start is None:
        return candidate
    number = parse_quantity(candidate.text)
    if number is None or number.unit is not None:
        return candidate
    start = evidence.snippet_start
    end = start + evidence.span.end - evidence.span.start
    found = leading_unit(evidence.snippet[end:])
    if found is None or found[0] == unit:
        return candidate
    follows, length = found
    if evidence.snippet[end] in "\"'”’″′" and start and evidence.snippet[start - 1] in _QUOTES:
        return candidate  # a number in quotes
    if follows.dimension != unit.dimension:
        return None
    span = Span(evidence.span.source, evidence.span.start, evidence.span.end + length)
    return Candidate(evidence.snippet[start : end + length], candidate.score, replace(evidence, span=span))
